"""Tables and the quality-speed plane of a comparison."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import platform
from importlib import metadata
from pathlib import Path

import numpy as np

from benchmarks.peers.comparison import MEASURES, OURS, Row
from benchmarks.peers.protocols import LEVELS, PROTOCOLS
from cleartract.evaluation.report import finite
from cleartract.files import atomic

_PACKAGES = ("cleartract", "torch", "numpy", "scipy", "scikit-image", "opencv-python-headless",
             "bm4d", "patch-denoise", "dipy")  # fmt: skip


def machine() -> dict[str, str | int]:
    """Processor, cores and versions."""
    import torch

    cpuinfo, model = Path("/proc/cpuinfo"), platform.processor() or "unknown"
    if cpuinfo.exists():
        names = [x for x in cpuinfo.read_text().splitlines() if x.startswith("model name")]
        model = names[0].split(":")[1].strip() if names else model
    described: dict[str, str | int] = {"cpu": model, "cores": os.cpu_count() or 1}
    described |= {"torch_threads": torch.get_num_threads(), "python": platform.python_version()}
    for name in _PACKAGES:
        try:
            described[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            described[name] = "not installed"
    return described


def write_tables(folder: Path, skipped: list[str], description: dict) -> str:
    """Write `table.md`, `results.csv`, `results.json` and `plane.png` from all finished rows.

    Args:
        folder: Holds `rows/`, a file per case and denoiser.
        skipped: Names of peers that are not installed.
        description: Settings and machine of the run.

    Returns:
        The Markdown table of PSNR gains.
    """
    files = sorted((folder / "rows").glob("*.json"))
    rows = [Row(**row) for file in files for row in json.loads(file.read_text())]
    about = {**description, "skipped": skipped}
    with atomic(folder / "results.json") as temporary:
        content = finite({**about, "rows": [vars(row) for row in rows]})
        temporary.write_text(json.dumps(content, indent=1) + "\n")
    with atomic(folder / "results.csv") as temporary, open(temporary, "w", newline="") as file:
        head = ["protocol", "level", "denoiser", "mode", "parameter", "bias_undone", "at_edge"]
        writer = csv.DictWriter(file, [*head, "recordings", *MEASURES, "frames_per_second"])
        writer.writeheader()
        for row in rows:
            plain = finite({**{k: getattr(row, k) for k in head}, **row.figures})
            writer.writerow({**plain, "recordings": len(row.gains)})
    with atomic(folder / "table.md") as temporary:
        temporary.write_text(_text(rows, about))
    common = _common_columns(rows)
    points = [(_label(name), *_mean_point(rows, name, common)) for name in _denoisers(rows)]
    title = f"Mean gain over {len(common)} protocols and noise levels"
    with atomic(folder / "plane.png") as temporary:
        temporary.write_bytes(plane_png(points, title))
    return gain_table(rows)


_TABLES = {  # decimals, whether more is better, title
    "gain": (1, True, "PSNR gain over the noisy frames [dB]"),
    "psnr_airway": (1, True, "PSNR in the airway region [dB]"),
    "ssim": (3, True, "SSIM"),
    "difference": (2, False, "Frame-difference error, share of the input's"),
    "degree_error": (2, False, "Error of constriction degrees [mm]"),
}


def gain_table(rows: list[Row], measure: str = "gain") -> str:
    """Markdown table: denoisers down, protocols and levels across; the best of a column bold."""
    decimals, more_is_better, _ = _TABLES[measure]
    columns = _columns(rows)
    values = {
        (row.denoiser, row.mode, row.protocol, row.level): row.figures[measure] for row in rows
    }
    best = {}
    for column in columns:
        others = [
            v for k, v in values.items() if k[2:] == column and k[0] != "noisy" and math.isfinite(v)
        ]
        leader = (max if more_is_better else min)(others, default=math.nan)
        best[column] = f"{leader:.{decimals}f}"  # what reads the same is equally good
    lines = ["| denoiser | " + " | ".join(f"{p}, {n}" for p, n in columns) + " | frames/s |"]
    lines.append("|" + "---|" * (len(columns) + 2))
    for name in [("noisy", ""), *_denoisers(rows)]:
        cells = []
        for column in columns:
            value = values.get((*name, *column), math.nan)
            text = f"{value:.{decimals}f}" if math.isfinite(value) else "–"
            leads = text == best[column] and name[0] != "noisy"
            cells.append(f"**{text}**" if leads else text)
        speed = "" if name[0] == "noisy" else f"{_mean_point(rows, name, columns)[0]:.3g}"
        lines.append(f"| {_label(name)} | " + " | ".join(cells) + f" | {speed} |")
    return "\n".join(lines)


def plane_png(points: list[tuple[str, float, float]], title: str) -> bytes:
    """Quality against speed: (name, frames per second, gain [dB]) of every denoiser."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained")
    axis = figure.subplots()
    for name, speed, gain in points:
        ours = name.startswith(OURS)
        axis.semilogx(speed, gain, "o", color="#0b6fb8" if ours else "#888888")
        axis.annotate(
            name, (speed, gain), textcoords="offset points", xytext=(5, 3), fontsize=7,
            weight="bold" if ours else "normal",
        )  # fmt: skip
    axis.axhline(0, lw=0.5, color="black")
    axis.set_xlabel("frames per second")
    axis.set_ylabel("PSNR gain over the noisy frames [dB]")
    axis.set_title(title, fontsize=9)
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=100)
    return file.getvalue()


