"""Read checkpoints: safetensors, plain state dicts, and the published formats. Nothing is executed."""

import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from model_guidance.errors import UserError
from model_guidance.files import check_file, is_file
from model_guidance.models.backbone import Backbone

AUXILIARY = ("aux1", "aux2", "AuxLogits")  # torchvision's second heads, of which ours has none
WRAPPERS = ("module.", "network.", "0.")  # DataParallel's, ours, and that of the published B-cos networks


def load(model: Backbone, path: Path, *, new_head: bool = True) -> None:
    """Fill `model` in place from a checkpoint.

    Accepted are safetensors files, and `torch.save` files holding a state dict, bare or under
    `state_dict`. A head with another number of classes is left at its initial values, if `new_head`
    allows it: of initial weights one wants the rest. Raises `UserError` naming the first mismatch if the
    checkpoint belongs to another network; then nothing was changed.
    """
    wanted = model.network.state_dict()
    found = _unwrapped(_read(path), wanted)
    found = {name: value for name, value in found.items() if name.split(".")[0] not in AUXILIARY}
    head = [name for name in wanted if name.startswith(model.head.removeprefix("network.") + ".")]
    if new_head and any(name in found and found[name].shape != wanted[name].shape for name in head):
        for name in head:
            wanted.pop(name)
            found.pop(name, None)
    elif f"{model.head}.bias".removeprefix("network.") in wanted:
        name = f"{model.head}.bias".removeprefix("network.")
        found.setdefault(name, torch.zeros_like(wanted[name]))
    for name in wanted:
        if name.endswith("num_batches_tracked"):  # checkpoints from before PyTorch 0.4.1 lack them
            found.setdefault(name, wanted[name])
    _compare(found, wanted, path)
    model.network.load_state_dict(found, strict=False)


def check_exists(path: Path) -> None:
    """Raise `UserError` unless there is such a file and it can be read."""
    if not is_file(path):
        raise UserError(f"{path}: there is no such checkpoint")
    check_file(path)


def _read(path: Path) -> dict[str, Tensor]:
    check_exists(path)
    try:
        content = (
            load_file(path)
            if path.suffix == ".safetensors"
            else torch.load(path, map_location="cpu", weights_only=True)
        )
    except pickle.UnpicklingError as error:
        raise UserError(
            f"{path}: damaged, or refused because reading it would run code or build objects other than "
            "tensors; save a plain state dict, or safetensors"
        ) from error
    except Exception as error:  # garbage makes the unpickler raise nearly anything
        raise UserError(f"{path}: this is no readable checkpoint (a state dict or safetensors)") from error
    state = content.get("state_dict", content) if isinstance(content, dict) else None
    entries = state.items() if isinstance(state, dict) else ()
    if not entries or not all(isinstance(k, str) and isinstance(v, Tensor) for k, v in entries):
        raise UserError(f"{path}: this holds no state dict (parameter name -> tensor)")
    for name, value in entries:
        if value.layout != torch.strided or value.is_quantized or value.is_complex():
            kind = "quantised" if value.is_quantized else "complex" if value.is_complex() else "sparse"
            raise UserError(f"{path}: '{name}' is a {kind} tensor, but must be a dense one of real numbers")
    return dict(entries)


def _unwrapped(state: dict[str, Tensor], wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    for wrapper in WRAPPERS:
        if not state.keys() & wanted.keys() and all(name.startswith(wrapper) for name in state):
            state = {name.removeprefix(wrapper): value for name, value in state.items()}
    return state


def _compare(found: dict[str, Tensor], wanted: dict[str, Tensor], path: Path) -> None:
    for name, value in wanted.items():
        if name not in found:
            raise UserError(f"{path}: this is a checkpoint of another network: it has no '{name}'")
        if value.shape != found[name].shape:
            raise UserError(
                f"{path}: this is a checkpoint of another network: '{name}' is {list(found[name].shape)} "
                f"there and {list(value.shape)} here"
            )
    for name in found:
        if name not in wanted:
            raise UserError(f"{path}: this is a checkpoint of another network: '{name}' is unknown here")
