"""Processes that do the work: they end when they are told to, and when the page's program ends."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence

_PATIENCE = 15.0  # [s] to tidy up before a process is killed
_PROGRESS = re.compile(r"(surveying|denoising): ([0-9]+)/([0-9]+) (?:frames|windows)")
_SAID = "cleartract: "
_MOST_SAID = 200  # lines that are kept
_BEGIN = "from cleartract.app.processes import end_with_parent; end_with_parent(); import sys; "
COMMAND_LINE = (
    "sys.argv[0] = 'cleartract'; from cleartract.cli import main; sys.exit(main(sys.argv[1:]))"
)
LOOK = "from cleartract.commands.look import main; sys.exit(main(sys.argv[1:]))"


def end_with_parent() -> None:
    """End this process, tidily, when the one that holds the other end of its input is gone."""

    def watch() -> None:
        while os.read(0, 1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


class Working:
    """A process at work.

    It has a session of its own, so that Ctrl-C in the terminal reaches it through this program
    alone, which lets it tidy up.

    Args:
        code: `COMMAND_LINE` or `LOOK`.
        arguments: Of the code.

    Attributes:
        said: Messages so far, without the progress.
        step: What is being done: `surveying` or `denoising`, or nothing yet.
        done: How far that is.
        total: How far it will go.
    """

    def __init__(self, code: str, arguments: Sequence[str]) -> None:
        self.said: list[str] = []
        self.step, self.done, self.total = "", 0, 0
        self._process = subprocess.Popen(
            [sys.executable, "-c", _BEGIN + code, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self.output = ""
        self._readers = [
            threading.Thread(target=read, daemon=True) for read in (self._listen, self._collect)
        ]
        for reader in self._readers:
            reader.start()

    def _listen(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            text = line.strip()
            if found := _PROGRESS.match(text):
                self.step, self.done, self.total = found[1], int(found[2]), int(found[3])
            elif text and len(self.said) < _MOST_SAID:
                self.said.append(text.removeprefix(_SAID))

    def _collect(self) -> None:
        assert self._process.stdout is not None
        self.output = self._process.stdout.read()

    def wait(self, seconds: float) -> int | None:
        """The exit code, or None if it is still at work then."""
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        for reader in self._readers:
            reader.join(1)
        return code

    def end(self) -> None:
        """Ask it to end; it keeps finished frames."""
        with contextlib.suppress(OSError):
            self._process.terminate()

    def close(self) -> None:
        """End it, whatever it takes."""
        self.end()
        if self.wait(_PATIENCE) is None:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
