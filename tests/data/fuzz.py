"""Damage to small data sets of every layout, drawn from a seed: a reader takes it or says what is wrong.

    python tests/data/fuzz.py --mutations 10000 --seed 0

prints for each layout how many damaged data sets were read and stored, how many were refused by a
`UserError`, and everything else, each with a seed that shows it again with `--mutations 1`.
"""

import argparse
import copy
import csv
import io
import json
import random
import re
import shutil
import signal
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pyarrow
from PIL import Image
from pyarrow import parquet
from tests.data.idx import idx_files
from tests.data.layouts import FOLDER, OWN, SIDE, Files, Layout, picture, saved

import model_guidance.data.cache.overlaid  # noqa: F401  (torch, now rather than within the limit)
from model_guidance.data import open_source, open_split
from model_guidance.data.recognition import recognised
from model_guidance.errors import UserError

LIMIT = 5.0  # seconds for one data set
MEMORY = Path("/dev/shm")  # where there is one, nothing waits for a disk
LONGEST = 300  # characters of a message, the folder of the data aside

Mutate = Callable[[bytes, random.Random], bytes]

# fmt: off
NUMBERS = [
    "0", "1", "-1", "2", "3", "12", "13", "255", "256", "65536", "0.5", "-0.0", "1e9", "1e39", "1e308",
    "1e999", "-1e999", "1e-320", "nan", "NaN", "-nan", "inf", "Infinity", "-Infinity", "2147483648",
    "4294967296", "9223372036854775808", "18446744073709551616", "-9223372036854775809", "1_0", "0x10",
    "1,5", "٣", "²", "+1", "007", "1.", ".5", "--1", "1e"
]
# fmt: on
NUMBERS += ["", " ", "9" * 400, "9" * 5000]
WORDS = [
    "",
    " ",
    ".",
    "..",
    "/",
    "../..",
    "/dev/null",
    "/dev/zero",
    "a/b",
    "C:\\a",
    "\0",
    "\n",
    "\r",
    "\t",
    "null",
]
WORDS += [
    "x" * 300,
    "x" * 70_000,
    "x/" * 3000,
    "%s{0}",
    "=1+1",
    '"',
    "'",
    ",",
    ";",
    "é",
    "日本",
    "\u202e",
    "💥",
    "\ufeff",
]
WORDS += [
    "cat",
    "dog",
    "train",
    "val",
    "test",
    "1.png",
    "box",
    "point",
    "ignore",
    "aeroplane",
    "true",
    "-",
    "#",
    "<",
    "&",
]
ENCODINGS = ["utf-16", "utf-32", "utf-8-sig", "latin-1", "cp1252", "cp037", "utf-16-be", "utf-7", "ascii"]
DECLARED = [
    *ENCODINGS,
    "base64",
    "rot13",
    "idna",
    "undefined",
    "unicode_escape",
    "mbcs",
    "utf-99",
    "hex",
    "punycode",
]
NAMES = [
    "1.PNG",
    ".hidden.png",
    "a b.png",
    "é.png",
    "1.png.txt",
    "x" * 250 + ".png",
    "\n.png",
    "[1].png",
    "Thumbs.db",
    "\udcff.png",
]
FORMATS = ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "TGA", "ICO", "PDF"]
MODES = ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "YCbCr", "HSV", "I", "F", "I;16", "LAB", "PA"]
SIZES = [(1, 1), (7, 12), (8, 8), (12, 13), (13, 12), (600, 2), (64, 64)]


# --- the data sets, sound ---


def voc() -> Files:
    home, files = "VOCdevkit/VOC2007", Files()
    node = (
        "<object><name>{}</name><difficult>{}</difficult><bndbox><xmin>2</xmin><ymin>3</ymin>"
        "<xmax>9</xmax><ymax>12</ymax></bndbox></object>"
    )
    for name in ("000001", "000002"):
        objects = node.format("aeroplane", 0) + node.format("cat", 1)
        files[f"{home}/Annotations/{name}.xml"] = (
            f"<annotation><filename>{name}.jpg</filename><size><width>{SIDE}</width><height>{SIDE}</height>"
            f"<depth>3</depth></size>{objects}</annotation>"
        ).encode()
        files[f"{home}/JPEGImages/{name}.jpg"] = picture("jpg")
    palette = Image.fromarray(np.full((SIDE, SIDE), 1, np.uint8)).convert("P")
    files[f"{home}/SegmentationClass/000001.png"] = saved(palette, "PNG")
    files[f"{home}/ImageSets/Main/train.txt"] = b"000001\n000002\n"
    return files


