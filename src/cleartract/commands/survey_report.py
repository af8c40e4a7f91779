"""What a survey found, for the sidecar."""

from __future__ import annotations

from typing import Any

from cleartract.denoising.survey import Survey


def described_survey(survey: Survey, audio_offset: float) -> dict[str, Any]:
    """For the sidecar.

    Args:
        survey: Of the recording.
        audio_offset: How late the sound was said to be [ms].
    """
    offset, prediction = survey.offset, survey.prediction
    return {
        "frames": survey.frames,
        "size": list(survey.size),
        "rate": [survey.rate.numerator, survey.rate.denominator],
        "audio_offset_estimate": offset
        and {
            "ms": round(1000 * offset.seconds + audio_offset, 1),
            "standard_error_ms": round(1000 * offset.error, 1),
            "certain": offset.certain,
        },
        "noise": survey.noise and survey.noise.described(),
        "sound_skill": prediction and round(prediction.explained, 4),
        "gap_weights": [round(weight, 3) for weight in survey.gap_weights] or None,
        "spikes": list(survey.spikes),
    }
