"""Reports: a table for the terminal, `report.json`, and a static `report.html`."""

from __future__ import annotations

import base64
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
from cleartract.evaluation.residual import residual_frames
from cleartract.evaluation.timeline import timeline
from cleartract.files import AtomicFiles, naming
from cleartract.recordings.annotations import Annotation
from cleartract.recordings.recording import Recording
from cleartract.recordings.video_writer import write_video

_STYLE = (
    "body{font:15px/1.45 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;margin:.6rem 0}td,th{padding:.15rem .7rem;text-align:right;"
    "border-bottom:1px solid #ddd}td:first-child,th:first-child{text-align:left}"
    "img{max-width:100%;display:block;margin:.4rem 0}"
    ".wide{overflow-x:auto}.wide img{max-width:none}"
    ".frames{image-rendering:pixelated}"
    "figcaption{color:#555;font-size:.85rem}details{margin:.6rem 0}"
)

_TIMELINE = "Kymographs, sound, words and phones where annotated, and constriction degrees"
_LINES = "Grid lines on the mean frame, from the wall (dot) into what moves, and confidence"
SHOWN = 8  # recordings with pictures in a report


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
    """Write `report.json`, `report.html` and a residual video of each recording shown.

    Args:
        folder: Folder of the report.
        sections: Worst first; those with a subject get pictures, at most `SHOWN` of them.
        summary: Means over all sections, `controls`, and a description of the run.
        replace: Whether files of a report that is there already may be replaced.

    Raises:
        OutputError: If a file cannot be written, or is there and may not be replaced.
    """
    shown = [s for s in sections if s.subject is not None and s.recording is not None][:SHOWN]
    page = _page(shown, len(sections), summary)
    content = {**summary, "recordings": [{"name": s.name, **s.measured} for s in sections]}
    text = json.dumps(finite(content), indent=1, allow_nan=False) + "\n"
    with AtomicFiles(replace=replace) as files:  # all files appear, or none
        for number, section in enumerate(shown):
            subject, recording = section.subject, section.recording
            if subject is not None and recording is not None and subject.noisy is not None:
                video = folder / _video_name(number)
                levels = residual_frames(subject.noisy, subject.denoised)
                with naming(video):
                    write_video(files.add(video), levels, recording.rate, recording.sound)
        for name, written in (("report.json", text), ("report.html", page)):
            with naming(folder / name):
                files.add(folder / name).write_text(written)


def _video_name(number: int) -> str:
    return f"residual_{number + 1:02d}.mp4"


def _page(shown: list[Section], total: int, summary: dict[str, Any]) -> str:
    parts = ["<!doctype html><html lang=en><meta charset=utf-8>", f"<style>{_STYLE}</style>"]
    title = html.escape(str(summary.get("title", "Evaluation")))
    parts += [f"<title>{title}</title><h1>{title}</h1>"]
    if "controls" in summary:
        parts.append(_controls_html(summary["controls"]))
    if "mean" in summary:
        parts += [f"<h2>Mean over {total} reconstructions</h2>"]
        parts += [_table_html(table_rows(summary["mean"]))]
    for protocol, group in summary.get("by_protocol", {}).items():
        name = f"{html.escape(protocol)}, mean over {group['count']}"
        table = _table_html(table_rows(group["mean"]))
        parts.append(f"<details><summary>{name}</summary>{table}</details>")
    parts += [_section_html(section, number) for number, section in enumerate(shown)]
    if total > len(shown):
        parts.append(f"<p>{total - len(shown)} more reconstructions are in report.json.</p>")
    return "\n".join(parts) + "\n"


def _section_html(section: Section, number: int) -> str:
    subject, recording = section.subject, section.recording
    if subject is None or recording is None:
        return ""
    kinds = " | ".join(plots.frame_rows(subject))
    parts = [f"<h2>{html.escape(section.name)}</h2>"]
    parts += [f"<p>{html.escape(note)}</p>" for note in section.notes]
    parts += [
        f"<p><strong>{html.escape(text)}</strong></p>" for text in plain_verdict(section.measured)
    ]
    parts += [_image(plots.strip_png(subject), f"Frames: {kinds}, top to bottom", True)]
    if subject.noisy is not None:
        link = f'<a href="{_video_name(number)}">Residual video</a>'
        parts.append(f"<p>{link} (mid-grey: nothing removed)</p>")
    picture = plots.figure_png(timeline(subject, recording.sound, section.annotation))
    parts.append(f"<div class=wide>{_image(picture, _TIMELINE)}</div>")
    parts.append(_image(plots.lines_png(subject), _LINES))
    parts.append(_image(plots.spectrum_png(subject), "Radial power spectrum"))
    if section.spread is not None:
        picture = plots.uncertainty_png(*section.spread)
        parts.append(_image(picture, "Uncertainty: mean over frames"))
    parts.append("<h3>Worst windows first</h3>")
    for first, score in plots.worst_windows(subject):
        length = min(plots.WINDOW, len(subject.denoised) - first)
        caption = f"frames {first} to {first + length - 1}, score {score:.4f}"
        parts.append(_image(plots.strip_png(subject, first, length), caption, True))
    table = _table_html(table_rows(section.measured))
    return "\n".join([*parts, f"<details open><summary>Measurements</summary>{table}</details>"])


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
        table = controls[name]
        kinds = list(next(iter(table.values())))
        head = "".join(f"<th>{html.escape(kind)}</th>" for kind in kinds)
        body = "".join(
            f"<tr><td>{html.escape(situation)}</td>"
            + "".join(f"<td>{_number(row[kind])}</td>" for kind in kinds)
            + "</tr>"
            for situation, row in table.items()
        )
        parts.append(f"<table><tr><th>{unit}</th>{head}</tr>{body}</table>")
    return "\n".join(parts)


def _table_html(rows: list[tuple[str, str, str, str, str]]) -> str:
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(text)}</td>" for text in row) + "</tr>" for row in rows
    )
    head = "".join(f"<th>{name}</th>" for name in ("", "unit", "noisy", "denoised", "better"))
    return f"<table><tr>{head}</tr>{body}</table>"


def _image(data: bytes, caption: str, frames: bool = False) -> str:
    encoded = base64.b64encode(data).decode()
    kind = " class=frames" if frames else ""
    return (
        f'<figure><img{kind} alt="{html.escape(caption)}" src="data:image/png;base64,{encoded}">'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
    )


def _number(value: Any) -> str:
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"
