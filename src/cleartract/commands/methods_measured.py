"""The paragraph about measurements, from the sidecar of their table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cleartract.commands.methods_denoised import software


def measured_paragraph(sidecar: dict[str, Any]) -> tuple[str, list[str]]:
    """Sentences, and what they cite beside ClearTract.

    Args:
        sidecar: Of `cleartract measure`.
    """
    lines = sidecar["lines"]
    scored = {name: line for name, line in lines.items() if not line.get("not_scored")}
    rate = sidecar["rate"][0] / sidecar["rate"][1]
    placed = "given by hand" if sidecar["grid_lines"] else "placed by the program"
    sentences = [
        f"Constriction degrees, the width of the air along a grid line in mm, were measured in "
        f"{sidecar['frames']} frames ({rate:.4g} frames/s) of {_file(sidecar['input'])} with "
        f"{software(sidecar)} [@cleartract].",
        f"Grid lines were {placed}; a pixel was taken as {sidecar['pixel_size']:.4g} mm.",
        *_lines(scored),
        *(
            f"The line {name} was not scored ({line['not_scored']})."
            for name, line in lines.items()
            if name not in scored
        ),
        "A pixel on the line counts as air by a share that rises linearly from 0 to 1 over the middle "
        "half of the range between the brightness of tissue and that of air.",
    ]
    if sidecar.get("regions"):
        sentences.append(
            f"Areas of the air in mm² were measured alike in the regions of {_file(sidecar['regions'])}."
        )
    if sidecar.get("annotation"):
        sentences.append(f"Words and phones are those of {_file(sidecar['annotation'])}.")
    return " ".join(sentences), []


def _lines(scored: dict[str, Any]) -> list[str]:
    """Which lines were measured, and how surely."""
    if not scored:
        return []
    sure = sorted({round(100 * line["confidence"]) for line in scored.values()})
    span = f"{sure[0]} %" if len(sure) == 1 else f"{sure[0]} to {sure[-1]} %"
    return [f"Measured were {_listed(list(scored))} (confidence {span})."]


def _listed(names: list[str]) -> str:
    """`lips, velum and pharynx`."""
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def _file(described: dict[str, Any]) -> str:
    return Path(str(described["path"])).name
