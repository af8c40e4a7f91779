"""`cleartract simulate`: recordings with a known clean truth."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from cleartract.jobs.engine import EngineSettings
from cleartract.simulation.settings import CorpusSettings


@dataclass(frozen=True)
class Simulate:
    """Simulate rtMRI recordings with sound and a known clean truth."""

    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """Folder of the corpus; a stopped simulation goes on where it was."""
    settings: tyro.conf.OmitArgPrefixes[CorpusSettings]
    engine: tyro.conf.OmitArgPrefixes[EngineSettings] = field(default_factory=EngineSettings)
    """By default as many processes as there are cores."""
    raw: bool = False
    """Also write the raw data of each recording, recordingNN_raw.h5 (MRD as in the USC 75-speaker set),
    with the sound beside them."""

    def run(self) -> None:
        """Simulate."""
        from cleartract.commands.progress import progress_bar
        from cleartract.simulation.corpus import simulate
        from cleartract.simulation.tasks import tasks

        with progress_bar("simulating", "recordings") as update:
            simulate(
                self.out,
                self.settings,
                self.engine,
                lambda done, total, _: update(done, total, ""),
                self.raw,
            )
        kind = "utterances" if self.settings.sound_only else "recordings"
        print(f"{self.out}: {len(tasks(self.settings))} {kind}")
