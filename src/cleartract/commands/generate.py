"""`cleartract generate`: an rtMRI video from speech."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from cleartract.commands.options import Device, Overwrite, Weights
from cleartract.commands.outputs import beside, check_targets, versions, warn
from cleartract.denoising.settings import GenerateSettings
from cleartract.errors import RecordingError, UsageError
from cleartract.recordings.formats import check_output_kind, is_series, stored_at

if TYPE_CHECKING:
    import numpy as np

    from cleartract.model.model import Model
    from cleartract.recordings.recording import Recording
    from cleartract.recordings.sound import Sound

_WIDEST = 512  # [pixels], as --size
_LONGEST = 2000  # frames of a reference recording that are used
_PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")


class GenerateOptions(GenerateSettings):
    """How frames are made."""

    use_audio: Annotated[bool, tyro.conf.Suppress] = True  # --no-audio
    samples: Annotated[int, tyro.conf.Suppress] = 1
    fidelity: Annotated[float | None, tyro.conf.Suppress] = None  # nothing is removed


@dataclass(frozen=True)
class Generate:
    """Make an rtMRI video from speech, to see what the model has learned of its sound."""

    audio: tyro.conf.Positional[Path]
    """Sound file, or a video with sound."""
    output: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None
    """Result: .mp4, .mov, .avi or .npz; by default AUDIO_generated.mp4."""
    reference: Path | None = None
    """Speaker to look like: a recording with sound, or a frame (.png, .jpg, .tif)."""
    reference_frame: int | None = None
    """Use this frame of the reference recording alone: the posture just before the sound."""
    seconds: float | None = None
    """Length [s]; by default that of the sound."""
    settings: Annotated[GenerateOptions, tyro.conf.arg(name="")] = field(
        default_factory=GenerateOptions
    )
    no_mark: bool = False
    """Do not write "generated" into the corner of a video; its header and sidecar say so all the same."""
    no_audio: bool = False
    """Do not give the sound to the model: what it makes of nothing."""
    device: Device = "auto"
    weights: Weights = None
    overwrite: Overwrite = False

    def run(self) -> None:
        """Generate and write."""
        output = self.output or beside(self.audio, f"{self.audio.stem}_generated.mp4")
        if is_series(output):
            check_output_kind(output)
        place = stored_at(output)
        targets = {"result": output, "sidecar": beside(place, place.name + ".json")}
        sources = [path for path in (self.audio, self.reference) if path is not None]
        check_targets(targets, sources, self.overwrite)
        if self.seconds is not None and not 0 < self.seconds < 1e6:
            raise UsageError("--seconds must be positive and finite")
        if self.reference is None and self.reference_frame is not None:
            raise UsageError("--reference-frame needs --reference")
        if self.reference is not None and self.settings.size is not None:
            raise UsageError("--size is that of the reference; give one of both")

        from cleartract.commands.progress import progress_bar
        from cleartract.commands.sound_beside import is_beside, tell_sound_beside
        from cleartract.denoising.generate import generate_recording
        from cleartract.devices import usable_device
        from cleartract.model.weights import load_model
        from cleartract.recordings.companion import companion_target
        from cleartract.recordings.sound import ArraySound, open_sound, whole

        sound: Sound = open_sound(self.audio)
        samples = whole(sound)
        if self.seconds is not None:
            samples = samples[: round(self.seconds * sound.rate)]
            sound = ArraySound(samples, sound.rate)
        if (heard := companion_target(output, sound)) is not None:
            targets["sound"] = heard
            if is_beside(targets, sound, sources, self.overwrite):
                del targets["sound"]
        model, _ = load_model(self.weights, usable_device(self.device))
        reference, rate = self._reference(model)
        values = self.settings.model_dump() | {"use_audio": not self.no_audio}
        values["rate"] = values["rate"] or rate
        settings = GenerateSettings(**values)
        if reference is None and not model.config.default_speaker:
            warn(self.audio, "these weights have no default speaker: give --reference")
        with progress_bar("generating", "frames") as update:
            made = generate_recording(samples, sound.rate, model, settings, reference, update)
        self._write(made, sound, settings, targets)
        tell_sound_beside(targets)

    def _write(
        self, made: Recording, sound: Sound, settings: GenerateSettings, targets: dict[str, Path]
    ) -> None:
        from cleartract.files import AtomicFiles, naming, sha256
        from cleartract.model.weights import weights_path
        from cleartract.recordings.companion import write_companion
        from cleartract.recordings.formats import VIDEO_SUFFIXES
        from cleartract.recordings.pictures import marked
        from cleartract.recordings.writing import Described, open_sink

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
            "outputs": {name: str(target) for name, target in targets.items()},
        }
        with AtomicFiles(replace=self.overwrite) as files:
            places = {
                name: files.add(stored_at(path), is_series(path)) for name, path in targets.items()
            }
            result = targets["result"]
            described = replace(Described.of(made), comment=f"generated: {sidecar['generated']}")
            sink = open_sink(places["result"], described, sidecar, result)
            shown = result.suffix.lower() in (*VIDEO_SUFFIXES, ".gif") and not self.no_mark
            sink.write(marked(made.frames, "generated", described.bright) if shown else made.frames)
            sink.close()
            if "sound" in places:
                with naming(targets["sound"]):
                    write_companion(places["sound"], sound)
            with naming(targets["sidecar"]):
                places["sidecar"].write_text(json.dumps(sidecar, indent=1) + "\n")
        print(f"{result}: {len(made)} frames generated from {basis}")

    def _reference(self, model: Model) -> tuple[Recording | np.ndarray | None, str | None]:
        """Recording or frame of the reference, and the rate of its recording."""
        if self.reference is None:
            return None, None
        if self.reference.suffix.lower() in _PICTURES:
            return self._seen(self._picture(self.reference)), None
        from cleartract.denoising.denoise import denoise_recording
        from cleartract.denoising.settings import DenoiseSettings
        from cleartract.recordings.opening import open_recording

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
        return self._seen(clean.recording.frames[number - first]), rate

    def _picture(self, path: Path) -> np.ndarray:
        import numpy as np
        from PIL import Image, UnidentifiedImageError

        try:
            with Image.open(path) as picture:
                frame = np.asarray(picture.convert("F"), np.float32)
        except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
            raise RecordingError(f"{path}: not a readable picture") from error
        if max(frame.shape) > _WIDEST:
            raise RecordingError(
                f"{path}: {frame.shape[1]}x{frame.shape[0]} pixels; a reference frame has at most "
                f"{_WIDEST} on a side, resize it to that of a scan"
            )
        return frame

    def _seen(self, frame: Any) -> np.ndarray:
        import numpy as np

        if min(frame.shape) < 16 or not np.ptp(frame) > 0:
            raise RecordingError(f"{self.reference}: no picture to see in it")
        return frame
