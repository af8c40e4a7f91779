"""What the index of a video file tells, for films too long to read packet by packet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

LONG = 20_000  # [frames] from which on the index is asked instead of the packets
_INDEXED = (".mp4", ".m4v", ".mov")  # kinds of file whose index lists every frame


def indexed_stamps(path: Path, container: Any) -> list[int] | None:
    """Time stamps of all frames [ticks], rising; None for short videos and incomplete indices.

    Frames are listed in the order of decoding. Where the rate is constant, the times of showing
    are the same, moved to the first time that is shown.

    Args:
        path: The file.
        container: The same, open.
    """
    stream = container.streams.video[0]
    if path.suffix.lower() not in _INDEXED or stream.frames < LONG or stream.start_time is None:
        return None
    entries = stream.index_entries
    if len(entries) != stream.frames:
        return None
    if any(entry.is_discard for entry in entries):
        return None  # an edit list hides some
    last = entries[len(entries) - 1]
    if last.pos + last.size > path.stat().st_size:
        return None  # cut off
    stamps = np.sort(np.fromiter((entry.timestamp for entry in entries), np.int64, len(entries)))
    return (stamps - stamps[0] + stream.start_time).tolist()
