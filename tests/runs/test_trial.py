"""What a network cannot do is said before anything is written, and the network is left as it was."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from model_guidance.errors import UserError
from model_guidance.models import build
from model_guidance.models.backbone import Backbone
from model_guidance.runs import trial
from model_guidance.runs.trial import check_step
from model_guidance.training.config import Config
from model_guidance.types import Batch, Pairs, Regions


class Odd(nn.Module):
    """A network that does `what` with its logits."""

    def __init__(self, what: str):
        super().__init__()
        self.fc = nn.Linear(3, 2)
        self.what = what

    def forward(self, images: Tensor) -> Any:
        logits = self.fc(images.mean(dim=(2, 3)))
        match self.what:
            case "dict":
                return {"scores": logits}
            case "wide":
                return torch.cat([logits, logits], dim=1)
            case "size":
                assert images.shape[-1] == 224, "Input height (16) doesn't match model (224)."
            case "nan":
                return logits * float("nan")
            case "detached":
                return logits.detach().requires_grad_()
        return logits


def batch(count: int, size: int) -> Batch:
    none = torch.zeros(0).long()
    nothing = Regions(Pairs(none, none, True), torch.zeros(0, size, size).bool())
    images = torch.randint(0, 256, (count, 3, size, size), dtype=torch.uint8)
    labels, index = torch.eye(2)[torch.arange(count) % 2], torch.arange(count)
    return Batch(images, labels, nothing, nothing, index, index)


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch) -> Any:
    def check(model: Backbone, size: int = 16, **settings: Any) -> None:
        config = Config(size=size, layer="input", **settings)
        monkeypatch.setattr(trial, "_batch", lambda _, count: batch(count, size))
        check_step(model, config, None, torch.device("cpu"))

    return check


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("dict", "--backbone odd with --size 16.*: the model puts out dict: logits"),
        ("wide", r"--backbone odd with --size 16.*: labels: \[2, 2\] found, the logits are \[2, 4\]"),
        ("size", "--backbone odd with --size 16, .* AssertionError: Input height"),
        ("nan", "--backbone odd with --size 16, --batch 64 .* not finite"),
        ("detached", "--backbone odd: a step reaches none of its weights"),
    ],
)
def test_a_network_that_cannot_be_used_is_named_with_its_options(what: str, said: str, check: Any):
    model = Backbone(Odd(what), nn.Identity(), layers={})
    with pytest.raises(UserError, match=said):
        check(model, backbone="odd")


@pytest.mark.parametrize("backbone", ["resnet18", "xdnn_small", "bcos_small"])
def test_a_network_is_left_as_it_was(backbone: str, check: Any):
    model = build(backbone, 2)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    check(model, 32, backbone=backbone)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_one_image_over_which_nothing_can_be_normalised(check: Any):
    with pytest.raises(UserError, match="--size 32"):
        check(build("resnet18", 2), 32, backbone="resnet18", batch=1)
    check(build("resnet18", 2), 32, backbone="resnet18", batch=1, freeze_statistics=True)