def coco() -> Files:
    images = [{"id": n, "file_name": f"{n}.png", "width": SIDE, "height": SIDE} for n in (1, 2)]
    shapes = [
        [[1, 1, 9, 1, 9, 9.5]],
        {"counts": [20, 30, SIDE * SIDE - 50], "size": [SIDE, SIDE]},
        {"counts": "d0l3", "size": [SIDE, SIDE]},
    ]
    objects = [
        {"id": n, "image_id": 1 + n % 2, "category_id": 3 + n % 2, "bbox": [1, 2, 8, 7.5], "iscrowd": 0}
        | {"segmentation": shape}
        for n, shape in enumerate(shapes)
    ]
    names = [{"id": 3, "name": "cat"}, {"id": 4, "name": "dog"}]
    content = {"images": images, "annotations": objects, "categories": names}
    files: Files = {f"train2014/{n}.png": picture() for n in (1, 2)}
    return files | {"annotations/instances_train2014.json": json.dumps(content).encode()}


def waterbirds() -> Files:
    home = "waterbird_1.0_forest2water2"
    rows = ["img_id,img_filename,y,split,place,place_filename"]
    rows += [f"{n},a/{n}.jpg,{n % 2},{split},{n % 2},/x.jpg" for n, split in ((1, 0), (2, 0), (3, 1))]
    files: Files = {f"{home}/a/{n}.jpg": picture("jpg") for n in (1, 2, 3)}
    files[f"{home}/metadata.csv"] = "\n".join(rows).encode()
    return files | {"CUB_200_2011/bounding_boxes.txt": b"1 1.0 2.0 5.0 6.0\n2 0 0 12 12\n3 1 1 3 3\n"}


def folder() -> Files:
    places = [f"{split}/{name}/1.png" for split in ("train", "val") for name in ("cat", "dog")]
    rows = [
        "file,kind,xmin,ymin,xmax,ymax,radius",
        "train/cat/1.png,box,1,2,9,12,",
        "train/cat/1.png,ignore,0,0,3,3,",
        "train/dog/1.png,point,4.5,6,,,2",
        "train/dog/1.png,,1,1,2,2,",
        "val/dog/1.png,box,1,1,2,2,",
    ]
    files: Files = {place: picture() for place in places}
    return files | {"regions.csv": "\n".join(rows).encode()}


def decoymnist() -> Files:
    labels = [each % 10 for each in range(12)]
    return {**idx_files("MNIST", labels, labels[:3])}


def dominoes() -> Files:
    garments, digits = [3, 4, 5] * 4, [0, 1, 2] * 4
    return {**idx_files("FashionMNIST", garments, garments), **idx_files("MNIST", digits, digits)}


def imagenet9() -> Files:
    files = Files()
    for number, kind in enumerate(("00_dog", "01_bird")):
        name = f"n0000000{number}_7"
        files[f"original/train/{kind}/{name}.JPEG"] = picture("jpg")
        lit = np.zeros((SIDE, SIDE, 3), np.uint8)
        lit[2:9, 3:7] = 200
        files[f"only_fg/train/{kind}/{name}.png"] = saved(Image.fromarray(lit), "PNG")
    return files


def siim_acr() -> Files:
    rows = ["ImageId, EncodedPixels", "1.2.3, 100000 4000 200 5000", "1.2.3, 9 300000", "1.2.4, -1"]
    rows += [f"1.2.{n},-1" for n in range(5, 8)]
    tubes = ["ImageId,tube", "1.2.3,1", "1.2.4,0"]
    files: Files = {f"images/1.2.{n}.png": picture(mode="L") for n in range(3, 8)}
    tables = {"train-rle.csv": rows, "chest-tubes.csv": tubes}
    return files | {name: "\n".join(lines).encode() for name, lines in tables.items()}


