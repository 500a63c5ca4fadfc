"""ImageNet-9 and SIIM-ACR, in the layout in which people have them: files that these tests write."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.data.samples import painted

import model_guidance.data as data
from model_guidance.data.readers import imagenet9, siim_acr
from model_guidance.errors import UserError

BOX = (4, 6, 20, 15)
NAMES = {"00_dog": "n02085936_2325", "01_bird": "n01537544_14"}


def save(root: Path, name: str, *boxes: tuple[int, int, int, int], size: tuple[int, int] = (40, 30)) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    painted(*size, *boxes).save(root / name)


@pytest.fixture
def nine(tmp_path: Path) -> Path:
    """Write training data of two variants with the objects alone, and the release of the challenge."""
    for kind, name in NAMES.items():
        for variant in ("original", "mixed_rand"):
            save(tmp_path, f"{variant}/train/{kind}/{name}.JPEG")
        save(tmp_path, f"only_fg/train/{kind}/{name}.png", BOX)
        other = next(each for each in NAMES.values() if each != name)
        for variant in ("mixed_rand", "only_bg_t"):
            save(tmp_path, f"bg_challenge/{variant}/val/{kind}/{name}_bg_{other}.JPEG")
        mask = np.zeros((30, 40), bool)
        mask[BOX[1] : BOX[3], BOX[0] : BOX[2]] = True
        folder = tmp_path / "bg_challenge/fg_mask/val" / kind
        folder.mkdir(parents=True)
        np.save(folder / f"{name}.npy", mask)
    return tmp_path


@pytest.mark.parametrize(
    ("split", "options"), [("train", {}), ("train", {"training": "mixed_rand"}), ("test", {})]
)
def test_objects_of_imagenet9_have_their_masks(nine: Path, split: str, options: dict[str, str]) -> None:
    source = imagenet9.read(nine, split, **options)
    assert (source.classes, source.exclusive, len(source.names)) == (("dog", "bird"), True, 2)
    for index in range(2):
        sample = source.read(index)
        assert sample.labels == {index}
        [(label, box)], [(_, mask)] = sample.of("boxes"), sample.of("masks")
        assert (label, box.tolist()) == (index, list(BOX))
        assert mask.sum() == mask[6:15, 4:20].sum() == 16 * 9


def test_which_variant_is_read_is_an_option(nine: Path) -> None:
    assert imagenet9.read(nine, "train").names[0] == "original/train/00_dog/n02085936_2325.JPEG"
    mixed, ground = (imagenet9.read(nine, "test", test=each) for each in ("mixed_rand", "only_bg_t"))
    assert mixed.names[0] == "bg_challenge/mixed_rand/val/00_dog/n02085936_2325_bg_n01537544_14.JPEG"
    assert ground.read(0).annotations == ()
    assert mixed.version != ground.version
    assert data.DATASETS["imagenet9"].is_ceiling({"training": "mixed_rand"})
    (nine / "only_fg").rename(nine / "elsewhere")
    assert imagenet9.read(nine, "train").read(0).annotations == ()


def test_mistakes_with_imagenet9_are_named(nine: Path) -> None:
    with pytest.raises(UserError, match=r"original/val: does not exist; unpack original of ImageNet-9 into"):
        imagenet9.read(nine, "val")
    with pytest.raises(UserError, match="--options.test mixed: must be one of original, mixed_same"):
        imagenet9.read(nine, "test", test="mixed")
    mask = nine / "bg_challenge/fg_mask/val/00_dog/n02085936_2325.npy"
    np.save(mask, np.ones((8, 8), bool))
    with pytest.raises(UserError, match=r"2325\.npy: has the shape \(8, 8\), but its image has 30 x 40"):
        imagenet9.read(nine, "test").read(0)
    mask.write_bytes(b"\x93NUMPY")
    with pytest.raises(UserError, match=r"2325\.npy: is no array of numpy"):
        imagenet9.read(nine, "test").read(0)
    save(nine, "only_fg/train/00_dog/n02085936_2325.png", size=(20, 20))
    with pytest.raises(UserError, match=r"2325\.png: is made for an image of 20 x 20 pixels"):
        imagenet9.read(nine, "train").read(0)


# --- SIIM-ACR ---


def runs(*columns: tuple[int, int, int]) -> str:
    """Run lengths of (column, first row, length) at 1024 x 1024, each start counted from the last end."""
    words, end = [], 0
    for column, row, length in columns:
        start = 1024 * column + row
        words += [start - end, length]
        end = start + length
    return " ".join(map(str, words))


def xrays(root: Path, table: list[str], size: int = 64, name: str = "train-rle.csv") -> Path:
    (root / "images").mkdir(exist_ok=True)
    for row in table:
        Image.new("L", (size, size), 90).save(root / "images" / f"{row.split(',')[0]}.png")
    (root / name).write_text("\n".join(["ImageId, EncodedPixels", *table]))
    return root


ONE = runs((512, 256, 128), (513, 256, 64))
TWO = runs((0, 0, 1))


@pytest.mark.parametrize("name", ["train-rle.csv", "stage_2_train.csv"])
def test_run_lengths_go_down_the_columns(tmp_path: Path, name: str) -> None:
    table = [f"1.2.3, {ONE}", f"1.2.3,{TWO}", *(f"1.2.{n},-1" for n in range(4, 8))]
    root = xrays(tmp_path, table, name=name)
    found = {}
    for split in ("train", "val", "test"):
        source = siim_acr.read(root, split, validation=0.2, test=0.2)
        found |= {name: source.read(index) for index, name in enumerate(source.names)}
    assert sorted(found) == [f"1.2.{n}" for n in range(3, 8)]
    assert [sorted(found[f"1.2.{n}"].labels) for n in (3, 4)] == [[1], [0]]
    assert found["1.2.4"].annotations == ()
    [first, second], [(_, mask)] = found["1.2.3"].of("boxes"), found["1.2.3"].of("masks")
    assert first[1].tolist() == [32, 16, 33, 24]  # 1024 pixels are 64 here: one sixteenth
    assert second[1].tolist() == [0, 0, 1, 1]
    assert mask.sum() == 9


def test_at_full_size_each_pixel_is_as_it_was_marked(tmp_path: Path) -> None:
    root = xrays(tmp_path, [f"{n},{ONE}" for n in range(3)], size=1024)
    mask = siim_acr.read(root, "train").read(0).of("masks")[0][1]
    assert mask.sum() == mask[256:384, 512].sum() + mask[256:320, 513].sum() == 192


def test_the_splits_are_a_partition_that_no_order_changes(tmp_path: Path) -> None:
    table = [f"{n},-1" for n in range(40)]
    parts = {}
    for order in (table, table[::-1]):
        root = xrays(tmp_path, order, size=8)
        parts[order is table] = [sorted(siim_acr.read(root, each).names) for each in ("train", "val", "test")]
    assert parts[True] == parts[False]
    assert [len(each) for each in parts[True]] == [28, 4, 8]
    assert sorted(name for part in parts[True] for name in part) == sorted(str(n) for n in range(40))


def test_chest_tubes_make_groups(tmp_path: Path) -> None:
    root = xrays(tmp_path, [f"a,{TWO}", f"b,{TWO}", "c,-1", "d,-1", "e,-1"])
    assert siim_acr.read(root, "train").groups == ()
    (root / "chest-tubes.csv").write_text("ImageId,tube\na,1\nb,0\nc,1\nd,0\n")
    groups = {}
    for split in ("train", "val", "test"):
        source = siim_acr.read(root, split, validation=0.2)
        groups |= {name: source.read(index).group for index, name in enumerate(source.names)}
    assert groups == {"a": 3, "b": 2, "c": 1, "d": 0, "e": -1}
    assert source.groups[3] == "pneumothorax, chest tube"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("a,1 2 3", "line 2: EncodedPixels must be -1, or pairs of a start and a length"),
        ("a,1 -2", "line 2: EncodedPixels must be"),
        ("a,1 x", "line 2: EncodedPixels must be"),
        ("a,1048570 7", "line 2: runs to 1048577, but must cover some of 1048576 pixels"),
        ("a,5 0", "line 2: runs to 5, but must cover"),
    ],
)
def test_wrong_run_lengths_are_named(tmp_path: Path, row: str, said: str) -> None:
    root = xrays(tmp_path, [row, "b,-1"])
    sources = [siim_acr.read(root, split) for split in ("train", "val", "test")]
    [source] = [each for each in sources if "a" in each.names]
    with pytest.raises(UserError, match=re.escape(said)):
        source.read(list(source.names).index("a"))


def test_other_mistakes_with_siim_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"train-rle\.csv: does not exist; put the table of SIIM-ACR there"):
        siim_acr.read(tmp_path, "train")
    root = xrays(tmp_path, ["a,-1"])
    with pytest.raises(UserError, match="--options.test 0.9: must be a number above 0 and at most 0.5"):
        siim_acr.read(root, "train", test=0.9)
    (root / "train-rle.csv").write_text("ImageId,EncodedPixels\n../a,-1")
    with pytest.raises(UserError, match=r"line 2: ImageId is '\.\./a', but must name an image"):
        siim_acr.read(root, "train")
    xrays(root, ["a,-1"], size=1030)
    with pytest.raises(UserError, match=r"a\.png: is 1030 x 1030 pixels, but at most 1024 are known"):
        siim_acr.read(root, "train").read(0)
    (root / "chest-tubes.csv").write_text("ImageId,tube\na,yes")
    with pytest.raises(UserError, match=r"chest-tubes\.csv line 2: tube is 'yes', but must be 0 or 1"):
        siim_acr.read(root, "train")
