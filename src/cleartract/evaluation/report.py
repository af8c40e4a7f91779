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

from cleartract.evaluation import figures
from cleartract.evaluation.measure import Subject
from cleartract.evaluation.residual import residual_frames
from cleartract.recordings.recording import Recording
from cleartract.recordings.video_out import atomic, write_video

_STYLE = (
    "body{font:15px/1.45 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;margin:.6rem 0}td,th{padding:.15rem .7rem;text-align:right;"
    "border-bottom:1px solid #ddd}td:first-child,th:first-child{text-align:left}"
    "img{max-width:100%;display:block;margin:.4rem 0}"
    ".frames{image-rendering:pixelated}"
    "figcaption{color:#555;font-size:.85rem}details{margin:.6rem 0}"
)


@dataclass
class Section:
    """One recording in a report.

    Attributes:
        subject: What was measured.
        recording: With the sound and exact rate; the denoised one.
        measured: Result of `measure`, with anything else that was found out.
        notes: Sentences shown first.
    """

    subject: Subject
    recording: Recording
    measured: dict[str, Any]
    notes: list[str] = field(default_factory=list)


def finite(value: Any) -> Any:
    """The same with numbers that are not finite as None, as JSON wants it."""
    if isinstance(value, dict):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    if isinstance(value, float | np.floating):
        return round(float(value), 6) if math.isfinite(value) else None
    return value


def mean_of(measured: list[dict]) -> dict:
    """Means of nested figures over recordings; what is not a number is left out."""
    keys = {key for item in measured for key in item}
    found: dict = {}
    for key in sorted(keys):
        values = [item[key] for item in measured if key in item]
        if all(isinstance(value, dict) for value in values):
            found[key] = mean_of(values)
        elif all(isinstance(value, int | float) for value in values):
            kept = [value for value in values if math.isfinite(value)]
            found[key] = float(np.mean(kept)) if kept else float("nan")
    return found


def table_rows(measured: dict) -> list[tuple[str, str, str]]:
    """Name, noisy and denoised of every figure, as text."""
    rows: list[tuple[str, str, str]] = []

    def add(name: str, values: Any) -> None:
        if not isinstance(values, dict):
            rows.append((name, "", _number(values)))
        elif set(values) <= {"noisy", "denoised"}:
            rows.append((name, _number(values.get("noisy")), _number(values.get("denoised"))))
        else:
            for key, value in values.items():
                add(f"{name} {key}".strip(), value)

    for group in ("with_truth", "without_truth", "articulation", "residual", "consistency",
                  "uncertainty"):  # fmt: skip
        if group in measured:
            prefix = "" if group in ("with_truth", "without_truth", "articulation") else group
            add(prefix, measured[group])
    return [(name.replace("_", " "), a, b) for name, a, b in rows]


def terminal_table(title: str, measured: dict) -> str:
    """The figures as a table for the terminal."""
    rows = table_rows(measured)
    width = max([len(name) for name, _, _ in rows] + [len(title)])
    lines = [f"{title:<{width}}  {'noisy':>10}  {'denoised':>10}"]
    lines += [f"{name:<{width}}  {a:>10}  {b:>10}" for name, a, b in rows]
    return "\n".join(lines)


def write_report(
    folder: Path, sections: list[Section], summary: dict[str, Any], shown: int = 8
) -> None:
    """Write `report.json`, `report.html` and a residual video of each recording shown.

    Args:
        folder: Where.
        sections: Worst first.
        summary: Figures over all sections, `controls`, and what describes the run.
        shown: How many sections have pictures.
    """
    folder.mkdir(parents=True, exist_ok=True)
    videos: dict[int, str] = {}
    for number, section in enumerate(sections[:shown]):
        if section.subject.noisy is not None:
            name = f"residual_{number + 1:02d}.mp4"
            with atomic(folder / name) as temporary:
                levels = residual_frames(section.subject.noisy, section.subject.denoised)
                write_video(temporary, levels, section.recording.rate, section.recording.sound)
            videos[number] = name
    content = {**summary, "recordings": [{"name": s.subject.name, **s.measured} for s in sections]}
    with atomic(folder / "report.json") as temporary:
        temporary.write_text(json.dumps(finite(content), indent=1, allow_nan=False) + "\n")
    with atomic(folder / "report.html") as temporary:
        temporary.write_text(_page(sections, summary, shown, videos))


def _page(
    sections: list[Section], summary: dict[str, Any], shown: int, videos: dict[int, str]
) -> str:
    parts = ["<!doctype html><html lang=en><meta charset=utf-8>", f"<style>{_STYLE}</style>"]
    title = html.escape(str(summary.get("title", "Evaluation")))
    parts += [f"<title>{title}</title><h1>{title}</h1>"]
    parts += [f"<p>{html.escape(str(note))}</p>" for note in summary.get("notes", [])]
    if "controls" in summary:
        parts.append(_controls_html(summary["controls"]))
    if "mean" in summary:
        parts += ["<h2>Mean over recordings</h2>", _table_html(table_rows(summary["mean"]))]
    for number, section in enumerate(sections[:shown]):
        parts.append(_section_html(section, videos.get(number)))
    if len(sections) > shown:
        parts.append(f"<p>{len(sections) - shown} more recordings are in report.json.</p>")
    return "\n".join(parts) + "\n"


def _section_html(section: Section, video: str | None) -> str:
    subject = section.subject
    kinds = " | ".join(figures.frame_rows(subject))
    parts = [f"<h2>{html.escape(subject.name)}</h2>"]
    parts += [f"<p>{html.escape(note)}</p>" for note in section.notes]
    parts += [_image(figures.strip_png(subject), f"Frames: {kinds}, top to bottom", True)]
    if video:
        parts.append(f'<p><a href="{video}">Residual video</a> (mid-grey: nothing removed)</p>')
    parts.append(_image(figures.kymograph_png(subject), "Kymographs, the same order", True))
    parts.append(_image(figures.curves_png(subject, section.recording.sound), "Articulation"))
    parts.append(_image(figures.lines_png(subject), "Grid lines on the mean frame"))
    parts.append(_image(figures.spectrum_png(subject), "Radial power spectrum"))
    parts.append("<h3>Worst windows first</h3>")
    for first, score in figures.worst_windows(subject):
        length = min(figures.WINDOW, len(subject.denoised) - first)
        caption = f"frames {first} to {first + length - 1}, score {score:.4f}"
        parts.append(_image(figures.strip_png(subject, first, length), caption, True))
    table = _table_html(table_rows(section.measured))
    return "\n".join([*parts, f"<details open><summary>Figures</summary>{table}</details>"])


def _controls_html(controls: dict[str, Any]) -> str:
    parts = ["<h2>Controls of the audio</h2><ul>"]
    parts += [f"<li>{html.escape(sentence)}</li>" for sentence in controls["verdict"]]
    parts.append("</ul>")
    for name, unit in (("psnr", "PSNR in the airway [dB]"), ("degree_error", "Error [mm]")):
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


def _table_html(rows: list[tuple[str, str, str]]) -> str:
    body = "".join(
        f"<tr><td>{html.escape(name)}</td><td>{a}</td><td>{b}</td></tr>" for name, a, b in rows
    )
    return f"<table><tr><th>figure</th><th>noisy</th><th>denoised</th></tr>{body}</table>"


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
