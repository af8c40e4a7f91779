"""Tables and the quality-speed plane of a comparison."""

from __future__ import annotations

import csv
import json
import math
import os
import platform
from importlib import metadata
from pathlib import Path

import numpy as np

from cleartract.evaluation.comparison import MEASURES, Row
from cleartract.evaluation.figures import plane_png
from cleartract.evaluation.protocols import LEVELS, PROTOCOLS
from cleartract.recordings.video_out import atomic

_PACKAGES = ("cleartract", "torch", "numpy", "scipy", "scikit-image", "opencv-python-headless",
             "bm4d", "patch-denoise", "dipy")  # fmt: skip


def machine() -> dict[str, str | int]:
    """Processor, cores and versions."""
    import torch

    cpuinfo, model = Path("/proc/cpuinfo"), platform.processor() or "unknown"
    if cpuinfo.exists():
        names = [x for x in cpuinfo.read_text().splitlines() if x.startswith("model name")]
        model = names[0].split(":")[1].strip() if names else model
    found: dict[str, str | int] = {"cpu": model, "cores": os.cpu_count() or 1}
    found |= {"torch_threads": torch.get_num_threads(), "python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def write_tables(folder: Path, skipped: list[str], description: dict[str, str | int]) -> str:
    """Write `table.md`, `results.csv`, `results.json` and `plane.png` from all finished rows.

    Args:
        folder: Holds `rows/`, a file per case and denoiser.
        skipped: Names of peers that are not installed.
        description: Settings of the run.

    Returns:
        The Markdown table of PSNR gains.
    """
    files = sorted((folder / "rows").glob("*.json"))
    rows = [Row(**row) for file in files for row in json.loads(file.read_text())]
    about = {**description, "skipped": skipped, "machine": machine()}
    content = {**about, "rows": [_plain(row) for row in rows]}
    with atomic(folder / "results.json") as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n")
    with atomic(folder / "results.csv") as temporary, open(temporary, "w", newline="") as file:
        head = ["protocol", "level", "denoiser", "mode", "parameter", "recordings"]
        writer = csv.DictWriter(file, [*head, *MEASURES, "frames_per_second"])
        writer.writeheader()
        for row in rows:
            plain = _plain(row)
            writer.writerow({**{k: plain[k] for k in head}, **plain["figures"]})
    table = gain_table(rows)
    with atomic(folder / "table.md") as temporary:
        temporary.write_text(_text(table, rows, skipped, about))
    points = [
        (name, *_mean_point(rows, name)) for name in _denoisers(rows) if name != ("noisy", "")
    ]
    shown = [(_label(name), speed, gain) for name, speed, gain in points if math.isfinite(gain)]
    with atomic(folder / "plane.png") as temporary:
        temporary.write_bytes(plane_png(shown, "Mean gain over all protocols and levels"))
    return table


def gain_table(rows: list[Row], measure: str = "gain") -> str:
    """Markdown table: denoisers down, protocols and levels across; the best of a column bold."""
    columns = [
        (protocol, level)
        for protocol in PROTOCOLS
        for level in LEVELS
        if any((row.protocol, row.level) == (protocol, level) for row in rows)
    ]
    values = {
        (row.denoiser, row.mode, row.protocol, row.level): row.figures[measure] for row in rows
    }
    best = {
        column: max(
            (v for k, v in values.items() if k[2:] == column and math.isfinite(v)), default=math.nan
        )
        for column in columns
    }
    head = [f"{protocol}, {level}" for protocol, level in columns]
    lines = ["| denoiser | " + " | ".join(head) + " | frames/s |"]
    lines.append("|" + "---|" * (len(columns) + 2))
    for name in _denoisers(rows):
        cells = []
        for column in columns:
            value = values.get((*name, *column), math.nan)
            text = f"{value:+.1f}" if math.isfinite(value) else "–"
            cells.append(f"**{text}**" if value == best[column] else text)
        speed = _mean_point(rows, name)[0]
        lines.append(f"| {_label(name)} | " + " | ".join(cells) + f" | {speed:.3g} |")
    return "\n".join(lines)


def _denoisers(rows: list[Row]) -> list[tuple[str, str]]:
    """Name and mode of every denoiser, best mean gain first."""
    names = {(row.denoiser, row.mode) for row in rows if row.denoiser != "noisy"}
    return sorted(names, key=lambda name: -_mean_point(rows, name)[1])


def _mean_point(rows: list[Row], name: tuple[str, str]) -> tuple[float, float]:
    chosen = [row.figures for row in rows if (row.denoiser, row.mode) == name]
    speed = float(np.median([f["frames_per_second"] for f in chosen]))
    return speed, float(np.mean([f["gain"] for f in chosen]))


def _label(name: tuple[str, str]) -> str:
    return f"{name[0]} ({name[1]})" if name[1] == "tuned" else name[0]


def _plain(row: Row) -> dict:
    figures = {k: round(v, 5) if math.isfinite(v) else None for k, v in row.figures.items()}
    return {**vars(row), "figures": figures}


def _text(table: str, rows: list[Row], skipped: list[str], about: dict) -> str:
    counts = {row.recordings for row in rows}
    notes = [
        "# Comparison with peers",
        "",
        f"PSNR gain over the noisy frames [dB], means over {min(counts)} to {max(counts)} test "
        f"recordings of {about['frames']} frames per column. *Tuned*: main parameter chosen on "
        "the validation split by PSNR against the truth and, where noise is Rician, its bias "
        "undone with the known sigma: the best that peer can do. The others run blind: own noise "
        "estimate, default parameter. Ours always runs blind.",
        "",
        f"Skipped, not installed: {', '.join(skipped) if skipped else 'none'}.",
        "",
        table,
    ]
    for measure, title in (
        ("psnr_airway", "PSNR in the airway region [dB]"),
        ("difference", "Frame-difference error, share of the input's (bold: the largest)"),
        ("degree_error", "Error of constriction degrees [mm] (bold: the largest)"),
    ):
        notes += ["", f"## {title}", "", gain_table(rows, measure)]
    described = ", ".join(f"{key} {value}" for key, value in about["machine"].items())
    return "\n".join([*notes, "", f"Machine: {described}.", ""])
