"""Text is read in every encoding that says what it is; what cannot be read is named."""

import os
from pathlib import Path

import pytest

from model_guidance.errors import LONGEST, UserError
from model_guidance.files import read_text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_text_is_read_in_every_encoding_that_says_what_it_is(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "table.csv"
    file.write_bytes("café\n".encode(encoding))
    assert read_text(file) == "café\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            "a\ncafé\n".encode("cp1252"),
            r"line 2: byte 0xe9 is no UTF-8 text; save it as UTF-8",
        ),
        (b"\xff\xfea\x00b", r"table\.csv line 1: byte 0x62 is no UTF-16 text"),
    ],
)
def test_other_encodings_are_named_with_the_line(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "table.csv").write_bytes(content)
    with pytest.raises(UserError, match=said):
        read_text(tmp_path / "table.csv")


def test_what_is_no_file_is_named_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, said in (
        (tmp_path, "is a folder, but must be a file"),
        (tmp_path / "pipe", "is a pipe or a device"),
        (tmp_path / "none", r"cannot be read \(No such file"),
        (tmp_path / "a\0b", "cannot be read"),
    ):
        with pytest.raises(UserError, match=said):
            read_text(path)


def test_a_message_can_be_printed_and_shows_the_ends_of_its_words() -> None:
    message = str(UserError(f"a.csv\x85line\u20283: \udcff\u202e {'x' * 300}.png, but must be y"))
    assert (
        message == f"a.csv line 3: \\udcff  {'x' * 30} ... (245 characters) ... {'x' * 25}.png, but must be y"
    )


def test_a_message_is_one_line_of_bounded_length() -> None:
    message = str(UserError("file.xml: the name\n'" + "lol" * 10**6 + "' is unknown"))
    assert "\n" not in message
    assert len(message) < LONGEST + 20
    assert message.startswith("file.xml: the name 'lol")
    assert message.endswith("lol' is unknown")
