"""A first look at a recording for the page of `cleartract app`, by a process of its own.

Prints one line of JSON: what the survey says of its beginning, and how fast this machine is.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from cleartract.errors import ClearTractError

BEGINNING = 20  # [s] of the recording that are looked at
_TRIAL = 2.0  # [s] in which windows are restored, to measure


def looked_at(path: Path, audio: Path | None, rate: str | None, weights: str | None) -> dict:
    """What a recording is like.

    Args:
        path: The recording.
        audio: A sound file that its folder keeps elsewhere.
        rate: Frames per second, for kinds of file that hold none.
        weights: Of the model.

    Returns:
        `warnings`; `late` [ms] of the sound and its standard error, or None; `speed` of this
        machine with one network evaluation [frames/s].

    Raises:
        RecordingError, WeightsError: In one line.
    """
    from cleartract.commands.input_checks import check_sound
    from cleartract.denoising.frame_lists import told_rate
    from cleartract.denoising.prepared import PreparedRecording
    from cleartract.denoising.remarks import (
        sound_warnings,
        survey_warnings,
        unfamiliar_warnings,
    )
    from cleartract.denoising.settings import DenoiseSettings
    from cleartract.devices import choose_threads, usable_device
    from cleartract.errors import RecordingError
    from cleartract.model.weights import load_model
    from cleartract.recordings.opening import open_source
    from cleartract.recordings.sound import length
    from cleartract.recordings.source import FirstFrames

    whole = open_source(path, audio, None if rate is None else told_rate(rate))
    warnings = []
    try:
        check_sound(whole, length(whole.sound))
    except RecordingError as error:
        warnings.append(str(error).split(": ", 1)[-1])
    source = FirstFrames(whole, round(BEGINNING * whole.rate))
    device = usable_device("auto")
    choose_threads(None, device)
    model, _ = load_model(weights, device)
    settings = DenoiseSettings()
    prepared = PreparedRecording.of(source, model, settings)
    survey = prepared.survey
    if not warnings:
        warnings += sound_warnings(survey.frames / survey.rate, source.sound, length(source.sound))
    warnings += [*survey_warnings(prepared, 0.0, False), *unfamiliar_warnings(survey)]
    offset = survey.offset
    return {
        "warnings": warnings,
        "late": offset and offset.certain and [1000 * offset.seconds, 1000 * offset.error],
        "seconds": float(source.count / source.rate),
        "speed": _speed(source, prepared, model, settings),
    }


def _speed(source: Any, prepared: Any, model: Any, settings: Any) -> float:
    """Frames that this machine restores in a second."""
    from cleartract.denoising.restore import Restoration

    began, made = time.perf_counter(), 0
    pieces = Restoration(source, prepared, model, settings).pieces()
    first = next(pieces)  # its model is not warm yet
    if len(first.frames) == source.count:
        return len(first.frames) / (time.perf_counter() - began)
    began = time.perf_counter()
    for piece in pieces:
        made += len(piece.frames)
        if time.perf_counter() - began > _TRIAL:
            break
    pieces.close()  # type: ignore[attr-defined]
    return made / (time.perf_counter() - began)


def main(arguments: list[str]) -> int:
    """Look at the recording that JSON names: `path`, `audio`, `rate`, `weights`."""
    asked = json.loads(arguments[0])
    audio = None if asked["audio"] is None else Path(asked["audio"])
    try:
        said = looked_at(Path(asked["path"]), audio, asked["rate"], asked["weights"])
    except (ClearTractError, OSError, MemoryError) as error:
        print(f"cleartract: {error}", file=sys.stderr)
        return 3
    print(json.dumps(said))
    return 0
