"""Read annotations: TextGrid files of Praat through praatio, .eaf files of ELAN through pympi."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from xml.parsers import expat

import numpy as np

from cleartract.errors import RecordingError, reason_of
from cleartract.recordings.annotations import Annotation, Interval, Tier

ANNOTATION_SUFFIXES = (".textgrid", ".eaf")  # in any case; the first that is there is taken
_LARGEST = 1 << 25  # [bytes]; hours of phones are a few million
_BOMS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb": "utf-8-sig"}
_TOKEN = re.compile(
    r'"[^"]*(?:""[^"]*)*"|<[a-z]+>|(?<!\S)!.*|(?<!\S)[-+]?\d[\d.]*(?:[eE][-+]?\d+)?(?!\S)'
)
_KINDS = ('"IntervalTier"', '"TextTier"')


def read_annotation(path: Path) -> Annotation:
    """Read a .TextGrid or .eaf file.

    Raises:
        RecordingError: If it is missing, of another kind, damaged or too large, or if its library
            is missing.
    """
    suffix = path.suffix.lower()
    if not path.is_file():
        raise RecordingError(f"{path}: no such annotation file")
    if suffix not in ANNOTATION_SUFFIXES:
        raise RecordingError(f"{path}: unknown kind of annotation; give a .TextGrid or .eaf file")
    read, kind, library = (
        (_read_eaf, "ELAN file", "pympi-ling")
        if suffix == ".eaf"
        else (_read_text_grid, "TextGrid", "praatio")
    )
    try:
        if path.stat().st_size > _LARGEST:
            raise ValueError(f"larger than {_LARGEST >> 20} MiB")
        return Annotation(path, tuple(read(path)))
    except ImportError as error:
        raise RecordingError(
            f"{path}: a {kind} needs the library {library}; "
            "install: pip install 'cleartract[formats]'"
        ) from error
    except Exception as error:  # the libraries raise any kind, even Exception itself
        reason = reason_of(error).replace(str(path), "file")
        raise RecordingError(f"{path}: not a readable {kind} ({reason}); save it again") from error


def _read_text_grid(path: Path) -> list[Tier]:
    """Tiers of the long or the short text form.

    What counts in a TextGrid are the numbers, quoted texts and flags that stand alone; all else is
    for people. Both forms are brought to the short one before the library reads them, because its
    reader of the long form drops signs, and refuses numbers with an exponent, which Praat writes.
    """
    from praatio.utilities import textgrid_io

    tokens = [token for token in _TOKEN.findall(_text(path.read_bytes())) if token[0] != "!"]
    if [token.lower() for token in tokens[1:2]] != ['"textgrid"']:
        raise ValueError("does not begin as a TextGrid")
    if tokens[4:5] == ["<absent>"] or tokens[4:6] == ["<exists>", "0"]:
        return []
    lines = ['File type = "ooTextFile short"', tokens[1], "", *map(_without_exponent, tokens[2:])]
    found = textgrid_io.parseTextgridStr("\n".join([*lines, ""]), includeEmptyIntervals=True)
    stated = [int(tokens[i + 4]) for i, token in enumerate(tokens) if token in _KINDS]
    entries = [list(tier["entries"]) for tier in found["tiers"]]
    if stated != [len(inside) for inside in entries] or int(tokens[5]) != len(stated):
        raise ValueError("cut off: not all intervals are there that it announces")
    return [
        _tier(tier["name"], [(entry[0], entry[-2], entry[-1]) for entry in inside], points)
        for tier, inside in zip(found["tiers"], entries, strict=True)
        for points in [tier["class"] == "TextTier"]
    ]


def _text(content: bytes) -> str:
    if content[:2] in _BOMS:
        return content.decode(_BOMS[content[:2]])
    if b"\0" in content[:2]:  # without a byte order mark
        return content.decode("utf-16-be" if content[:1] == b"\0" else "utf-16-le")
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("latin-1")  # as old versions of Praat wrote


def _without_exponent(token: str) -> str:
    if token[0] in '"<' or "e" not in token.lower():
        return token
    return np.format_float_positional(float(token))


def _read_eaf(path: Path) -> list[Tier]:
    """Tiers; annotations without times of their own share those of their parent evenly."""
    import pympi

    _check_xml(path)
    eaf = pympi.Eaf(os.path.abspath(path), suppress_version_warning=True)
    spans = _spans(eaf)
    tiers = []
    for name, (aligned, referring, *_) in eaf.tiers.items():
        labels = {key: entry[2] for key, entry in aligned.items()}
        labels |= {key: entry[1] for key, entry in referring.items()}
        tiers.append(_tier(name, [(*spans[key], label) for key, label in labels.items()]))
    return tiers


def _check_xml(path: Path) -> None:
    """Refuse a document type: it could name other files, or entities that expand without end."""

    def refuse(*_: Any) -> None:
        raise ValueError("holds a document type, which ELAN does not write")

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    with open(path, "rb") as file:
        parser.ParseFile(file)


def _spans(eaf: Any) -> dict[str, tuple[float, float]]:
    """Start and end [s] of every annotation, by its name in the file."""
    spans: dict[str, tuple[float, float]] = {}
    children: dict[str, dict[str, list[str]]] = {}  # by parent and tier
    for name, (aligned, referring, *_) in eaf.tiers.items():
        spans |= _aligned(aligned, eaf.timeslots)
        for key, (parent, *_) in referring.items():
            children.setdefault(parent, {}).setdefault(name, []).append(key)
    waiting = list(spans)
    while waiting:
        parent = waiting.pop()
        for keys in children.pop(parent, {}).values():
            edges = np.linspace(*spans[parent], len(keys) + 1).tolist()
            spans |= dict(zip(keys, zip(edges[:-1], edges[1:], strict=True), strict=True))
            waiting += keys
    if children:
        raise ValueError(f"annotation {next(iter(children))} has no time")
    return spans


def _aligned(annotations: dict, slots: dict[str, int | None]) -> dict[str, tuple[float, float]]:
    """Times [s] of the annotations of a tier; slots without one lie evenly between those with."""
    used = list(dict.fromkeys(slot for entry in annotations.values() for slot in entry[:2]))
    known = {number: time for number, slot in enumerate(used) if (time := slots[slot]) is not None}
    if used and not known:
        raise ValueError("a tier has no times")
    if not used:
        return {}
    milliseconds = np.interp(range(len(used)), list(known), list(known.values()))
    times = {slot: float(time) / 1000 for slot, time in zip(used, milliseconds, strict=True)}
    return {key: (times[entry[0]], times[entry[1]]) for key, entry in annotations.items()}


def _tier(name: str, entries: Iterable[tuple], points: bool = False) -> Tier:
    intervals = []
    for start, end, text in entries:
        interval = Interval(float(start), float(end), " ".join(text.split()))
        if not (math.isfinite(interval.start) and interval.start <= interval.end < math.inf):
            raise ValueError(f"tier {name}: an interval ends before it begins")
        if interval.label and (points or interval.start < interval.end):
            intervals.append(interval)
    return Tier(name, tuple(sorted(intervals, key=lambda one: (one.start, one.end))), points)
