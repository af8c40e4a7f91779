"""Fit the naturalness distance on clean frames of simulated training speakers.

python -m benchmarks.fit_naturalness --corpus corpus

writes `src/cleartract/evaluation/naturalness.npz`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro

import cleartract.evaluation
from benchmarks.common import load_split
from cleartract.evaluation.naturalness import NaturalnessFit, patch_features

SHARPEST = 0.75  # as NIQE: share of the sharpest patch below which patches are left out


@dataclass(frozen=True)
class Options:
    """Which clean frames are natural."""

    corpus: Path
    split: str = "train"
    frames: int = 6


def main(options: Options) -> None:
    features = []
    for simulated in load_split(options.corpus, options.split):
        clean = simulated.truth().frames
        chosen = np.linspace(0, len(clean) - 1, options.frames).astype(int)
        features.append(patch_features(clean[chosen], SHARPEST))
    fit = NaturalnessFit.of(np.concatenate(features))
    target = Path(cleartract.evaluation.__file__).parent / "naturalness.npz"
    np.savez(target, mean=fit.mean, covariance=fit.covariance)
    print(f"{target}: {sum(map(len, features))} patches of {len(features)} recordings")


if __name__ == "__main__":
    main(tyro.cli(Options))
