"""Frames of a recording in any order, in memory that does not grow with its length."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path
from typing import Protocol

import numpy as np

from cleartract.errors import ClearTractError, RecordingError
from cleartract.recordings.array_reader import ArraySource
from cleartract.recordings.source import FirstFrames, FrameSource
from cleartract.recordings.spool import Spool
from cleartract.recordings.video_reader import VideoSource
from cleartract.viewer.video_store import SeekError, VideoDecoder, can_seek

_WAIT = 2.0  # [s] for frames that are being read before the page is told to ask again


class NotYetError(Exception):
    """Frames that are not read yet; `ready` tells how many are [frames]."""

    def __init__(self, ready: int) -> None:
        super().__init__(f"{ready} frames are read so far")
        self.ready = ready


class FrameStore(Protocol):
    """Frames by their number.

    Attributes:
        dtype: Of the frames: `uint8` and `uint16` where these hold all values, else `float32`.
    """

    dtype: np.dtype

    def frames(self, first: int, count: int) -> np.ndarray:
        """Frames (frame, height, width) in the recording's own unit.

        Raises:
            NotYetError: If they are not read yet.
            RecordingError: If they cannot be read.
        """
        ...

    def close(self) -> None:
        """Stop reading and let go of files."""
        ...


def open_store(source: FrameSource) -> FrameStore:
    """The quickest way to frames in any order that a kind of file allows."""
    whole = source.source if isinstance(source, FirstFrames) else source
    if isinstance(whole, ArraySource) and (place := whole.place()) is not None:
        return ArrayStore(whole.path, *place, (source.count, *source.size))
    if isinstance(whole, VideoSource) and can_seek(whole):
        return VideoStore(whole)
    return ReadStore(source)


def served_type(kind: str, peak: float | None) -> np.dtype:
    """Smallest type that is served and holds every value of a file's numbers.

    Args:
        kind: Pixel format or type of the file's numbers.
        peak: Largest value of whole numbers from 0 on, or None.
    """
    whole = not kind.startswith(("int", "float", "complex"))
    names = {255.0: "u1", 65535.0: "<u2"} if whole and peak is not None else {}
    return np.dtype(names.get(peak or 0.0, "<f4"))


class ArrayStore:
    """Frames that lie one after another in a file.

    They are read, not mapped: mapped pages would count as memory of the process.

    Args:
        path: The file.
        offset: Of the first frame [bytes].
        stored: Type of the numbers in the file.
        shape: (frame, height, width).
    """

    def __init__(self, path: Path, offset: int, stored: np.dtype, shape: tuple[int, int, int]):
        self.path, self.offset, self.stored, self.shape = path, offset, stored, shape
        whole = stored.kind == "u"
        self.dtype = served_type(str(stored), float(np.iinfo(stored).max) if whole else None)
        self._file = open(path, "rb")  # noqa: SIM115
        self._lock = threading.Lock()

    def frames(self, first: int, count: int) -> np.ndarray:
        """See `FrameStore.frames`."""
        count = max(0, min(count, self.shape[0] - first))
        size = self.stored.itemsize * self.shape[1] * self.shape[2]
        with self._lock:
            self._file.seek(self.offset + first * size)
            content = self._file.read(count * size)
        if len(content) < count * size:
            raise RecordingError(f"{self.path}: is cut off; copy it again")
        frames = np.frombuffer(content, self.stored).reshape(count, *self.shape[1:])
        return frames.astype(self.dtype, copy=False)

    def close(self) -> None:
        """See `FrameStore.close`."""
        self._file.close()


class MemoryStore:
    """Frames in memory.

    Args:
        frames: (frame, height, width), of a type that is served.
    """

    def __init__(self, frames: np.ndarray):
        self._frames, self.dtype = frames, frames.dtype

    def frames(self, first: int, count: int) -> np.ndarray:
        """See `FrameStore.frames`."""
        return self._frames[first : first + count]

    def close(self) -> None:
        """See `FrameStore.close`."""


class CroppedStore:
    """Frames without rows and columns at the bottom and the right, as a video pads them.

    Args:
        store: Larger frames.
        size: (height, width) that is left [pixels].
    """

    def __init__(self, store: FrameStore, size: tuple[int, int]):
        self._store, self.size, self.dtype = store, size, store.dtype

    def frames(self, first: int, count: int) -> np.ndarray:
        """See `FrameStore.frames`."""
        return self._store.frames(first, count)[:, : self.size[0], : self.size[1]]

    def close(self) -> None:
        """See `FrameStore.close`."""
        self._store.close()


class ReadStore:
    """Frames that can only be read from the beginning: read in the background, kept on disk.

    Args:
        source: The recording.
    """

    def __init__(self, source: FrameSource):
        self.size, self.name = source.size, source.name
        self.dtype = served_type(str(source.provenance.get("pixel_format", "")), source.peak)
        self._spool = Spool(source.size[0] * source.size[1], self.dtype.str)
        self._source, self._error = source, ""
        self._more = threading.Condition()
        self._stopped = self._done = False
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        try:
            for chunk in self._source.chunks():
                if self.dtype.kind == "u":
                    chunk = np.rint(chunk).clip(0, np.iinfo(self.dtype).max)
                with self._more:
                    if self._stopped:
                        return
                    self._spool.append(chunk.reshape(len(chunk), -1))
                    self._more.notify_all()
        except (ClearTractError, OSError, MemoryError) as error:
            self._error = str(error)
        finally:
            with self._more:
                self._done = True
                self._more.notify_all()

    def frames(self, first: int, count: int) -> np.ndarray:
        """See `FrameStore.frames`."""
        count = max(0, min(count, self._source.count - first))
        with self._more:
            enough = self._more.wait_for(
                lambda: self._done or len(self._spool) >= first + count, _WAIT
            )
            ready = len(self._spool)
        if not enough:
            raise NotYetError(ready)
        if ready < first + count:
            why = self._error or f"{self.name}: holds {ready} frames, fewer than its header tells"
            raise RecordingError(why)
        return self._spool.span(first, count).reshape(count, *self.size)

    def close(self) -> None:
        """See `FrameStore.close`."""
        self._stopped = True


class VideoStore:
    """Frames of a video, decoded from the key frame before; read in order where that fails.

    Single frames have a decoder of their own: they are what somebody is waiting for, and would
    otherwise come after the long spans that are asked for beside them.

    Args:
        source: A video that `can_seek`.
    """

    def __init__(self, source: VideoSource):
        self._source = source
        self.dtype = served_type("", source.peak)
        self._decoders = {single: VideoDecoder(source) for single in (False, True)}
        self._locks = {single: threading.Lock() for single in (False, True)}
        self._read: ReadStore | None = None
        self._failed = threading.Lock()
        threading.Thread(target=self._warm, daemon=True).start()

    def _warm(self) -> None:
        with contextlib.suppress(SeekError, ClearTractError), self._locks[True]:
            self._decoders[True].frames(0, 1)  # opening a long video takes a while

    def frames(self, first: int, count: int) -> np.ndarray:
        """See `FrameStore.frames`."""
        count = max(0, min(count, self._source.count - first))
        if self._read is None:
            single = count == 1
            try:
                with self._locks[single]:
                    return self._decoders[single].frames(first, count).astype(self.dtype)
            except SeekError:  # a damaged file: its frames are numbered as they come out
                with self._failed:
                    self._read = self._read or ReadStore(self._source)
        return self._read.frames(first, count)

    def close(self) -> None:
        """See `FrameStore.close`."""
        for single, decoder in self._decoders.items():
            with self._locks[single]:
                decoder.close()
        if self._read is not None:
            self._read.close()
