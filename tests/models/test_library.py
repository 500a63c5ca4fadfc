"""Networks of torchvision that differ with and without their weights: what they say is the same."""

from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torchvision.models import _api

from model_guidance.models import build
from model_guidance.models.backbone import IMAGENET_MEAN, IMAGENET_STD
from model_guidance.models.library import INCEPTIONS
from model_guidance.models.weights import load


@pytest.mark.parametrize("name", INCEPTIONS)
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_an_inception_is_torchvisions_with_weights_saved_and_from_its_file(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """They have auxiliary heads, and standardize their inputs themselves, or not, as they were made."""
    torch.manual_seed(0)
    made: Any = getattr(torchvision.models, name)
    published = made(weights=None, aux_logits=True, init_weights=False).state_dict()
    monkeypatch.setattr(_api, "load_state_dict_from_url", lambda *_, **__: published)
    reference = made(weights="DEFAULT").eval()
    images = torch.rand(2, 3, 96, 96)
    mean, std = (torch.tensor(each).view(3, 1, 1) for each in (IMAGENET_MEAN, IMAGENET_STD))
    expected = reference((images - mean) / std)

    ours = build(f"torchvision/{name}", 1000, "imagenet").eval()
    ours.network.fc.load_state_dict(reference.fc.state_dict())  # which is a new one
    torch.testing.assert_close(ours(images), expected)
    assert ours.train()(images).shape == (2, 1000)

    torch.save(published, tmp_path / "published.pth")
    save_file(ours.network.state_dict(), tmp_path / "run.safetensors")
    again = build(f"torchvision/{name}", 1000).eval()
    for file, said in (("run.safetensors", ours.eval()(images)), ("published.pth", expected)):
        load(again, tmp_path / file, new_head=False)
        torch.testing.assert_close(again(images), said)