def _columns(rows: list[Row]) -> list[tuple[str, str]]:
    present = {(row.protocol, row.level) for row in rows}
    return [(p, level) for p in PROTOCOLS for level in LEVELS if (p, level) in present]


def _common_columns(rows: list[Row]) -> list[tuple[str, str]]:
    """Columns in which every denoiser was run: only over these are means comparable."""
    names = {(row.denoiser, row.mode) for row in rows}
    ran = {(row.denoiser, row.mode, row.protocol, row.level) for row in rows}
    return [column for column in _columns(rows) if all((*n, *column) in ran for n in names)]


def _denoisers(rows: list[Row]) -> list[tuple[str, str]]:
    """Name and mode of every denoiser, best mean gain over the common columns first."""
    names = {(row.denoiser, row.mode) for row in rows if row.denoiser != "noisy"}
    common = _common_columns(rows)
    return sorted(names, key=lambda name: (-_mean_point(rows, name, common)[1], name))


def _mean_point(
    rows: list[Row], name: tuple[str, str], columns: list[tuple[str, str]]
) -> tuple[float, float]:
    """Median frames per second and mean gain over some columns."""
    chosen = [
        row.figures
        for row in rows
        if (row.denoiser, row.mode) == name and (row.protocol, row.level) in columns
    ]
    if not chosen:
        return 0.0, 0.0
    speed = float(np.median([f["frames_per_second"] for f in chosen]))
    return speed, float(np.mean([f["gain"] for f in chosen]))


def _label(name: tuple[str, str]) -> str:
    return f"{name[0]} (tuned)" if name[1] == "tuned" else name[0]


def _range(counts: set[int]) -> str:
    return " to ".join(str(count) for count in sorted({min(counts), max(counts)}))


def _text(rows: list[Row], about: dict) -> str:
    counts = {len(row.gains) for row in rows} or {0}
    missing = [
        f"{p}, {level}" for p in PROTOCOLS for level in LEVELS if (p, level) not in _columns(rows)
    ]
    edges = sorted({f"{row.denoiser} ({row.protocol}, {row.level})" for row in rows if row.at_edge})
    notes = [
        "# Comparison with peers",
        "",
        f"Means over {_range(counts)} test recording(s) of up to {about['frames']} frames per "
        "column; best bold. *Tuned*: main parameter, and whether the Rician bias is "
        "undone, chosen on a validation recording by PSNR against the truth, with the true sigma: "
        "the best that peer can do. The others run blind: own noise estimate, default parameter. "
        "Ours always runs blind.",
        "",
        f"Skipped, not installed: {', '.join(about['skipped']) or 'none'}.",
        f"Not run, or no test recording: {'; '.join(missing) or 'none'}.",
        f"Tuned parameter at the end of all values tried: {'; '.join(edges) or 'none'}.",
    ]
    for measure, (_, _, title) in _TABLES.items():
        notes += ["", f"## {title}", "", gain_table(rows, measure)]
    described = ", ".join(f"{key} {value}" for key, value in about.get("machine", {}).items())
    return "\n".join([*notes, "", f"Machine: {described}.", ""])
