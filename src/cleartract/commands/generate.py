"""`cleartract generate`: an rtMRI video from speech."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from cleartract.commands.outputs import check_targets, sha256, versions
from cleartract.errors import RecordingError, UsageError, wrong_field

_WIDEST = 512  # [pixels], as --size
_LONGEST = 2000  # frames of a reference recording that are used


@dataclass(frozen=True)
class Generate:
    """Make an rtMRI video from speech, to see what the model has learned to hear."""

    audio: tyro.conf.Positional[Path]
    """Sound file, or a video with sound."""
    output: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None
    """Result: .mp4, .mov, .avi or .npz; by default AUDIO_generated.mp4."""
    reference: Path | None = None
    """Speaker whose likeness is wanted: a recording with sound, or a frame (.png, .jpg, .tif)."""
    reference_frame: int | None = None
    """Use this frame of the reference recording alone: the posture just before the sound."""
    rate: str | None = None
    """Frames per second, 83.28 or 65040/781; by default that of the reference recording."""
    size: int | None = None
    """Pixels along each side; by default 84, or those of the reference."""
    seconds: float | None = None
    """Length [s]; by default that of the sound."""
    window_duration: int | float = 16
    """Length of a window: frames if whole, seconds if not."""
    step_duration: int | float = 10
    """From one window to the next: frames if whole, seconds if not."""
    sampler: Literal["ddpm", "ddim", "heun", "dpmpp_2m"] = "dpmpp_2m"
    """Sampler; with one step they are all the same."""
    steps: int = 1
    """Network evaluations: 1 gives the mean of what is possible, 12 to 30 one possibility."""
    guidance: float = 1.0
    """Weight of the sound; above 1 exaggerates it."""
    no_audio: bool = False
    """Do not let the model hear the sound: what it makes without any."""
    seed: int = 0
    """Seed of the diffusion noise."""
    device: str = "auto"
    """auto, cpu or cuda."""
    weights: str | None = None
    """A .safetensors file or the name of shipped weights."""
    overwrite: bool = False
    """Replace results that exist."""

    def run(self) -> None:
        """Generate and write."""
        output = self.output or self.audio.with_name(f"{self.audio.stem}_generated.mp4")
        targets = {"result": output, "sidecar": output.with_name(output.name + ".json")}
        sources = [path for path in (self.audio, self.reference) if path is not None]
        check_targets(targets, sources, self.overwrite)

        from pydantic import ValidationError

        from cleartract.commands.progress import progress_bar
        from cleartract.denoising.generate import generate
        from cleartract.denoising.settings import GenerateSettings
        from cleartract.devices import usable_device
        from cleartract.files import atomic
        from cleartract.model.weights import load_model, weights_path
        from cleartract.recordings.audio_io import read_audio
        from cleartract.recordings.video_out import write_recording

        found = read_audio(self.audio)
        if found is None:
            raise RecordingError(f"{self.audio}: holds no sound")
        samples, sample_rate = found
        if self.seconds is not None:
            if not 0 < self.seconds < 1e6:
                raise UsageError("--seconds must be positive and finite")
            samples = samples[: round(self.seconds * sample_rate)]
        model, _ = load_model(self.weights, usable_device(self.device))
        if self.reference is None and self.reference_frame is not None:
            raise UsageError("--reference-frame needs --reference")
        if self.reference is not None and self.size is not None:
            raise UsageError("--size is that of the reference; give one of both")
        reference, own_rate = self._reference(model)
        names = ("window_duration", "step_duration", "sampler", "steps", "guidance", "seed")
        values: dict[str, Any] = {name: getattr(self, name) for name in names}
        values |= {"use_audio": not self.no_audio}
        rate = self.rate or own_rate
        values |= {"rate": rate} if rate else {}
        values |= {"size": self.size} if self.size is not None else {}
        try:
            settings = GenerateSettings(**values)
        except ValidationError as error:
            raise UsageError(wrong_field(error)) from error
        if reference is None and not model.config.likeness:
            print(
                "cleartract: these weights know no speaker's likeness, so the sound alone tells them "
                "little: give --reference",
                file=sys.stderr,
            )
        with progress_bar("generating", "frames") as update:
            made = generate(samples, sample_rate, model, settings, reference, update)
        weights = weights_path(self.weights)
        basis = "sound" if settings.use_audio else "no sound"
        sidecar = versions() | {
            "generated": f"every frame is made by a model from {basis}; nothing here was measured",
            "audio": {"path": str(self.audio), "sha256": sha256(self.audio)},
            "reference_frame": self.reference_frame,
            "seconds": self.seconds,
            "reference": self.reference
            and {"path": str(self.reference), "sha256": sha256(self.reference)},
            "weights": {"path": weights.name, "sha256": sha256(weights)},
            "frames": len(made),
            "size": list(made.frames.shape[1:]),
            "rate": [made.rate.numerator, made.rate.denominator],
            "parameters": settings.model_dump(),
        }
        with atomic(targets["result"]) as video, atomic(targets["sidecar"]) as beside:
            write_recording(video, made, sidecar)
            beside.write_text(json.dumps(sidecar, indent=1) + "\n")
        print(f"{output}: {len(made)} frames generated from {basis}")

    def _reference(self, model: Any) -> tuple[Any, str | None]:
        """Frame or recording of the reference, and the rate of its recording."""
        import numpy as np

        from cleartract.denoising.denoise import denoise_recording
        from cleartract.denoising.settings import DenoiseSettings
        from cleartract.recordings.video_io import open_recording

        if self.reference is None:
            return None, None
        frame = None
        if self.reference.suffix.lower() in (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp"):
            from PIL import Image, UnidentifiedImageError

            try:
                with Image.open(self.reference) as picture:
                    frame = np.asarray(picture.convert("F"), np.float32)
            except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
                raise RecordingError(f"{self.reference}: not a readable picture") from error
            if max(frame.shape) > _WIDEST:
                raise RecordingError(
                    f"{self.reference}: {frame.shape[1]}x{frame.shape[0]} pixels; a reference frame "
                    f"has at most {_WIDEST} on a side, resize it to that of a scan"
                )
            rate = None
        else:
            recording = open_recording(self.reference)
            rate = str(recording.rate)
            if self.reference_frame is None and recording.audio is not None:
                part = recording.excerpt(0, min(len(recording), _LONGEST))
                return denoise_recording(part, model, DenoiseSettings()).recording, rate
            number = self.reference_frame or 0
            if not 0 <= number < len(recording):
                raise UsageError(f"--reference-frame must lie in 0 to {len(recording) - 1}")
            first = max(0, min(number - 8, len(recording) - 16))
            part = recording.excerpt(first, min(16, len(recording)))
            clean = denoise_recording(part, model, DenoiseSettings(use_audio=False))
            frame = clean.recording.frames[number - first]
        if min(frame.shape) < 16 or not np.ptp(frame) > 0:
            raise RecordingError(f"{self.reference}: no picture to see in it")
        return frame, rate
