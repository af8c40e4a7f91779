"""Our model and its peers on the same recordings in the same process."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cleartract.errors import UsageError
from cleartract.evaluation import full_reference as figures
from cleartract.evaluation.articulation import constriction_degrees, degree_error
from cleartract.evaluation.grid_lines import outline_lines
from cleartract.evaluation.peers import PEERS, Peer, estimated_sigma
from cleartract.evaluation.protocols import Case, Trial
from cleartract.evaluation.regions import airway_band, moving_band
from cleartract.evaluation.rician import undo_rician_bias
from cleartract.model import Model
from cleartract.restore import denoise_recording
from cleartract.windowed import DenoiseSettings

MEASURES = ("psnr", "gain", "ssim", "psnr_airway", "difference", "degree_error")
Restore = Callable[[Trial], np.ndarray]


@dataclass(frozen=True)
class Row:
    """One denoiser on one case, means over its test recordings.

    Attributes:
        protocol: One of `PROTOCOLS`.
        level: Noise level.
        denoiser: Its name.
        mode: `tuned` or `blind`; ours is always blind.
        parameter: Value of the peer's main parameter, or None.
        recordings: How many were tested.
        figures: Each of `MEASURES`, and `frames_per_second`.
    """

    protocol: str
    level: str
    denoiser: str
    mode: str
    parameter: float | None
    recordings: int
    figures: dict[str, float]


def chosen_peers(names: str) -> tuple[list[Peer], list[str]]:
    """Peers by name, `all` or separated by commas, and the names of those not installed.

    Raises:
        UsageError: If a name is unknown.
    """
    known = {peer.name.lower(): peer for peer in PEERS}
    if names.strip().lower() == "all":
        wanted = list(PEERS)
    else:
        parts = [part.strip().lower() for part in re.split(r";|,(?! hard| soft)", names)]
        unknown = [part for part in parts if part not in known]
        if unknown:
            listed = "; ".join(peer.name for peer in PEERS)
            raise UsageError(f"--peers: {unknown[0]!r} is unknown; choose all or some of {listed}")
        wanted = [known[part] for part in parts]
    present = [peer for peer in wanted if peer.installed()]
    return present, [peer.name for peer in wanted if not peer.installed()]


def trial_figures(frames: np.ndarray, trial: Trial) -> dict[str, float]:
    """Figures of one result against the truth; `difference` is a share of the input's."""
    noisy, truth = trial.noisy.frames, trial.truth
    found = {
        "psnr": figures.psnr(frames, truth),
        "ssim": figures.ssim(frames, truth),
        "difference": figures.frame_difference_error(frames, truth)
        / figures.frame_difference_error(noisy, truth),
        "degree_error": float("nan"),
    }
    found["gain"] = found["psnr"] - figures.psnr(noisy, truth)
    if trial.outlines is None:
        band = moving_band(truth)
    else:
        band = airway_band(trial.outlines, truth.shape[1:], trial.pixel_size)
        lines = outline_lines(trial.outlines)
        degrees = [constriction_degrees(x, lines, trial.pixel_size) for x in (frames, truth)]
        found["degree_error"] = degree_error(*degrees)
    found["psnr_airway"] = figures.psnr(frames, truth, mask=band)
    return found


def run_peer(peer: Peer, trial: Trial, parameter: float, tuned: bool) -> np.ndarray:
    """A peer on one trial.

    Tuned, it is told the true sigma where there is one, and the Rician bias is undone with it.
    """
    known = trial.sigma if tuned else None
    sigma = estimated_sigma(trial.noisy.frames) if known is None else known
    result = np.asarray(peer.run(trial.noisy.frames, sigma, parameter), np.float32)
    return result if known is None else undo_rician_bias(result.clip(0), known)


def tuned_parameter(peer: Peer, trials: Iterable[Trial]) -> float:
    """The parameter of the grid with the best mean PSNR on the tuning trials."""
    trials = list(trials)

    def quality(parameter: float) -> float:
        results = (run_peer(peer, trial, parameter, tuned=True) for trial in trials)
        return float(
            np.mean([figures.psnr(r, t.truth) for r, t in zip(results, trials, strict=True)])
        )

    return max(peer.grid, key=quality)


def compare(
    cases: list[Case],
    peers: list[Peer],
    model: Model,
    folder: Path,
    progress: Callable[[int, int, str], None] | None = None,
) -> list[Row]:
    """Run every denoiser on every case; what `folder` holds already is not run again.

    BLAS runs on one thread for the peers, whose patch methods collapse otherwise.

    Args:
        cases: From `build_cases`.
        peers: Installed ones.
        model: Ours, in evaluation mode.
        folder: Where finished rows are kept, a file each.
        progress: Called with denoisers done, denoisers in all, and what comes next.
    """
    from threadpoolctl import threadpool_limits

    folder.mkdir(parents=True, exist_ok=True)
    denoisers: list[str | Peer] = ["noisy", "ClearTract", *peers]
    jobs = [(case, denoiser) for case in cases for denoiser in denoisers]
    rows: list[Row] = []
    for number, (case, job) in enumerate(jobs):
        name = job if isinstance(job, str) else job.name
        if progress:
            progress(number, len(jobs), f"{case.protocol}, {case.level}: {name}")
        slug = re.sub(r"\W+", "-", f"{case.protocol}_{case.level}_{name}".lower())
        file = folder / f"{slug}.json"
        if file.exists():
            rows += [Row(**row) for row in json.loads(file.read_text())]
            continue
        with threadpool_limits(1, user_api="blas"):
            found = _ours(case, model, name) if isinstance(job, str) else _peer(case, job)
        partial = file.with_suffix(".tmp")
        partial.write_text(json.dumps([vars(row) for row in found], indent=1))
        partial.replace(file)
        rows += found
    return rows


def _ours(case: Case, model: Model, name: str) -> list[Row]:
    trials = [make() for make in case.test]
    if name == "noisy":
        return [_row(case, name, "", None, trials, lambda trial: trial.noisy.frames)]

    def restore(trial: Trial, use_audio: bool) -> np.ndarray:
        settings = DenoiseSettings(use_audio=use_audio)
        return denoise_recording(trial.noisy, model, settings).recording.frames

    heard = _row(case, name, "blind", None, trials, lambda trial: restore(trial, True))
    silent = _row(
        case, f"{name}, no audio", "blind", None, trials, lambda trial: restore(trial, False)
    )
    return [heard, silent]


def _peer(case: Case, peer: Peer) -> list[Row]:
    trials = [make() for make in case.test]
    best = tuned_parameter(peer, [make() for make in case.tuning])
    modes = (("tuned", best), ("blind", peer.default))
    return [
        _row(
            case, peer.name, mode, value, trials,
            lambda trial, m=mode, v=value: run_peer(peer, trial, v, m == "tuned"),
        )
        for mode, value in modes
    ]  # fmt: skip


def _row(
    case: Case, name: str, mode: str, parameter: float | None, trials: list[Trial], run: Any
) -> Row:
    results, seconds, frames = [], 0.0, 0
    for trial in trials:
        started = time.perf_counter()
        result = run(trial)
        seconds += time.perf_counter() - started
        frames += len(result)
        results.append(trial_figures(result, trial))
    means = {key: float(np.mean([r[key] for r in results])) for key in MEASURES}
    means["frames_per_second"] = frames / max(seconds, 1e-9)
    return Row(case.protocol, case.level, name, mode, parameter, len(trials), means)
