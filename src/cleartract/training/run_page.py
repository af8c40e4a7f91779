"""The history page of a run: epochs side by side, and TensorBoard as a view of the same files."""

from __future__ import annotations

import html
import json
from pathlib import Path

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 1.5rem; background: #fafafa; color: #222 }
table { border-collapse: collapse } th, td { padding: .4rem .8rem; vertical-align: top }
th { text-align: left; position: sticky; top: 0; background: #fafafa }
img { image-rendering: pixelated; display: block; max-width: 46rem } svg { max-width: 46rem }
video { display: block; margin: .4rem 0 }
.scroll { overflow-x: auto }
"""


def write_history(run: Path, names: list[str], rows: tuple[str, ...]) -> Path:
    """Write `index.html`, which shows all epochs found in `samples/` side by side, the newest first.

    Args:
        run: Run folder.
        names: Names of the fixed inputs.
        rows: Rows of each picture, from above.

    Returns:
        The page.
    """
    epochs = sorted(path.name for path in (run / "samples").glob("epoch-*") if path.is_dir())
    parts = [f"<h1>{html.escape(run.name)}</h1>", _loss_curve(run), _config(run)]
    parts.append(f"<p>Rows of each picture, from above: {', '.join(rows)}.</p>")
    for name in names:
        shown = html.escape(name)
        head = "".join(f"<th>{epoch}</th>" for epoch in reversed(epochs))
        cells = "".join(
            f"<td>{_cell(f'samples/{epoch}/{shown}')}</td>" for epoch in reversed(epochs)
        )
        table = f"<table><tr>{head}</tr><tr>{cells}</tr></table>"
        parts.append(f"<h2>{shown}</h2><div class=scroll>{table}</div>")
    page = run / "index.html"
    body = "\n".join(parts)
    page.write_text(
        "<!doctype html><html lang=en><meta charset=utf-8>"
        f"<title>{html.escape(run.name)}</title><style>{_STYLE}</style>{body}</html>\n"
    )
    _tensorboard(run, epochs, names)
    return page


def _cell(stem: str) -> str:
    return (
        f'<video src="{stem}.mp4" controls loop preload="metadata"></video>'
        f'<img src="{stem}_frames.png" alt="frames"><img src="{stem}_kymograph.png" '
        'alt="kymographs" style="margin-top: .5rem">'
    )


def _loss_curve(run: Path) -> str:
    """Loss over steps as a small drawing, from the first line of the log on."""
    path = run / "metrics.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    lines = [line for line in lines if "loss" in line]
    if not lines:
        return "<p>No loss was logged yet.</p>"
    last = lines[-1]["step"]
    highest = max(line["loss"] for line in lines)
    places = [
        (40 + 600 * line["step"] / last, 130 - 120 * line["loss"] / max(highest, 1e-12))
        for line in lines
    ]
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2" fill="#06c"/>' for x, y in places)
    return (
        '<svg viewBox="0 0 660 160" width="660"><polyline fill="none" stroke="#06c" '
        f'stroke-width="1.5" points="{points}"/>{dots}<line x1="40" y1="130" x2="640" y2="130" '
        f'stroke="#999"/><text x="40" y="150" font-size="12">loss (0 to {highest:.2f}) over '
        f"{last} steps; last {lines[-1]['loss']:.3f}</text></svg>"
    )


def _config(run: Path) -> str:
    """The config, folded."""
    path = run / "config.json"
    if not path.exists():
        return ""
    return f"<details><summary>Config</summary><pre>{html.escape(path.read_text())}</pre></details>"


def _tensorboard(run: Path, epochs: list[str], names: list[str]) -> None:
    """Show the last epoch's pictures and the losses in TensorBoard, where it is installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return
    import numpy as np
    from PIL import Image

    metrics = run / "metrics.jsonl"
    if not epochs:
        return
    number = int(epochs[-1].split("-")[1])
    with SummaryWriter(str(run / "tensorboard")) as writer:
        for name in names:
            for kind in ("frames", "kymograph"):
                picture = run / "samples" / epochs[-1] / f"{name}_{kind}.png"
                if picture.exists():
                    with Image.open(picture) as image:
                        grey = np.asarray(image)
                    writer.add_image(f"{name}/{kind}", grey, number, dataformats="HW")
        lines = metrics.read_text().splitlines() if metrics.exists() else []
        for line in map(json.loads, lines):
            for key, value in line.items():
                if key != "step":
                    writer.add_scalar(key, value, line["step"])
