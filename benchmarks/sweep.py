"""Hyper-parameter search with Optuna; a stopped search goes on from its storage.

python -m benchmarks.sweep --corpus corpus --speech speech --out runs/sweep --trials 30
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tyro

from benchmarks.common import write_json, write_table
from benchmarks.experiments import BASE
from benchmarks.trial import Trials
from cleartract.training.config import TrainingConfig
from cleartract.training.inversion import read_motion


@dataclass(frozen=True)
class Options:
    """Search for the best mean of observed and lost frames on validation speakers."""

    corpus: Path
    out: Path
    speech: Path | None = None
    trials: int = 30
    """Trials in all, those of earlier calls included."""
    steps: int = 400
    passages: int = 28
    name: str = "sweep"
    """Of the result in benchmarks/results."""


def main(options: Options) -> None:
    import optuna

    folders = [options.corpus] + ([options.speech] if options.speech else [])
    spoken = [item for folder in folders for item in read_motion(folder, "train")]
    options.out.mkdir(parents=True, exist_ok=True)
    storage = f"sqlite:///{options.out.resolve() / 'study.db'}"
    study = optuna.create_study(
        study_name="cleartract", storage=storage, direction="maximize", load_if_exists=True
    )
    # a search that goes on must not draw again what it drew at first
    study.sampler = optuna.samplers.TPESampler(seed=len(study.trials))
    trials = Trials(options.corpus, spoken, options.passages, options.out)

    def objective(trial: optuna.Trial) -> float:
        config = TrainingConfig.model_validate(suggested(trial) | {"steps": options.steps})
        values = trials.run(config)
        for name, value in values.items():
            trial.set_user_attr(name, value)
        return (values["observed matched"] + values["lost matched"]) / 2

    complete = (optuna.trial.TrialState.COMPLETE,)
    done = study.get_trials(states=complete)
    study.optimize(objective, n_trials=max(0, options.trials - len(done)))
    best = {"value": study.best_value, "parameters": study.best_params}
    finished = study.get_trials(states=complete)
    tried = [{"value": t.value, **t.params, **t.user_attrs} for t in finished]
    write_json(options.name, {"steps": options.steps, "best": best, "trials": tried})
    note = (
        f"`python -m benchmarks.sweep --steps {options.steps} --trials {len(tried)}`: best first; the "
        "mean of observed and lost frames with matched sound [dB] on validation speakers is maximised."
    )
    names = list(study.best_params)
    order = sorted(tried, key=lambda trial: -trial["value"])
    lines = [[_shown(trial.get(name)) for name in ("value", *names)] for trial in order]
    write_table(options.name, ["mean [dB]", *names], lines, note)


def _shown(value: object) -> object:
    return float(f"{value:.4g}") if isinstance(value, float) else value


def suggested(trial) -> dict:
    """A config drawn from the space of the search.

    Args:
        trial: Of Optuna.
    """
    model = {name: dict(part) for name, part in BASE["model"].items()}
    model["unet"]["heads"] = trial.suggest_categorical("heads", [1, 2, 4])
    model["unet"]["blocks"] = trial.suggest_int("blocks", 1, 2)
    places = trial.suggest_categorical("attention", ["8", "4,8"])
    model["unet"]["attention_resolutions"] = [int(n) for n in places.split(",")]
    encoder = trial.suggest_categorical("encoder", ["conv", "gru", "transformer"])
    model["audio"]["encoder"] = model["inversion"]["encoder"] = encoder
    return BASE | {
        "model": model,
        "learning_rate": trial.suggest_float("learning_rate", 2e-4, 3e-3, log=True),
        "audio_learning_rate": trial.suggest_float("audio_learning_rate", 0.5, 5, log=True),
        "audio_dropout": trial.suggest_float("audio_dropout", 0.1, 0.5),
        "difference": trial.suggest_float("difference", 0, 5),
        "lost_weight": trial.suggest_float("lost_weight", 0.5, 4, log=True),
    }


if __name__ == "__main__":
    main(tyro.cli(Options))
