"""Pages of text, tables and pictures in the look of the player, with players inside."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from html import escape
from importlib import resources

_POLICY = "script-src 'none'; object-src 'none'; base-uri 'none'; form-action 'none'"


def document(title: str, parts: Iterable[str]) -> str:
    """A page that opens without a network and runs no script of its own.

    Args:
        title: As text.
        parts: HTML, in its order.
    """
    style = (resources.files("cleartract.viewer") / "static" / "style.css").read_text("utf-8")
    named = escape(title)
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f'<title>{named}</title>\n<style>\n{style}</style>\n</head>\n<body class="document">',
            f"<main>\n<h1>{named}</h1>",
            *parts,
            "</main>\n</body>\n</html>\n",
        ]
    )


def player_frame(page: str, title: str, name: str) -> str:
    """The page of a player inside a document.

    Args:
        page: Its address beside the document.
        title: What it shows, as text.
        name: For links that go to a moment in it.
    """
    return (
        f'<iframe class="player" loading="lazy" name="{escape(name)}" src="{escape(page)}" '
        f'title="{escape(title)}"></iframe>'
        f'<p class="small"><a href="{escape(page)}" target="_blank">Open this player alone</a></p>'
    )


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table of texts; the first column names the rows."""
    top = "".join(f"<th>{escape(text)}</th>" for text in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(text)}</td>" for text in row) + "</tr>" for row in rows
    )
    return f'<div class="scroll"><table><tr>{top}</tr>{body}</table></div>'


def picture(png: bytes, caption: str) -> str:
    """A picture with a caption, inside the page."""
    encoded = base64.b64encode(png).decode()
    source = f"data:image/png;base64,{encoded}"
    return (
        f'<figure><img alt="{escape(caption)}" src="{source}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def folded(title: str, content: str, unfolded: bool = False) -> str:
    """Content that can be folded away."""
    state = " open" if unfolded else ""
    return f"<details{state}><summary>{escape(title)}</summary>{content}</details>"
