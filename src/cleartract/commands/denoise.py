"""`cleartract denoise`: one recording in, a clean one and its sidecar out."""

from __future__ import annotations

import contextlib
import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from cleartract.commands.outputs import check_targets, sha256, versions
from cleartract.errors import UsageError

if TYPE_CHECKING:
    from cleartract.recordings.recording import Recording


@dataclass(frozen=True)
class Denoise:
    """Denoise a recording: MP4, MOV, AVI, MKV, NPZ or NPY, with or without sound."""

    input: tyro.conf.Positional[Path]
    """The recording."""
    output: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None
    """Result: .mp4, .mov, .avi or .npz; by default INPUT_cleartract.mp4 (.npz for arrays)."""
    audio: Path | None = None
    """Sound file, instead of the recording's own stream or a .wav of the same name."""
    audio_offset: float = 0.0
    """How late the sound is against the frames [ms]; the model hears it so much earlier, the sound
    of the result stays as it is."""
    no_audio: bool = False
    """Do not let the model hear the sound; the result keeps it."""
    window_duration: int | float = 16
    """Length of a window: frames if whole (16), seconds if not (0.19)."""
    step_duration: int | float = 10
    """From one window to the next: frames if whole, seconds if not (2/83 s is 0.0241)."""
    blend: Literal["hann", "triangular", "uniform"] = "hann"
    """Weights with which overlapping windows are blended."""
    sampler: Literal["ddpm", "ddim", "heun", "dpmpp_2m"] = "heun"
    """Sampler; with one step they are all the same."""
    steps: int = 1
    """Network evaluations: 1 gives the posterior mean, 10 to 30 give texture."""
    guidance: float = 1.0
    """Weight of the sound; 0 ignores it, above 1 exaggerates it."""
    samples: int = 1
    """Samples to average; from 2 on their spread is written as uncertainty (.npz)."""
    seed: int = 0
    """Seed of the diffusion noise."""
    batch: int = 2
    """Windows denoised together."""
    device: str = "auto"
    """auto, cpu or cuda."""
    weights: str | None = None
    """A .safetensors file or the name of shipped weights."""
    master: bool = False
    """Also write a lossless 16-bit FFV1 master, OUTPUT_master.avi."""
    overwrite: bool = False
    """Replace results that exist."""
    dry_run: bool = False
    """Read the input, print what would be done, write nothing."""

    def run(self) -> None:
        """Denoise and write."""
        targets = self._targets()
        sources = [path for path in (self.input, self.audio) if path is not None]
        check_targets(targets, sources, self.overwrite)
        if self.audio is not None and self.no_audio:
            raise UsageError("--audio and --no-audio contradict each other; give one of them")
        from cleartract.denoising.settings import checked_settings
        from cleartract.devices import usable_device
        from cleartract.model.weights import load_model
        from cleartract.recordings.video_io import open_recording

        settings = checked_settings(
            {
                name: getattr(self, name)
                for name in ("window_duration", "step_duration", "blend", "sampler", "steps")
            }
            | dict(guidance=self.guidance, samples=self.samples, seed=self.seed)
            | dict(batch=self.batch, use_audio=not self.no_audio)
        )
        if not abs(self.audio_offset) <= 10_000:
            raise UsageError("--audio-offset must lie within 10 seconds (10000 ms)")
        recording = open_recording(self.input, self.audio)
        warnings = list(recording.provenance.get("warnings", []))
        if recording.audio is None:
            warnings.append("no sound found: the model works without audio")
        elif self.no_audio:
            warnings.append("the sound is not used (--no-audio)")
        for warning in warnings:
            print(f"cleartract: {self.input}: {warning}", file=sys.stderr)
        device = usable_device(self.device)
        model, described = load_model(self.weights, device)
        if self.dry_run:
            self._describe(recording, settings, targets)
            return
        training = json.loads(described.get("training", "{}"))
        self._restore(recording, model, training, settings, targets, warnings)

    def _targets(self) -> dict[str, Path]:
        arrays = self.input.suffix.lower() in (".npz", ".npy")
        default = f"{self.input.stem}_cleartract{'.npz' if arrays else '.mp4'}"
        output = self.output or self.input.with_name(default)
        targets = {"result": output, "sidecar": output.with_name(output.name + ".json")}
        if self.master:
            targets["master"] = output.with_name(output.stem + "_master.avi")
        if self.samples > 1:
            targets["uncertainty"] = output.with_name(output.stem + "_uncertainty.npz")
        return targets

    def _describe(self, recording: Recording, settings: Any, targets: dict[str, Path]) -> None:
        from cleartract.recordings.windows import SlidingWindowTransform

        cut = SlidingWindowTransform(settings.window_duration, settings.step_duration)
        windows = cut.windows(len(recording), recording.rate)
        height, width = recording.frames.shape[1:]
        heard = recording.audio is not None and not self.no_audio
        print(f"{self.input}: {len(recording)} frames, {width}x{height}, {recording.rate} fps")
        print(f"sound: {'heard by the model' if heard else 'not used'}")
        print(
            f"{len(windows)} windows of {windows[0].frames} frames, {settings.steps} step(s) each"
        )
        for name, path in targets.items():
            print(f"would write {name}: {path}")

    def _restore(
        self,
        recording: Recording,
        model: Any,
        training: dict[str, Any],
        settings: Any,
        targets: dict[str, Path],
        warnings: list[str],
    ) -> None:
        import numpy as np

        from cleartract.commands.progress import progress_bar
        from cleartract.denoising.denoise import denoise_recording
        from cleartract.files import atomic
        from cleartract.model.weights import weights_path
        from cleartract.recordings.array_io import UNCERTAINTY
        from cleartract.recordings.video_out import write_master, write_recording
        from cleartract.sound.offset import delayed, estimate_offset

        with progress_bar("denoising", "windows") as update:
            heard = delayed(recording, -self.audio_offset / 1000)
            restored = denoise_recording(heard, model, settings, update)
        result = replace(restored.recording, audio=recording.audio)
        offset = estimate_offset(result)
        frame = 1 / float(recording.rate)
        if offset and (warning := offset.warning(frame, self.audio_offset / 1000)):
            warnings.append(warning)
            print(f"cleartract: {self.input}: {warnings[-1]}", file=sys.stderr)
        if borders := restored.used["borders_without_image"]:
            warnings.append(f"no image in {borders} (random values): left as they are")
            print(f"cleartract: {self.input}: {warnings[-1]}", file=sys.stderr)
        path = weights_path(self.weights)
        sidecar = versions() | {
            "input": {"path": str(self.input), "sha256": sha256(self.input)},
            "audio": _described_file(recording.provenance.get("audio")),
            "weights": {"path": path.name, "sha256": sha256(path)},
            "training": training,
            "frames": len(recording),
            "size": list(recording.frames.shape[1:]),
            "rate": [recording.rate.numerator, recording.rate.denominator],
            "parameters": restored.used | {"audio_offset_ms": self.audio_offset},
            "audio_offset_estimate": offset
            and {
                "ms": round(1000 * offset.seconds, 1),
                "standard_error_ms": round(1000 * offset.error, 1),
                "certain": offset.certain,
            },
            "outputs": {name: str(path) for name, path in targets.items()},
            "warnings": warnings,
        }
        sound_from = self.input if self.audio is None else None
        with contextlib.ExitStack() as stack:  # all results appear, or none
            part = {name: stack.enter_context(atomic(path)) for name, path in targets.items()}
            write_recording(part["result"], result, sidecar, sound_from)
            if "master" in part:
                write_master(part["master"], result)
            if "uncertainty" in part and restored.uncertainty is not None:
                with open(part["uncertainty"], "wb") as file:
                    rate = np.array(sidecar["rate"])
                    kind = np.array(UNCERTAINTY)
                    np.savez(file, frames=restored.uncertainty, rate=rate, kind=kind)
            part["sidecar"].write_text(json.dumps(sidecar, indent=1) + "\n")
        speed = restored.used["frames_per_second"]
        print(f"{targets['result']}: {len(recording)} frames at {speed:.0f} frames a second")


def _described_file(path: str | None) -> dict[str, str] | None:
    return {"path": path, "sha256": sha256(Path(path))} if path else None
