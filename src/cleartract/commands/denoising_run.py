"""One run of `cleartract denoise`: survey, restore, write, describe."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from cleartract.commands.denoise import Denoise
from cleartract.commands.input_checks import check_memory, check_sound
from cleartract.commands.opinion import write_opinion
from cleartract.commands.outputs import check_place, circumstances, counted, warn
from cleartract.commands.progress import Update, progress_bar
from cleartract.commands.residual_video import described_residual
from cleartract.commands.result_sinks import result_sinks
from cleartract.commands.run_description import asked_of, fixed_description
from cleartract.commands.sound_beside import is_beside, tell_sound_beside
from cleartract.denoising.lasting import given_back
from cleartract.denoising.partial import PartialRun
from cleartract.denoising.pipeline import BackgroundSink
from cleartract.denoising.prepared import PreparedRecording
from cleartract.denoising.remarks import remarks, result_warnings
from cleartract.denoising.residual import ResidualSplit
from cleartract.denoising.restore import Restoration
from cleartract.denoising.settings import DenoiseSettings
from cleartract.devices import choose_threads
from cleartract.errors import OutputError, WeightsError
from cleartract.files import AtomicFiles, naming, sha256
from cleartract.model.weights import load_model, weights_path
from cleartract.recordings.companion import write_companion
from cleartract.recordings.formats import is_series, stored_at
from cleartract.recordings.sound import length
from cleartract.recordings.source import FrameSource

if TYPE_CHECKING:
    from cleartract.model.model import Model


class DenoisingRun:
    """What the command does once its options are known to be right.

    Args:
        command: The options.
        source: The recording, perhaps only its beginning.
        settings: How it is denoised.
        device: Where.
        targets: Files to write, by name.
        lost: Frames that are lost [frames].
    """

    def __init__(
        self,
        command: Denoise,
        source: FrameSource,
        settings: DenoiseSettings,
        device: torch.device,
        targets: dict[str, Path],
        lost: tuple[int, ...],
    ):
        self.command, self.source, self.settings = command, source, settings
        self.device, self.targets, self.lost = device, targets, lost
        self.warnings: list[str] = []
        self.heard_beside = False  # whether the sound is there already

    def warn(self, text: str) -> None:
        """Print a warning, and keep it for the sidecar."""
        self.warnings.append(text)
        warn(self.command.input, text)

    def check(self) -> None:
        """Refuse, before any work, what would fail after it."""
        command, source = self.command, self.source
        read = command.sources()
        if (beside := source.provenance.get("trajectory")) is not None:
            for target in self.targets.values():
                check_place(stored_at(target), [Path(beside)])
        self.heard_beside = is_beside(self.targets, source.sound, read, command.overwrite)
        check_memory(source, self.settings, command.max_memory)
        whole = command.preview is None and not source.provenance.get("cut")
        if self.settings.use_audio and whole and command.audio_offset is None:
            check_sound(source, self.samples)

    @cached_property
    def samples(self) -> int:
        """Length of the sound [samples]; 0 where there is none."""
        return length(self.source.sound)

    @cached_property
    def asked(self) -> dict[str, Any]:
        """What decides the result."""
        return asked_of(self.command, self.source, self.settings)

    def run(self) -> None:
        """Denoise and write."""
        command = self.command
        choose_threads(command.threads, self.device)
        model, stored = _loaded(command.weights, self.device)
        try:
            training = json.loads(stored.get("training", "{}"))
        except (ValueError, RecursionError) as error:
            raise WeightsError(
                f"{weights_path(command.weights)}: damaged; its training is no JSON"
            ) from error
        self.check()
        with progress_bar("surveying", "frames") as update:
            prepared = self.surveyed(model, update)
        with progress_bar("denoising", "windows") as update:
            restoration = Restoration(self.source, prepared, model, self.settings)
            self._check_split(restoration)
            self._restore(restoration, training, update)
        seconds, frames = restoration.timing()["seconds"], prepared.survey.frames
        print(f"{self.targets['result']}: {counted(frames, 'frame')}, denoised in {seconds:.1f} s")
        tell_sound_beside(self.targets)

    def _check_split(self, restoration: Restoration) -> None:
        """Say now, before the work, that nothing can be given back or shown."""
        if restoration.residual is not None:
            return
        if "opinion" in self.targets:
            raise self._no_opinion()
        if self.settings.fidelity:
            self.warn("too short, or nothing moves: --fidelity changes nothing")

    def _no_opinion(self) -> OutputError:
        return OutputError(
            f"{self.targets['opinion']}: the recording is too short, or nothing moves in it; "
            "leave out --opinion-map"
        )

    def surveyed(self, model: Model, update: Update) -> PreparedRecording:
        """Survey the recording, and say what there is to say before the work."""
        offset = (self.command.audio_offset or 0.0) / 1000
        settings, source = self.settings, self.source
        prepared = PreparedRecording.of(self.source, model, settings, self.lost, offset, update)
        survey = prepared.survey
        if survey.spikes and self.command.lost == "auto":
            lost = tuple(sorted({*self.lost, *survey.spikes}))
            prepared = PreparedRecording.of(self.source, model, settings, lost, offset, update)
            survey = replace(prepared.survey, spikes=survey.spikes)
            prepared = replace(prepared, survey=survey)
        spikes_lost = self.command.lost == "auto"
        for text in (
            *remarks(source, self.samples, prepared, model, settings, offset, spikes_lost),
            *result_warnings(survey.size, self.targets["result"]),
        ):
            self.warn(text)
        return prepared

    def _restore(self, restoration: Restoration, training: dict[str, Any], update: Update) -> None:
        survey = restoration.prepared.survey
        decides = self.asked | {
            "device": str(self.device),
            "frames": survey.frames,
            "lost": list(survey.lost),
        }
        partial = PartialRun(self.targets["result"], decides, survey.size)
        partial.begin(self.command.resume, "uncertainty" in self.targets)
        try:
            self._write(restoration, partial, training, update)
        except (KeyboardInterrupt, OutputError, MemoryError):
            partial.close()
            warn(self.command.input, "finished frames are kept: give --resume to go on")
            raise
        except BaseException:
            partial.remove()
            raise
        partial.remove()

    def _write(
        self,
        restoration: Restoration,
        partial: PartialRun,
        training: dict[str, Any],
        update: Update,
    ) -> None:
        if partial.batch:
            restoration.batch = partial.batch
        else:
            restoration.choose_batch()
            partial.batch = restoration.batch
        with AtomicFiles(partial.folder, self.command.overwrite) as files:
            places = {
                name: files.add(stored_at(path), is_series(path))
                for name, path in self.targets.items()
                if not (name == "sound" and self.heard_beside)
            }
            fixed = fixed_description(self.command, self.source, self.asked, restoration, training)
            sinks, spread_sinks = result_sinks(
                self.source, self.samples, restoration.prepared.survey, places, self.targets, fixed
            )
            outputs = BackgroundSink(sinks), BackgroundSink(spread_sinks)
            try:
                split = self._finish(restoration, partial, outputs, update)
            except BaseException:
                for output in outputs:
                    output.abandon()
                raise
            for output in outputs:
                output.close()
            if "sound" in places and self.source.sound is not None:
                with naming(self.targets["sound"]):
                    write_companion(places["sound"], self.source.sound)
            if "opinion" in places:
                self._write_opinion(restoration, split, partial, places)
            sidecar = fixed | {
                **circumstances(),
                "outputs": {name: str(target) for name, target in self.targets.items()},
                "residual": split and split.described() | {"given_back": self.settings.given_back},
                "timing": restoration.timing(),
                "warnings": self.warnings,
                "sha256": {
                    name: sha256(places.get(name, target))
                    for name, target in self.targets.items()
                    if name != "sidecar"
                },
            }
            if "residual" in places:
                survey = restoration.prepared.survey
                sidecar["residual_video"] = described_residual(survey, self.targets["residual"])
            with naming(self.targets["sidecar"]):
                places["sidecar"].write_text(json.dumps(sidecar, indent=1) + "\n")

    def _finish(
        self,
        restoration: Restoration,
        partial: PartialRun,
        outputs: tuple[BackgroundSink, BackgroundSink],
        update: Update,
    ) -> ResidualSplit | None:
        """Restore what is missing, write everything, and tell what was removed."""
        at_once = self.settings.given_back == 0 or restoration.residual is None
        restoration.seen_before(frames for frames, _ in partial.read())
        for frames, spread in partial.read():
            if at_once:
                outputs[0].write(frames)
            if spread is not None:
                outputs[1].write(spread)
        if partial.finished < restoration.prepared.survey.frames:
            for piece in restoration.pieces(update, partial.finished):
                partial.batch = restoration.batch  # halved where memory did not suffice
                partial.add(piece.frames, piece.uncertainty)
                if at_once:
                    outputs[0].write(piece.frames)
                if piece.uncertainty is not None:
                    outputs[1].write(piece.uncertainty)

        def restored() -> Iterator[np.ndarray]:
            return (frames for frames, _ in partial.read())

        split = restoration.split(restored)
        if at_once:
            return split
        finished = restored()
        if split is not None:
            share, peak = self.settings.given_back, self.source.peak
            finished = given_back(split, self.source.chunks(), finished, share, peak)
        for frames in finished:
            outputs[0].write(frames)
        return split

    def _write_opinion(
        self,
        restoration: Restoration,
        split: ResidualSplit | None,
        partial: PartialRun,
        places: dict[str, Path],
    ) -> None:
        if split is None:
            raise self._no_opinion()
        names = ("opinion", "opinion_picture")
        write_opinion(
            (places[names[0]], places[names[1]]),
            (self.targets[names[0]], self.targets[names[1]]),
            restoration.prepared.survey,
            split,
            self.source.chunks(),
            (frames for frames, _ in partial.read()),
        )


@lru_cache(1)
def _loaded(weights: str | None, device: torch.device) -> tuple[Model, dict[str, str]]:
    """The model, loaded once for many recordings."""
    return load_model(weights, device)
