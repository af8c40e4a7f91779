"""`cleartract adapt`: fit the model to one's own noisy recordings."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from cleartract.adaptation.settings import AdaptSettings
from cleartract.commands.options import Device, MaxMemory, Overwrite, Threads
from cleartract.commands.outputs import circumstances, described_file, versions, warn
from cleartract.errors import OutputError, RecordingError, UsageError, one_line

if TYPE_CHECKING:
    from cleartract.recordings.recording import Recording


@dataclass(frozen=True)
class Adapt:
    """Adapt the weights to noisy recordings of one protocol; no clean version is needed.

    For recordings noisier than those of training. Nothing is written unless held-out frames say
    that something is gained and the adapted weights take away clearly more than those before.
    Compare the results of both before you use new ones, above all what moves.
    """

    recordings: tyro.conf.Positional[tuple[Path, ...]]
    """Noisy recordings or folders of them: 480 frames or more each (21 s at 23 frames a second, 6 s at
    83), or that many together, where shorter ones are of one speaker, size and rate. What a folder holds that
    cannot be used is told and left out."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("adapted.safetensors")
    """Adapted weights, for `denoise --weights`; beside them their sidecar, OUT.json."""
    weights: str | None = None
    """Weights to start from: a .safetensors file or the name of shipped ones."""
    settings: Annotated[AdaptSettings, tyro.conf.arg(name="")] = field(
        default_factory=AdaptSettings
    )
    audio_offset: float = 0.0
    """How late the sound of all recordings is against the frames, in milliseconds, as for denoise."""
    device: Device = "auto"
    threads: Threads = None
    max_memory: MaxMemory = 8.0
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
        named = {path.resolve() for path in self.recordings}
        if len({path.resolve() for path in given}) < len(given):
            raise UsageError("a recording is given twice; it would count as twice the evidence")
        if not abs(self.audio_offset) < 1e5:
            raise UsageError(f"--audio-offset: some milliseconds, not {self.audio_offset:g}")
        if self.out.suffix != ".safetensors":
            raise OutputError(f"{self.out}: name it .safetensors")
        folder = next(p for p in self.out.resolve().parents if p.exists())
        if not (folder.is_dir() and os.access(folder, os.W_OK)):
            raise OutputError(f"{self.out}: cannot be written in {folder}; choose another --out")
        sidecar = self.out.with_name(self.out.name + ".json")
        for place in (self.out, sidecar):
            if place.exists() and not self.overwrite:
                raise OutputError(f"{place}: exists; give --overwrite or another --out")
        from cleartract.adaptation.adapt import adapt
        from cleartract.commands.progress import progress_bar
        from cleartract.devices import usable_device, use_threads
        from cleartract.files import AtomicFiles, naming, sha256
        from cleartract.model.weights import load_model, save_model, weights_path
        from cleartract.sound.offset import delayed, estimate_offset

        use_threads(self.threads)
        model, _ = load_model(self.weights, usable_device(self.device))
        recordings = _opened(given, [p for p in given if p.resolve() in named], self.max_memory)
        for recording in recordings:
            offset = estimate_offset(recording)
            frame = 1 / float(recording.rate)
            if offset and (warning := offset.warning(frame, self.audio_offset / 1000)):
                warn(recording.provenance["path"], warning)
        recordings = [delayed(one, -self.audio_offset / 1000) for one in recordings]
        with progress_bar("adapting", "steps") as update:
            adapted = adapt(
                model,
                recordings,
                self.settings,
                lambda a, b, loss: update(a, b, f"loss {loss:.2f}"),
                _tell_left_out if len(recordings) > 1 else None,
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
            "recordings": [Path(one.provenance["path"]).name for one in adapted.used],
            "steps": self.settings.steps,
            "seed": self.settings.seed,
        }
        made = versions() | {
            "recordings": [described_file(Path(one.provenance["path"])) for one in adapted.used],
            "weights": described_file(weights_path(self.weights)),
            "parameters": self.settings.model_dump() | {"audio_offset_ms": self.audio_offset},
            "losses": list(adapted.losses),
            "standard_errors": adapted.gain,
            "given_back": adapted.given_back,
        }
        with AtomicFiles(replace=self.overwrite) as files, naming(self.out):
            place = files.add(self.out)
            save_model(adapted.model, place, training)
            described = made | circumstances() | {"sha256": {"weights": sha256(place)}}
            files.add(sidecar).write_text(json.dumps(described, indent=1) + "\n")
        print(
            f"{self.out}: give it to denoise as --weights, and compare with the result of those before"
        )


def _opened(given: list[Path], named: list[Path], most: float) -> list[Recording]:
    """Recordings with their path; those of a folder that cannot be read are told and left out.

    Args:
        given: All.
        named: Those that were named themselves: they must be readable.
        most: Memory that each may use [GB].

    Raises:
        RecordingError: If one of these cannot be read, or none can.
    """
    from cleartract.commands.input_checks import opened_whole

    recordings: list[Recording] = []
    for path in given:
        try:
            recording = opened_whole(path, most)
        except (RecordingError, UsageError) as error:
            if path in named or not (recordings or path != given[-1]):
                raise
            _tell_left_out(str(error))
            continue
        for text in recording.provenance.get("warnings", ()):
            warn(path, text)
        provenance = recording.provenance | {"path": str(path)}
        recordings.append(replace(recording, provenance=provenance))
    return recordings


def _tell_left_out(why: str) -> None:
    print(f"cleartract: {one_line(why)}; left out", file=sys.stderr)
