"""The sound of a recording for a player: pieces of ten seconds, and its outline."""

from __future__ import annotations

import threading

import numpy as np

from cleartract.errors import ClearTractError
from cleartract.recordings.sound import Sound
from cleartract.recordings.spool import Spool

PIECE = 10  # [s] served together
_OUTLINES = 50  # values of the outline in a second
_WAIT = 2.0  # [s] for sound that is being read
_FULL = 32767


class SoundStore:
    """Sound as 16-bit numbers, read in the background and kept on disk.

    Attributes:
        rate: Samples per second [Hz].
        block: Samples that one pair of the outline stands for [samples].
        error: What is wrong with the sound, or nothing.
    """

    def __init__(self, sound: Sound) -> None:
        self.rate, self.error = sound.rate, ""
        self.block = max(1, sound.rate // _OUTLINES)
        self._samples, self._outline = Spool(0, "<i2"), Spool(2, "<i2")
        self._more = threading.Condition()
        self._done = self._stopped = False
        threading.Thread(target=self._read, args=(sound,), daemon=True).start()

    def _read(self, sound: Sound) -> None:
        left = np.zeros(0, np.int16)
        try:
            for block in sound.blocks():
                samples = np.rint(block.clip(-1, 1) * _FULL).astype("<i2")
                left = np.concatenate([left, samples])
                whole = len(left) // self.block * self.block
                rows = left[:whole].reshape(-1, self.block)
                left = left[whole:]
                with self._more:
                    if self._stopped:
                        return
                    self._samples.append(samples)
                    if len(rows):
                        self._outline.append(np.stack([rows.min(1), rows.max(1)], 1))
                    self._more.notify_all()
        except (ClearTractError, OSError, MemoryError) as error:
            self.error = str(error)
        finally:
            with self._more:
                self._done = True
                self._more.notify_all()

    def piece(self, number: int) -> np.ndarray | None:
        """Ten seconds of sound, (sample,) int16, zeros after its end; None where not read yet."""
        first, count = number * PIECE * self.rate, PIECE * self.rate
        with self._more:
            if not self._more.wait_for(
                lambda: self._done or len(self._samples) >= first + count, _WAIT
            ):
                return None
        return self._samples.span(first, count)

    def outline(self) -> tuple[np.ndarray, bool]:
        """Least and largest sample of each block, (block, 2) int16, and whether these are all."""
        with self._more:
            done = self._done
        return self._outline.span(0, len(self._outline)), done

    def close(self) -> None:
        """Stop reading."""
        self._stopped = True
