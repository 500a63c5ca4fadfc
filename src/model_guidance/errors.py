"""The one exception that a user's mistake raises."""

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

NAMED = 3  # of many names that there is one thing to say of
LONGEST = 600  # characters of a message; a file's content may be quoted in it
LONGEST_WORD = 200  # longer than most paths
LONGEST_QUOTE = 60  # of what a file says where it should say something else
BREAKS = r"[\t\n\v\f\r\x85\u2028\u2029]+"
UNSEEN = r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]"  # of control, and directions of writing


class UserError(Exception):
    """A mistake of the user's, in one sentence: which file, line or argument, and what would be right.

    The command line prints the sentence and exits with status 2; a caller from Python catches it as is.
    """

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


def meant(given: str, known: Iterable[str]) -> str:
    """Return which of the `known` names may be meant, as the end of a sentence; empty if none comes near."""
    close = get_close_matches(given, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""


def listed(known: Iterable[str], given: str) -> str:
    """Return the `known` names, and which of them may be meant."""
    names = list(known)
    return f"{', '.join(names)}{meant(given, names)}"


def first_of(names: Sequence[object]) -> str:
    """Return the first few names of a long list, with dots where there are more."""
    return ", ".join(map(str, names[:NAMED])) + ", ..." * (len(names) > NAMED)


def one_line(text: str) -> str:
    """Return `text` without line breaks; of long words and texts the ends are left.

    Control characters, and what no encoding can write (a part of a file's name, perhaps), are escaped, so
    that they can be printed and are seen.
    """
    line = re.sub(rf"\S{{{LONGEST_WORD},}}", lambda word: _ends(word[0], 30), _visible(text))
    return line if len(line) <= LONGEST else _ends(line, LONGEST // 2 - 20)


def shortened(text: str) -> str:
    """Return what a file says, in one line and in a length that fits a sentence."""
    shown = _visible(text)
    return shown if len(shown) <= LONGEST_QUOTE else _ends(shown, LONGEST_QUOTE // 2)


def quoted(found: object) -> str:
    """Return what was found, as Python writes it, in a length that fits a sentence."""
    return shortened(repr(found))


def _visible(text: str) -> str:
    written = re.sub(BREAKS, " ", text.encode("utf-8", "backslashreplace").decode())
    return re.sub(UNSEEN, lambda unseen: ascii(unseen[0])[1:-1], written)


def _ends(text: str, half: int) -> str:
    return f"{text[:half]} ... ({len(text) - 2 * half} characters) ... {text[-half:]}"
