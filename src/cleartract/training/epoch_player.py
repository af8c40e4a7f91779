"""The player of a fixed input: what the model makes of it now, and what it made of it before."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cleartract.files import atomic
from cleartract.recordings.recording import Recording
from cleartract.recordings.sound import ArraySound
from cleartract.viewer.export import write_page
from cleartract.viewer.shown import Shown, planes_in_memory

KEPT = ("matched sound", "generated")  # rows that are kept of every epoch
_EARLIER = 6  # epochs that are in a player beside the newest one


def write_player(
    folder: Path, name: str, noisy: Recording, rows: dict[str, np.ndarray], epoch: int
) -> None:
    """Write `NAME.html`, which compares any two rows, of the newest epoch or of earlier ones.

    Args:
        folder: With `epoch-NNN/NAME.npz`, the rows in `KEPT` of each epoch.
        name: Of the fixed input.
        noisy: With the exact rate and the sound.
        rows: Grey levels of this epoch, each (frame, height, width) uint8.
        epoch: Its number.
    """
    made = [key for key in rows if key not in ("noisy", "truth")]
    versions = {"noisy": rows["noisy"]} | {f"epoch {epoch}: {key}": rows[key] for key in made}
    if "truth" in rows:
        versions["truth"] = rows["truth"]
    for number, stored in _earlier(folder, name, epoch).items():
        with np.load(stored) as content:
            versions |= {f"epoch {number}: {key}": content[key] for key in KEPT}
    same = {key: value for key, value in versions.items() if value.shape == rows["noisy"].shape}
    count, height, width = rows["noisy"].shape
    sound = None if noisy.sound is None else ArraySound(*noisy.sound)
    planes = planes_in_memory(same, "grey levels")
    shown = Shown(name, planes, count, (height, width), noisy.rate, sound)
    try:
        with atomic(folder / f"{name}.html") as temporary:
            write_page(shown, temporary)
    finally:
        shown.close()


def _earlier(folder: Path, name: str, epoch: int) -> dict[int, Path]:
    """Some epochs before this one, the first among them, the latest first."""
    found = {
        int(path.parent.name.removeprefix("epoch-")): path
        for path in folder.glob(f"epoch-[0-9]*/{name}.npz")
    }
    before = sorted(number for number in found if number < epoch)
    chosen = np.linspace(0, len(before) - 1, min(_EARLIER, len(before))).astype(int)
    return {before[at]: found[before[at]] for at in reversed(chosen)}
