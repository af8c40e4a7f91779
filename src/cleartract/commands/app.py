"""`cleartract app`: choose recordings on a page, denoise them, watch it happen, look at the results."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from cleartract.commands.options import Weights
from cleartract.errors import OutputError, UsageError


@dataclass(frozen=True)
class App:
    """Choose recordings on a page in the browser, denoise them one after another, and play the results."""

    folders: tyro.conf.Positional[tuple[Path, ...]]
    """Folders whose recordings can be chosen; by default this folder."""
    out: Annotated[Path | None, tyro.conf.arg(metavar="FOLDER")] = None
    """Folder of the results, laid out like the folders; by default each lies beside its recording."""
    uploads: Annotated[Path | None, tyro.conf.arg(metavar="FOLDER")] = None
    """Folder of recordings that are dropped on the page; by default `uploads` in OUT, or in the first
    folder."""
    largest_upload: float = 2.0
    """Largest recording that may be dropped on the page [GB]."""
    weights: Weights = None
    port: int = 0
    """Of the page, on 127.0.0.1; by default a free one."""
    no_browser: bool = False
    """Print the address only."""

    def run(self) -> None:
        """Serve the page until Ctrl-C; runs at work end with it."""
        if not 0 <= self.port <= 65_535:
            raise UsageError(f"--port: must be from 0 to 65535, not {self.port}")
        if not 0 < self.largest_upload <= 1000:
            raise UsageError(f"--largest-upload: 0 to 1000 GB, not {self.largest_upload:g}")
        if self.out is not None and self.out.exists() and not self.out.is_dir():
            raise OutputError(f"{self.out}: is a file; choose another --out")
        from cleartract.commands.evaluate import check_extra

        check_extra("app", "starlette", "uvicorn")
        from cleartract.app.server import AppServer
        from cleartract.commands.denoise_form import DenoiseForm
        from cleartract.viewer.serving import serve_pages

        folders = list(self.folders) or [Path()]
        out = None if self.out is None else self.out.absolute()
        uploads = self.uploads or (out or folders[0]) / "uploads"
        form = DenoiseForm(self.weights)
        app = AppServer(form, folders, out, uploads, round(self.largest_upload * 1e9), self.weights)
        named = ", ".join(str(folder) for folder in folders)
        serve_pages(app.pages, named, app.close, self.port, not self.no_browser)
