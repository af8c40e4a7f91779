"""Header of raw data in the MRD format (ISMRMRD): what a reconstruction needs of its XML."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from cleartract.errors import RecordingError

_NAMESPACE = "http://www.ismrm.org/ISMRMRD"
_LONGEST = 1 << 22  # header [bytes]
_SIDES = (16, 512)  # of a frame [pixels]
_MOST_ARMS = 4096
_TRANSIENT = "transient_arms"
_TR = (Fraction(1, 10_000), Fraction(10))  # [s]
_DECIMAL = re.compile(r"\d{1,9}(\.\d{0,18})?([eE][+-]?\d{1,2})?", re.ASCII)


@dataclass(frozen=True)
class MrdHeader:
    """What is read from, and written to, the header of raw data.

    Attributes:
        repetition_time: TR [s], or None.
        size: Pixels of a frame (x, y), or None.
        field_of_view: Length of its sides [mm], or None.
        interleaves: Arms that together sample k-space fully, or None.
        arms_per_frame: New arms from one frame to the next, or None.
        transient_arms: Arms at the beginning before the signal is steady, or None.
        trajectory: Name of a file that holds the trajectory (the second user parameter that is a
            text), or None.
        notes: Further user parameters that are numbers.
    """

    repetition_time: Fraction | None = None
    size: tuple[int, int] | None = None
    field_of_view: float | None = None
    interleaves: int | None = None
    arms_per_frame: int | None = None
    transient_arms: int | None = None
    trajectory: str | None = None
    notes: dict[str, float] = field(default_factory=dict)


def parse_header(text: bytes, path: Path) -> MrdHeader:
    """Read an XML header.

    Raises:
        RecordingError: If it is no such header, or says something absurd.
    """
    if len(text) > _LONGEST:
        raise RecordingError(f"{path}: its MRD header has over {_LONGEST >> 20} MiB")
    if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
        raise RecordingError(f"{path}: its MRD header defines entities, which none needs to")
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise RecordingError(f"{path}: damaged MRD header ({error})") from error
    if _name(root) != "ismrmrdHeader":
        raise RecordingError(f"{path}: its header is no ismrmrdHeader but {_name(root)!a}")
    long = _user_parameters(root, "userParameterLong")
    strings = [value for _, value in _user_values(root, "userParameters", "userParameterString")]
    repetition = next((item.text for item in _below(root, "sequenceParameters", "TR")), None)
    return MrdHeader(
        repetition_time=None if repetition is None else _repetition_time(repetition, path),
        size=_matrix(root, path),
        field_of_view=_number(root, "fieldOfView_mm", "x"),
        interleaves=_count(long, "interleaves", path, 1),
        arms_per_frame=_count(long, "arms_per_frame", path, 1),
        transient_arms=_count(long, _TRANSIENT, path, 0),
        trajectory=strings[1] if len(strings) > 1 else None,
        notes={
            name: float(value)
            for name, value in _user_parameters(root, "userParameterDouble").items()
            if _is_number(value)
        },
    )


def _name(item: ElementTree.Element) -> str:
    return item.tag.rpartition("}")[2]


def _children(item: ElementTree.Element, name: str) -> Iterator[ElementTree.Element]:
    return (child for child in item if _name(child) == name)


def _below(root: ElementTree.Element, *names: str) -> Iterator[ElementTree.Element]:
    """All elements at the end of a way of names."""
    found = [root]
    for name in names:
        found = [child for item in found for child in _children(item, name)]
    yield from found


def _user_values(root: ElementTree.Element, *names: str) -> Iterator[tuple[str, str]]:
    """Names and values of user parameters at the end of a way of names."""
    for item in _below(root, *names):
        texts = {_name(child): (child.text or "").strip() for child in item}
        yield texts.get("name", ""), texts.get("value", "")


def _user_parameters(root: ElementTree.Element, kind: str) -> dict[str, str]:
    """Of the trajectory, and of the whole scan, which are preferred."""
    return {
        **dict(_user_values(root, "encoding", "trajectoryDescription", kind)),
        **dict(_user_values(root, "userParameters", kind)),
    }


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _repetition_time(text: str, path: Path) -> Fraction:
    """TR [s] of its number in milliseconds, without rounding."""
    if not _DECIMAL.fullmatch(text.strip()):
        raise RecordingError(f"{path}: its MRD header has no usable TR ({text[:40]!a})")
    time = Fraction(text.strip()) / 1000
    if not _TR[0] <= time <= _TR[1]:
        raise RecordingError(
            f"{path}: its MRD header has a TR of {text.strip()} ms, not 0.1 to 1e4"
        )
    return time


def _matrix(root: ElementTree.Element, path: Path) -> tuple[int, int] | None:
    for space in ("reconSpace", "encodedSpace"):
        for item in _below(root, "encoding", space, "matrixSize"):
            sides = {_name(child): (child.text or "").strip() for child in item}
            try:
                x, y = int(sides["x"]), int(sides["y"])
            except (KeyError, ValueError) as error:
                raise RecordingError(f"{path}: its MRD header has no usable matrixSize") from error
            low, high = _SIDES
            if not (low <= x <= high and low <= y <= high):
                raise RecordingError(
                    f"{path}: its MRD header declares frames of {x} x {y} pixels; {low} to {high} "
                    "are reconstructed"
                )
            return x, y
    return None


def _number(root: ElementTree.Element, *names: str) -> float | None:
    for space in ("reconSpace", "encodedSpace"):
        for item in _below(root, "encoding", space, *names):
            if _is_number(item.text or ""):
                return float(item.text or "")
    return None


def _count(found: dict[str, str], name: str, path: Path, least: int) -> int | None:
    if name not in found:
        return None
    text, most = found[name], 1_000_000 if name == _TRANSIENT else _MOST_ARMS
    if not (text.isdecimal() and len(text) < 9 and least <= int(text) <= most):
        raise RecordingError(
            f"{path}: its MRD header has {name} {text[:40]!a}, not {least} to {most}"
        )
    return int(text)


def header_text(header: MrdHeader, coils: int, arms: int) -> bytes:
    """The XML header of a spiral scan.

    Args:
        header: Its repetition time, size and field of view must be known.
        coils: Receive coils.
        arms: Distinct arms.
    """
    if header.repetition_time is None or header.size is None:
        raise ValueError("raw data need a repetition time and a size")
    counts = {
        "interleaves": header.interleaves,
        "arms_per_frame": header.arms_per_frame,
        _TRANSIENT: header.transient_arms,
    }
    user = "".join(
        f"<{kind}><name>{escape(name)}</name><value>{value}</value></{kind}>"
        for kind, values in (
            ("userParameterLong", counts),
            ("userParameterDouble", header.notes),
        )
        for name, value in values.items()
        if value is not None
    )
    x, y = header.size
    side = header.field_of_view or 0.0
    space = (
        f"<matrixSize><x>{x}</x><y>{y}</y><z>1</z></matrixSize>"
        f"<fieldOfView_mm><x>{side:g}</x><y>{side:g}</y><z>6</z></fieldOfView_mm>"
    )
    milliseconds = float(header.repetition_time * 1000)
    return (
        f'<?xml version="1.0" encoding="utf-8"?><ismrmrdHeader xmlns="{_NAMESPACE}">'
        "<acquisitionSystemInformation><systemVendor>ClearTract simulator</systemVendor>"
        f"<receiverChannels>{coils}</receiverChannels></acquisitionSystemInformation>"
        "<experimentalConditions><H1resonanceFrequency_Hz>63870000</H1resonanceFrequency_Hz>"
        f"</experimentalConditions><encoding><encodedSpace>{space}</encodedSpace>"
        f"<reconSpace>{space}</reconSpace><encodingLimits><kspace_encoding_step_1>"
        f"<minimum>0</minimum><maximum>{min(arms, 65536) - 1}</maximum><center>0</center>"
        "</kspace_encoding_step_1></encodingLimits><trajectory>spiral</trajectory></encoding>"
        f"<sequenceParameters><TR>{milliseconds:.13g}</TR></sequenceParameters>"
        f"<userParameters>{user}</userParameters></ismrmrdHeader>"
    ).encode()
