"""Reading a command line: one sentence for a mistake, and nothing but plain values."""

import argparse
import json
import re
from collections.abc import Iterator, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any, NoReturn

import yaml
from jsonargparse import ArgumentParser

from model_guidance.errors import UserError, meant
from model_guidance.training.config import is_plain
from model_guidance.training.config_file import read_yaml

FUNCTIONS = (
    "data",
    "method",
    "loss",
)  # options that may name a function of the user's own, which is imported
SHELLS = ("bash", "zsh", "tcsh")
MAPPINGS = ("options", "slurm", "machine")  # options whose value is a mapping, also given as --NAME.KEY VALUE
LISTS = ("--annotations",)  # options whose value may be a list, also given as several values


class Parser(ArgumentParser):
    """Answers a mistake with one sentence, and takes no abbreviations."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(allow_abbrev=False, **settings)

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Raise the message as a `UserError`, with the options under the names that users give them."""
        commands = "|".join(self._by_command()) or "(?!)"  # a command's own parser has none
        within = re.search(rf"\b({commands})\.\w", message)
        message = re.sub(r"\b[a-z-]+\.(runs|run|name)\b", r"\1", " ".join(message.split()))
        message = re.sub(rf"\b(?:{commands})\.(\w+)", r"--\1", message)
        message = re.sub(r"Parser key \"(\w+)\":", r"--\1:", re.sub(r"<class '(\w+)'>", r"\1", message))
        command = re.search(r"argument subcommand: invalid choice: '([^']*)'", message)
        if command:
            known = f"there are {', '.join(self._by_command())}{meant(command[1], self._by_command())}"
            raise UserError(f"there is no command '{command[1]}': {known}")
        asked = f"{self.prog.replace(' [options]', '')}{f' {within[1]}' if within else ''}"
        raise UserError(f"{message}{self._meant(message)} (see {asked} --help)")

    def _meant(self, message: str) -> str:
        """Return which option may be meant by one that there is not, or that a value belongs to none."""
        if re.search(r"[Uu]nrecognized arguments: [^-]", message):
            return "; a value stands behind its option, such as --data, and one with spaces in quotes"
        unknown = re.search(r"[Uu]nrecognized arguments: (-{1,2}[\w.-]+)", message)
        actions = [each for parser in (self, *self._by_command().values()) for each in parser._actions]
        known = [option for action in actions for option in action.option_strings]
        return meant(unknown[1], known) if unknown else ""

    def _by_command(self) -> dict[str, Any]:
        """Return the parser of each command."""
        maps = [getattr(action, "_name_parser_map", {}) for action in self._actions]
        return {name: parser for each in maps for name, parser in each.items()}


class _Mapping:
    """The type of an option that is a mapping of plain values; nothing that it names is imported."""

    def __call__(self, text: str | dict[str, Any]) -> dict[str, Any]:
        try:
            value = yaml.safe_load(text) if isinstance(text, str) else text
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            raise UserError(f"{text}: this is no plain YAML") from error
        if not (isinstance(value, dict) and is_plain(value)):
            raise UserError(f"{text}: a mapping is needed, such as '{{\"count\": 96}}', of plain values")
        return value

    def __repr__(self) -> str:
        return "mapping"  # in --help; of a function, its address would stand there


mapping = _Mapping()


def gathered(arguments: Sequence[str]) -> list[str]:
    """Return a command line with all `--options.KEY VALUE` as one `--options MAPPING`, lists as one value.

    A mapping replaces what stands before it, a single key one of its values.
    """
    found: dict[str, dict[str, Any]] = {}
    rest, waiting = [], iter(_with_lists(arguments))
    for argument in waiting:
        name, separator, value = argument.partition("=")
        option, _, key = name.removeprefix("--").partition(".")
        if not (name.startswith("--") and option in MAPPINGS):
            rest.append(argument)
            continue
        if not separator and (value := next(waiting, "--")).startswith("--"):
            raise UserError(f"{name}: a value is needed")
        try:
            read = mapping(value) if not key else {key: mapping(f"value: {value}")["value"]}
        except UserError as error:
            raise UserError(f"{name} {error}") from error
        _check_scalars(read if option == "options" else {}, "--options")
        found[option] = found.get(option, {}) | read if key else read
    return [*rest, *(f"--{option}={json.dumps(value)}" for option, value in found.items())]


def _with_lists(arguments: Sequence[str]) -> list[str]:
    """Return a command line with several values behind an option of `LISTS` as the list that they are."""
    found: list[str] = []
    rest = list(arguments)
    while rest:
        found.append(rest.pop(0))
        values = list(takewhile(lambda each: not each.startswith("--"), rest)) if found[-1] in LISTS else []
        if len(values) > 1:
            found.append(json.dumps(values))
            del rest[: len(values)]
    return found


def with_file(arguments: Sequence[str], known: Sequence[str]) -> list[str]:
    """Return a command line with the settings of its `--config FILE` as options, before the others.

    Raises `UserError` for a file that cannot be read, or that names something else than the options `known`.
    """
    rest: list[str] = []
    read: list[str] = []
    waiting = iter(arguments)
    for argument in waiting:
        name, separator, value = argument.partition("=")
        if name == "--config":
            read += _options(Path(value if separator else next(waiting, "")), known)
        else:
            rest.append(argument)
    return [*rest[:1], *read, *rest[1:]]


def _options(path: Path, known: Sequence[str]) -> Iterator[str]:
    content = read_yaml(path)
    if not (isinstance(content, dict) and is_plain(content)):
        raise UserError(f"{path}: this must be a mapping from options to plain values")
    for name, value in content.items():
        if name not in known:
            raise UserError(f"{path}: there is no option '{name}'{meant(str(name), known)}")
        if name in FUNCTIONS and "." in str(value):
            raise UserError(
                f"{path}: {name} {value}: a file may not name code to import, "
                f"give --{name} on the command line"
            )
        _check_scalars(value if name == "options" else {}, f"{path}: options")
        yield f"--{name}={value if isinstance(value, str) else json.dumps(value)}"


def _check_scalars(options: object, place: str) -> None:
    """Raise `UserError` for a reader's option that is a mapping: none takes one, least of all a class."""
    for name, value in options.items() if isinstance(options, dict) else ():
        if isinstance(value, dict):
            raise UserError(f"{place}.{name} {json.dumps(value)}: a plain value is needed, no mapping")


class PrintCompletion(argparse.Action):
    """The option that prints what makes a shell complete commands and options."""

    def __init__(self, option_strings: Sequence[str], dest: str, **settings: Any) -> None:
        text = f"print what makes a shell complete commands and options: {', '.join(SHELLS)}"
        nothing = argparse.SUPPRESS
        super().__init__(option_strings, nothing, None, None, nothing, None, SHELLS, False, text, "SHELL")

    def __call__(self, parser: Any, *given: Any) -> None:
        """Print it for the shell that was given, and end."""
        try:
            import shtab
        except ModuleNotFoundError as error:
            raise UserError("--print_completion needs shtab: pip install 'model-guidance[train]'") from error
        print(shtab.complete(parser, shell=given[1]))
        parser.exit()
