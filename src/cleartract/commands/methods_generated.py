"""The paragraph about a generated video, from its sidecar."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cleartract.commands.methods_citations import DIFFUSION
from cleartract.commands.methods_denoised import frames_of, how, network, software


def generated_paragraph(sidecar: dict[str, Any]) -> tuple[str, list[str]]:
    """Sentences, and what they cite beside ClearTract.

    Args:
        sidecar: Of `cleartract generate`.
    """
    used = sidecar["parameters"]
    heard = used.get("use_audio", True)
    basis = "from sound" if heard else "without sound"
    made = (
        f"A video in the form of real-time MRI ({frames_of(sidecar)}) was generated {basis} with "
        f"{software(sidecar)}, a diffusion model trained on speech ({network(sidecar)}) "
        "[@cleartract; @karras2022]."
    )
    warning = (
        "Nothing in this video was measured: it shows what the model has learned, and is no evidence "
        "of how the speaker moved."
    )
    like = {"scan": "a scan with full sampling and without noise", "ideal": "the object itself"}
    aim = f"Frames were to look like {like[used.get('target', 'ideal')]}."
    return " ".join([made, *_speaker(sidecar), how(used, heard), aim, warning]), [DIFFUSION]


def _speaker(sidecar: dict[str, Any]) -> list[str]:
    """Whom it looks like."""
    reference, used = sidecar["reference"], sidecar["parameters"]
    said = " ".join(map(str, sidecar.get("warnings", [])))
    if reference is None:
        if not used.get("use_audio", True) or "no default speaker" in said:
            return []
        return ["Its speaker is the default one of the weights, who is simulated."]
    name, number = Path(str(reference["path"])).name, sidecar.get("reference_frame")
    if number is not None:
        return [f"Its speaker looks like frame {number} of the reference {name}."]
    if "one frame alone is used" in said or not used.get("use_audio", True):
        return [f"Its speaker looks like the reference {name}."]
    size = {
        "speaker": "movement is as large as there",
        "mean": "movement is the mean of all that fits the sound, and so smaller than a speaker's",
    }.get(used.get("amplitude", ""))
    learned = f"Its speaker looks like the reference {name}"
    return [f"{learned}; where that is a recording with sound, {size}." if size else f"{learned}."]
