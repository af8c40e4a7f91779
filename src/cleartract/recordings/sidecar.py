"""What a result says of itself in the file beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cleartract.errors import RecordingError
from cleartract.recordings.formats import stored_at

_LARGEST = 64 << 20  # [bytes]


def sidecar_path(result: Path) -> Path:
    """Where the sidecar of a result is: beside it, FOLDER.json for `FOLDER/%05d.png`."""
    place = stored_at(result)
    return place.with_name(place.name + ".json")


def read_sidecar(path: Path) -> dict[str, Any]:
    """The content of a sidecar, as it is.

    Raises:
        RecordingError: If there is none, or it is damaged.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise ValueError
        content = json.loads(path.read_text())
    except OSError as error:
        raise RecordingError(
            f"{path}: no sidecar there; give a result that ClearTract wrote"
        ) from error
    except (ValueError, RecursionError) as error:
        raise RecordingError(f"{path}: not a sidecar that ClearTract wrote") from error
    if not isinstance(content, dict):
        raise RecordingError(f"{path}: not a sidecar that ClearTract wrote")
    return content


def sidecar_of(result: Path) -> dict[str, Any]:
    """The sidecar of a result; empty where there is none, or it is damaged."""
    try:
        content = read_sidecar(sidecar_path(result))
    except RecordingError:
        return {}
    for name in ("parameters", "weights"):
        if not isinstance(content.get(name), dict):
            content[name] = {}
    return content
