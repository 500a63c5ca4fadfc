"""Reading checkpoints: which formats, which networks, and what is refused without harm."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from tests.asserts import assert_names, assert_untouched
from tests.attribution import tiny
from torch import Tensor

from model_guidance.errors import UserError
from model_guidance.models import build
from model_guidance.models.weights import load

State = dict[str, Tensor]


def other_weights(kind: str = "plain") -> State:
    """Weights of the same network that no freshly built one has."""
    torch.manual_seed(7)
    state = tiny.build(kind).network.state_dict()
    return {k: torch.rand_like(v) if v.is_floating_point() else v + 3 for k, v in state.items()}


def assert_loads(path: Path, expected: State) -> None:
    model = tiny.build("plain")
    load(model, path)
    found = model.network.state_dict()
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert torch.equal(found[name], value), name


def assert_refused(path: Path, *names: str) -> None:
    model = tiny.build("plain")
    with assert_untouched(model), pytest.raises(UserError) as error:
        load(model, path)
    assert_names(error.value, [str(path), *names])


@pytest.mark.parametrize("prefix", ["", "module.", "network.", "0.", "module.network."])
@pytest.mark.parametrize("suffix", [".safetensors", ".pth", ".nested"])
def test_formats_and_prefixes(tmp_path: Path, prefix: str, suffix: str):
    state, path = other_weights(), tmp_path / f"w{suffix}"
    saved = {prefix + name: value for name, value in state.items()}
    write: Callable[[State, Path], None] = save_file if suffix == ".safetensors" else torch.save
    write({"state_dict": saved, "epoch": 3} if suffix == ".nested" else saved, path)
    assert_loads(path, state)


def test_another_number_of_classes_keeps_the_new_head(tmp_path: Path):
    state, fresh = other_weights(), tiny.build("plain").network.state_dict()
    torch.save(state | {"fc.weight": torch.rand(1000, 2), "fc.bias": torch.rand(1000)}, tmp_path / "w.pth")
    assert_loads(tmp_path / "w.pth", state | {name: fresh[name] for name in ("fc.weight", "fc.bias")})


def test_old_checkpoints_have_no_batch_counters(tmp_path: Path):
    state, fresh = other_weights(), tiny.build("plain").network.state_dict()
    counters = {name: value for name, value in fresh.items() if name.endswith("num_batches_tracked")}
    assert counters
    torch.save({k: v for k, v in state.items() if k not in counters}, tmp_path / "w.pth")
    assert_loads(tmp_path / "w.pth", state | counters)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda state: state.pop("layer2.0.conv1.weight"), "layer2.0.conv1.weight"),
        (lambda state: state.update({"layer1.0.conv1.weight": torch.rand(5, 2, 3, 3)}), "[5, 2, 3, 3]"),
        (lambda state: state.update({"layer9.weight": torch.rand(1)}), "layer9.weight"),
    ],
)
def test_another_network(tmp_path: Path, change: Callable[[State], object], name: str):
    state, path = other_weights(), tmp_path / "w.pth"
    change(state)
    torch.save(state, path)
    assert_refused(path, name)


def test_another_kind_of_network(tmp_path: Path):
    torch.save(other_weights("bcos"), tmp_path / "w.pth")
    assert_refused(tmp_path / "w.pth", "stem.0.weight")


def test_no_file(tmp_path: Path):
    assert_refused(tmp_path / "w.pth", "no such")


@pytest.mark.parametrize("content", [{}, {"state_dict": {}}, {"a": 3}, [torch.zeros(1)], torch.zeros(1)])
def test_no_state_dict(tmp_path: Path, content: object):
    torch.save(content, tmp_path / "w.pth")
    assert_refused(tmp_path / "w.pth", "state dict")


@pytest.mark.parametrize("garbage", [b"", b"hello", b"a longer text", b"\x80\x02]q\x00.", b"0"])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_garbage(tmp_path: Path, garbage: bytes, suffix: str):
    path = tmp_path / f"w{suffix}"
    path.write_bytes(garbage)
    assert_refused(path)


@pytest.mark.parametrize("keep", [4, 100, -100])
def test_truncated(tmp_path: Path, keep: int):
    save_file(other_weights(), tmp_path / "w.safetensors")
    torch.save(other_weights(), tmp_path / "w.pth")
    torch.save(other_weights(), tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes()[:keep])
        assert_refused(path)


class Bomb:
    def __init__(self, marker: Path):
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


@pytest.mark.parametrize("way", ["zip", "old", "pickle"])
@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_code_is_never_run(tmp_path: Path, way: str):
    path, marker = tmp_path / "w.pth", tmp_path / "marker"
    content = other_weights() | {"bomb": Bomb(marker)}
    if way == "pickle":
        path.write_bytes(pickle.dumps({"bomb": Bomb(marker)}))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=way == "zip")
    assert_refused(path, "run code")
    assert not marker.exists()
    torch.load(path, weights_only=False) if way != "pickle" else pickle.loads(path.read_bytes())
    assert marker.exists(), "the file was harmless: this test shows nothing"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda state: {0: torch.zeros(3), 1: torch.zeros(2)}, "state dict"),
        (lambda state: state | {1: torch.zeros(3)}, "state dict"),
        (lambda state: {name: value.to_sparse() for name, value in state.items()}, "sparse tensor"),
        (lambda state: {name: value.to(torch.complex64) for name, value in state.items()}, "complex tensor"),
        (
            lambda state: state | {"q": torch.quantize_per_tensor(torch.ones(2), 1, 0, torch.qint8)},
            "quantised",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_tensors_that_are_no_weights(tmp_path: Path, change: Callable, words: str):
    torch.save(change(other_weights()), tmp_path / "w.pth")
    assert_refused(tmp_path / "w.pth", words)


@pytest.mark.parametrize("name", ["resnet18", "torchvision/mobilenet_v2", "timm/resnet18"])
def test_no_network(name: str, monkeypatch: pytest.MonkeyPatch):
    def offline(*_: object, **__: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr("torchvision.models._api.WeightsEnum.get_state_dict", offline)
    monkeypatch.setattr("timm.models._builder.load_pretrained", offline)
    with pytest.raises(
        UserError, match=r"could not be downloaded \(OSError: no route to host\).*--weights PATH"
    ):
        build(name, 2, "imagenet")
