"""What a closer look tells of recordings: late sound, warnings, how long denoising takes here."""

from __future__ import annotations

import json
import threading
from typing import Any

from cleartract.app.library import Recorded
from cleartract.app.processes import LOOK, Working

_Key = tuple[int, str | None, int]


class Looks:
    """One look at a time, by a process of its own: the last recording that was asked for comes first.

    Args:
        weights: Of the model whose speed is measured.
    """

    def __init__(self, weights: str | None) -> None:
        self._weights = weights
        self._known: dict[_Key, dict[str, Any]] = {}
        self._working: tuple[_Key, Working] | None = None
        self._lock = threading.Lock()

    def of(self, recorded: Recorded, rate: str | None) -> dict[str, Any] | None:
        """What is known, or None while it is looked at; `error` where nothing can be told."""
        try:
            key = (recorded.number, rate, recorded.path.stat().st_mtime_ns)
        except OSError:
            return {"error": "is no longer there"}
        with self._lock:
            if key in self._known:
                return self._known[key]
            if self._working is not None and self._working[0] != key:
                self._working[1].close()
                self._working = None
            if self._working is None:
                asked = {
                    "path": str(recorded.path), "rate": rate, "weights": self._weights,
                    "audio": None if recorded.audio is None else str(recorded.audio),
                }  # fmt: skip
                self._working = key, Working(LOOK, [json.dumps(asked)])
            working = self._working[1]
            code = working.wait(0)
            if code is None:
                return None
            try:
                told = json.loads(working.output)
            except ValueError:
                said = working.said[-1] if working.said else "could not be looked at"
                told = {"error": said.removeprefix(f"{recorded.path}: ")}
            working.close()
            self._working = None
            self._known[key] = told
            return told

    def close(self) -> None:
        """Stop looking."""
        with self._lock:
            if self._working is not None:
                self._working[1].close()
                self._working = None
