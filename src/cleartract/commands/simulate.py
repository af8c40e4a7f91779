"""`cleartract simulate`: recordings with a known clean truth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from cleartract.errors import UsageError


@dataclass(frozen=True)
class Simulate:
    """Simulate rtMRI recordings with sound and a known clean truth."""

    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """Folder of the corpus; a stopped simulation goes on where it was."""
    speakers: int = 8
    """Number of random speakers."""
    minutes: float = 4.0
    """Total length [min]."""
    seed: int = 1
    """Seed; the same seed gives the same bytes."""
    seconds: float = 3.0
    """Least length of one recording [s]."""
    coils: int = 4
    """Receive coils, 2 to 8."""
    timit_share: float = 0.3
    """Share of recordings with the 68x68, 23.18 fps protocol; the others are 84x84, 83.28 fps."""
    golden: bool = False
    """Golden-angle order of the interleaves instead of bit-reversed."""
    noise: tuple[float, float] = (0.01, 0.05)
    """Least and greatest noise level, relative to the brightest tissue, if fully sampled."""
    sound_only: bool = False
    """Sound and motor trajectories without frames: more speech for `train --speech`."""
    workers: int | None = None
    """Processes; all cores by default."""

    def run(self) -> None:
        """Simulate."""
        from cleartract.commands.progress import progress_bar
        from cleartract.simulation.corpus import CorpusSettings, check_extra, simulate

        if self.workers is not None and self.workers < 1:
            raise UsageError(f"--workers: 1 or more, not {self.workers}")
        check_extra()
        settings = CorpusSettings(
            speakers=self.speakers,
            minutes=self.minutes,
            seed=self.seed,
            seconds=self.seconds,
            coils=self.coils,
            timit_share=self.timit_share,
            golden=self.golden,
            noise=self.noise,
            sound_only=self.sound_only,
        )
        with progress_bar("simulating", "recordings") as update:
            simulate(
                self.out, settings, self.workers, lambda done, total, _: update(done, total, "")
            )
        kind = "speech" if self.sound_only else "recording"
        made = len(list(self.out.glob(f"speaker*/{kind}*.npz")))
        print(f"{self.out}: {made} {'utterances' if self.sound_only else 'recordings'}")
