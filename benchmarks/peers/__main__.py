"""Our model and other denoisers on the same recordings.

python -m benchmarks.peers --corpus corpus --peers all --real RECORDING
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import tyro

from benchmarks.common import RESULTS
from cleartract.errors import ClearTractError, CorpusError, OutputError, UsageError


@dataclass(frozen=True)
class Options:
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
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = RESULTS / "peers"
    """Folder of the results: table.md, results.csv, results.json, plane.png."""
    threads: int | None = None
    """CPU threads of our model; all cores by default. Peers' linear algebra has one."""
    device: str = "auto"
    """auto, cpu or cuda."""


def main(options: Options) -> None:
    """Run what is missing, then write the tables.

    Raises:
        ClearTractError: If an option, a file or a package is missing or does not fit.
    """
    for name in ("skimage", "matplotlib", "threadpoolctl", "pywt"):
        if find_spec(name) is None:
            raise CorpusError(
                f"{name} is not installed: pip install 'cleartract[evaluate]' and "
                "pip install -r benchmarks/requirements.txt"
            )
    os.environ.setdefault("TQDM_DISABLE", "1")  # some peers draw bars of their own
    if options.frames < 16 or options.recordings < 1:
        raise UsageError("--frames must be 16 or more and --recordings 1 or more")

    from benchmarks.peers.comparison import chosen_peers, compare
    from benchmarks.peers.leaderboard import write_tables
    from benchmarks.peers.protocols import PROTOCOLS, REAL, build_cases
    from cleartract.commands.progress import progress_bar
    from cleartract.devices import usable_device, use_threads
    from cleartract.model.weights import load_model, weights_path
    from cleartract.recordings.opening import open_recording

    peers, skipped = chosen_peers(options.peers)
    wanted = [part.strip() for part in options.protocols.split(";")]
    if unknown := [name for name in wanted if name != "all" and name not in PROTOCOLS]:
        known = "; ".join(PROTOCOLS)
        raise UsageError(f"--protocols: {unknown[0]!r} is unknown; choose from: {known}")
    use_threads(options.threads)
    if REAL in wanted and options.real is None:
        raise UsageError(f"--protocols: {REAL!r} needs --real RECORDING")
    real = open_recording(options.real) if options.real else None
    if real is not None and len(real) < 2 * options.frames:
        raise UsageError(f"{options.real}: is shorter than two excerpts of {options.frames} frames")
    description = _description(options, weights_path(options.weights))
    _check_folder(options.out, description)
    model, _ = load_model(options.weights, usable_device(options.device))
    cases = build_cases(options.corpus, options.frames, options.recordings, real)
    cases = [case for case in cases if "all" in wanted or case.protocol in wanted]
    if not cases:
        raise CorpusError(f"{options.corpus}: has no recordings of these protocols")
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "settings.json").write_text(json.dumps(description, indent=1) + "\n")
    for name in skipped:
        print(f"skipped, not installed: {name} (pip install -r benchmarks/requirements.txt)")
    with progress_bar("comparing", "runs") as update:
        compare(cases, peers, model, options.out / "rows", update)
    print(write_tables(options.out, skipped, description))
    print(f"{options.out / 'table.md'}")


def _description(options: Options, weights: Path) -> dict[str, Any]:
    """Everything that the rows depend on, so that one table never mixes different runs."""
    from benchmarks.peers.denoisers import PEERS
    from benchmarks.peers.leaderboard import machine
    from cleartract.files import sha256

    header = options.corpus / "corpus.json"
    grids = {peer.name: [peer.default, *peer.grid] for peer in PEERS}
    return {
        "frames": options.frames,
        "recordings": options.recordings,
        "weights": weights.name,
        "weights_sha256": sha256(weights),
        "corpus_sha256": sha256(header) if header.exists() else None,
        "real": options.real.name if options.real else None,
        "real_sha256": sha256(options.real) if options.real else None,
        "grids": grids,
        "machine": machine(),
    }


def _check_folder(out: Path, description: dict[str, Any]) -> None:
    header = out / "settings.json"
    if not header.exists():
        return
    known = json.loads(header.read_text())
    wanted = json.loads(json.dumps(description))
    changed = [key for key in wanted if known.get(key) != wanted[key]]
    if changed and set(changed) <= {"weights", "weights_sha256"}:
        _put_aside(out, known["weights_sha256"][:8])
    elif changed:
        raise OutputError(
            f"{out}: holds results of other settings ({', '.join(changed)}); choose another --out"
        )


def _put_aside(out: Path, weights: str) -> None:
    """Move our rows, which were made with other weights; the peers' do not depend on them."""
    from benchmarks.peers.comparison import OURS

    aside = out / f"rows_{weights}"
    aside.mkdir(exist_ok=True)
    for row in (out / "rows").glob(f"*_{OURS.lower()}.json"):
        row.replace(aside / row.name)
    print(f"other weights: our former rows were moved to {aside}")


if __name__ == "__main__":
    try:
        main(tyro.cli(Options, prog="python -m benchmarks.peers"))
    except ClearTractError as error:
        print(f"benchmarks.peers: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
