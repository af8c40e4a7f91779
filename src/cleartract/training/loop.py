"""The training loop."""

from __future__ import annotations

import contextlib
import copy
import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from cleartract.corpora.dataset import AVDataset
from cleartract.devices import pick_device
from cleartract.errors import CorpusError
from cleartract.model.model import Model
from cleartract.model.weights import save_model
from cleartract.training.batches import BatchSource
from cleartract.training.checkpoint import load_checkpoint, save_checkpoint
from cleartract.training.config import TrainingConfig
from cleartract.training.loss import Batch, LossWeights, batch_loss
from cleartract.training.processes import Processes
from cleartract.training.varied_sound import VariedSoundReader

LOG_STEPS = 50
CHECKPOINT_STEPS = 200
Progress = Callable[[int, int, dict[str, float]], None]
EpochEnd = Callable[[Model, int], None]


@dataclass(frozen=True)
class LoopOptions:
    """Where a run trains, and what is called on the way; nothing of it decides the weights.

    Attributes:
        device: `auto`, `cpu` or `cuda`.
        on_epoch: Called with the averaged model and the epoch's number at each epoch's end.
        progress: Called with step, steps and the latest metrics.
        stop_after: Stop (with a checkpoint) when this step is reached, as if interrupted.
        speech_features: Folder where hidden states of a frozen speech model are kept.
    """

    device: str = "auto"
    on_epoch: EpochEnd | None = None
    progress: Progress | None = None
    stop_after: int | None = None
    speech_features: Path | None = None


def learning_rate(config: TrainingConfig, step: int) -> float:
    """Linear warm-up, then half a cosine down to zero."""
    rising = min(1.0, (step + 1) / max(1, config.warmup))
    return config.learning_rate * rising * 0.5 * (1 + math.cos(math.pi * step / config.steps))


def parameter_groups(model: Model, audio_factor: float) -> list[dict]:
    """Parameters of the picture pathway, and those of the audio with their own learning rate."""
    groups: tuple[list, list] = ([], [])
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            groups["audio." in name].append(parameter)
    pictures, audio = groups
    parts = [{"params": pictures, "factor": 1.0}, {"params": audio, "factor": audio_factor}]
    return [group for group in parts if group["params"]]


@torch.no_grad()
def update_average(average: nn.Module, model: nn.Module, decay: float) -> None:
    """Exponential moving average of the weights."""
    for mean, value in zip(average.parameters(), model.parameters(), strict=True):
        mean.lerp_(value, 1 - decay)


def run_loop(
    dataset: AVDataset,
    folder: Path,
    config: TrainingConfig,
    options: LoopOptions,
    initial: Model | None = None,
) -> Model:
    """Train a model, or go on with a run that was stopped.

    Several processes started by torchrun share every batch; they give the weights that one process
    gives with the same config, up to the order of sums.

    Args:
        dataset: Training windows.
        folder: Run folder: `config.json`, `metrics.jsonl`, `checkpoint.pt`,
            `weights.safetensors`.
        config: Settings; a resumed run must have the same.
        options: Where it runs, and what is called on the way.
        initial: Weights to start from instead of random ones; a resumed run keeps its own.

    Returns:
        The averaged model.

    Raises:
        CorpusError: If the folder holds a run with another config.
    """
    place = pick_device(options.device)
    processes = Processes.joined(place.type)
    if processes.count > 1 and place.type == "cuda":
        place = torch.device("cuda", processes.local)
    share = processes.share(config.batch)
    folder.mkdir(parents=True, exist_ok=True)
    described = config.model_dump_json(indent=1)
    torch.manual_seed(config.seed)
    model = Model(config.model)
    if initial is not None:
        model.load_state_dict(initial.state_dict())
    average = copy.deepcopy(model)
    state = load_checkpoint(folder, described)
    start = 0
    if state is not None:
        model.load_state_dict(state["model"])
        average.load_state_dict(state["ema"])
        start = state["step"]
    if len(set(processes.gathered([start]))) > 1:
        raise CorpusError(f"{folder}: not the same for all processes; give a shared folder")
    if processes.rank == 0:
        (folder / "config.json").write_text(described)
    model, average = model.to(place).train(), average.to(place).eval()
    optimizer = torch.optim.AdamW(
        parameter_groups(model, config.audio_learning_rate),
        lr=1.0,
        betas=(0.9, 0.99),
        weight_decay=config.weight_decay,
    )
    if state is not None:
        optimizer.load_state_dict(state["optimizer"])
    processes.copy_from_first(model)
    processes.copy_from_first(average)
    reader = VariedSoundReader(model, config.seed, config.audio_effects, options.speech_features)
    source = BatchSource(dataset.with_reader(reader, config.model.audio.context), config)
    precision = _precision(config, place)
    end = min(config.steps, options.stop_after or config.steps)
    first = processes.rank == 0
    log = _Log(folder, start, config, end) if first else None
    parts = [share[part :: config.accumulate] for part in range(config.accumulate)]
    weights = LossWeights(config.difference, config.lost_weight)
    for step, batches in enumerate(_prefetched(source, parts, start, end), start):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(config, step) * group["factor"]
        optimizer.zero_grad(set_to_none=True)
        measured: list[tuple[float, float, bool]] = []
        for batch in batches:
            batch = batch.to(place)
            with precision():
                loss = batch_loss(model, batch, weights)
            loss.balanced().div(config.batch).backward()
            intact = batch.condition.frames.observed.all(1)
            rows = zip(loss.error.tolist(), batch.sigma.tolist(), intact.tolist(), strict=True)
            measured += rows
        processes.sum_gradients(model)
        norm = nn.utils.clip_grad_norm_(model.parameters(), config.clip)
        if bool(torch.isfinite(norm)):
            optimizer.step()
            update_average(average, model, min(config.ema, (step + 1) / (step + 10)))
        measured = processes.gathered(measured)
        metrics = log.add(step, measured, float(norm)) if log else None
        if metrics and options.progress:
            options.progress(step + 1, config.steps, metrics)
        done = step + 1
        epoch_ends = done % config.epoch_steps == 0 or done == end
        # before the checkpoint, so that an interruption meanwhile does not lose it
        if first and options.on_epoch and (done % config.epoch_steps == 0 or done == config.steps):
            options.on_epoch(average, math.ceil(done / config.epoch_steps))
        if first and (epoch_ends or done % CHECKPOINT_STEPS == 0):
            _save(folder, done, (model, average, optimizer), config)
    processes.leave()
    return average


