"""The one exception that a user's mistake raises."""

import re

LONGEST = 600  # characters of a message; a file's content may be quoted in it
LONGEST_WORD = 200  # longer than most paths
UNSEEN = r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+"  # of control, line ends, directions


class UserError(Exception):
    """A mistake of the user's, in one sentence: which file, line or argument, and what would be right.

    The command line prints the sentence and exits with status 2; a caller from Python catches it as is.
    """

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


def one_line(text: str) -> str:
    """Return `text` without line breaks and control characters; of long words and texts the ends are left.

    What no encoding can write (a part of a file's name, perhaps) is escaped, so that it can be printed.
    """
    written = text.encode("utf-8", "backslashreplace").decode()
    line = re.sub(UNSEEN, " ", written)
    line = re.sub(rf"\S{{{LONGEST_WORD},}}", lambda word: _ends(word[0], 30), line)
    return line if len(line) <= LONGEST else _ends(line, LONGEST // 2 - 20)


def _ends(text: str, half: int) -> str:
    return f"{text[:half]} ... ({len(text) - 2 * half} characters) ... {text[-half:]}"
