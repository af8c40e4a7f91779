"""Outputs of commands in notebooks as one text.

They arrive in pieces of 100 bytes. The renderer ends each piece with a new line; here they are joined
as they are, what was printed before what was said on the way.
"""

from __future__ import annotations

from typing import Any


def joined(outputs: list[Any]) -> list[Any]:
    """Outputs of a cell, whose streams of one name are joined; standard output comes first."""
    kept: list[Any] = []
    streams: dict[str, Any] = {}
    for output in outputs:
        name = output.get("name") if output["output_type"] == "stream" else None
        if name in streams:
            streams[name]["text"] += output["text"]
            continue
        if name is not None:
            streams[name] = output
        kept.append(output)
    return sorted(kept, key=lambda output: output.get("name") == "stderr")


def setup(app) -> None:
    """Let the renderer of notebooks join streams in this way."""
    from myst_nb.core import render

    render.coalesce_streams = joined
