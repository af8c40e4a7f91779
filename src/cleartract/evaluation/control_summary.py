"""Summary of the controls: does audio help, and does wrong audio change articulation?"""

from __future__ import annotations

import numpy as np
from scipy.stats import sem

from cleartract.evaluation.articulation import degree_error
from cleartract.evaluation.controls import CONTROLS, METRICS, SITUATIONS, ControlResult

_NEGLIGIBLE_DB = 0.05
_NEGLIGIBLE_MM = 0.1


def hallucination_index(results: dict[str, ControlResult], lost: bool = False) -> float:
    """Change of articulation by wrong audio [mm].

    Root mean square difference of constriction degrees with swapped audio and with none; of the
    intact recording, or of the restored lost frames.
    """
    swapped, null = results["swapped"], results["null"]
    if lost:
        return degree_error(swapped.restored_degrees, null.restored_degrees)
    return degree_error(swapped.degrees, null.degrees)


def summarise(results: list[dict[str, ControlResult]], speakers: list[str]) -> dict:
    """Means, differences to null with their standard error, and the verdict.

    Recordings of one speaker are averaged first: reconstructions of one utterance are not
    independent, and the standard error is that over speakers.

    Args:
        results: One per reconstruction.
        speakers: Speaker of each.
    """
    table: dict = {"reconstructions": len(results), "speakers": len(set(speakers))}
    groups = [
        [r for r, s in zip(results, speakers, strict=True) if s == name]
        for name in sorted(set(speakers))
    ]

    def by_speaker(metric: str, control: str, situation: str) -> np.ndarray:
        return np.array(
            [
                _mean(np.array([r[control].metrics[metric][situation] for r in group]))
                for group in groups
            ]
        )

    for metric in METRICS:
        table[metric] = {
            situation: {c: _mean(by_speaker(metric, c, situation)) for c in CONTROLS}
            for situation in SITUATIONS
        }
        table[f"{metric}_over_null"] = {}
        for situation in SITUATIONS:
            null = by_speaker(metric, "null", situation)
            gains = {c: by_speaker(metric, c, situation) - null for c in CONTROLS if c != "null"}
            table[f"{metric}_over_null"][situation] = {
                c: [_mean(gain), _standard_error(gain)] for c, gain in gains.items()
            }
    table["hallucination_index_mm"] = float(np.mean([hallucination_index(r) for r in results]))
    table["hallucination_index_lost_mm"] = float(
        np.mean([hallucination_index(r, lost=True) for r in results])
    )
    table["verdict"] = verdict(table)
    return table


def _mean(values: np.ndarray) -> float:
    values = values[np.isfinite(values)]  # a recording may be too short for a long run
    return float(values.mean()) if len(values) else float("nan")


def _standard_error(values: np.ndarray) -> float:
    values = values[np.isfinite(values)]
    return float(sem(values)) if len(values) > 1 else float("nan")


def verdict(table: dict) -> list[str]:
    """The summary in words, one sentence per question."""
    sentences = []
    for situation in SITUATIONS:
        gain, error = table["psnr_airway_over_null"][situation]["matched"]
        wrong, _ = table["psnr_airway_over_null"][situation]["swapped"]
        spread = "" if np.isnan(error) else f" (standard error {error:.2f})"
        sure = not np.isnan(error) and abs(gain) > 2 * error
        if abs(gain) < _NEGLIGIBLE_DB or not sure:
            word = "makes no measurable difference"
        else:
            word = "helps" if gain > 0 else "harms"
        sentences.append(
            f"{situation}: the matched audio {word}: {gain:+.2f} dB over no audio{spread}; "
            f"swapped audio {wrong:+.2f} dB"
        )
    index, lost = table["hallucination_index_mm"], table["hallucination_index_lost_mm"]
    changes = "changes" if index > _NEGLIGIBLE_MM else "does not change"
    sentences.append(
        f"wrong audio {changes} articulation where frames are observed: constriction degrees "
        f"differ by {index:.3f} mm, in lost frames by {lost:.3f} mm"
    )
    return sentences
