"""The server of the player: the page's own files, and frames and sound by number."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import resources
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from cleartract.errors import ClearTractError
from cleartract.viewer.clip import LONGEST, clip_video
from cleartract.viewer.frame_stores import NotYetError
from cleartract.viewer.guard import Guard
from cleartract.viewer.line_file import checked_lines
from cleartract.viewer.player import Player

PAGE_KINDS = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}
_BYTES = "application/octet-stream"
_LONGEST_NUMBER = 9  # digits


def page_files(package: str = "cleartract.viewer") -> dict[str, bytes]:
    """The page's own files by name, the only ones that are ever served."""
    folder = resources.files(package) / "static"
    return {
        file.name: file.read_bytes()
        for file in folder.iterdir()
        if file.name.endswith(tuple(PAGE_KINDS))
    }


def static_file(files: dict[str, bytes], name: str) -> Response:
    """One of the page's own files.

    Raises:
        IndexError: If it is none of them.
    """
    if name not in files:
        raise IndexError(name)
    return Response(files[name], media_type=PAGE_KINDS[name[name.rfind(".") :]])


def build_app(player: Player, token: str) -> Guard:
    """The player's pages under `/<token>/`.

    Args:
        player: What is shown.
        token: Secret of this start.
    """
    return Guard(player_pages(player), token)


def player_pages(player: Player) -> Starlette:
    """The player's pages, unguarded."""
    files = page_files()

    def static(request: Request) -> Response:
        return static_file(files, request.path_params.get("name", "index.html"))

    def info(request: Request) -> Response:
        return JSONResponse(player.described())

    def frames(request: Request) -> Response:
        chunk = player.frames(whole_number(request, "plane"), whole_number(request, "chunk"))
        return Response(chunk.tobytes(), media_type=_BYTES)

    def frame(request: Request) -> Response:
        one = player.frame(whole_number(request, "plane"), whole_number(request, "number"))
        return Response(one.tobytes(), media_type=_BYTES)

    def piece(request: Request) -> Response:
        number = whole_number(request, "piece")
        if player.sound is None or number >= player.pieces:
            raise IndexError(number)
        samples = player.sound.piece(number)
        if samples is None:
            raise NotYetError(0)
        return Response(samples.tobytes(), media_type=_BYTES)

    def outline(request: Request) -> Response:
        if player.sound is None:
            raise IndexError("outline")
        pairs, done = player.sound.outline()
        return Response(pairs.tobytes(), media_type=_BYTES, headers={"X-Complete": str(int(done))})

    def measures(request: Request) -> Response:
        number = whole_number(request, "line")
        if player.measures is None or number >= len(player.measures.names):
            raise IndexError(number)
        return Response(player.measures.degrees[number].tobytes(), media_type=_BYTES)

    def guess(request: Request) -> Response:
        return JSONResponse(player.guessed())

    async def lines(request: Request) -> Response:
        try:
            wanted = checked_lines(json.loads(await request.body()))
        except (ValueError, RecursionError) as error:
            return PlainTextResponse(f"no lines: {error}", 400)
        await run_in_threadpool(player.lines.save, wanted)
        return JSONResponse({"saved": player.lines.path.name})

    def clip(request: Request) -> Response:
        first, count = whole_number(request, "first"), whole_number(request, "count")
        if not 0 < count <= LONGEST * player.rate or first + count > player.count:
            return PlainTextResponse(f"select up to {LONGEST} s of the recording", 400)
        low, high = (float(request.query_params.get(name, "nan")) for name in ("low", "high"))
        video = clip_video(player, first, count, low, high)
        return Response(video, media_type="video/mp4")

    routes = [
        Route("/", static),
        Route("/info", info),
        Route("/frames/{plane}/{chunk}", frames),
        Route("/frame/{plane}/{number}", frame),
        Route("/sound/{piece}", piece),
        Route("/outline", outline),
        Route("/measures/{line}", measures),
        Route("/guess", guess),
        Route("/lines", lines, methods=["PUT"]),
        Route("/clip/{first}/{count}", clip),
        Route("/{name}", static),
    ]
    pages = Starlette(routes=routes, exception_handlers=ANSWERS)
    pages.router.redirect_slashes = False  # it knows no token: its address would lead nowhere
    return pages


def whole_number(request: Request, name: str) -> int:
    """A whole number in the path.

    Raises:
        IndexError: If it is none, or longer than any that is used.
    """
    text = request.path_params[name]
    if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER):
        raise IndexError(text)
    return int(text)


def _not_yet(request: Request, error: Exception) -> Response:
    ready = error.ready if isinstance(error, NotYetError) else 0
    return JSONResponse({"ready": ready}, 202, headers={"Retry-After": "1"})


ANSWERS: dict[Any, Callable[[Request, Exception], Response]] = {
    IndexError: lambda request, error: PlainTextResponse("not found", 404),
    ValueError: lambda request, error: PlainTextResponse("bad request", 400),
    ClearTractError: lambda request, error: PlainTextResponse(str(error), 409),
    NotYetError: _not_yet,
}
"""What is answered where something goes wrong."""
