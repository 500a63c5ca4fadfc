"""The one exception that a user's mistake raises."""

import re

LONGEST = 600  # characters of a message; a file's content may be quoted in it


class UserError(Exception):
    """A mistake of the user's, in one sentence: which file, line or argument, and what would be right.

    The command line prints the sentence and exits with status 2; a caller from Python catches it as is.
    """

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


def one_line(text: str) -> str:
    """Return `text` without line breaks and control characters, its middle left out if it is too long."""
    line = re.sub(r"[\x00-\x1f\x7f]+", " ", text)
    if len(line) <= LONGEST:
        return line
    half = LONGEST // 2 - 20
    return f"{line[:half]} ... ({len(line) - 2 * half} characters) ... {line[-half:]}"
