"""Command line: parses, runs, and turns errors into one line and an exit code."""

from __future__ import annotations

import contextlib
import difflib
import io
import os
import re
import signal
import sys
import threading
from collections.abc import Collection, Iterator, Sequence

from cleartract import __version__
from cleartract.errors import ClearTractError, UsageError, one_line, wrong_field
from cleartract.recordings.formats import READERS, SERIES_SUFFIXES, SOUND_SUFFIXES

_DESCRIPTION = """Denoise real-time MRI video of speech.

cleartract COMMAND --help tells of a command, cleartract --version the version;
cleartract --completion bash (or zsh) prints what completes commands in the shell.

"""
EXIT_CODES = """exit codes:
  0  done
  2  wrong options
  3  recording missing, damaged or of an unsupported kind
  4  windows that cannot cover the recording
  5  weights missing, damaged or of another version
  6  result that may not or cannot be written
  7  corpus, run folder or optional extra missing or unusable
  8  some of many recordings failed; the others are done
  130  interrupted (143: terminated); nothing is left under the final name"""


class _Terminated(KeyboardInterrupt):
    """The process was asked to end, as by a queue whose time is over: it tidies up as after Ctrl-C."""


def all_commands() -> dict[str, type]:
    """The commands by their names, in the order of the help."""
    from cleartract.commands.adapt import Adapt
    from cleartract.commands.app import App
    from cleartract.commands.demo import Demo
    from cleartract.commands.denoise import Denoise
    from cleartract.commands.doctor import Doctor
    from cleartract.commands.evaluate import Evaluate
    from cleartract.commands.generate import Generate
    from cleartract.commands.measure import Measure
    from cleartract.commands.methods import Methods
    from cleartract.commands.reconstruct import Reconstruct
    from cleartract.commands.simulate import Simulate
    from cleartract.commands.train import Train
    from cleartract.commands.view import View

    return {
        "denoise": Denoise,
        "generate": Generate,
        "evaluate": Evaluate,
        "measure": Measure,
        "reconstruct": Reconstruct,
        "simulate": Simulate,
        "train": Train,
        "adapt": Adapt,
        "methods": Methods,
        "view": View,
        "app": App,
        "demo": Demo,
        "doctor": Doctor,
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of `cleartract`; returns the exit code."""
    import tyro
    from pydantic import ValidationError

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names of files may be any bytes
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] in (["--version"], ["-V"]):
        print(f"cleartract {__version__}")
        return 0
    arguments = _with_places(arguments) or ["--help"]
    commands = all_commands()
    said, helped = io.StringIO(), io.BytesIO()
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    page = io.TextIOWrapper(helped, encoding, "replace")  # boxes are drawn as it allows
    try:
        _check_empty(arguments)
        if arguments[0] in ("--completion", "--tyro-print-completion"):
            from cleartract.commands.completion import completion

            print(completion(" ".join(arguments[1:]), commands), end="")
            return 0
        try:
            with contextlib.redirect_stderr(said), contextlib.redirect_stdout(page):
                command = tyro.extras.subcommand_cli_from_dict(
                    commands,  # type: ignore[arg-type]
                    prog="cleartract",
                    description=_DESCRIPTION + EXIT_CODES,
                    args=arguments,
                    config=(tyro.conf.FlagCreatePairsOff,),
                )
        except SystemExit as end:
            if not end.code:
                page.flush()
                print(_plain_help(helped.getvalue().decode(encoding)), end="")
                return 0
            raise UsageError(_one_line(said.getvalue(), arguments, commands)) from None
        except ValidationError as error:
            name, fault = wrong_field(error).split(":", 1)
            raise UsageError(f"--{name.replace('_', '-')}:{fault}") from error
        with _tidy_when_terminated():
            command.run()
        sys.stdout.flush()
    except ClearTractError as error:
        print(f"cleartract: {one_line(str(error))}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        with contextlib.suppress(OSError, ValueError):  # nothing more is said at the exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        print("cleartract: standard output was closed", file=sys.stderr)
        return 6
    except MemoryError:
        print(
            "cleartract: not enough memory; give shorter windows or fewer frames", file=sys.stderr
        )
        return 6
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"cleartract: {one_line(f'{where}{error.strerror or error}')}", file=sys.stderr)
        return 6
    except KeyboardInterrupt as error:
        terminated = isinstance(error, _Terminated)
        print(f"cleartract: {'terminated' if terminated else 'interrupted'}", file=sys.stderr)
        return 143 if terminated else 130
    return 0


@contextlib.contextmanager
def _tidy_when_terminated() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread hears signals
        return

    def end(number: int, frame: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough
        raise _Terminated

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _check_empty(arguments: Sequence[str]) -> None:
    """Refuse an empty argument, such as that of an unset variable: as a path it is this folder.

    Raises:
        UsageError: If there is one.
    """
    for before, text in zip(["", *arguments], arguments, strict=False):
        option = re.fullmatch(r"(--?[\w-]+)=", text)
        if not text or option:
            named = option[1] if option else before if before.startswith("-") else ""
            where = f"{named}: is empty" if named else "an argument is empty"
            raise UsageError(f"{where}; give the name of a file, or leave it out")


def _with_places(arguments: Sequence[str]) -> list[str]:
    """Names of files that begin with a dash as `./-x.mp4`, so that they are no options."""
    kinds, result = {*READERS, *SOUND_SUFFIXES, *SERIES_SUFFIXES, ".safetensors"}, []
    for before, text in zip(["", *arguments], arguments, strict=False):
        dashed = re.match(r"-[^-]", text) and not re.match(r"-\w=", text)
        if dashed and os.path.splitext(text)[1].lower() in kinds:
            asked_for = before in ("-o", "--output") or before.startswith("--")
            if asked_for or os.path.lexists(text) or not text.startswith("-o"):
                text = f".{os.sep}{text}"
        result.append(text)
    return result


def _one_line(box: str, arguments: Sequence[str], commands: Collection[str]) -> str:
    """What the parser says in a box, as one line: its first paragraph and where help is."""
    lines = [line.strip("│╭╮╰╯ ") for line in box.splitlines()]
    rules = [number for number, line in enumerate(lines) if line.startswith("─")]
    first = lines[rules[0] + 1 : rules[1]] if len(rules) > 1 else lines
    named = f" {arguments[0]}" if arguments[0] in commands else ""
    text = " ".join(line for line in first if line).rstrip(".")
    meant, option = [], ""
    for line in lines:
        if re.match(r"--\w", line):
            option = line.split(",")[0]
        elif option and line == f"in cleartract{named} --help":  # not of another command
            meant.append(option)
    if not named:
        meant = difflib.get_close_matches(arguments[0], list(commands), 1)
    asked = f"; did you mean {meant[0].split()[0]}?" if meant else ""
    return f"{text or 'wrong options'}{asked}; see cleartract{named} --help"


_NO_DEFAULT = re.compile(r" ?\(default: (None)?\)")


_BROKEN_DEFAULT = re.compile(r"\(default:( *│?\n[│ ]+)None\)")  # over the end of a line


def _joined_default(found: re.Match[str]) -> str:
    """Marks in its place, so that what stands around it stays where it is."""
    return "\0" * len("(default:") + found[1] + "\0" * len("None)")


def _plain_help(text: str) -> str:
    """Help in which options that may be left out are not called `{None}|PATH`; boxes stay closed."""
    lines = []
    for line in _BROKEN_DEFAULT.sub(_joined_default, text).splitlines(keepends=True):
        shorter = _NO_DEFAULT.sub("", line.replace("{None}|", "").replace("{None,", "{"))
        if (shorter != line or "\0" in line) and not shorter.strip("│ \0\n"):
            continue  # there was nothing else on it
        gap = " " * (len(line) - len(shorter))
        # where text follows on the same line, it stays in its column
        shorter = re.sub(r"^(│ -\S.*?\S  +)(?=[^\s│])", rf"\1{gap}", shorter, count=1)
        if shorter != line and shorter.rstrip().endswith("│"):
            gap = " " * (len(line) - len(shorter))
            place = shorter.rindex("│")
            shorter = shorter[:place] + gap + shorter[place:]
        lines.append(shorter)
    return "".join(lines).replace("\0", " ")


if __name__ == "__main__":
    sys.exit(main())
