"""Boxes and masks whose inside must not be used: a watermark, a hospital's tag."""

from model_guidance.data.annotations.boxes import Boxes
from model_guidance.data.annotations.masks import Masks


class Ignore(Boxes):
    """A box like any other, but attribution inside of it is penalised and elsewhere free."""

    excludes = True


class IgnoreMasks(Masks):
    """The same of a mask."""

    excludes = True
