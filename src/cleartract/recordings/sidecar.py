"""What a result says of itself in the file beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cleartract.recordings.formats import stored_at


def sidecar_path(result: Path) -> Path:
    """Where the sidecar of a result is: beside it, FOLDER.json for `FOLDER/%05d.png`."""
    place = stored_at(result)
    return place.with_name(place.name + ".json")


def sidecar_of(result: Path) -> dict[str, Any]:
    """The sidecar of a result; empty where there is none, or it is damaged."""
    try:
        content = json.loads(sidecar_path(result).read_text())
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(content, dict):
        return {}
    for name in ("parameters", "weights"):
        if not isinstance(content.get(name), dict):
            content[name] = {}
    return content
