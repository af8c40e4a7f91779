"""Our model and its peers on the same recordings in the same process."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers.denoisers import PEERS, Peer
from benchmarks.peers.protocols import Case, Trial
from benchmarks.peers.tuning import Tuning, run_peer, tuned
from cleartract.denoising.denoise import denoise_recording
from cleartract.denoising.settings import DenoiseSettings
from cleartract.errors import UsageError
from cleartract.evaluation import full_reference as reference
from cleartract.evaluation.articulation import constriction_degrees, degree_error
from cleartract.evaluation.grid_lines import outline_lines
from cleartract.evaluation.regions import airway_band, moving_band
from cleartract.model.model import Model
from cleartract.recordings.recording import Recording

MEASURES = ("psnr", "gain", "ssim", "psnr_airway", "difference", "degree_error")
OURS = "ClearTract"


@dataclass(frozen=True)
class Row:
    """One denoiser on one case, means over its test recordings.

    Attributes:
        protocol: One of `PROTOCOLS`.
        level: Noise level.
        denoiser: Its name.
        mode: `tuned` or `blind`; ours is always blind.
        parameter: Value of the peer's main parameter, or None.
        bias_undone: Whether the Rician bias of the peer's result was undone.
        at_edge: Whether the tuned parameter lies at an end of all values tried.
        gains: PSNR gain of every test recording [dB], by its name.
        figures: Means of `MEASURES` over them, and `frames_per_second`; so named in the result files.
    """

    protocol: str
    level: str
    denoiser: str
    mode: str
    parameter: float | None
    bias_undone: bool
    at_edge: bool
    gains: dict[str, float]
    figures: dict[str, float]


def chosen_peers(names: str) -> tuple[list[Peer], list[str]]:
    """Peers by name, `all` or separated by semicolons, and the names of those not installed.

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
            raise UsageError(f"--peers: {unknown[0]!r} is unknown; choose from: {listed}")
        wanted = [known[part] for part in parts]
    present = [peer for peer in wanted if peer.installed()]
    return present, [peer.name for peer in wanted if not peer.installed()]


def trial_measures(frames: np.ndarray, trial: Trial) -> dict[str, float]:
    """`MEASURES` of one result against the truth; `difference` is a share of the input's."""
    noisy, truth = trial.noisy.frames, trial.truth
    measures = {
        "psnr": reference.psnr(frames, truth),
        "ssim": reference.ssim(frames, truth),
        "difference": reference.frame_difference_error(frames, truth)
        / reference.frame_difference_error(noisy, truth),
        "degree_error": float("nan"),
    }
    measures["gain"] = measures["psnr"] - reference.psnr(noisy, truth)
    if trial.outlines is None:
        band = moving_band(truth)
    else:
        band = airway_band(trial.outlines, truth.shape[1:], trial.pixel_size)
        lines = outline_lines(trial.outlines)
        degrees = [constriction_degrees(x, lines, trial.pixel_size) for x in (frames, truth)]
        measures["degree_error"] = degree_error(*degrees)
    measures["psnr_airway"] = reference.psnr(frames, truth, mask=band)
    return measures


def compare(
    cases: list[Case],
    peers: list[Peer],
    model: Model,
    folder: Path,
    progress: Callable[[int, int, str], None] | None = None,
) -> list[Row]:
    """Run every denoiser on every case; rows that `folder` holds already are not run again.

    BLAS runs on one thread: with more, the peers' patch methods become very slow.

    Args:
        cases: From `build_cases`.
        peers: Installed ones.
        model: Ours, in evaluation mode.
        folder: Where finished rows are kept, a file each.
        progress: Called with denoisers done, denoisers in all, and what comes next.
    """
    from threadpoolctl import threadpool_limits

    folder.mkdir(parents=True, exist_ok=True)
    _warm_up(peers, model)  # libraries that are loaded later would not be limited
    denoisers: list[str | Peer] = ["noisy", OURS, *peers]
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
            of_job = _ours(case, model, name) if isinstance(job, str) else _peer(case, job)
        partial = file.with_suffix(".tmp")
        partial.write_text(json.dumps([vars(row) for row in of_job], indent=1))
        partial.replace(file)
        rows += of_job
    return rows


def _warm_up(peers: list[Peer], model: Model) -> None:
    rng = np.random.default_rng(0)
    frames = np.abs(rng.normal(0.5, 0.1, (16, 32, 32))).astype(np.float32)
    recording = Recording(frames, Fraction(83))
    denoise_recording(recording, model, DenoiseSettings())
    for peer in peers:
        peer.run(frames, 0.1, peer.default)


def _ours(case: Case, model: Model, name: str) -> list[Row]:
    trials = [make() for make in case.test]
    if name == "noisy":
        return [_row(case, name, "", None, trials, lambda trial: trial.noisy.frames)]

    def restore(trial: Trial, use_audio: bool) -> np.ndarray:
        settings = DenoiseSettings(use_audio=use_audio)
        return denoise_recording(trial.noisy, model, settings).recording.frames

    silent = f"{name}, no audio"
    return [
        _row(case, name, "blind", None, trials, lambda trial: restore(trial, True)),
        _row(case, silent, "blind", None, trials, lambda trial: restore(trial, False)),
    ]


def _peer(case: Case, peer: Peer) -> list[Row]:
    trials = [make() for make in case.test]
    best = tuned(peer, [make() for make in case.tuning])
    return [
        _row(
            case,
            peer.name,
            mode,
            tuning,
            trials,
            lambda t, tuning=tuning: run_peer(peer, t, tuning),
        )
        for mode, tuning in (("tuned", best), ("blind", Tuning(peer.default)))
    ]


def _row(
    case: Case, name: str, mode: str, tuning: Tuning | None, trials: list[Trial], run: Any
) -> Row:
    results, seconds, frames = {}, 0.0, 0
    for trial in trials:
        started = time.perf_counter()
        result = run(trial)
        seconds += time.perf_counter() - started
        frames += len(result)
        results[trial.name] = trial_measures(result, trial)
    means = {}
    for key in MEASURES:
        values = [r[key] for r in results.values() if np.isfinite(r[key])]
        means[key] = float(np.mean(values)) if values else float("nan")
    means["frames_per_second"] = frames / max(seconds, 1e-9)
    return Row(
        protocol=case.protocol,
        level=case.level,
        denoiser=name,
        mode=mode,
        parameter=tuning.parameter if tuning else None,
        bias_undone=tuning.undo_bias if tuning else False,
        at_edge=tuning.at_edge if tuning else False,
        gains={trial: r["gain"] for trial, r in results.items()},
        figures=means,
    )
