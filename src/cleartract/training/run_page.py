"""The history page of a run: players of its fixed inputs, and TensorBoard as a view of the same files."""

from __future__ import annotations

import html
import json
from pathlib import Path

from cleartract.viewer.document import document, folded, player_frame


def write_history(run: Path, names: list[str], rows: tuple[str, ...]) -> Path:
    """Write `index.html`: a player of each fixed input, and the pictures of all epochs, the newest first.

    Args:
        run: Run folder; `samples/NAME.html` are the players, `samples/epoch-*` hold the pictures.
        names: Names of the fixed inputs.
        rows: Rows of each picture, from above.

    Returns:
        The page.
    """
    epochs = sorted(path.name for path in (run / "samples").glob("epoch-*") if path.is_dir())
    parts = [_loss_curve(run), _config(run)]
    parts.append(
        "<p>Two of these are compared at a time in each player, such as the same frames after two "
        f"epochs: {', '.join(rows)}. Rows of each picture are the same, from above.</p>"
    )
    for number, name in enumerate(names):
        parts.append(f"<h2>{html.escape(name)}</h2>")
        parts.append(player_frame(f"samples/{name}.html", name, f"player-{number + 1}"))
        shown = "".join(_epoch(epoch, name) for epoch in reversed(epochs))
        parts.append(folded("All epochs", f'<div class="scroll frames">{shown}</div>'))
    page = run / "index.html"
    page.write_text(document(run.name, parts), encoding="utf-8")
    _tensorboard(run, epochs, names)
    return page


def _epoch(epoch: str, name: str) -> str:
    stem = html.escape(f"samples/{epoch}/{name}")
    pictures = "".join(
        f'<img loading="lazy" src="{stem}_{kind}.png" alt="{kind} of {epoch}">'
        for kind in ("frames", "kymograph")
    )
    return f"<h3>{epoch}</h3>{pictures}"


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
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2"/>' for x, y in places)
    return (
        '<svg class="curve" viewBox="0 0 660 160" width="660" role="img" aria-label="Loss">'
        f'<polyline points="{points}"/>{dots}<line x1="40" y1="130" x2="640" y2="130"/>'
        f'<text x="40" y="150">loss (0 to {highest:.2f}) over {last} steps; '
        f"last {lines[-1]['loss']:.3f}</text></svg>"
    )


def _config(run: Path) -> str:
    """The config, folded."""
    path = run / "config.json"
    if not path.exists():
        return ""
    return folded("Config", f"<pre>{html.escape(path.read_text())}</pre>")


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
