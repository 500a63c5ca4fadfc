"""Regions that a loop of one's own gives: right ones are taken in every form, wrong ones named."""

import numpy as np
import pytest
import torch
from torchvision.tv_tensors import BoundingBoxes

from model_guidance.data import from_boxes, from_masks, from_targets
from model_guidance.errors import UserError

SIZE = (12, 20)
BOX = (1, 2, 5, 6)


def test_numpy_classes_and_tensor_boxes_are_taken() -> None:
    plain = from_boxes([[(1, BOX)], []], SIZE)
    other = from_boxes([[(np.int64(1), torch.tensor(BOX))], []], np.array(SIZE))
    assert torch.equal(plain.masks, other.masks)
    assert plain.images == other.images == 2


@pytest.mark.parametrize(
    ("boxes", "size", "said"),
    [
        ([[(-1, BOX)]], SIZE, "image 0: the class is -1, but must be"),
        ([[], [(1.5, BOX)]], SIZE, "image 1: the class is 1.5"),
        ([[(True, BOX)]], SIZE, "the class is True"),
        ([[(0, (10, 9, 4, 2))]], SIZE, "xmin <= xmax"),
        ([[(0, (0.1, 0.2, 0.5, 0.6))], [(1, (0, 0, 1, 1))]], SIZE, r"all edges lie in \[0, 1\].*pixels"),
        ([[(0, (1, 2, 3))]], SIZE, "a box must be x1, y1, x2, y2"),
        ([[(0, BOX)]], 64, r"size: 64, but must be \(height, width\)"),
    ],
)
def test_wrong_boxes_are_named(boxes: list, size: object, said: str) -> None:
    with pytest.raises(UserError, match=said):
        from_boxes(boxes, size)


@pytest.mark.parametrize("wrong", [torch.ones(2, 3, 4, dtype=torch.bool), torch.ones(1, 2, 3, 4), [[True]]])
def test_wrong_masks_are_named(wrong: object) -> None:
    with pytest.raises(UserError, match=r"but must be a bool tensor \[batch, classes, height, width\]"):
        from_masks(wrong)


@pytest.mark.parametrize(
    ("form", "numbers"), [("XYXY", [1, 2, 5, 6]), ("XYWH", [1, 2, 4, 4]), ("CXCYWH", [3, 4, 4, 4])]
)
def test_targets_say_their_format(form: str, numbers: list[float]) -> None:
    boxes = BoundingBoxes([numbers], format=form, canvas_size=SIZE, dtype=torch.float32)
    found = from_targets(
        [{"boxes": boxes, "labels": torch.tensor([1])}, {"boxes": boxes[:0], "labels": torch.tensor([])}]
    )
    assert torch.equal(found.masks, from_boxes([[(1, BOX)], []], SIZE).masks)
    assert found.images == 2


def test_plain_targets_are_corners_and_need_a_size() -> None:
    targets = [{"boxes": torch.tensor([BOX]), "labels": torch.tensor([1])}]
    assert torch.equal(from_targets(targets, SIZE).masks, from_boxes([[(1, BOX)]], SIZE).masks)
    with pytest.raises(UserError, match="size: unknown"):
        from_targets(targets)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ({"labels": torch.tensor([1])}, "its boxes are NoneType"),
        ({"boxes": torch.ones(2, 3), "labels": torch.tensor([1, 1])}, r"its boxes are \[2, 3\]"),
        ({"boxes": torch.tensor([BOX])}, "its labels are NoneType"),
        (
            {"boxes": torch.tensor([BOX]), "labels": torch.tensor([1, 2])},
            r"its labels are \[2\], but must be a tensor \[1\]",
        ),
    ],
)
def test_wrong_targets_are_named(target: dict, said: str) -> None:
    with pytest.raises(UserError, match=said):
        from_targets([target], SIZE)


def test_targets_of_two_sizes_are_named() -> None:
    targets = [
        {"boxes": BoundingBoxes([BOX], format="XYXY", canvas_size=size), "labels": torch.tensor([0])}
        for size in (SIZE, (30, 30))
    ]
    with pytest.raises(UserError, match=r"size: 12 x 20 and 30 x 30"):
        from_targets(targets)
