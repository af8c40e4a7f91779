"""`cleartract adapt`: fit the model to one's own noisy recordings."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from cleartract.adaptation.settings import AdaptSettings
from cleartract.commands.options import Device, Overwrite, Threads
from cleartract.errors import OutputError, UsageError


@dataclass(frozen=True)
class Adapt:
    """Adapt the weights to noisy recordings of one protocol; no clean version is needed.

    For recordings noisier than those of training. Nothing is written unless held-out frames say
    that something is gained and the adapted weights take away clearly more than those before.
    Compare the results of both before you use new ones, above all what moves.
    """

    recordings: tyro.conf.Positional[tuple[Path, ...]]
    """Noisy recordings or folders of them: 480 frames or more each (21 s at 23 frames a second, 6 s at
    83), or that many together, where shorter ones are of one speaker, size and rate."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("adapted.safetensors")
    """Adapted weights, for `denoise --weights`."""
    weights: str | None = None
    """Weights to start from: a .safetensors file or the name of shipped ones."""
    settings: Annotated[AdaptSettings, tyro.conf.arg(name="")] = field(
        default_factory=AdaptSettings
    )
    audio_offset: float = 0.0
    """How late the sound of all recordings is against the frames, in milliseconds, as for denoise."""
    device: Device = "auto"
    threads: Threads = None
    overwrite: Overwrite = False

    def run(self) -> None:
        """Adapt and write, if anything was gained."""
        from cleartract.corpora.layouts import find_recordings

        if not self.recordings:
            raise UsageError("give one recording or more")
        given = [
            path
            for one in self.recordings
            for path in ([f.path for f in find_recordings((one,))] if one.is_dir() else [one])
        ]
        if len({path.resolve() for path in given}) < len(given):
            raise UsageError("a recording is given twice; it would count as twice the evidence")
        if not abs(self.audio_offset) < 1e5:
            raise UsageError(f"--audio-offset: some milliseconds, not {self.audio_offset:g}")
        if self.out.suffix != ".safetensors":
            raise OutputError(f"{self.out}: name it .safetensors")
        folder = next(p for p in self.out.resolve().parents if p.exists())
        if not (folder.is_dir() and os.access(folder, os.W_OK)):
            raise OutputError(f"{self.out}: cannot be written in {folder}; choose another --out")
        if self.out.exists() and not self.overwrite:
            raise OutputError(f"{self.out}: exists; give --overwrite or another --out")
        from cleartract.adaptation.adapt import adapt
        from cleartract.commands.progress import progress_bar
        from cleartract.devices import usable_device, use_threads
        from cleartract.files import AtomicFiles
        from cleartract.model.weights import load_model, save_model, weights_path
        from cleartract.recordings.opening import open_recording
        from cleartract.sound.offset import delayed, estimate_offset

        use_threads(self.threads)
        model, _ = load_model(self.weights, usable_device(self.device))
        recordings = [open_recording(path) for path in given]
        for path, recording in zip(given, recordings, strict=True):
            offset = estimate_offset(recording)
            frame = 1 / float(recording.rate)
            if offset and (warning := offset.warning(frame, self.audio_offset / 1000)):
                print(f"cleartract: {path}: {warning}", file=sys.stderr)
        recordings = [delayed(one, -self.audio_offset / 1000) for one in recordings]
        with progress_bar("adapting", "steps") as update:
            adapted = adapt(
                model,
                recordings,
                self.settings,
                lambda a, b, loss: update(a, b, f"loss {loss:.2f}"),
            )
        print(
            f"held-out loss {adapted.losses[0]:.4f} -> {adapted.losses[1]:.4f}, "
            f"a fall of {adapted.gain:.1f} standard errors; {100 * abs(adapted.given_back):.1f} % "
            f"{'less' if adapted.given_back > 0 else 'more'} is taken away"
        )
        if not adapted.kept:
            print("not clearly cleaner: no weights were written; go on with those you have")
            return
        training = {
            "adapted_from": weights_path(self.weights).name,
            "recordings": [path.name for path in given],
            "steps": self.settings.steps,
            "seed": self.settings.seed,
        }
        with AtomicFiles(replace=self.overwrite) as files:
            save_model(adapted.model, files.add(self.out), training)
        print(
            f"{self.out}: give it to denoise as --weights, and compare with the result of those before"
        )
