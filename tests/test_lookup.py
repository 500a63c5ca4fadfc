"""Functions by name: ours, and a user's own, which must be meant for what they are named for."""

import pytest

import model_guidance as mg
from model_guidance.data import open_source
from model_guidance.lookup import find
from model_guidance.losses import LOSSES

LOSS = ("maps", "masks")


def test_ours_the_users_own_and_a_function_itself():
    assert find("loss", "energy", LOSSES, LOSS) is LOSSES["energy"]
    assert find("loss", "model_guidance.losses.l1", LOSSES, LOSS) is LOSSES["l1"]
    assert find("loss", len, LOSSES, LOSS) is len  # type: ignore[type-var]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("enrgy", "there is no loss 'enrgy': choose one of energy"),
        ("nowhere.loss", "there is no loss 'nowhere.loss': ModuleNotFoundError"),
        ("math.pi", "loss 'math.pi': a float is no function"),
        ("os.system", r"loss 'os.system': it takes \(command\), but must take \(maps, masks\)"),
        ("builtins.print", r"it takes \(args, sep, .*\), but must take"),
    ],
)
def test_anything_else_is_refused_and_not_called(given: str, message: str):
    with pytest.raises(mg.UserError, match=message):
        find("loss", given, LOSSES, LOSS)


@pytest.mark.parametrize("data", ["subprocess.run", "shutil.rmtree"])
def test_a_run_folder_of_strangers_calls_nothing(data: str, tmp_path):
    with pytest.raises(mg.UserError, match=r"but must take \(root, split\)"):
        open_source(data, tmp_path, "train")
    assert tmp_path.is_dir()
