"""`cleartract generate`: an rtMRI video from speech."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from cleartract.commands.options import Device, Overwrite, Weights
from cleartract.commands.outputs import (
    beside,
    check_targets,
    circumstances,
    counted,
    versions,
    warn,
)
from cleartract.denoising.settings import GenerateSettings
from cleartract.errors import UsageError
from cleartract.recordings.formats import check_output_kind, is_series, stored_at

if TYPE_CHECKING:
    from cleartract.denoising.generation_plan import GenerationPlan
    from cleartract.recordings.recording import Recording
    from cleartract.recordings.sound import Sound


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
    """Length [s]; by default that of the sound, or of the frames of the video that holds it."""
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
    dry_run: bool = False
    """Read the input, print what would be done, write nothing."""

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
        from cleartract.commands.reference import LONGEST, Reference
        from cleartract.commands.sound_beside import is_beside, tell_sound_beside
        from cleartract.denoising.generate import generate_recording
        from cleartract.denoising.generation_plan import GenerationPlan
        from cleartract.denoising.heard import Heard
        from cleartract.denoising.remarks import result_warnings
        from cleartract.devices import usable_device
        from cleartract.model.weights import load_model
        from cleartract.recordings.companion import companion_target
        from cleartract.recordings.sound import ArraySound, open_sound

        heard = Heard.read(self.audio, self.seconds)
        sound: Sound = ArraySound(heard.samples, heard.sample_rate)
        if heard.rate is None and self.seconds is None:
            sound = open_sound(self.audio)  # the very file, which may lie beside the result already
        if (companion := companion_target(output, sound)) is not None:
            targets["sound"] = companion
            if is_beside(targets, sound, sources, self.overwrite):
                del targets["sound"]
        model, _ = load_model(self.weights, usable_device(self.device))
        reference, known = None, None
        if self.reference is not None:
            reference = Reference.read(self.reference, self.reference_frame)
            known = reference.rate
        values = self.settings.model_dump() | {"use_audio": not self.no_audio}
        values["rate"] = values["rate"] or known or (heard.rate and str(heard.rate))
        settings = GenerateSettings(**values)
        said = list(heard.warnings)
        if reference is not None and reference.left_out:
            said.append(f"only the first {LONGEST} frames of the reference are used")
        shown = None if reference is None else reference.shown
        length = len(heard.samples), heard.sample_rate
        plan = GenerationPlan.of(*length, model, settings, shown)
        said += [*plan.remarks(model, settings, shown), *result_warnings(plan.size, output)]
        for text in said:
            warn(self.audio, text)
        if self.dry_run:
            self._describe(plan, settings, targets)
            return
        clean = None if reference is None else reference.clean(model)
        with progress_bar("generating", "frames") as update:
            made = generate_recording(
                heard.samples, heard.sample_rate, model, settings, clean, update
            )
        self._write(made, sound, settings, targets, said)
        tell_sound_beside(targets)

    def _describe(
        self, plan: GenerationPlan, settings: GenerateSettings, targets: dict[str, Path]
    ) -> None:
        """Say what would be done."""
        from cleartract.recordings.windows import SlidingWindowTransform

        height, width = plan.size
        cut = SlidingWindowTransform(settings.window_duration, settings.step_duration)
        windows = cut.windows(plan.frames, plan.rate)
        cut_into = f"{counted(len(windows), 'window')} of {counted(windows[0].frames, 'frame')}"
        made = f"{counted(plan.frames, 'frame')}, {width}x{height}, {plan.rate} fps"
        print(f"{self.audio}: {made} would be generated")
        print(f"sound: {'used by the model' if settings.use_audio else 'not used'}")
        print(f"{cut_into}, {counted(settings.steps, 'step')} each")
        for name, path in targets.items():
            print(f"would write {name}: {path}")

    def _write(
        self,
        made: Recording,
        sound: Sound,
        settings: GenerateSettings,
        targets: dict[str, Path],
        said: list[str],
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
            "audio": {"path": os.path.abspath(self.audio), "sha256": sha256(self.audio)},
            "reference_frame": self.reference_frame,
            "seconds": self.seconds,
            "reference": self.reference
            and {"path": os.path.abspath(self.reference), "sha256": sha256(self.reference)},
            "weights": {"path": weights.name, "sha256": sha256(weights)},
            "frames": len(made),
            "size": list(made.frames.shape[1:]),
            "rate": [made.rate.numerator, made.rate.denominator],
            "parameters": settings.model_dump(),
            "outputs": {name: str(target) for name, target in targets.items()},
            "warnings": said,
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
            sums = {name: sha256(place) for name, place in places.items() if name != "sidecar"}
            sidecar = sidecar | circumstances() | {"sha256": sums}
            with naming(targets["sidecar"]):
                places["sidecar"].write_text(json.dumps(sidecar, indent=1) + "\n")
        print(f"{result}: {len(made)} frames generated from {basis}")
