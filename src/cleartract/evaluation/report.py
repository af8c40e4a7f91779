"""Reports: a table for the terminal, `report.json`, and `report.html` with a player of each recording."""

from __future__ import annotations

import html
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cleartract.evaluation import plots
from cleartract.evaluation.controls import METRICS
from cleartract.evaluation.labels import label_of, plain_verdict
from cleartract.evaluation.measure import Subject
from cleartract.evaluation.report_player import SECONDS, player_name, shown_of
from cleartract.files import AtomicFiles, naming
from cleartract.recordings.annotations import Annotation
from cleartract.recordings.recording import Recording
from cleartract.viewer.document import document, folded, picture, player_frame, table
from cleartract.viewer.export import write_page

_LINES = "Grid lines on the mean frame, from the wall (dot) into what moves, and confidence"
SHOWN = 8  # recordings with players in a report


@dataclass
class Section:
    """One recording in a report.

    Attributes:
        name: Name of the recording.
        measured: Result of `measure`, with consistency and uncertainty where measured.
        subject: Its frames; None where no pictures are wanted.
        recording: The recording with exact rate and sound.
        notes: Sentences shown first.
        spread: Spread of samples and absolute error, each (frame, height, width), or None.
        annotation: What is said when, or None.
    """

    name: str
    measured: dict[str, Any]
    subject: Subject | None = None
    recording: Recording | None = None
    notes: list[str] = field(default_factory=list)
    spread: tuple[np.ndarray, np.ndarray] | None = None
    annotation: Annotation | None = None


def finite(value: Any) -> Any:
    """The same with numbers that are not finite as None, because JSON has no such numbers."""
    if isinstance(value, dict):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    if isinstance(value, float | np.floating):
        return round(float(value), 6) if math.isfinite(value) else None
    return value


def mean_of(measured: list[dict]) -> dict:
    """Means of nested measurements over recordings, without values that are not a number."""
    keys = {key for item in measured for key in item}
    means: dict = {}
    for key in sorted(keys):
        values = [item[key] for item in measured if key in item]
        if all(isinstance(value, dict) for value in values):
            means[key] = mean_of(values)
        elif all(isinstance(value, int | float) for value in values):
            kept = [value for value in values if math.isfinite(value)]
            means[key] = float(np.mean(kept)) if kept else float("nan")
    return means


def table_rows(measured: dict) -> list[tuple[str, str, str, str, str]]:
    """Name, unit, noisy and denoised value of every measurement and which way is better, as text."""
    rows: list[tuple[str, str, str, str, str]] = []
    truth = "with_truth" in measured

    def add(name: str, values: Any) -> None:
        label = label_of(name, truth)
        if isinstance(values, str):
            rows.append((label.text, "", "", values, ""))
        elif not isinstance(values, dict):
            rows.append((label.text, label.unit, "", label.shown(values), label.better))
        elif set(values) <= {"noisy", "denoised"}:
            noisy, denoised = (label.shown(values.get(kind)) for kind in ("noisy", "denoised"))
            rows.append((label.text, label.unit, noisy, denoised, label.better))
        else:
            for key, value in values.items():
                add(f"{name} {key}".strip(), value)

    for group in ("with_truth", "without_truth", "articulation", "residual", "consistency",
                  "uncertainty"):  # fmt: skip
        if group in measured:
            prefix = "" if group in ("with_truth", "without_truth", "articulation") else group
            add(prefix, measured[group])
    return rows


def terminal_table(title: str, measured: dict) -> str:
    """The measurements as a table for the terminal."""
    rows = table_rows(measured)
    names = [f"{name} [{unit}]" if unit else name for name, unit, *_ in rows]
    width = max([len(name) for name in names] + [len(title)])
    lines = [f"{title:<{width}}  {'noisy':>8}  {'denoised':>8}  better"]
    for name, (_, _, noisy, denoised, better) in zip(names, rows, strict=True):
        lines.append(f"{name:<{width}}  {noisy:>8}  {denoised:>8}  {better}".rstrip())
    return "\n".join(lines)


