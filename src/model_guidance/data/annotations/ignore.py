"""Boxes whose inside must not be used: a watermark, a hospital's tag."""

from model_guidance.data.annotations.boxes import Boxes


class Ignore(Boxes):
    """A box like any other, but attribution inside of it is penalised and elsewhere free."""

    excludes = True
