"""What does not fit together is said in one sentence, or made right; nothing is broadcast silently."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from model_guidance.attribution import attribute
from model_guidance.errors import UserError
from model_guidance.guidance import Guidance
from model_guidance.losses import LOSSES
from model_guidance.metrics import energy_pointing_game, on_object_energy, region_iou
from tests.asserts import assert_names, assert_same
from tests.attribution import tiny
from tests.guidance.annotated import regions

IMAGES, ONE_HOT = tiny.images(3), torch.eye(3)
MAPS = torch.randn(3, 8, 8, generator=torch.Generator().manual_seed(0)).double()
MASKS = MAPS > 0.3
OF_MAPS = {
    **LOSSES,
    "epg": energy_pointing_game,
    "iou": lambda maps, masks, *valid: region_iou(maps, masks, 0.3, *valid),
    "on object": lambda maps, masks, *valid: on_object_energy(maps, masks, MASKS, *valid),
}


def guided(labels: object, annotated: object, images: object = IMAGES) -> Tensor:
    logits, loss = Guidance(tiny.build("xdnn"), layer="mid2")(images, labels, annotated)
    return torch.cat([logits.flatten(), loss.view(1)])


@pytest.mark.parametrize(
    "labels", [torch.arange(3), [0, 1, 2], np.arange(3), ONE_HOT.bool(), ONE_HOT.long(), ONE_HOT.numpy()]
)
def test_labels_in_every_form(labels: object):
    annotated = regions((0, 0), (0, 1), (1, 1), (2, 1))
    assert_same(guided(labels, annotated), guided(ONE_HOT, annotated))


def test_one_logit():
    model = tiny.build("xdnn")
    model.network.fc = nn.Linear(2, 1).double()
    nn.init.constant_(model.network.fc.weight, 0.5)  # something speaks for the class
    values = [
        Guidance(model, layer="mid2")(IMAGES, labels, regions((0, 0), (1, 0)))[1]
        for labels in (
            torch.tensor([1.0, 0, 1]),
            torch.tensor([True, False, True]),
            torch.tensor([[1.0], [0], [1]]),
        )
    ]
    assert values[0] > 0
    assert values[0] == values[1] == values[2]
    with pytest.raises(UserError, match="one logit"):
        Guidance(model, layer="mid2")(IMAGES, torch.tensor([0, 0, 1]), regions((0, 0)))


def test_no_regions_guide_nothing():
    assert torch.equal(guided(ONE_HOT, None), guided(ONE_HOT, regions()))


@pytest.mark.parametrize(
    ("labels", "annotated", "images", "words"),
    [
        (torch.tensor([0, 1, 3]), regions((0, 0)), IMAGES, ["labels", "class 3", "0 to 2"]),
        (torch.tensor([0, -1, 2]), regions((0, 0)), IMAGES, ["labels", "class -1"]),
        (torch.tensor([0.0, 1, 2]), regions((0, 0)), IMAGES, ["labels", "0 to 1"]),
        (torch.tensor([0, 1]), regions((0, 0)), IMAGES, ["labels", "[2]", "3"]),
        (torch.eye(4)[:3], regions((0, 0)), IMAGES, ["labels", "[3, 4]", "[3, 3]"]),
        (ONE_HOT * 2, regions((0, 0)), IMAGES, ["labels", "0 to 1"]),
        (torch.zeros(3, 1, 3), regions((0, 0)), IMAGES, ["labels", "[3, 1, 3]"]),
        (ONE_HOT, regions((3, 0)), IMAGES, ["regions", "image 3", "0 to 2"]),
        (ONE_HOT, regions((0, 4)), IMAGES, ["regions", "class 4", "0 to 2"]),
        (ONE_HOT, replace(regions((0, 0)), masks=MASKS[:1, :4, :4]), IMAGES, ["[1, 4, 4]", "[1, 8, 8]"]),
        (ONE_HOT, replace(regions((0, 0)), valid=torch.ones(8, 8).bool()), IMAGES, ["valid", "[8, 8]"]),
        (ONE_HOT, replace(regions((0, 0)), images=1), IMAGES, ["1 images", "3"]),
        (ONE_HOT, [{"boxes": []}], IMAGES, ["regions", "list", "from_boxes"]),
        (ONE_HOT, regions((0, 0)), (IMAGES * 255).byte(), ["images", "uint8", "255"]),
        (ONE_HOT, regions((0, 0)), IMAGES[0], ["images", "[3, 8, 8]"]),
        (ONE_HOT, regions((0, 0)), IMAGES.numpy(), ["images", "ndarray"]),
    ],
)  # fmt: skip
def test_batches_that_do_not_fit(labels: object, annotated: object, images: object, words: list[str]):
    with pytest.raises(UserError) as error:
        guided(labels, annotated, images)
    assert_names(error.value, words)


def test_a_region_of_a_negative_class():
    wrong = regions((0, 0))
    wrong = replace(wrong, pairs=replace(wrong.pairs, class_index=torch.tensor([-1])))
    with pytest.raises(UserError, match="class -1"):
        guided(ONE_HOT, wrong)


def test_images_more_precise_than_the_model():
    with pytest.raises(UserError, match="float64"):
        attribute(tiny.build("plain").float(), IMAGES, [0, 1, 2])


@pytest.mark.parametrize("name", OF_MAPS)
@pytest.mark.parametrize("masks", [MASKS[:1], MASKS[0], MASKS[:, None], MASKS[:, :4]])
def test_no_mask_is_broadcast(name: str, masks: Tensor):
    for arguments in ((MAPS, masks), (MAPS, MASKS, masks)):
        with pytest.raises(UserError) as error:
            OF_MAPS[name](*arguments)
        assert_names(error.value, [str(list(masks.shape)), "[3, 8, 8]"])


@pytest.mark.parametrize("classes", [ONE_HOT, ONE_HOT.bool(), ONE_HOT.long(), np.arange(3), [*np.arange(3)]])
def test_the_classes_that_labels_name(classes: object):
    model = tiny.build("plain")
    assert_same(attribute(model, IMAGES, classes), attribute(model, IMAGES, [0, 1, 2]))


@pytest.mark.parametrize(
    "classes", [torch.tensor([[0, 2, 1]] * 3), torch.eye(3)[:, :2], torch.rand(3), ["a"] * 3]
)
def test_what_names_no_classes(classes: object):
    with pytest.raises(UserError, match="classes"):
        attribute(tiny.build("plain"), IMAGES, classes)


class Output(nn.Module):
    """Puts out something else than logits, as networks with auxiliary heads and segmentation do."""

    def __init__(self, wrap: object):
        super().__init__()
        self.network, self.wrap = tiny.build("plain"), wrap

    def forward(self, images: Tensor) -> object:
        return self.wrap(self.network(images))


class Named(tuple):
    @property
    def logits(self) -> Tensor:
        return self[0]


FORMS = {
    "named": lambda x: Named([x, x]),
    "a key": lambda x: {"logits": x, "aux": x + 1},
    "torchvision's key": lambda x: {"out": x},
    "auxiliary heads": lambda x: (x, x + 1, x - 1),
    "a list": lambda x: [x],
}


@pytest.mark.parametrize("annotated", [regions((0, 0)), regions()])
@pytest.mark.parametrize("wrap", FORMS.values(), ids=FORMS)
def test_outputs_of_the_model(annotated: object, wrap: object):
    plain = Guidance(Output(lambda x: x), layer="network.network.layer2")(IMAGES, ONE_HOT, annotated)
    found = Guidance(Output(wrap), layer="network.network.layer2")(IMAGES, ONE_HOT, annotated)
    for mine, theirs in zip(found, plain, strict=True):
        assert torch.equal(mine, theirs)


@pytest.mark.parametrize(
    ("wrap", "word"),
    [
        (lambda x: x[:, :, None, None], "3, 1, 1]"),
        (lambda x: {"scores": x}, "dict"),
        (lambda x: (), "tuple"),
    ],
)
def test_outputs_without_logits(wrap: object, word: str):
    for annotated in (regions((0, 0)), regions()):
        with pytest.raises(UserError) as error:
            Guidance(Output(wrap), layer="network.network.layer2")(IMAGES, ONE_HOT, annotated)
        assert_names(error.value, [word, "logits"])