def write_report(
    folder: Path, sections: list[Section], summary: dict[str, Any], replace: bool = True
) -> None:
    """Write `report.json`, `report.html` and a player of each recording shown.

    Args:
        folder: Folder of the report.
        sections: Worst first; those with a subject get players, at most `SHOWN` of them.
        summary: Means over all sections, `controls`, and a description of the run.
        replace: Whether files of a report that is there already may be replaced.

    Raises:
        OutputError: If a file cannot be written, or is there and may not be replaced.
    """
    shown = [s for s in sections if s.subject is not None and s.recording is not None][:SHOWN]
    content = {**summary, "recordings": [{"name": s.name, **s.measured} for s in sections]}
    text = json.dumps(finite(content), indent=1, allow_nan=False) + "\n"
    parts: list[str] = []
    with AtomicFiles(replace=replace) as files:  # all files appear, or none
        for number, section in enumerate(shown):
            player = folder / player_name(number)
            with naming(player):
                parts.append(_section_html(section, number, files.add(player), len(shown)))
        page = _page(parts, len(sections), summary)
        for name, written in (("report.json", text), ("report.html", page)):
            with naming(folder / name):
                files.add(folder / name).write_text(written, encoding="utf-8")


def _page(sections: list[str], total: int, summary: dict[str, Any]) -> str:
    parts: list[str] = []
    if "controls" in summary:
        parts.append(_controls_html(summary["controls"]))
    if "mean" in summary:
        parts += [f"<h2>Mean over {total} reconstructions</h2>", _measured(summary["mean"])]
    for protocol, group in summary.get("by_protocol", {}).items():
        name = f"{protocol}, mean over {group['count']}"
        parts.append(folded(name, _measured(group["mean"])))
    parts += sections
    if total > len(sections):
        parts.append(f"<p>{total - len(sections)} more reconstructions are in report.json.</p>")
    return document(str(summary.get("title", "Evaluation")), parts)


def _section_html(section: Section, number: int, file: Path, together: int) -> str:
    """HTML of a section; its player is written into a file."""
    subject, recording = section.subject, section.recording
    if subject is None or recording is None:
        return ""
    shown = shown_of(subject, recording, section.annotation, section.spread, together)
    try:
        write_page(shown, file)
    finally:
        shown.close()
    page = player_name(number)
    parts = [f"<h2>{html.escape(section.name)}</h2>"]
    parts += [f"<p>{html.escape(note)}</p>" for note in section.notes]
    parts += [
        f"<p><strong>{html.escape(text)}</strong></p>" for text in plain_verdict(section.measured)
    ]
    parts.append(player_frame(page, section.name, f"player-{number + 1}"))
    if shown.count < len(subject.denoised):
        whole = len(subject.denoised) / subject.rate
        parts.append(
            f"<p>The player holds the first {shown.count / subject.rate:.1f} s of {whole:.1f} s; "
            "<code>cleartract view</code> plays all of it.</p>"
        )
    worst = "".join(
        f"<li>{_moment(page, number, first, subject, shown.count)}, score {score:.4f}</li>"
        for first, score in plots.worst_windows(subject)
    )
    parts.append(f"<h3>Worst windows first</h3><ol>{worst}</ol>")
    pictures = picture(plots.lines_png(subject), _LINES)
    pictures += picture(plots.spectrum_png(subject), "Radial power spectrum")
    if section.spread is not None:
        pictures += picture(plots.uncertainty_png(*section.spread), "Uncertainty: mean over frames")
    parts.append(folded("Pictures", pictures))
    parts.append(folded("Measurements", _measured(section.measured), unfolded=True))
    return "\n".join(parts)


def _moment(page: str, number: int, first: int, subject: Subject, count: int) -> str:
    """Frames of a window; a link that plays them over and over in the player, if it holds them."""
    end = min(first + plots.WINDOW, len(subject.denoised))
    text = f"frames {first} to {end - 1}"
    if end > count:
        return text
    around = round(SECONDS * subject.rate)
    address = f"f={first}&t={max(0, first - around)}_{min(count, end + around)}&s={first}_{end}&l=1"
    return f'<a href="{page}#{html.escape(address)}" target="player-{number + 1}">{text}</a>'


def _controls_html(controls: dict[str, Any]) -> str:
    parts = ["<h2>Controls of the audio</h2><ul>"]
    parts += [f"<li>{html.escape(sentence)}</li>" for sentence in controls["verdict"]]
    parts.append("</ul>")
    titles = (
        "PSNR in the airway [dB], higher is better",
        "SSIM in the airway, higher is better",
        "Constriction error [mm], lower is better",
    )
    for name, unit in zip(METRICS, titles, strict=True):
        measured = controls[name]
        kinds = list(next(iter(measured.values())))
        rows = [[at, *(_number(row[kind]) for kind in kinds)] for at, row in measured.items()]
        parts.append(table([unit, *kinds], rows))
    return "\n".join(parts)


def _measured(measured: dict) -> str:
    return table(("", "unit", "noisy", "denoised", "better"), table_rows(measured))


def _number(value: Any) -> str:
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"
