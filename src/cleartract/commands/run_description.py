"""What decides a result of `cleartract denoise`, and what its sidecar says of how it was made."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from cleartract.commands.denoise import Denoise
from cleartract.commands.outputs import versions
from cleartract.commands.survey_report import described_survey
from cleartract.denoising.restore import Restoration
from cleartract.denoising.settings import DenoiseSettings
from cleartract.files import sha256
from cleartract.model.weights import weights_path
from cleartract.recordings.source import FrameSource


def asked_of(command: Denoise, source: FrameSource, settings: DenoiseSettings) -> dict[str, Any]:
    """What decides the result; files by their content: the same file has many paths."""
    sound = sound_file(source)
    return {
        "cleartract": versions()["cleartract"],
        "input": sha256(command.input),
        "weights": sha256(weights_path(command.weights)),
        "settings": settings.model_dump(),
        "audio": None if sound is None else sha256(sound),
        "audio_offset_ms": command.audio_offset or 0.0,
        "lost": command.lost,
        "preview": command.preview,
        "rate": command.rate,
    } | _only_some(command, source)


def _only_some(command: Denoise, source: FrameSource) -> dict[str, Any]:
    """What decides few results; without it the sidecars of the others stay as they were."""
    decides: dict[str, Any] = {"resample": True} if command.resample else {}
    if (beside := source.provenance.get("trajectory")) is not None:
        decides["trajectory"] = sha256(Path(beside))
    return decides


def sound_file(source: FrameSource) -> Path | None:
    """The file of the sound, or None where there is none."""
    path = source.provenance.get("audio")
    return None if source.sound is None or path is None else Path(path)


def fixed_description(
    command: Denoise,
    source: FrameSource,
    asked: dict[str, Any],
    restoration: Restoration,
    training: dict[str, Any],
) -> dict[str, Any]:
    """How the result is made, as far as that is the same in every run.

    Args:
        command: The options.
        source: The recording.
        asked: See `asked_of`.
        restoration: Before or after its work.
        training: How the weights were made.
    """
    sound, late = sound_file(source), command.audio_offset or 0.0
    return versions() | {
        "asked": asked,
        "input": {"path": os.path.abspath(command.input), "sha256": asked["input"]},
        "audio": None
        if sound is None
        else {"path": os.path.abspath(sound), "sha256": asked["audio"]},
        "weights": {"path": weights_path(command.weights).name, "sha256": asked["weights"]},
        "training": training,
        "parameters": restoration.described() | {"audio_offset_ms": late},
        **described_survey(restoration.prepared.survey, late),
        **({"resampled": told} if (told := source.provenance.get("resampled")) else {}),
    }
