"""What figures are called in tables: their unit, and which way is better."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

_MUCH, _LATE = 1.0, 15.0  # [mm], [ms] from which on a line is to be checked
_OTHER_CLOSURE = 1.5  # [mm] from which on a closure is another one
_FEW, _STILL = 0.1, 0.02  # shares from which on events and still tissue are
UP, DOWN, ONE, ZERO, NONE = "higher", "lower", "1 is best", "0 is best", ""


@dataclass(frozen=True)
class Label:
    """Of one figure.

    Attributes:
        text: Its name for a person.
        unit: Its unit; `%` stands for shares, which are multiplied by 100.
        better: Which way is better, or empty where none is.
    """

    text: str
    unit: str = ""
    better: str = NONE

    def shown(self, value: Any) -> str:
        """A value as text, in the unit."""
        if value is None or not math.isfinite(value):
            return "–"
        value = (100 * value if self.unit.startswith("%") else value) + 0.0  # never -0
        return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"


_INTENSITY = "% of brightest tissue"
_LABELS = {
    "psnr": Label("PSNR", "dB", UP),
    "ssim": Label("SSIM", "", UP),
    "psnr_airway": Label("PSNR in the airway", "dB", UP),
    "ssim_airway": Label("SSIM in the airway", "", UP),
    "frame_difference_error": Label("error of frame differences", _INTENSITY, DOWN),
    "kymograph_correlation": Label("correlation of kymographs", "", UP),
    "texture_ratio": Label("texture over that of the truth", "", ONE),
    "edge_width_ratio": Label("edge width over that of the truth", "", ONE),
    "seam_index": Label("seams between windows over elsewhere", "", ONE),
    "air_noise_temporal": Label("noise in air, over time", _INTENSITY, DOWN),
    "air_noise_spatial": Label("noise in air, over space", _INTENSITY, DOWN),
    "air_noise_spatial_static_share": Label("of that, never changes", "%"),
    "tissue_noise_spatial": Label("noise in tissue, over space", _INTENSITY, DOWN),
    "tissue_noise_temporal": Label("noise in tissue, over time", _INTENSITY, DOWN),
    "signal_to_noise": Label("signal to noise ratio", "", UP),
    "contrast_to_noise": Label("contrast to noise ratio", "", UP),
    "flicker": Label("flicker of tissue", _INTENSITY, DOWN),
    "edge_strength": Label("strength of edges", "", UP),
    "edge_width": Label("width of edges at grid lines", "mm", DOWN),
    "piqe": Label("PIQE", "", DOWN),
    "naturalness_distance": Label("distance from natural frames", "", DOWN),
    "confidence": Label("confidence in the grid line", "%", UP),
    "not_scored": Label("not scored"),
    "closure_bias_mm": Label("closures too wide, on average", "mm", ZERO),
    "closure_change_mm": Label("largest error of a closure", "mm", DOWN),
    "error_mm": Label("error", "mm", DOWN),
    "correlation": Label("correlation", "", UP),
    "timing_error_ms": Label("error of timing", "ms", DOWN),
    "events_missed": Label("closures and releases missed", "%", DOWN),
    "events_invented": Label("closures and releases invented", "%", DOWN),
    "peak_velocity_ratio": Label("peak velocity ratio", "", ONE),
    "consistency": Label("consistency: change of the result over that of its input", "", DOWN),
    "psnr_of_mean": Label("PSNR of the mean of the samples", "dB", UP),
    "rank": Label("rank correlation of spread and error", "", UP),
    "residual edges": Label("removed: correlation with edges", "", ZERO),
    "residual motion": Label("removed: correlation with movement", "", ZERO),
    "residual structure": Label("removed: correlation with fine structure", "", ZERO),
    "residual static": Label("removed: of that, never changes", "%", DOWN),
    "residual spectrum": Label("removed: distance from the spectrum of noise", "", DOWN),
    "residual lag": Label("removed: correlation in time beyond that of noise", "", ZERO),
    "residual removed_share": Label("removed, in tissue", _INTENSITY),
    "residual repeating_share": Label("removed: repeats with the posture", _INTENSITY, DOWN),
    "residual noise_share": Label("removed: noise", _INTENSITY),
    "residual still_bias": Label(
        "still stretches: change of what does not change", _INTENSITY, ZERO
    ),
    "residual still_gain": Label("still stretches: gain", "dB", UP),
    "residual still_stretches": Label("still stretches found"),
}
_CHANGES = {  # without a truth the noisy frames are compared with: nothing says who is right
    "closure_bias_mm": Label("closures wider, on average", "mm"),
    "closure_change_mm": Label("largest change of a closure", "mm"),
    "error_mm": Label("change", "mm"),
    "correlation": Label("correlation with the noisy frames"),
    "timing_error_ms": Label("change of timing", "ms"),
    "events_missed": Label("closures and releases gone", "%"),
    "events_invented": Label("closures and releases new", "%"),
    "peak_velocity_ratio": Label("peak velocity over that of the noisy frames"),
}


def label_of(name: str, truth: bool) -> Label:
    """The label of a figure.

    Args:
        name: As in `report.json`, its groups before it: `line 1 error_mm`, `residual edges`.
        truth: Whether there was a truth to compare with.
    """
    known = _LABELS if truth else _LABELS | _CHANGES
    if name in known:
        return known[name]
    group, _, last = name.rpartition(" ")
    if last.startswith("coverage_"):
        _, share, *where = last.split("_")
        nominal = f"{share.rstrip('%')} %"
        inside = f"truth inside the {nominal} interval"
        return Label(
            " ".join([inside, *(["in the", *where] if where else [])]), "%", f"{nominal} is best"
        )
    if last in known and group:
        label = known[last]
        return Label(f"{group.replace('_', ' ')}: {label.text}", label.unit, label.better)
    return Label(name.replace("_", " "))


def verdict(measured: dict) -> list[str]:
    """Plain sentences on what a reader must check, most important first; empty where all is well.

    Args:
        measured: Result of `measure`.
    """
    said: list[tuple[float, str]] = []
    closures = "are off" if "with_truth" in measured else "changed"
    word = "is off by" if "with_truth" in measured else "was changed by"
    for line, rows in measured.get("articulation", {}).items():
        amount = rows.get("error_mm", {}).get("denoised", math.nan)
        gone = rows.get("events_missed", {}).get("denoised", math.nan)
        new = rows.get("events_invented", {}).get("denoised", math.nan)
        late = rows.get("timing_error_ms", {}).get("denoised", math.nan)
        most = rows.get("closure_change_mm", {}).get("denoised", math.nan)
        if most > _OTHER_CLOSURE:
            said.append((most + 1, f"closures {closures} by up to {most:.1f} mm: check {line}"))
        if amount > _MUCH:
            said.append((amount, f"constriction degree {word} {amount:.1f} mm: check {line}"))
        lost = [
            f"{100 * share:.0f} % of its closures and releases {kind}"
            for share, kind in ((gone, "are gone"), (new, "are new"))
            if share > _FEW
        ]
        if lost:
            said.append((max(gone, new) * 10, f"{line}: {' and '.join(lost)}"))
        if late > _LATE:
            said.append((late / 20, f"{line}: its closures and releases moved by {late:.0f} ms"))
    still = measured.get("residual", {}).get("still_bias", math.nan)
    if still > _STILL:
        text = f"what does not change was changed by {100 * still:.1f} % of the brightest tissue"
        said.append((100 * still, text))
    return [text for _, text in sorted(said, key=lambda one: -one[0])]


def plain_verdict(measured: dict) -> list[str]:
    """`verdict`, or a sentence that all lines that were scored are as they were.

    Lines that were not scored are named, because nothing is known of them.
    """
    lines = measured.get("articulation", {})
    scored = [name for name, rows in lines.items() if "not_scored" not in rows]
    said = verdict(measured)
    if not said and scored:
        kept = "right" if "with_truth" in measured else "kept"
        said = [
            f"closures are {kept} within {_OTHER_CLOSURE:g} mm and {_LATE:.0f} ms at "
            f"{', '.join(scored)}"
        ]
    said += [
        f"{name} was not scored: {rows['not_scored']}"
        for name, rows in lines.items()
        if "not_scored" in rows
    ]
    if "articulation" in measured and not scored:
        said.append("no grid line crosses air between tissue: give --grid-lines")
    return said
