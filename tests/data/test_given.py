"""Regions that a loop of one's own gives: right ones are taken in every form, wrong ones named."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from torchvision.transforms.v2 import functional
from torchvision.tv_tensors import BoundingBoxes, BoundingBoxFormat, Mask

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


def test_boxes_that_a_crop_removed_are_dropped() -> None:
    boxes = BoundingBoxes([BOX, (14, 2, 18, 6), (3, 1, 8, 4)], format="XYXY", canvas_size=SIZE)
    labels = torch.tensor([1, 0, 2])
    cut = functional.crop(boxes, 0, 0, 12, 10)
    expected = from_boxes([[(1, BOX), (2, (3, 1, 8, 4))]], (12, 10))
    for each in (cut, functional.crop(BoundingBoxes(boxes, format="XYXY", canvas_size=SIZE), 0, 0, 12, 10)):
        found = from_targets([{"boxes": each, "labels": labels}])
        assert found.pairs.class_index.tolist() == [1, 2]
        assert torch.equal(found.masks, expected.masks)
    plain = from_targets([{"boxes": cut.as_subclass(torch.Tensor), "labels": labels}], (12, 10))
    assert torch.equal(plain.masks, expected.masks)


@pytest.mark.skipif(not hasattr(BoundingBoxFormat, "CXCYWHR"), reason="torchvision before 0.23")
@pytest.mark.parametrize("angle", [0.0, 30.0, 90.0, -135.0])
def test_rotated_boxes_are_the_pixels_inside_of_them(angle: float) -> None:
    x, y, width, height = 9.3, 6.1, 7.0, 4.0
    box = BoundingBoxes([[x, y, width, height, angle]], format="CXCYWHR", canvas_size=SIZE)
    upright = BoundingBoxes([BOX], format="XYXY", canvas_size=SIZE)
    one = torch.tensor([1])
    found = from_targets([{"boxes": box, "labels": one}, {"boxes": upright, "labels": one}])
    corners = functional.convert_bounding_box_format(box, new_format=BoundingBoxFormat.XYXYXYXY)
    points = corners.as_subclass(torch.Tensor).view(4, 2).numpy()
    image = Image.new("1", (SIZE[1] * 40, SIZE[0] * 40))
    ImageDraw.Draw(image).polygon([tuple(point) for point in points * 40], fill=1)
    centres = torch.from_numpy(np.array(image))[20::40, 20::40]
    assert torch.equal(found.masks[0], centres)
    assert torch.equal(found.masks[1], from_boxes([[(1, BOX)]], SIZE).masks[0])
    assert abs(int(centres.sum()) - width * height) < 5


def test_masks_alone_are_joined_by_class() -> None:
    masks = torch.zeros(4, *SIZE, dtype=torch.uint8)
    masks[0, 1:3], masks[1, 5:7], masks[2, :, 4:6] = 1, 1, 1  # the last is empty
    target = {"masks": Mask(masks), "labels": torch.tensor([2, 2, 0, 1])}
    found = from_targets([target, {"masks": Mask(masks[:0]), "labels": torch.tensor([])}])
    assert found.pairs.class_index.tolist() == [0, 2]
    assert found.images == 2
    assert torch.equal(found.masks, torch.stack([masks[2], masks[0] | masks[1]]).bool())
