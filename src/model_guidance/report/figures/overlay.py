"""A map over its image, as pixels: what sheets and pages show."""

from collections.abc import Iterable

import numpy as np
from jaxtyping import Bool, Float, UInt8
from matplotlib import colormaps
from PIL import Image

STRONGEST = 99.5  # percentile of |A| that gets the full colour, so that one pixel does not hide the rest
SIDE = 384  # pixels of the longer side of what is shown
AGAINST, FOR = (np.array(colormaps["RdBu_r"](place)[:3]) for place in (0.08, 0.92))  # blue, red
BAND = 256  # rows that are blended at once: floats of a whole photo would fill the memory
STRIPES = 10  # from one line across to the next, in widths of a line
OPACITY = 0.9  # of the strongest
FAINTNESS = 0.5  # exponent of the opacity: below 1, weak evidence is seen as well


def scale(maps: Iterable[Float[np.ndarray, "height width"]]) -> float:
    """Return the magnitude that gets the full colour when these maps are to be compared; 1 if all are 0."""
    return max((_strongest(raw) for raw in maps), default=0.0) or 1.0


def _strongest(raw: Float[np.ndarray, "height width"]) -> float:
    magnitude = np.abs(raw)
    return float(np.percentile(magnitude, STRONGEST) or magnitude.max())


def picture(
    image: UInt8[np.ndarray, "height width 3"],
    raw: Float[np.ndarray, "rows columns"] | None = None,
    region: Bool[np.ndarray, "rows columns"] | None = None,
    strongest: float = 1.0,
    side: int | None = SIDE,
    banned: bool = False,
) -> UInt8[np.ndarray, "tall wide 3"]:
    """Return the image in its own aspect, `side` pixels long, with the map over it and the region framed.

    Without a `side` it keeps its size.

    A region that is `banned`, whose inside must not be used, is hatched as well.

    Red speaks for the class, blue against it, as opaque as the map is strong; `strongest` gets the full
    colour. Map and region cover the whole image, whatever their own aspect.
    """
    size = shown_size(image.shape[1], image.shape[0], side)
    pixels = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC))
    if raw is not None:
        pixels = _blended(pixels, _strength(raw, strongest, size))
    return pixels if region is None else _framed(pixels, region, banned)


def layer(raw: Float[np.ndarray, "rows columns"], side: int) -> UInt8[np.ndarray, "side side 4"]:
    """Return a map as colours with an opacity, to be stretched over its image; its strongest is full."""
    colour, opacity = _tint(_strength(raw, scale([raw]), (side, side)))
    return (255 * np.concatenate([colour, opacity], axis=2)).astype(np.uint8)


def _strength(
    raw: Float[np.ndarray, "rows columns"], strongest: float, size: tuple[int, int]
) -> Float[np.ndarray, "height width"]:
    """Return a map from -1 to 1 at a size, width and height."""
    strength = Image.fromarray((raw / strongest).clip(-1, 1).astype(np.float32))
    return np.asarray(strength.resize(size, Image.Resampling.BILINEAR))


def _tint(
    strength: Float[np.ndarray, "height width"],
) -> tuple[Float[np.ndarray, "height width 3"], Float[np.ndarray, "height width 1"]]:
    """Return the colour and the opacity of each strength, from 0 to 1."""
    colour = np.where(strength[..., None] > 0, FOR, AGAINST)
    return colour, OPACITY * np.abs(strength)[..., None] ** FAINTNESS


def colour_bar() -> UInt8[np.ndarray, "1 256 3"]:
    """Return the colours of strengths from -1 to 1, over a middling grey."""
    return _blended(np.full((1, 256, 3), 128, np.uint8), np.linspace(-1, 1, 256)[None])


def shown_size(width: int, height: int, side: int | None = SIDE) -> tuple[int, int]:
    """Return width and height of what is shown of an image: the longer side has `side` pixels."""
    longer = max(width, height)
    side = side or longer
    return max(1, round(side * width / longer)), max(1, round(side * height / longer))


def _blended(
    pixels: UInt8[np.ndarray, "height width 3"], strength: Float[np.ndarray, "height width"]
) -> UInt8[np.ndarray, "height width 3"]:
    cuts = range(BAND, len(pixels), BAND)
    bands = zip(np.split(pixels, cuts), np.split(strength, cuts), strict=True)
    return np.concatenate([_blended_band(*each) for each in bands])


def _blended_band(
    pixels: UInt8[np.ndarray, "height width 3"], strength: Float[np.ndarray, "height width"]
) -> UInt8[np.ndarray, "height width 3"]:
    colour, opacity = _tint(strength)
    grey = 0.35 + 0.6 * (pixels @ np.array([0.299, 0.587, 0.114]))[..., None] / 255
    return (255 * ((1 - opacity) * grey + opacity * colour)).astype(np.uint8)


def _framed(
    pixels: UInt8[np.ndarray, "height width 3"], region: Bool[np.ndarray, "rows columns"], banned: bool
) -> UInt8[np.ndarray, "height width 3"]:
    """Draw a white line with a black edge along the inside of the region, and across one that is banned."""
    large = Image.fromarray(region).resize(pixels.shape[1::-1], Image.Resampling.NEAREST)
    inside = np.asarray(large, bool)
    framed, thick = pixels.copy(), max(1, SIDE // 190)
    for width, value in ((3 * thick, 0), (2 * thick, 255), (thick, 0)):
        framed[inside & ~_eroded(inside, width)] = value
    if banned:
        rows, columns = np.indices(inside.shape)
        place = (rows + columns) % (STRIPES * thick)
        framed[inside & (place < 2 * thick)] = 0
        framed[inside & (place < thick)] = 255
    return framed


def _eroded(inside: Bool[np.ndarray, "height width"], steps: int) -> Bool[np.ndarray, "height width"]:
    """Take `steps` pixels off the region on all sides; the image's edge is one of its sides."""
    height, width = inside.shape
    padded, shifts = np.pad(inside, steps), range(2 * steps + 1)
    rows = np.logical_and.reduce([padded[shift : shift + height] for shift in shifts])
    return np.logical_and.reduce([rows[:, shift : shift + width] for shift in shifts])
