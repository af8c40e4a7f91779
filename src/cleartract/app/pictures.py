"""Frames of a job for the page: the newest one that is finished, beside the noisy one; and players."""

from __future__ import annotations

import threading
from collections import OrderedDict
from fractions import Fraction

import numpy as np
from starlette.applications import Starlette

from cleartract.app.job_queue import Job
from cleartract.denoising.partial import finished_frame, finished_frames
from cleartract.evaluation.first_line import first_line
from cleartract.types import exact_rate
from cleartract.viewer.frame_stores import NotYetError
from cleartract.viewer.player import Player
from cleartract.viewer.server import player_pages

_MOST_OPEN = 8  # players; the one that was not used for longest is closed


class Players:
    """Players of jobs: of the recording alone while it is denoised, then of both."""

    def __init__(self) -> None:
        self._open: OrderedDict[tuple[int, bool], tuple[Player, Starlette]] = OrderedDict()
        self._lock = threading.Lock()

    def player(self, job: Job) -> Player:
        """The player of a job.

        Raises:
            RecordingError: If a file cannot be opened.
        """
        return self._opened(job)[0]

    def pages(self, job: Job) -> Starlette:
        """Its pages; errors as `player`."""
        return self._opened(job)[1]

    def _opened(self, job: Job) -> tuple[Player, Starlette]:
        key = (job.number, job.state == "done")
        with self._lock:
            if key not in self._open:
                player = _player(job)
                self._open[key] = player, player_pages(player)
            self._open.move_to_end(key)
            while len(self._open) > _MOST_OPEN:
                self._open.popitem(last=False)[1][0].close()
            return self._open[key]

    def forget(self, job: Job) -> None:
        """Close what shows a job as it was before."""
        with self._lock:
            for key in [key for key in self._open if key[0] == job.number]:
                self._open.pop(key)[0].close()

    def close(self) -> None:
        """Close all."""
        with self._lock:
            for player, _ in self._open.values():
                player.close()
            self._open.clear()


def _player(job: Job) -> Player:
    plan = job.plan
    rate: Fraction | None = None if plan.rate is None else exact_rate(plan.rate)
    others = {}
    if job.state == "done":
        kinds = {"result": "denoised", "uncertainty": "uncertainty", "opinion": "opinion"}
        others = {kinds[name]: path for name, path in plan.targets.items() if name in kinds}
    return Player(job.recorded.path, others, plan.audio, rate, first=job.frames, guess=first_line)


def newest(job: Job, players: Players, seen: int) -> tuple[int, bytes] | None:
    """A frame to look at: of a job at work the newest that is finished, of one that is done the middle.

    Args:
        job: The job.
        players: Where noisy frames come from.
        seen: Number of the frame that the page shows already, or -1.

    Returns:
        Number of the frame and grey levels, the noisy frame's and then the denoised one's, each
        (height, width) uint8; or None where there is nothing new.

    Raises:
        RecordingError: If a file cannot be read.
    """
    target = job.plan.targets["result"]
    done = job.state == "done"
    number = job.frames // 2 if done else finished_frames(target) - 1
    if number < 0 or number == seen:
        return None
    player = players.player(job)
    noisy = player.planes[0]
    try:
        frames = [player.frame(0, number)[0]]
        clean = player.frame(1, number)[0] if done else finished_frame(target, number, job.size)
    except NotYetError:
        return None
    if clean is None:
        return None
    frames.append(clean)
    levels = [255 * (frame - noisy.low) / (noisy.high - noisy.low) for frame in frames]
    return number, np.stack([np.nan_to_num(level).clip(0, 255) for level in levels]).astype(
        np.uint8
    ).tobytes()
