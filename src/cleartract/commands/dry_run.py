"""`cleartract denoise --dry-run`: everything is checked, nothing is written."""

from __future__ import annotations

from cleartract.commands.denoising_run import DenoisingRun
from cleartract.commands.outputs import counted
from cleartract.commands.progress import progress_bar
from cleartract.denoising.partial import partial_folder
from cleartract.model.weights import load_model
from cleartract.recordings.windows import SlidingWindowTransform


def describe(run: DenoisingRun) -> None:
    """Say what would be done, or what the run itself would refuse before its work.

    Raises:
        ClearTractError: As the run.
    """
    source, settings = run.source, run.settings
    model, _ = load_model(run.command.weights, run.device)
    run.check()
    with progress_bar("surveying", "frames") as update:
        prepared = run.surveyed(model, update)  # says what there is to say
    windows = SlidingWindowTransform(settings.window_duration, settings.step_duration).windows(
        source.count, source.rate
    )
    height, width = source.size
    print(f"{source.name}: {counted(source.count, 'frame')}, {width}x{height}, {source.rate} fps")
    print(f"sound: {'used by the model' if prepared.sound_used else 'not used'}")
    cut_into = f"{counted(len(windows), 'window')} of {counted(windows[0].frames, 'frame')}"
    print(f"{cut_into}, {counted(settings.steps, 'step')} each")
    for name, path in run.targets.items():
        print(f"would write {name}: {path}")
    if (left := partial_folder(run.targets["result"])).exists():
        print(f"{left}: left by a run that was stopped; give --resume to go on")
