"""Recordings whose frames carry their number, and a server for them."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.browser import serving_pages

RATE = Fraction(65040, 781)
BITS, BLOCK = 12, 4  # of a number; blocks of 4 x 4 pixels, which a video does not blur away
SIZE = (40, 52)  # (height, width)


def coded(count: int, rest: int = 96) -> np.ndarray:
    """Frames that carry their number in blocks of the lowest rows, (frame, height, width)."""
    frames = np.full((count, *SIZE), rest, np.uint8)
    for bit in range(BITS):
        on = (np.arange(count) >> bit & 1).astype(bool)
        block = slice(BLOCK * bit, BLOCK * (bit + 1))
        frames[:, -BLOCK:, block] = np.where(on, 230, 16)[:, None, None]
    y = 10 + np.arange(count) % 20  # a bright bar that moves down
    frames[np.arange(count), y, 10:40] = 200
    frames[np.arange(count), y + 1, 10:40] = 200
    return frames


def number_in(frame: np.ndarray) -> int:
    middle = BLOCK // 2
    bits = frame[middle - BLOCK, middle : BITS * BLOCK : BLOCK] > 128
    return int((bits << np.arange(BITS)).sum())


def tone(seconds: float, rate: int = 16_000) -> np.ndarray:
    return (0.3 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate)).astype("f4")


@pytest.fixture(scope="session")
def coded_pair(tmp_path_factory) -> tuple[Path, Path]:
    """24 s with sound, and the same darker, as a denoised recording would be."""
    folder = tmp_path_factory.mktemp("coded")
    frames, paths = coded(2000), (folder / "speech.npz", folder / "speech_denoised.npz")
    rate = np.array([RATE.numerator, RATE.denominator])
    sound = {"audio": tone(float(2000 / RATE)), "sample_rate": 16_000}
    np.savez(paths[0], frames=frames, rate=rate, **sound)
    np.savez(paths[1], frames=np.where(frames == 96, 64, frames), rate=rate)
    return paths


@pytest.fixture
def pair(coded_pair, tmp_path) -> tuple[Path, Path]:
    """The same in a folder of one's own, where lines can be kept."""
    return tuple(Path(shutil.copy(path, tmp_path)) for path in coded_pair)


@contextmanager
def serving(player, token: str = "secret"):
    """Address of a running server of a player."""
    from cleartract.viewer.server import build_app

    with serving_pages(build_app(player, token)) as address:
        try:
            yield f"{address}{token}/"
        finally:
            player.close()
