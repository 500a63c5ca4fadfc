"""`--data PATH`: what lies there, said in one line."""

import sys
from pathlib import Path

from model_guidance.errors import UserError
from model_guidance.files import is_there


def located(data: str, root: str | None) -> tuple[str, str | None]:
    """Return the reader's name and the root: those given, or for a path what was recognised there.

    What it is taken for is printed. Raises `UserError` for a path beside a root, and for one at which no
    data set is recognised.
    """
    from model_guidance.data.opening import DATASETS
    from model_guidance.data.recognition import recognised

    path = Path(data).expanduser()
    looks_like_path = "/" in data or "\\" in data
    if data in DATASETS or not (looks_like_path or is_there(path)):
        return data, root
    if root is not None:
        raise UserError(f"--data {data}: is a path, so --root {root} must be left out")
    name, seen = recognised(path)
    print(f"{data}: {seen} (--data {name} --root {data})", file=sys.stderr)
    return name, data