BOTH = frozenset({"boxes", "masks"})
RELEASES = {
    "voc": Layout(voc, "voc", BOTH),
    "coco": Layout(coco, "coco", BOTH),
    "waterbirds": Layout(waterbirds, "waterbirds", frozenset({"boxes"})),
    "folder": Layout(folder, "folder", frozenset({"boxes", "points", "ignore"})),
    "decoymnist": Layout(decoymnist, "decoymnist", BOTH | {"ignore"}),
    "dominoes": Layout(dominoes, "dominoes", BOTH),
    "imagenet9": Layout(imagenet9, "imagenet9", BOTH),
    "siim_acr": Layout(siim_acr, "siim_acr", BOTH),
}
LAYOUTS = RELEASES | OWN


# --- damage to the content of one file ---


def flip(content: bytes, rng: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 20))):
        if changed:
            changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def cut(content: bytes, rng: random.Random) -> bytes:
    first, last = sorted(rng.randrange(len(content) + 1) for _ in range(2))
    return rng.choice((content[:first], content[first:], content[:first] + content[last:], b""))


def insert(content: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(content) + 1)
    first, last = sorted(rng.randrange(len(content) + 1) for _ in range(2))
    extra = rng.choice((rng.randbytes(rng.randrange(1, 9)), b"\0" * 40, content[first:last], b"\xff\xfe"))
    return content[:place] + extra + content[place:]


def encode(content: bytes, rng: random.Random) -> bytes:
    text = content.decode("utf-8", "replace")
    ends = text.replace("\n", rng.choice(("\n", "\r\n", "\r", "\u2028", "\n\n", " ")))
    return ends.encode(rng.choice(ENCODINGS), "replace")


def lines(content: bytes, rng: random.Random) -> bytes:
    kept = content.split(b"\n")
    first, second = rng.randrange(len(kept)), rng.randrange(len(kept))
    action = rng.randrange(5)
    if action == 0:
        del kept[first]
    elif action == 1:
        kept.insert(second, kept[first])
    elif action == 2:
        kept[first], kept[second] = kept[second], kept[first]
    elif action == 3:
        kept[first] *= 2
    else:
        kept.insert(first, rng.choice((b"", b" ", b"#", b",,,,,,", b"\0")))
    return b"\n".join(kept)


def _replaced(content: bytes, pattern: bytes, words: list[str], rng: random.Random) -> bytes:
    found = list(re.finditer(pattern, content))
    if not found:
        return content
    place = rng.choice(found)
    return content[: place.start()] + rng.choice(words).encode() + content[place.end() :]


def number(content: bytes, rng: random.Random) -> bytes:
    return _replaced(content, rb"-?\d+(?:\.\d+)?", NUMBERS, rng)


def word(content: bytes, rng: random.Random) -> bytes:
    return _replaced(content, rb"[\w./]+", WORDS + NUMBERS, rng)


# --- damage to what a file means ---


def json_values(content: bytes, rng: random.Random) -> bytes:
    tree = json.loads(content)
    places = list(_places(tree))
    for _ in range(rng.choice((1, 1, 1, 3))):
        holder, key = rng.choice(places)
        _damage(holder, key, _json_value(rng), rng)
    return json.dumps(tree, ensure_ascii=rng.random() < 0.5).encode("utf-8", "surrogatepass")


def json_line(content: bytes, rng: random.Random) -> bytes:
    rows = content.split(b"\n")
    place = rng.randrange(len(rows))
    rows[place] = json_values(rows[place], rng)
    return b"\n".join(rows)


def _places(tree: object) -> Iterator[tuple[dict | list, object]]:
    for key, value in list(tree.items() if isinstance(tree, dict) else enumerate(tree)):
        yield tree, key
        if isinstance(value, dict | list):
            yield from _places(value)


def _damage(holder: dict | list, key: object, value: object, rng: random.Random) -> None:
    if (isinstance(holder, list) and key >= len(holder)) or (isinstance(holder, dict) and key not in holder):
        return
    action = rng.randrange(6)
    if action == 0:
        del holder[key]
    elif action == 1 and isinstance(holder, list):
        holder.append(holder[key])
    elif action == 1:
        holder[rng.choice(WORDS[:40])] = holder.pop(key)
    elif action == 2:
        holder[key] = [holder[key]]
    elif action == 3:
        holder[key] = str(holder[key])
    else:
        holder[key] = value


