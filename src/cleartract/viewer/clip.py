"""A part of what is shown as a video: noisy and denoised side by side, with sound."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from cleartract.recordings.sound import ArraySound
from cleartract.recordings.video_writer import VideoFormat, VideoWriter, side_by_side
from cleartract.viewer.player import Player
from cleartract.viewer.sound_store import PIECE

LONGEST = 60  # [s]
_WIDEST = 1280  # [pixels] of the video
_CRF = 16


def clip_video(player: Player, first: int, count: int, low: float, high: float) -> bytes:
    """Some consecutive frames as an MP4.

    Args:
        player: What is shown.
        first: First frame [frames].
        count: How many [frames].
        low: Value that is black.
        high: Value that is white.

    Raises:
        ValueError: If black is not below white.
        RecordingError: If frames cannot be read.
    """
    if not 0 < high - low < np.inf:
        raise ValueError("black must be below white")
    shown = [plane for plane in player.planes if plane.name in ("noisy", "denoised")]
    zoom = max(1, min(4, _WIDEST // (len(shown) * player.size[1])))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        writer: VideoWriter | None = None
        for start in range(first, first + count, player.chunk):
            part = min(player.chunk, first + count - start)
            panels = []
            for plane in shown:
                values = plane.offset + plane.scale * plane.store.frames(start, part)
                levels = 255 * (values - low) / (high - low)
                panels.append(np.rint(np.nan_to_num(levels).clip(0, 255)).astype(np.uint8))
            picture = side_by_side(panels, zoom)
            if writer is None:
                size = (picture.shape[1], picture.shape[2])
                made = VideoFormat(size, player.rate, crf=_CRF)
                writer = VideoWriter(path, made, _sound(player, first, count))
            writer.write(picture)
        if writer is not None:
            writer.close()
        return path.read_bytes()


def _sound(player: Player, first: int, count: int) -> ArraySound | None:
    if player.sound is None:
        return None
    rate = player.sound.rate
    start, end = (round(n / player.rate * rate) for n in (first, first + count))
    pieces = range(start // (PIECE * rate), min(player.pieces, end // (PIECE * rate) + 1))
    parts = [player.sound.piece(number) for number in pieces]
    if not parts or any(part is None for part in parts):
        return None
    samples = np.concatenate([part for part in parts if part is not None])
    offset = pieces[0] * PIECE * rate
    return ArraySound(samples[start - offset : end - offset].astype(np.float32) / 32768, rate)
