"""One small training run and its results: the unit of experiments and of the search."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import torch
from pydantic import BaseModel

from benchmarks.passages import passage_psnr
from cleartract.corpora.dataset import AVDataset
from cleartract.model.model import Model
from cleartract.recordings.windows import SlidingWindowTransform
from cleartract.sound.inversion import ArticulatoryInversion
from cleartract.training.config import TrainingConfig
from cleartract.training.initial import initial_model, learned_inversion, needs_inversion
from cleartract.training.inversion import SpokenMotion
from cleartract.training.loop import LoopOptions, run_loop


class Trials:
    """Trains configs on one corpus; what is done is never done again.

    Args:
        corpus: Simulated corpus.
        spoken: Speech for the inversion.
        passages: How many, of validation speakers, every config is measured on.
        folder: Of all runs, one folder for each config and seed.
    """

    def __init__(self, corpus: Path, spoken: list[SpokenMotion], passages: int, folder: Path):
        self.corpus, self.spoken, self.passages, self.folder = corpus, spoken, passages, folder
        if len({entry.speaker for entry in AVDataset(corpus, "validation").entries}) < 2:
            raise SystemExit(f"{corpus}: needs two validation speakers: simulate 16 or more")

    def run(self, config: TrainingConfig) -> dict[str, float]:
        """PSNR of a config [dB], see `passage_psnr`; it is trained and measured where it never was."""
        folder = self.folder / f"trial-{_digest(config)}"
        done = folder / f"psnr-{self.passages}.json"
        if done.exists():
            return json.loads(done.read_text())
        model = self._train(config, folder)
        frames = config.window_frames
        windows = SlidingWindowTransform(frames, _step(frames))
        values = passage_psnr(model, self.corpus, self.passages, windows)
        done.write_text(json.dumps(values, indent=1) + "\n")
        return values

    def _train(self, config: TrainingConfig, folder: Path) -> Model:
        windows = SlidingWindowTransform(config.window_frames, config.window_frames)
        dataset = AVDataset(self.corpus, "train", windows)
        initial = None
        if not (folder / "checkpoint.pt").exists():
            inversion = self._inversion(config) if needs_inversion(config, None) else None
            initial = initial_model(config, inversion=inversion)
        return run_loop(dataset, folder, config, LoopOptions(device="cpu"), initial)

    def _inversion(self, config: TrainingConfig) -> ArticulatoryInversion:
        """Inversion, learned once for all configs that need the same."""
        encoder = config.model.inversion or config.model.audio
        encoder = encoder.model_copy(update={"context": 0.0})  # inversion reads whole recordings
        name = f"inversion-{_digest(encoder, config.inversion_steps, config.seed)}.pt"
        path = self.folder / name
        if path.exists():
            inversion = ArticulatoryInversion(encoder)
            inversion.load_state_dict(torch.load(path, weights_only=True))
            return inversion.eval()
        inversion = learned_inversion(config, self.spoken)
        self.folder.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        torch.save(inversion.state_dict(), temporary)
        temporary.replace(path)
        return inversion


def _step(frames: int) -> int:
    """Step between windows: that of the default, 10 of 16 frames."""
    return max(1, round(frames * 10 / 16))


def _digest(config: BaseModel, *more: int) -> str:
    described = json.dumps([config.model_dump(mode="json"), more], sort_keys=True)
    return hashlib.sha256(described.encode()).hexdigest()[:12]