def _json_value(rng: random.Random) -> object:
    deep: list = []
    for _ in range(rng.choice((3, 400))):
        deep = [deep]
    plain = [None, True, False, [], {}, [[]], [{}], "", 0, -1, 1, 2, 3, 0.5, -0.5, 1e39, 1e308, 2**31, 2**62]
    plain += [
        2**63,
        -(2**64),
        10**400,
        float("nan"),
        float("inf"),
        "\ud800",
        "\0",
        {"counts": [], "size": []},
        deep,
    ]
    return rng.choice([*plain, rng.choice(WORDS), rng.choice(NUMBERS), [1] * 5000, [[rng.choice(plain)] * 6]])


def xml_nodes(content: bytes, rng: random.Random) -> bytes:
    tree = ElementTree.fromstring(content)
    parents = [node for node in tree.iter() if len(node)]
    parent = rng.choice(parents)
    node = rng.choice(list(parent))
    action = rng.randrange(7)
    if action == 0:
        parent.remove(node)
    elif action == 1:
        parent.append(copy.deepcopy(node))
    elif action == 2:
        node.tag = rng.choice(("object", "size", "name", "bndbox", "xmin", "x"))
    elif action == 3:
        node.text = rng.choice((*NUMBERS, *WORDS))
    elif action == 4:
        node.clear()
    elif action == 5:
        node.append(ElementTree.fromstring("<name>cat</name>"))
    else:
        rng.choice(parents).append(copy.deepcopy(node))
    return ElementTree.tostring(tree, "unicode").encode()


def xml_head(content: bytes, rng: random.Random) -> bytes:
    declared, written = rng.choice(DECLARED), rng.choice(ENCODINGS)
    entity = '<!DOCTYPE a [<!ENTITY b "cccc"><!ENTITY d "&b;&b;">]>' * rng.randrange(2)
    text = f'<?xml version="1.0" encoding="{declared}"?>{entity}{content.decode()}'
    deep = "<object>" * 5000 + "</object>" * 5000
    return rng.choice((text, text.replace("</annotation>", f"{deep}</annotation>"))).encode(
        written, "replace"
    )


def csv_cells(content: bytes, rng: random.Random) -> bytes:
    rows = list(csv.reader(io.StringIO(content.decode())))
    row = rng.choice(rows)
    cell = rng.randrange(len(row))
    action = rng.randrange(6)
    if action == 0:
        del row[cell]
    elif action == 1:
        row.insert(cell, row[cell])
    elif action == 2:
        for each in rows:
            del each[cell : cell + 1]
    else:
        row[cell] = rng.choice((*NUMBERS, *WORDS, *(other for each in rows for other in each)))
    text = io.StringIO()
    settings = {"delimiter": rng.choice(",,,;\t|"), "lineterminator": rng.choice(("\n", "\r\n", "\r"))}
    csv.writer(text, quoting=rng.choice((csv.QUOTE_MINIMAL, csv.QUOTE_ALL)), **settings).writerows(rows)
    return text.getvalue().encode()


def parquet_columns(content: bytes, rng: random.Random) -> bytes:
    """Change values, the type or the name of a column."""
    table = parquet.read_table(io.BytesIO(content)).to_pydict()
    name = rng.choice(list(table))
    action = rng.randrange(5)
    if action == 0:
        del table[name]
    elif action == 1:
        table[rng.choice(WORDS[-15:])] = table.pop(name)
    elif action == 2:
        table[name][0] = rng.choice((None, table[name][-1]))
    elif action == 3:
        table[name] = rng.choice((_column, _whole_column))(table[name], rng)
    else:
        table[name] = [[each] for each in table[name]]
    changed = io.BytesIO()
    parquet.write_table(pyarrow.table(table), changed)
    return changed.getvalue()


def _column(values: list, rng: random.Random) -> list:
    return [rng.choice((*NUMBERS, *WORDS)) for _ in values]


def _whole_column(values: list, rng: random.Random) -> list:
    some = (None, True, -1, 2**62, float("nan"), 1e300, b"\xff\0", {"a": 1}, [], [[]], "")
    return [rng.choice(some)] * len(values)


