"""DecoyMNIST and Dominoes: which corner and which half says what, and one sentence for each mistake."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.data.idx import bars, idx, idx_files

import model_guidance.data as data
from model_guidance.data.readers import decoymnist, dominoes
from model_guidance.data.readers.mnist import embedded
from model_guidance.data.source import Sample, Source
from model_guidance.errors import UserError

LABELS = [each % 10 for each in range(60)]
GARMENTS = [3, 4, 0, 9] * 60
DIGITS = [0, 1, 7] * 60
CORNERS = [(0, 0), (24, 0), (0, 24), (24, 24)]


def write(root: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


@pytest.fixture
def mnist(tmp_path: Path) -> Path:
    return write(tmp_path, idx_files("MNIST", LABELS, LABELS))


@pytest.fixture
def both(tmp_path: Path) -> Path:
    files = idx_files("MNIST", DIGITS, DIGITS) | idx_files("FashionMNIST", GARMENTS, GARMENTS)
    return write(tmp_path, files)


def samples(source: Source) -> list[Sample]:
    return [source.read(index) for index in range(len(source.names))]


def patch(sample: Sample) -> tuple[tuple[int, int], int]:
    """The corner and the shade of what is to be ignored."""
    [(_, (x1, y1, x2, y2))] = [(label, box.astype(int).tolist()) for label, box in sample.of("ignore")]
    pixels = np.asarray(sample.image)[y1:y2, x1:x2]
    assert pixels.shape == (4, 4, 3)
    assert len(np.unique(pixels)) == 1
    return (x1, y1), int(pixels[0, 0, 0])


# --- DecoyMNIST ---


def test_the_last_sixth_of_the_training_set_is_for_validation(mnist: Path) -> None:
    lengths = [len(decoymnist.read(mnist, split).names) for split in ("train", "val", "test")]
    assert lengths == [50, 10, 60]
    assert decoymnist.read(mnist, "val").read(3).labels == {LABELS[53]}


def test_the_shade_tells_the_digit_but_in_the_test_split(mnist: Path) -> None:
    for split in ("train", "val"):
        for sample in samples(decoymnist.read(mnist, split)):
            assert patch(sample)[1] == 255 - 25 * min(sample.labels)
            assert sample.group == 0
    for split, option in (("test", "biased"), ("train", "independent")):
        found = samples(decoymnist.read(mnist, split, patch=option))
        told = [patch(sample)[1] == 255 - 25 * min(sample.labels) for sample in found]
        assert [sample.group for sample in found] == [int(not right) for right in told]
        assert 0 < sum(told) < 15
        assert len({patch(sample)[1] for sample in found}) == 10


def test_the_patch_lies_in_every_corner_and_the_regions_without_it(mnist: Path) -> None:
    found = samples(decoymnist.read(mnist, "train"))
    assert {patch(sample)[0] for sample in found} == set(CORNERS)
    for sample in found:
        [label] = sample.labels
        [(_, box)], [(_, mask)] = sample.of("boxes"), sample.of("masks")
        assert box.tolist() == [6 + label, 10, 20, 18]
        assert mask.sum() == mask[10:18, 6 + label : 20].sum() == 8 * (14 - label)
        grey = np.asarray(sample.image)[..., 0]
        assert (np.asarray(sample.image) == grey[..., None]).all()
        assert (grey[mask] == 100 + 10 * label).all()
        assert ((grey > 0) & ~mask).sum() <= 16  # class 9's patch is nearly black, but not quite


def same(one: Source, other: Source) -> bool:
    pairs = zip(samples(one), samples(other), strict=False)
    return all(np.array_equal(np.asarray(a.image), np.asarray(b.image)) for a, b in pairs)


@pytest.mark.parametrize(("reader", "option"), [(decoymnist.read, "patch"), (dominoes.read, "digit")])
def test_a_picture_depends_on_seed_and_split_alone(
    reader: Callable[..., Source], option: str, both: Path
) -> None:
    unbiased = {option: "independent"}
    few, many, other = (reader(both, "train", **unbiased, **each) for each in ({"count": 5}, {}, {"seed": 1}))
    assert (len(few.names), few.names) == (5, many.names[:5])
    assert same(few, many)
    assert not same(few, other)
    versions = {reader(both, "train", **each).version for each in ({}, {"seed": 1})}
    assert len(versions | {reader(both, "val").version}) == 3


def test_embedded_digits_stand_where_those_of_mnist_do() -> None:
    pytest.importorskip("sklearn", reason="pip install 'model-guidance[digits]'")
    found = [embedded(split) for split in ("train", "val", "test")]
    assert [len(each) for each in found] == [1000, 300, 497]
    pixels = np.concatenate([each.pixels for each in found])
    assert pixels.shape == (1797, 28, 28)
    assert pixels.dtype == np.uint8
    assert pixels[:, :4].max() == pixels[:, -4:].max() == pixels[:, :, :4].max() == 0
    assert pixels.max() > 230
    source = data.open_source("decoymnist", None, "train")
    assert patch(source.read(0)) == ((0, 0), 255) or patch(source.read(0))[0] in CORNERS
    assert source.read(7).labels == {7}
    assert source.files == ()


def test_without_scikit_learn_one_sentence_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("sklearn", "sklearn.datasets"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UserError, match=re.escape("pip install 'model-guidance[digits]'")):
        decoymnist.read(None, "train")


# --- Dominoes ---


def test_the_garment_decides_and_the_digit_agrees(both: Path) -> None:
    source = dominoes.read(both, "train")
    assert (source.classes, len(source.names)) == (("coat", "dress"), 100)
    for sample in samples(source):
        [label] = sample.labels
        top, lower = np.split(np.asarray(sample.image)[..., 0], 2)
        assert (lower == bars([4 - label])).all()
        assert (top == bars([label])).all()
        assert sample.group == 3 * label
        [(_, box)], [(_, mask)] = sample.of("boxes"), sample.of("masks")
        assert box.tolist() == [0, 28, 28, 56]
        assert np.array_equal(mask, np.vstack([np.zeros_like(lower), lower]) > 0)


@pytest.mark.parametrize(
    ("split", "options", "low", "high"),
    [
        ("train", {"correlation": 0.8}, 0.7, 0.9),
        ("test", {}, 0.35, 0.65),
        ("train", {"digit": "independent"}, 0.35, 0.65),
    ],
)
def test_the_digit_agrees_as_often_as_is_said(
    both: Path, split: str, options: dict[str, object], low: float, high: float
) -> None:
    found = samples(dominoes.read(both, split, **options))
    groups = [sample.group for sample in found]
    assert low < np.mean([group in (0, 3) for group in groups]) < high
    assert set(groups) == {0, 1, 2, 3}
    for sample in found:
        top = np.asarray(sample.image)[:28, :, 0]
        assert (top == bars([sample.group % 2])).all()
        assert sample.labels == {sample.group // 2}


# --- mistakes ---


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        (
            "train-images-idx3-ubyte",
            None,
            "does not exist; let torchvision download MNIST (--options.download",
        ),
        ("t10k-labels-idx1-ubyte", None, "does not exist; let torchvision"),
        ("train-images-idx3-ubyte", b"\0\0\x08", "is not as torchvision keeps MNIST ("),
        (
            "train-labels-idx1-ubyte",
            idx(np.array([3] * 59)),
            "holds 60 x 28 x 28 pixels and 59 labels up to 3",
        ),
        (
            "train-labels-idx1-ubyte",
            idx(np.array([10] * 60)),
            "and 60 labels up to 10, but must have a",
        ),
        ("train-images-idx3-ubyte", idx(np.zeros((60, 8, 8))), "holds 60 x 8 x 8 pixels"),
    ],
)
def test_files_that_are_missing_or_damaged_are_named(
    mnist: Path, file: str, content: bytes | None, said: str
) -> None:
    path = mnist / "MNIST/raw" / file
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(UserError, match=re.escape(said)):
        decoymnist.read(mnist, "train")


def test_black_pictures_are_named(mnist: Path) -> None:
    (mnist / "MNIST/raw/train-images-idx3-ubyte").write_bytes(idx(np.zeros((60, 28, 28))))
    with pytest.raises(UserError, match="train-00003: is black"):
        decoymnist.read(mnist, "train").read(3)


def test_data_without_a_class_that_is_needed_are_refused(mnist: Path) -> None:
    write(mnist, idx_files("FashionMNIST", [5] * 12, [5] * 12))
    with pytest.raises(UserError, match="has no coat or dress in FashionMNIST"):
        dominoes.read(mnist, "train")
    write(mnist, idx_files("FashionMNIST", [3] * 12, [3] * 12) | idx_files("MNIST", [1] * 12, [1] * 12))
    with pytest.raises(UserError, match="has no 0 in MNIST"):
        dominoes.read(mnist, "train")


@pytest.mark.parametrize(
    ("reader", "wrong", "said"),
    [
        (decoymnist.read, {"patch": "blue"}, "--options.patch blue: must be one of biased, independent"),
        (decoymnist.read, {"count": 51}, "--options.count 51: must be a whole number from 1 to 50"),
        (decoymnist.read, {"seed": -1}, "--options.seed -1: must be a whole number from 0"),
        (decoymnist.read, {"download": "yes"}, "--options.download yes: must be true or false"),
        (dominoes.read, {"correlation": 1.5}, "--options.correlation 1.5: must be a number above 0"),
        (dominoes.read, {"digit": "none"}, "--options.digit none: must be one of"),
        (dominoes.read, {"count": 0}, "--options.count 0: must be a whole number from 1 to 100"),
    ],
)
def test_a_wrong_option_is_explained(
    both: Path, reader: Callable[..., Source], wrong: dict[str, object], said: str
) -> None:
    root = both if reader is dominoes.read else write(both, idx_files("MNIST", LABELS, LABELS))
    with pytest.raises(UserError, match=re.escape(said)):
        reader(root, "train", **wrong)


def test_the_download_is_torchvisions_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(self: object) -> None:
        write(tmp_path, idx_files(type(self).__name__, DIGITS, DIGITS))

    monkeypatch.setattr("torchvision.datasets.MNIST.download", fetch)
    assert len(data.open_source("decoymnist", tmp_path, "train", download=True).names) == 150

    def fail(_: object) -> None:
        raise RuntimeError("Error downloading train:\nTried there\n")

    monkeypatch.setattr("torchvision.datasets.MNIST.download", fail)
    with pytest.raises(UserError, match=r"FashionMNIST could not be downloaded to .* \(Error downloading"):
        dominoes.read(tmp_path / "new", "train", download=True)
    with pytest.raises(UserError, match="--options.download true: needs --root"):
        decoymnist.read(None, "train", download=True)


def test_naming_them_ceilings_and_groups() -> None:
    for name, option in (("decoymnist", "patch"), ("dominoes", "digit")):
        reader = data.DATASETS[name]
        assert reader.is_ceiling({option: "independent"})
        assert not reader.is_ceiling({option: "biased"})
