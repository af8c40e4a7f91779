"""Who may ask: a browser on this machine that was given the address of this start."""

from __future__ import annotations

import re
import secrets
from typing import Any

from starlette.responses import PlainTextResponse

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_HOSTS = ("127.0.0.1", "localhost")
_LARGEST_BODY = 65_536  # [bytes]
_NUMBER = re.compile("[0-9]+")


class Guard:
    """Refuses requests of other sites, and those without the token that the address holds.

    A site elsewhere can make a browser ask this server, under its own name (then the host is
    another) or not (then the origin is). The port may differ from ours: it may be forwarded.

    Args:
        app: What is asked if all is well; its paths are those after the token.
        token: First part of each path.
        larger: Bodies that may be larger than 64 KB: most [bytes] by their path after the token.
    """

    def __init__(self, app: Any, token: str, larger: dict[str, int] | None = None) -> None:
        self.app, self.token, self.larger = app, token.encode(), larger or {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """One request."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                listed = [(n.lower().encode(), v.encode()) for n, v in HEADERS.items()]
                message = {**message, "headers": [*message.get("headers", []), *listed]}
            await send(message)

        answer = self._refusal(scope)
        if answer is not None:
            await answer(scope, receive, with_headers)
            return
        inside = {**scope, "path": scope["path"][len(self.token) + 1 :] or "/"}
        inside["raw_path"] = inside["path"].encode()
        await self.app(inside, receive, with_headers)

    def _refusal(self, scope: Any) -> PlainTextResponse | None:
        if scope["type"] != "http":
            return PlainTextResponse("not found", 404)
        headers: dict[bytes, bytes] = {}
        for name, value in scope["headers"]:
            if name in (b"host", b"origin") and name in headers:
                return PlainTextResponse("bad request", 400)
            headers[name] = value
        host = headers.get(b"host", b"").decode("latin-1")
        name, _, port = host.partition(":")
        if name not in _HOSTS or (port and not port.isdigit()):
            return PlainTextResponse("this server answers to 127.0.0.1 only", 403)
        origin = headers.get(b"origin")
        writes = scope["method"] not in ("GET", "HEAD")
        same_site = headers.get(b"sec-fetch-site", b"none") in (b"none", b"same-origin")
        if (
            not same_site
            or (origin is None and writes)
            or (origin is not None and origin.decode("latin-1") != f"http://{host}")
        ):
            return PlainTextResponse("asked by another site", 403)
        _, _, path = scope["path"].partition("/")  # `OPTIONS *` has none
        given, *rest = path.split("/", 1)
        if not rest or not secrets.compare_digest(given.encode(), self.token):
            return PlainTextResponse("not found: use the address that the command printed", 404)
        length = headers.get(b"content-length", b"0").decode("latin-1")
        if (writes and b"content-length" not in headers) or not _NUMBER.fullmatch(length):
            return PlainTextResponse("its length must be told", 411)
        largest = self.larger.get(f"/{rest[0]}", _LARGEST_BODY)
        if len(length) > 20 or int(length) > largest:
            return PlainTextResponse("too large", 413)
        return None