def image(content: bytes, rng: random.Random) -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pixels = Image.open(io.BytesIO(content))
        pixels = pixels.resize(rng.choice((pixels.size, pixels.size, rng.choice(SIZES))))
        try:
            pixels = pixels.convert(rng.choice(MODES))
            exif = Image.Exif()
            exif[0x0112] = rng.choice((0, 1, 3, 6, 8, 9, 60000))
            settings = {"exif": exif} if rng.random() < 0.3 else {}
            return saved(pixels, rng.choice(FORMATS), **settings)
        except (ValueError, OSError, KeyError):
            return saved(pixels.convert("RGB"), "BMP")


def gray(content: bytes, rng: random.Random) -> bytes:
    values = rng.choice((0, 1, 255, 256, 4095, 65535, -1, -(2**31), 2**31 - 1))
    kind = rng.choice((np.int32, np.uint16, np.float32))
    pixels = np.full((SIDE, SIDE), values).astype(kind)
    if kind is np.float32:
        pixels[0, 0] = rng.choice((0.5, np.nan, np.inf, -np.inf, 3e38, 1e-45))
    else:
        pixels[0, :2] = 0, rng.randrange(100)
    return saved(Image.fromarray(pixels), "TIFF")


def header(content: bytes, rng: random.Random) -> bytes:
    """Change the first bytes, which in MNIST's files say what follows."""
    changed = bytearray(content)
    for _ in range(rng.choice((1, 2))):
        place = rng.randrange(min(16, len(changed)))
        changed[place] = rng.choice((0, 1, 2, 3, 8, 9, 14, 15, 28, 127, 128, 255))
    return bytes(changed)


ANY: list[Mutate] = [flip, flip, cut, insert]
TEXT: list[Mutate] = [*ANY, encode, lines, lines, number, number, word, word]
KINDS: dict[str, list[Mutate]] = {
    ".json": [*TEXT, *[json_values] * 10],
    ".xml": [*TEXT, *[xml_nodes] * 6, *[xml_head] * 2],
    ".csv": [*TEXT, *[csv_cells] * 8],
    ".jsonl": [*TEXT, *[json_line] * 8],
    ".parquet": [*ANY, *[parquet_columns] * 8],
    ".yaml": TEXT,
    ".txt": TEXT,
    ".png": [*ANY, image, image, gray],
    ".jpg": [*ANY, image, image, gray],
    ".JPEG": [*ANY, image, image, gray],
    "": [*ANY, *[header] * 3],
}


# --- damage to the files ---


def misplaced(files: Files, path: str, rng: random.Random) -> None:
    """Delete, copy, move, swap or replace one file, or all that lies in its folder."""
    above = path.rpartition("/")[0]
    other = rng.choice(sorted(files))
    new = f"{above}/{rng.choice(NAMES)}".lstrip("/")
    action = rng.randrange(10)
    if action < 2:
        files[path] = rng.choice((FOLDER, b""))
    elif action == 2:
        files[path] = rng.choice(("nowhere", path.rpartition("/")[2], "..", "/dev/null", "."))
    elif action == 3:
        files[path], files[other] = files[other], files[path]
    elif action == 4:
        files[new] = files[path]
    elif action == 5:
        files[new] = files.pop(path)
    elif action == 6:
        files[path] = files[other]
    elif action == 7 and above:
        for each in [each for each in files if each.startswith(above)]:
            del files[each]
        files[above] = rng.choice((b"", "nowhere", FOLDER))
    else:
        del files[path]


def mutated(files: Files, rng: random.Random) -> Files:
    """Return a damaged copy of a data set; most are damaged in one place only, so that it is reached."""
    files = dict(files)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        by_suffix = rng.choice(sorted({Path(each).suffix for each in files}))
        path = rng.choice(sorted(each for each in files if Path(each).suffix == by_suffix))
        content = files[path]
        if rng.random() < 0.15 or not isinstance(content, bytes):
            misplaced(files, path, rng)
            if not files:
                break
        else:
            files[path] = _within(content, KINDS.get(by_suffix, ANY), rng)
    return files


def _within(content: bytes, kinds: list[Mutate], rng: random.Random) -> bytes:
    try:
        return rng.choice(kinds)(content, rng)
    except Exception:  # it is too damaged already to be damaged by what it means
        return flip(content, rng)


