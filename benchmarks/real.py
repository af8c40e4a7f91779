"""Figures on real recordings, for which no truth exists: noise in air and strength of edges.

python -m benchmarks.real RECORDING...
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro
from scipy.ndimage import distance_transform_edt

from benchmarks.common import write_json, write_table
from cleartract.denoising.denoise import denoise_recording
from cleartract.denoising.settings import DenoiseSettings
from cleartract.evaluation.articulation import edge_width
from cleartract.evaluation.grid_lines import GridLine, moving_lines
from cleartract.evaluation.no_reference import (
    edge_strength,
    spatial_noise,
    static_share,
    temporal_noise,
)
from cleartract.evaluation.regions import air_mask
from cleartract.model.weights import load_model
from cleartract.recordings.borders import empty_borders
from cleartract.recordings.opening import open_recording

TISSUE = 0.2  # of the 99.5th percentile, in the mean frame
FAR = 6.0  # [pixels], the reach of the high-pass filter


@dataclass(frozen=True)
class Options:
    """Denoise real recordings with and without their sound; ratios output / input."""

    recordings: tyro.conf.Positional[tuple[Path, ...]]
    weights: str | None = None
    window: int = 16
    step: int = 10
    name: str = "real"


def main(options: Options) -> None:
    model, _ = load_model(options.weights)
    rows, results = [], []
    for path in options.recordings:
        recording = open_recording(path)
        borders = empty_borders(recording.frames)
        noisy = borders.inside(recording.frames)
        mask = air_mask(noisy)
        tissue = noisy.mean(0) > TISSUE * np.percentile(noisy, 99.5)
        far = mask & (distance_transform_edt(~tissue) > FAR)
        for use_audio in (True, False) if recording.audio is not None else (False,):
            settings = DenoiseSettings(
                window_duration=options.window, step_duration=options.step, use_audio=use_audio
            )
            restored = denoise_recording(recording, model, settings)
            frames = restored.recording.frames
            if not np.isfinite(frames).all() or len(frames) != len(recording):
                raise SystemExit(f"{path}: frames lost or not finite")
            levels = borders.inside(np.round(frames))  # as an 8-bit file holds them
            lines = moving_lines(levels, 1.0, count=6, length=14)
            ratios = {
                "temporal": temporal_noise(levels, mask) / temporal_noise(noisy, mask),
                "spatial": spatial_noise(levels, mask) / spatial_noise(noisy, mask),
                "spatial_static": static_share(noisy, mask),
                "spatial_far": spatial_noise(levels, far) / spatial_noise(noisy, far),
                "far_share": float(far.sum() / mask.sum()),
                "edges": edge_strength(levels) / edge_strength(noisy),
                "edge_width": _edge_width(levels, lines) / _edge_width(noisy, lines),
            }
            results.append(
                {"recording": path.name, "audio": use_audio, "frames": len(frames),
                 "rate": str(recording.rate), "borders": borders.described(), **ratios}
            )  # fmt: skip
            rows.append(
                [path.name, len(frames), str(recording.rate), "yes" if use_audio else "no"]
                + [f"{value:.2f}" for value in ratios.values()]
            )
            print(rows[-1], flush=True)
    header = ["recording", "frames", "rate", "audio", "air noise in time", "air noise in space"]
    header += ["static share of the input's", "in space, away from tissue"]
    header += ["share of air away from tissue"]
    note = (
        "Ratios output / input. Air: the darkest 8 % of the mean frame. In time: standard deviation "
        "over frames. In space: standard deviation after a high-pass filter. Edges: 99th percentile "
        "of the gradient. Edge width: of the air-tissue boundary where grid lines cross what moves, "
        "whatever its contrast. Static share: how much of the input's figure in space is in its "
        "temporal mean already, edges of the face within the filter's reach included; a denoiser "
        "that keeps the mean frame cannot get below it. Away from tissue: more than 6 pixels from "
        "it. Borders without image are left out."
    )
    write_table(options.name, [*header, "edges", "edge width"], rows, note)
    write_json(options.name, {"recordings": results})


def _edge_width(frames: np.ndarray, lines: list[GridLine]) -> float:
    return edge_width(frames[:: max(1, len(frames) // 300)], lines, 1.0)


if __name__ == "__main__":
    main(tyro.cli(Options))
