"""The pictures of player, form and report in the documents, of the shipped recording.

python -m benchmarks.page_pictures
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import tyro
from PIL import Image

from cleartract.cli import main as cleartract

SERVE = "import sys; from cleartract.cli import main; sys.exit(main(sys.argv[1:]))"
SIZE = {"width": 1280, "height": 720}
COLOURS = 200
PATIENCE = 300_000  # [ms]
UNCERTAIN = ("--samples", "3", "--steps", "4", "--sampler", "ddpm", "--preview", "1.5s")


@dataclass(frozen=True)
class Options:
    """Where they go."""

    out: Path = Path("docs/pictures")


def main(options: Options) -> None:
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or shutil.which("chromium-browser")
    with tempfile.TemporaryDirectory() as name, sync_playwright() as running:
        folder = Path(name)
        browser = running.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE)
        pictures = Pictures(page, options.out)
        noisy, result = recordings(folder)
        with served("view", noisy, result) as address:
            pictures.player(address, "view_side", "f=112")
            pictures.player(address, "view_wipe", "f=112&v=wipe&w=0.5")
            pictures.player(address, "view_difference", "f=112&v=difference")
            pictures.player(address, "view_kymograph", "f=112&t=60_260")
        made = folder / "uncertain.mp4"
        call("denoise", noisy, "-o", made, *UNCERTAIN)
        spread = made.with_name("uncertain_uncertainty.npz")
        with served("view", noisy, made, "--uncertainty", spread) as address:
            pictures.player(address, "view_overlay", "f=60&v=wipe&w=0.2&o=uncertainty")
        call("evaluate", result, "--noisy", noisy, "--out", folder / "report")
        pictures.report((folder / "report" / "report.html").as_uri())
        lab = folder / "recordings"
        lab.mkdir()
        for copy in ("speech.mp4", "speech_second.mp4"):
            shutil.copy(noisy, lab / copy)
        with served("app", lab) as address:
            pictures.form(address)
        browser.close()


def recordings(folder: Path) -> tuple[Path, Path]:
    """The shipped recording, and its result with constriction degrees beside it."""
    noisy = folder / "speech.mp4"
    shutil.copy(str(resources.files("cleartract.examples") / "speech.mp4"), noisy)
    result = folder / "speech_cleartract.mp4"
    call("denoise", noisy, "-o", result)
    call("measure", result)
    return noisy, result


def call(*words: object) -> None:
    """Run a command.

    Raises:
        RuntimeError: If it fails.
    """
    if cleartract([str(word) for word in words]):
        raise RuntimeError(f"cleartract {words[0]} failed")


@contextmanager
def served(*words: object) -> Iterator[str]:
    """Address of a command that serves a page."""
    called = [sys.executable, "-u", "-c", SERVE, *map(str, words), "--no-browser"]
    with subprocess.Popen(called, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        found = re.search(r"http://\S+", running.stdout.readline())
        try:
            if found is None:
                raise RuntimeError(f"cleartract {words[0]} failed")
            yield found[0]
        finally:
            running.terminate()


@dataclass(frozen=True)
class Pictures:
    """Takes pictures of pages."""

    page: Any
    out: Path

    def take(self, name: str) -> None:
        """Save what is on screen."""
        time.sleep(1)  # rows are drawn a little at a time
        image = Image.open(io.BytesIO(self.page.screenshot())).convert("RGB")
        target = self.out / f"{name}.png"
        image.quantize(COLOURS, dither=Image.Dither.NONE).save(target, optimize=True)
        print(f"{target}: {target.stat().st_size / 1000:.0f} kB")

    def player(self, address: str, name: str, moment: str) -> None:
        """The player at a moment."""
        self.page.goto("about:blank")
        self.page.goto(f"{address}#{moment}")
        self.page.wait_for_selector("body[data-shown]")
        self.page.wait_for_selector("#lines li")
        self.take(name)

    def report(self, address: str) -> None:
        """A report, in which a worst window was chosen."""
        self.page.goto(address)
        self.page.frame(name="player-1").wait_for_selector("#lines li")
        self.page.locator("ol a").first.click()
        self.page.evaluate("scrollTo(0, 0)")
        self.take("report")

    def form(self, address: str) -> None:
        """The form while a run is at work, and after it."""
        page = self.page
        page.goto(address)
        page.click("#recordings button:has-text('speech.mp4')")
        page.wait_for_selector("#run:enabled")
        page.wait_for_selector("#estimate:has-text('About')", timeout=PATIENCE)
        page.click("#run")
        page.wait_for_selector(".job.running[data-frame]", timeout=PATIENCE)
        self.take("app_running")
        page.click("#recordings button:has-text('speech_second.mp4')")
        page.wait_for_selector("#run:enabled")
        page.wait_for_selector(".job.done[data-frame]", timeout=PATIENCE)
        page.click("#run")
        page.locator(".job.done summary").click()
        page.wait_for_selector(".job.running[data-frame]", timeout=PATIENCE)
        page.locator(".job.done code").scroll_into_view_if_needed()
        self.take("app_done")


if __name__ == "__main__":
    main(tyro.cli(Options))