def write(files: Files, root: Path) -> None:
    """Write the files; a folder wins where there is a file of the same name."""
    for name, content in sorted(files.items(), reverse=True):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            continue
        if content is FOLDER:
            path.mkdir()
        elif isinstance(content, str):
            path.symlink_to(content)
        else:
            path.write_bytes(content)


# --- reading it ---


class HangError(BaseException):
    """No `Exception`: nothing that reads data may catch it."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    def stop(*_: object) -> None:
        raise HangError(f"no end after {seconds:g} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def used(layout: Layout, root: Path, cache: Path | None) -> None:
    """Say what lies there, open the split, read every sample, and, if all are sound and there is a `cache`,
    store it."""
    data, over = root / layout.data, [root / layout.annotations] if layout.annotations else []
    with suppress(UserError):
        recognised(data)
    source = open_source(layout.reader, data, "train", annotations=over)
    for index in range(len(source.names)):
        source.read(index)
    if cache:
        open_split(layout.reader, data, "train", 8, cache, {}, over)


def fault(layout: Layout, root: Path, cache: Path | None, limit: float = LIMIT) -> str | None:
    """Return what is wrong with how a reader takes the data in `root`; "" if it is read, None: refused."""
    try:
        with within(limit), warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.filterwarnings("ignore", module="PIL")  # on stderr; the photo is read all the same
            used(layout, root, cache)
    except UserError as error:
        message = str(error).replace(str(root), "ROOT")
        if len(message) > LONGEST:
            return f"a UserError of {LONGEST} characters and more: {re.sub('[0-9]+', 'N', message[:90])}"
        sound = len(message.splitlines()) == 1 and message.encode()
        return None if sound else f"a UserError that is not one line: {message!r}"
    except (Exception, HangError) as error:
        place = traceback.extract_tb(error.__traceback__)
        ours = [each for each in place if "model_guidance" in each.filename][-1:]
        where = "".join(f"{Path(each.filename).name}:{each.lineno} {each.line}" for each in ours)
        return f"{type(error).__name__}: {str(error)[:90]!r} at {where}"
    return ""


@dataclass
class Tally:
    """How the damaged data of one layout was taken; `faults` count by what it was, `seeds` show it again."""

    fine: int = 0
    refused: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    seeds: dict[str, int] = field(default_factory=dict)

    def add(self, found: str | None, seed: int) -> None:
        self.fine += found == ""
        self.refused += found is None
        if found:
            self.faults[found] += 1
            self.seeds.setdefault(found, seed)


def fuzz(name: str, mutations: int, seed: int = 0, stored: int = 1) -> Tally:
    """Damage the data set of one layout so many times, with the seeds from `seed` on, and read it.

    Every `stored`-th one is also stored in a cache, if it is sound.
    """
    layout, tally = LAYOUTS[name], Tally()
    sound = layout.files()
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as home:
        root, cache = Path(home) / "data", Path(home) / "cache"
        for each in range(seed, seed + mutations):
            write(mutated(sound, random.Random(f"{name} {each}")), root)
            tally.add(fault(layout, root, None if each % stored else cache), each)
            for made in (root, cache):
                shutil.rmtree(made, ignore_errors=True)
    return tally


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--mutations", type=int, default=10_000, help="of each layout")
    parser.add_argument("--seed", type=int, default=0, help="of the first one; the others follow it")
    parser.add_argument("--layouts", nargs="+", choices=LAYOUTS, default=list(LAYOUTS))
    options = parser.parse_args()
    print(f"{'layout':22}{'fine':>8}{'UserError':>11}{'other':>8}{'seconds':>9}")
    failed = False
    for name in options.layouts:
        begin = time.perf_counter()
        tally = fuzz(name, options.mutations, options.seed)
        seconds = time.perf_counter() - begin
        print(f"{name:22}{tally.fine:8}{tally.refused:11}{tally.faults.total():8}{seconds:9.0f}", flush=True)
        for found, count in tally.faults.most_common():
            print(f"    {count} x, seed {tally.seeds[found]}: {found}", flush=True)
        failed |= bool(tally.faults)
    return failed


if __name__ == "__main__":
    raise SystemExit(main())
