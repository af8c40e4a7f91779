"""`cleartract benchmark`: our model and its peers on the same recordings."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from cleartract.commands.evaluate import check_extra
from cleartract.commands.outputs import sha256
from cleartract.errors import CorpusError, OutputError, UsageError


@dataclass(frozen=True)
class Benchmark:
    """Compare with peers, each tuned on the validation split and blind; a stopped run goes on."""

    corpus: Path
    """Simulated corpus with validation and test split."""
    peers: str = "all"
    """all, or names separated by semicolons."""
    real: Path | None = None
    """A real recording, to which known noise is added."""
    frames: int = 48
    """Length of each excerpt [frames]."""
    recordings: int = 2
    """Test recordings per protocol and noise level."""
    protocols: str = "all"
    """all, or protocols separated by semicolons; the table holds all that are finished."""
    weights: str | None = None
    """A .safetensors file or the name of shipped weights."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("benchmark")
    """Folder of the results: table.md, results.csv, results.json, plane.png."""
    threads: int | None = None
    """CPU threads of our model; all cores by default. Peers' linear algebra has one."""
    device: str = "auto"
    """auto, cpu or cuda."""

    def run(self) -> None:
        """Run what is missing, then write the tables."""
        check_extra("bench", "skimage", "scipy", "matplotlib", "threadpoolctl", "pywt")
        os.environ.setdefault("TQDM_DISABLE", "1")  # some peers draw bars of their own
        if self.frames < 16 or self.recordings < 1:
            raise UsageError("--frames must be 16 or more and --recordings 1 or more")

        from cleartract.commands.progress import progress_bar
        from cleartract.devices import usable_device, use_threads
        from cleartract.evaluation.comparison import chosen_peers, compare
        from cleartract.evaluation.leaderboard import write_tables
        from cleartract.evaluation.protocols import PROTOCOLS, REAL, build_cases
        from cleartract.model.weights import load_model, weights_path
        from cleartract.recordings.video_io import open_recording

        peers, skipped = chosen_peers(self.peers)
        wanted = [part.strip() for part in self.protocols.split(";")]
        if unknown := [name for name in wanted if name != "all" and name not in PROTOCOLS]:
            known = "; ".join(PROTOCOLS)
            raise UsageError(f"--protocols: {unknown[0]!r} is unknown; choose of {known}")
        use_threads(self.threads)
        if REAL in wanted and self.real is None:
            raise UsageError(f"--protocols: {REAL!r} needs --real RECORDING")
        real = open_recording(self.real) if self.real else None
        if real is not None and len(real) < 2 * self.frames:
            raise UsageError(f"{self.real}: is shorter than two excerpts of {self.frames} frames")
        path = weights_path(self.weights)
        description = self._description(path)
        self._check_folder(description)
        model, _ = load_model(self.weights, usable_device(self.device))
        cases = build_cases(self.corpus, self.frames, self.recordings, real)
        cases = [case for case in cases if "all" in wanted or case.protocol in wanted]
        if not cases:
            raise CorpusError(f"{self.corpus}: has no recordings of these protocols")
        self.out.mkdir(parents=True, exist_ok=True)
        (self.out / "settings.json").write_text(json.dumps(description, indent=1) + "\n")
        for name in skipped:
            print(f"skipped, not installed: {name} (pip install 'cleartract[bench]')")
        with progress_bar("comparing", "runs") as update:
            compare(cases, peers, model, self.out / "rows", update)
        print(write_tables(self.out, skipped, description))
        print(f"{self.out / 'table.md'}")

    def _description(self, weights: Path) -> dict[str, Any]:
        """Everything that the rows depend on, so that one table never mixes different runs."""
        from cleartract.evaluation.leaderboard import machine
        from cleartract.evaluation.peers import PEERS

        header = self.corpus / "corpus.json"
        grids = {peer.name: [peer.default, *peer.grid] for peer in PEERS}
        return {
            "frames": self.frames,
            "recordings": self.recordings,
            "weights": weights.name,
            "weights_sha256": sha256(weights),
            "corpus_sha256": sha256(header) if header.exists() else None,
            "real": self.real.name if self.real else None,
            "real_sha256": sha256(self.real) if self.real else None,
            "grids": grids,
            "machine": machine(),
        }

    def _check_folder(self, description: dict[str, Any]) -> None:
        header = self.out / "settings.json"
        if header.exists():
            known = json.loads(header.read_text())
            wanted = json.loads(json.dumps(description))
            changed = [key for key in wanted if known.get(key) != wanted[key]]
            if changed and set(changed) <= {"weights", "weights_sha256"}:
                self._put_aside(known["weights_sha256"][:8])
                return
            if changed:
                raise OutputError(
                    f"{self.out}: holds results of other settings ({', '.join(changed)}); "
                    "choose another --out"
                )

    def _put_aside(self, weights: str) -> None:
        """Move the rows of other weights; those of the peers do not depend on them."""
        from cleartract.evaluation.comparison import OURS

        aside = self.out / f"rows_{weights}"
        aside.mkdir(exist_ok=True)
        for row in (self.out / "rows").glob(f"*_{OURS.lower()}.json"):
            row.replace(aside / row.name)
        print(f"other weights: our former rows were moved to {aside}")
