"""Run the player's server on this machine until it is interrupted."""

from __future__ import annotations

import contextlib
import secrets
import signal
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn

from cleartract.errors import UsageError
from cleartract.viewer.player import Player
from cleartract.viewer.server import build_app

_HOST = "127.0.0.1"
_SWITCH = 0.0005  # [s] after which threads that read ahead let an answer through, instead of 5 ms


def serve(player: Player, port: int, browser: bool, say: Callable[[str], None] = print) -> None:
    """Serve the player until Ctrl-C; see `serve_pages`."""
    build = lambda token: build_app(player, token)  # noqa: E731
    serve_pages(build, player.name, player.close, port, browser, say)


def serve_pages(
    build: Callable[[str], Any],
    name: str,
    close: Callable[[], None],
    port: int,
    browser: bool,
    say: Callable[[str], None] = print,
) -> None:
    """Serve until Ctrl-C.

    Args:
        build: Makes the pages for the secret of this start.
        name: Of what is served.
        close: Called at the end.
        port: On 127.0.0.1; 0 takes a free one.
        browser: Whether the page is opened.
        say: Told the address.

    Raises:
        UsageError: If the port is taken.
    """
    sys.setswitchinterval(_SWITCH)
    token = secrets.token_urlsafe(24)
    with contextlib.ExitStack() as ending:
        ending.callback(close)
        bound = ending.enter_context(socket.socket())
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((_HOST, port))
            bound.listen(64)  # who asks before the server has started waits for it
        except OSError as error:
            raise UsageError(f"--port: {port} is taken ({error.strerror}); give another") from error
        address = f"http://{_HOST}:{bound.getsockname()[1]}/{token}/"
        config = uvicorn.Config(
            build(token), log_level="warning", access_log=False, lifespan="off",
            timeout_graceful_shutdown=1, server_header=False, h11_max_incomplete_event_size=16_384,
        )  # fmt: skip
        server = uvicorn.Server(config)
        say(f"{name}: {address}\nCtrl-C stops it.")
        if browser:
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
        with contextlib.suppress(KeyboardInterrupt), _ended_with_terminal(server):
            server.run(sockets=[bound])


@contextlib.contextmanager
def _ended_with_terminal(server: uvicorn.Server) -> Iterator[None]:
    """Inside, a server ends tidily when its terminal is closed, unless it was told to outlive it."""
    hangup = getattr(signal, "SIGHUP", None)
    if hangup is None or signal.getsignal(hangup) is not signal.SIG_DFL:  # no such signal; `nohup`
        yield
        return

    def end(number: int, frame: Any) -> None:
        server.should_exit = True

    signal.signal(hangup, end)
    try:
        yield
    finally:
        signal.signal(hangup, signal.SIG_DFL)
