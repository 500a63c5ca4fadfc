"""Text is read in every encoding that says what it is; what cannot be read is named."""

import os
from pathlib import Path

import pytest

from model_guidance.errors import LONGEST, UserError
from model_guidance.files import check_output, check_output_folder, is_file, is_folder, is_there, read_text
from tests.permissions import unprivileged


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


@pytest.mark.parametrize("mode", [0o000, 0o444, 0o555])
def test_an_output_where_nothing_may_be_written_is_named_with_its_option(tmp_path: Path, mode: int) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept").chmod(mode)
    out = tmp_path / "kept" / "a.png"
    for check in (check_output, check_output_folder):
        with pytest.raises(UserError, match=rf"^--out {out}: .*kept may not be written to"):
            unprivileged(lambda check=check: check(out))


@pytest.mark.parametrize("ask", [is_there, is_file, is_folder])
def test_what_the_system_does_not_let_us_know_is_said_not_guessed(tmp_path: Path, ask) -> None:
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "file").write_text("")
    (tmp_path / "hidden").chmod(0)
    with pytest.raises(UserError, match=r"file: may not be read \(Permission denied\)"):
        unprivileged(lambda: ask(tmp_path / "hidden" / "file"))
    assert not ask(tmp_path / "none")


def test_a_message_can_be_printed_and_shows_the_ends_of_its_words() -> None:
    message = str(UserError(f"a.csv\x85line\u20283: \udcff\u202e {'x' * 300}.png, but must be y"))
    assert (
        message == f"a.csv line 3: \\udcff\\u202e {'x' * 30} ... (245 characters) ... {'x' * 25}.png, "
        "but must be y"
    )


def test_a_name_of_control_characters_is_one_word_whose_ends_are_seen() -> None:
    message = str(UserError("images/" + "\09" * 5000 + ".jpg: no image"))
    assert message.startswith(r"images/\x009\x009")
    assert message.endswith(r"9\x009.jpg: no image")
    assert len(message) < 120


def test_a_message_is_one_line_of_bounded_length() -> None:
    message = str(UserError("file.xml: the name\n'" + "lol" * 10**6 + "' is unknown"))
    assert "\n" not in message
    assert len(message) < LONGEST + 20
    assert message.startswith("file.xml: the name 'lol")
    assert message.endswith("lol' is unknown")
