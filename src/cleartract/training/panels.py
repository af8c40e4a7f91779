"""Qualitative evaluation: the same sounds and noisy frames at the end of every epoch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from cleartract.corpora.dataset import AVDataset
from cleartract.corpora.entries import Entry
from cleartract.corpora.simulated import SimulatedRecording
from cleartract.denoising.denoise import denoise_recording
from cleartract.denoising.generate import generate_recording
from cleartract.denoising.settings import DenoiseSettings, GenerateSettings
from cleartract.errors import CorpusError
from cleartract.files import atomic, file_name
from cleartract.model.model import Model
from cleartract.recordings.intensity import Intensity
from cleartract.recordings.opening import open_recording
from cleartract.recordings.pictures import kymograph, save_png, strip, to_levels
from cleartract.recordings.recording import Recording
from cleartract.training.epoch_player import KEPT, write_player
from cleartract.training.run_page import write_history

ROWS = ("noisy", "matched sound", "no sound", "swapped sound", "generated from the sound alone",
        "generated from swapped sound", "truth")  # fmt: skip
_LOOKED_AT = 5  # recordings opened for each input, in search of sound
_GRID_LINE = 0.42  # share of the width; crosses palate, tongue and floor of the mouth


@dataclass(frozen=True)
class PanelItem:
    """One fixed input.

    Attributes:
        name: Name of its files.
        noisy: Noisy frames with their sound.
        truth: Clean frames in the same intensity, or None for real recordings.
        other: Sound of another input at the same sample rate, or None.
    """

    name: str
    noisy: Recording
    truth: np.ndarray | None
    other: np.ndarray | None = None


class QualitativePanel:
    """Writes `samples/epoch-NNN/` and `index.html`; call with the model and the epoch's number.

    Args:
        data: Corpus; its validation split is used, or all of it where there is none.
        run: Run folder.
        count: Number of fixed inputs.
        seconds: Length of each [s].
    """

    def __init__(self, data: Path, run: Path, count: int = 3, seconds: float = 2.0):
        self.run, self.seconds = run, seconds
        try:
            entries = AVDataset(data, "validation").entries
        except CorpusError:
            entries = AVDataset(data, "all").entries
        chosen = self._items(_varied(entries), count)
        items = [
            replace(item, name=f"{n + 1}_{file_name(item.name)}") for n, item in enumerate(chosen)
        ]
        others = items[1:] + items[:1]
        if len(items) == 1 and (audio := items[0].noisy.audio) is not None:
            # no other speech is at hand: its own, backwards
            others = [replace(items[0], noisy=replace(items[0].noisy, audio=audio[::-1].copy()))]
        self.items = [
            replace(item, other=other.noisy.audio_at(item.noisy.sample_rate or 1))
            for item, other in zip(items, others, strict=True)
        ]

    def _items(self, entries: list[Entry], count: int) -> list[PanelItem]:
        """The first that have sound, then, if those are too few, of those without."""
        sounding: list[PanelItem] = []
        silent: list[PanelItem] = []
        for entry in entries:
            item = self._item(entry, len(sounding))
            (silent if item.noisy.audio is None else sounding).append(item)
            if len(sounding) == count or len(sounding) + len(silent) == _LOOKED_AT * count:
                break
        return (sounding + silent)[:count]

    def _item(self, entry: Entry, number: int) -> PanelItem:
        if entry.simulated:
            simulated = SimulatedRecording.load(entry.path)
            names = sorted(simulated.reconstructions)
            name = names[number % len(names)]
            noisy, truth = simulated.noisy(name), simulated.truth(name).frames
        else:
            noisy, truth = open_recording(entry.path), None
        length = min(len(noisy), max(2, round(self.seconds * float(noisy.rate))))
        first = (len(noisy) - length) // 2
        cut = noisy.excerpt(first, length)
        return PanelItem(
            entry.speaker, cut, None if truth is None else truth[first : first + length]
        )

    def __call__(self, model: Model, epoch: int) -> None:
        """Denoise and generate all inputs with the model as it is now."""
        folder = self.run / "samples" / f"epoch-{epoch:03d}"
        folder.mkdir(parents=True, exist_ok=True)
        for item in self.items:
            rows = panel_rows(model, item)
            chosen = np.linspace(0, len(item.noisy) - 1, 8).astype(int)
            save_png(folder / f"{item.name}_frames.png", [strip(r, chosen) for r in rows.values()])
            lines = [kymograph(row, _GRID_LINE) for row in rows.values()]
            save_png(folder / f"{item.name}_kymograph.png", lines)
            kept: dict[str, Any] = {name: rows[name] for name in KEPT}
            with atomic(folder / f"{item.name}.npz") as temporary:
                np.savez_compressed(temporary, **kept)
            write_player(self.run / "samples", item.name, item.noisy, rows, epoch)
        shown = ROWS if any(item.truth is not None for item in self.items) else ROWS[:-1]
        write_history(self.run, [item.name for item in self.items], shown)


def _varied(entries: list[Entry]) -> list[Entry]:
    """Entries in turn from every size and rate, those of speakers not yet seen first."""
    groups: dict[tuple, list[Entry]] = {}
    for entry in entries:
        groups.setdefault((entry.size, entry.rate), []).append(entry)
    turns = [
        group[turn]
        for turn in range(max(len(group) for group in groups.values()))
        for _, group in sorted(groups.items(), reverse=True)
        if turn < len(group)
    ]
    first = {entry.speaker: entry for entry in reversed(turns)}
    new = [entry for entry in turns if first[entry.speaker] is entry]
    return new + [entry for entry in turns if first[entry.speaker] is not entry]


def panel_rows(model: Model, item: PanelItem) -> dict[str, np.ndarray]:
    """Grey levels of every row of the panel, each (frame, height, width) uint8."""
    scale = Intensity.of(item.noisy.frames)
    swapped = item.noisy
    if item.other is not None and item.noisy.audio is not None:
        swapped = replace(item.noisy, audio=np.resize(item.other, len(item.noisy.audio)))

    def denoised(recording: Recording, use_audio: bool = True) -> np.ndarray:
        settings = DenoiseSettings(use_audio=use_audio)
        return scale.apply(denoise_recording(recording, model, settings).recording.frames)

    rows = {
        "noisy": scale.apply(item.noisy.frames),
        "matched sound": denoised(item.noisy),
        "no sound": denoised(item.noisy, use_audio=False),
        "swapped sound": denoised(swapped),
        "generated": generated_frames(model, item.noisy),
        "generated, swapped": generated_frames(model, swapped),
    }
    if item.truth is not None:
        rows["truth"] = scale.apply(item.truth)
    return {name: to_levels(frames) for name, frames in rows.items()}


def generated_frames(model: Model, recording: Recording) -> np.ndarray:
    """Frames from the sound of a recording alone, (frame, height, width), normalised intensity."""
    height, width = recording.frames.shape[1:]
    sound = recording.sound
    if model.audio is None or sound is None or len(sound[0]) / sound[1] * recording.rate < 1:
        return np.zeros_like(recording.frames)
    settings = GenerateSettings(rate=str(recording.rate), size=min(512, max(height, width)))
    made = generate_recording(*sound, model, settings)
    frames = np.zeros_like(recording.frames)  # the sound may end a little earlier or later
    part = made.frames[: len(frames), :height, :width]
    frames[: len(part), : part.shape[1], : part.shape[2]] = part / (made.peak or 1.0)
    return frames
