"""Reference of the command line, from the parsers that the commands themselves use."""

from __future__ import annotations

import argparse
import inspect
import re

from cleartract.cli import EXIT_CODES, all_commands
from cleartract.commands.completion import parser_of

_DEFAULT = re.compile(r"\s*\((?:default: (?P<default>.*)|(?P<required>required))\)$", re.DOTALL)
_NONE = "None"


def command_page() -> str:
    """Every command with its options, defaults and help texts, as MyST."""
    parts = [
        "# Command line",
        "Each command tells the same by `cleartract COMMAND --help`.\n"
        "`cleartract --version` prints the version, and `cleartract --completion bash` (or `zsh`) "
        "[what completes commands in the shell](../howto/install.md#completion-in-the-shell).\n"
        "[Exit codes](exit-codes.md) are those of all commands.",
    ]
    for name, command in all_commands().items():
        parser = parser_of(command)
        actions = [action for action in parser._actions if action.dest != "help"]
        said = _text(inspect.getdoc(command) or "")
        parts += [f"## cleartract {name}", said]
        parts += [_usage(name, actions)] if actions else []
        rows = [_row(action) for action in actions]
        if rows:
            head = ["| option | default | meaning |", "|---|---|---|"]
            parts.append("\n".join([*head, *rows]))
    return "\n\n".join(parts) + "\n"


def exit_code_page() -> str:
    """Exit codes with their meaning and the error class of Python, as MyST."""
    from cleartract import errors

    classes = {
        kind.exit_code: name
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, errors.ClearTractError)
    }
    rows = []
    for code, meaning in re.findall(r"^  (\d+)  (.*)$", EXIT_CODES, re.MULTILINE):
        kind = classes.get(int(code))
        rows.append(f"| {code} | {_cell(meaning)} | {f'`{kind}`' if kind else ''} |")
    return (
        "# Exit codes\n\n"
        "A command that fails prints one line to standard error: which file, what is wrong, what to do.\n"
        "In Python the same line is the text of an exception of `cleartract.errors`; "
        "all are a `ClearTractError`.\n"
        "[What happens when something is wrong](../reliability.md) lists the faults.\n\n"
        "| code | meaning | exception |\n|---|---|---|\n" + "\n".join(rows) + "\n"
    )


def _usage(name: str, actions: list[argparse.Action]) -> str:
    needed = [a.dest.upper() for a in actions if not a.option_strings]
    needed += [f"{a.option_strings[-1]} {_value(a)}" for a in actions if _required(a)]
    return "\n".join(["```text", " ".join(["cleartract", name, *needed, "[options]"]), "```"])


def _required(action: argparse.Action) -> bool:
    return bool(action.option_strings) and action.required


def _value(action: argparse.Action) -> str:
    given = action.metavar if isinstance(action.metavar, str) else ""
    return given.replace("{None}|", "")


def _row(action: argparse.Action) -> str:
    help_text = (action.help or "").strip()
    found = _DEFAULT.search(help_text)
    default = "" if found is None else (found["default"] or found["required"] or "")
    meaning = help_text if found is None else help_text[: found.start()]
    if default == _NONE or (action.nargs == 0 and default == "False"):
        default = ""
    names = [f"`{name}`" for name in action.option_strings] or [f"`{action.dest.upper()}`"]
    value = f" `{_cell(_value(action))}`" if action.option_strings and _value(action) else ""
    shown = f"`{_cell(default)}`" if default and default != "required" else default
    return f"| {', '.join(names)}{value} | {shown} | {_cell(_text(meaning))} |"


def _text(text: str) -> str:
    """Text of a help in which options are marked as code."""
    return re.sub(r"(?<![\w`-])(--[a-z][a-z-]*[a-z])", r"`\1`", " ".join(text.split()))


def _cell(text: str) -> str:
    """Text as a cell of a table shows it: no bars, no markup of lists or footnotes, `%%` as one sign."""
    return " ".join(text.split()).replace("%%", "%").replace("|", "\\|").replace("*", "\\*")
