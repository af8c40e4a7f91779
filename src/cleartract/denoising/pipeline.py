"""Decoding, computing and encoding side by side, a bounded queue between them."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Iterable, Iterator
from typing import TypeVar

import numpy as np

from cleartract.recordings.writing import FrameSink

Item = TypeVar("Item")
_DEPTH = 4  # items that wait


def read_ahead(items: Iterable[Item], depth: int = _DEPTH) -> Iterator[Item]:
    """The same items, the next ones made by a thread while the current one is used.

    Errors of the items appear here. The thread ends when this iterator is closed.
    """
    waiting: queue.Queue = queue.Queue(depth)
    stopped = threading.Event()
    end = object()

    def put(item: object) -> bool:
        while not stopped.is_set():
            try:
                waiting.put(item, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def work() -> None:
        try:
            for item in items:
                if not put(item):
                    return
        except BaseException as error:  # handed on to the reader
            put(error)
            return
        put(end)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while (item := waiting.get()) is not end:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stopped.set()
        thread.join()


class BackgroundSink:
    """Hands frames to other sinks from a thread of its own.

    Args:
        sinks: Called in this order for each piece.
    """

    def __init__(self, sinks: list[FrameSink]):
        self._sinks = sinks
        self._waiting: queue.Queue = queue.Queue(_DEPTH)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def write(self, frames: np.ndarray) -> None:
        """See `FrameSink.write`; raises what an earlier piece caused."""
        if self._error is not None:
            raise self._error
        self._waiting.put(frames)

    def close(self) -> None:
        """See `FrameSink.close`."""
        self._finish()
        if self._error is not None:
            raise self._error
        for sink in self._sinks:
            sink.close()

    def abandon(self) -> None:
        """See `FrameSink.abandon`."""
        self._finish()
        for sink in self._sinks:
            with contextlib.suppress(Exception):  # it may fail for the reason why it is abandoned
                sink.abandon()

    def _finish(self) -> None:
        if self._thread.is_alive():
            self._waiting.put(None)
            self._thread.join()

    def _work(self) -> None:
        while (frames := self._waiting.get()) is not None:
            if self._error is not None:
                continue  # raised at the next piece
            try:
                for sink in self._sinks:
                    sink.write(frames)
            except BaseException as error:  # handed on to the writer
                self._error = error