def _precision(config: TrainingConfig, place: torch.device):
    wanted = config.precision
    if wanted == "auto":
        wanted = "bf16" if place.type == "cuda" else "float32"
    if wanted == "float32":
        return contextlib.nullcontext
    return lambda: torch.autocast(place.type, dtype=torch.bfloat16)


def _prefetched(
    source: BatchSource, parts: list[range], start: int, end: int
) -> Iterator[list[Batch]]:
    """Parts of the batches in order, the next ones prepared while the current ones are used."""
    from concurrent.futures import ThreadPoolExecutor

    if start >= end:
        return

    def draw(step: int) -> list[Batch]:
        return [source.draw(step, rows) for rows in parts if rows]

    with ThreadPoolExecutor(1) as pool:
        upcoming = pool.submit(draw, start)
        for step in range(start, end):
            batch = upcoming.result()
            if step + 1 < end:
                upcoming = pool.submit(draw, step + 1)
            yield batch


def _save(
    folder: Path,
    step: int,
    trained: tuple[Model, Model, torch.optim.Optimizer],
    config: TrainingConfig,
) -> None:
    model, average, optimizer = trained
    state = {"step": step, "config": config.model_dump_json(indent=1)}
    state |= {"model": model.state_dict(), "ema": average.state_dict()}
    save_checkpoint(folder, state | {"optimizer": optimizer.state_dict()})
    training = {"steps": step, "of": config.steps, "seed": config.seed, "batch": config.batch}
    save_model(
        average,
        folder / "weights.safetensors",
        training | {"window_frames": config.window_frames},
    )


class _Log:
    """Means over `LOG_STEPS` steps, appended to `metrics.jsonl`."""

    def __init__(self, folder: Path, start: int, config: TrainingConfig, end: int):
        self.path, self.end = folder / "metrics.jsonl", end
        self.frames = config.batch * config.window_frames
        self.maximum = config.model.noise.maximum
        self._drop_after(start)
        self._reset()

    def _drop_after(self, start: int) -> None:
        # lines written after the last checkpoint will be written again
        if self.path.exists():
            lines = [x for x in self.path.read_text().splitlines() if x.endswith("}")]
            kept = [x + "\n" for x in lines if json.loads(x)["step"] <= start]
            self.path.write_text("".join(kept))

    def _reset(self) -> None:
        self.since, self.steps = time.perf_counter(), 0
        self.sums: dict[str, list[float]] = {}

    def add(self, step: int, measured: list[tuple], norm: float) -> dict[str, float] | None:
        self.steps += 1
        self.sums.setdefault("gradient_norm", []).append(norm)
        for loss, sigma, intact in measured:
            kind = "one_step" if sigma >= self.maximum else "diffusion"
            kind += "" if intact else "_lost"
            self.sums.setdefault("loss", []).append(loss)
            self.sums.setdefault(f"loss_{kind}", []).append(loss)
        if (step + 1) % LOG_STEPS and step + 1 != self.end:
            return None
        seconds = time.perf_counter() - self.since
        metrics = {name: sum(values) / len(values) for name, values in self.sums.items()}
        metrics |= {"step": step + 1, "frames_per_second": self.frames * self.steps / seconds}
        with open(self.path, "a") as file:
            file.write(json.dumps({k: round(v, 6) for k, v in metrics.items()}) + "\n")
        self._reset()
        return metrics
