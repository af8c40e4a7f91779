"""What a result says of itself in the file beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def sidecar_of(result: Path) -> dict[str, Any]:
    """The sidecar of a result; empty where there is none, or it is damaged."""
    try:
        content = json.loads(result.with_name(result.name + ".json").read_text())
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(content, dict):
        return {}
    for name in ("parameters", "weights"):
        if not isinstance(content.get(name), dict):
            content[name] = {}
    return content
