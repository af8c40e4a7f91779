"""The paragraph about a denoised recording, from its sidecar."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cleartract.commands.methods_citations import DIFFUSION, RICIAN


def denoised_paragraph(sidecar: dict[str, Any]) -> tuple[str, list[str]]:
    """Sentences, and what they cite beside ClearTract.

    Args:
        sidecar: Of `cleartract denoise`.
    """
    used, removed = sidecar["parameters"], _removed(sidecar)
    made = how(used, bool(used.get("audio_used")))
    before, sound = [_what(sidecar), *_resampled(sidecar)], _sound(sidecar)
    sentences = [*before, made, _target(sidecar), sound, *removed]
    return " ".join(sentences), [DIFFUSION, *([RICIAN] if removed else [])]


def software(sidecar: dict[str, Any]) -> str:
    """ClearTract and what it was run with, as far as these decide a result."""
    return f"ClearTract {sidecar['cleartract']} (PyTorch {sidecar['torch']}, Python {sidecar['python']})"


def frames_of(sidecar: dict[str, Any]) -> str:
    """Number, size and rate of the frames."""
    height, width = sidecar["size"]
    rate = sidecar["rate"][0] / sidecar["rate"][1]
    return f"{sidecar['frames']} frames of {width} x {height} pixels, {rate:.4g} frames/s"


def network(sidecar: dict[str, Any]) -> str:
    """The weights, by name and hash."""
    weights = sidecar["weights"]
    return f"weights {Path(str(weights['path'])).stem}, SHA-256 {str(weights['sha256'])[:16]}"


def _what(sidecar: dict[str, Any]) -> str:
    return (
        f"Real-time MRI frames ({frames_of(sidecar)}) were denoised with {software(sidecar)}, a "
        f"diffusion model that can be guided by the recorded sound ({network(sidecar)}) "
        "[@cleartract; @karras2022]."
    )


def _resampled(sidecar: dict[str, Any]) -> list[str]:
    told = sidecar.get("resampled")
    if not told:
        return []
    return [
        f"Before that the {told['frames_in_the_file']} frames of a variable rate were put onto this "
        f"constant one ({told['rule']}; dropped: {told['dropped']}, repeated: {told['repeated']})."
    ]


def how(used: dict[str, Any], with_sound: bool) -> str:
    """Windows and sampler.

    Args:
        used: The parameters of a sidecar.
        with_sound: Whether the model used sound, so that its guidance counts.
    """
    steps = f"{used['steps']} steps ({used['sampler']}, seed {used['seed']})"
    if used["samples"] > 1:
        result = f"the mean of {used['samples']} samples of {steps}"
    elif used["steps"] > 1:
        result = f"one sample of {steps}"
    else:
        result = "the posterior mean, by one evaluation of the network"
    if with_sound and used.get("guidance", 1) != 1:
        result += f", with the sound weighted by {used['guidance']:g}"
    length = _duration(used.get("window_frames", used.get("window_duration")))
    step = _duration(used.get("step_frames", used.get("step_duration")))
    return (
        f"Windows of {length} with a step of {step} were computed and blended with "
        f"{used['blend'].capitalize()} weights; the result is {result}."
    )


def _duration(value: Any) -> str:
    """Frames if whole, seconds if not, as the settings have it."""
    return f"{value} frames" if isinstance(value, int) else f"{value:.4g} s"


def _target(sidecar: dict[str, Any]) -> str:
    aim = {
        "scan": "the scan as full sampling without noise would show it; artefacts that do not change stay",
        "ideal": "the object itself; artefacts that do not change are removed in the model's opinion",
    }[sidecar["parameters"].get("target", "ideal")]
    return f"The target was {aim}."


def _sound(sidecar: dict[str, Any]) -> str:
    used = sidecar["parameters"]
    lost = used.get("lost_frames") or []
    text = "The model did not use the sound."
    if "audio" in sidecar and sidecar["audio"] is None:
        text = "There was no sound that the model could use."
    elif used.get("use_audio", False) and not used.get("audio_used"):
        text = (
            "The sound explained no more of what moves than unrelated sound does by chance, and the "
            "model did not use it."
        )
    if used.get("audio_used"):
        offset, skill = used.get("audio_offset_ms") or 0.0, sidecar.get("sound_skill")
        late = f", {offset:g} ms late against the frames," if offset else ""
        share = ""
        if skill is not None:
            share = (
                f"; predictions from it explained {100 * skill:.0f} % of the variance of moving pixels, "
                "held out"
            )
        text = f"The sound{late} was used by the model{share}."
    if lost:
        were = "frame was" if len(lost) == 1 else "frames were"
        basis = " and the sound" if used.get("audio_used") else ""
        text += f" {len(lost)} {were} lost and made from the frames around{basis}, not measured."
    return text


def _removed(sidecar: dict[str, Any]) -> list[str]:
    split = sidecar.get("residual")
    if not split:
        return []
    text = (
        f"What was removed has a root mean square of {100 * split['removed']:.1f} % of the brightest "
        f"tissue; {100 * split['repeating']:.1f} % repeats with the posture or lasts in the frames around"
    )
    if split.get("given_back"):
        share = "" if split["given_back"] == 1 else f" {100 * split['given_back']:.0f} % of it"
        text += f" and was given back{share}"
    text += ". The bias of magnitudes was counted as noise [@gudbjartsson1995]."
    return [text]
