"""The report in a real browser: its players are those of `cleartract view`."""

from fractions import Fraction

import numpy as np
import pytest

from cleartract.evaluation.evaluate import evaluate
from cleartract.evaluation.report import write_report
from cleartract.evaluation.settings import EvaluateSettings
from cleartract.recordings.recording import Recording
from tests.browser import serious_faults

RATE = Fraction(50)
LINES = '{"<i>lips": [[40, 20], [40, 120]], "tongue": [[80, 20], [80, 120]]}'


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """Of a recording of 2 s with a truth."""
    folder = tmp_path_factory.mktemp("report")
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:48, :48]
    moved = 20 + 6 * np.sin(np.arange(100) / 6)
    truth = (np.abs(y - moved[:, None, None]) > 4) * (0.5 + 0.3 * (x > 24)).astype("f4")
    sound = (0.1 * rng.normal(size=32_000)).astype("f4")
    made = lambda frames: Recording(frames.astype("f4"), RATE, sound, 16_000)  # noqa: E731
    noisy, result = (truth + s * rng.normal(size=truth.shape) for s in (0.1, 0.02))
    (folder / "lines.json").write_text(LINES)
    settings = EvaluateSettings(grid_lines=folder / "lines.json")
    section = evaluate(made(result), made(truth), made(noisy), settings=settings)
    write_report(folder / "out", [section], {"title": "A <b>report"})
    return folder / "out" / "report.html"


def test_a_worst_window_is_one_click_from_the_player_which_compares_any_two_versions(
    chromium, report
):
    page = chromium.new_page(viewport={"width": 1280, "height": 720})
    asked, problems = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda said: said.type == "error" and problems.append(said.text))
    page.goto(report.as_uri())
    assert page.title() == "A <b>report"
    assert serious_faults(page) == []
    player = page.frame(name="player-1")
    player.wait_for_selector("body[data-shown='0']")
    page.locator("ol a").first.click()
    first = int(page.locator("ol a").first.text_content().split()[1])
    player.wait_for_selector(f"body[data-shown='{first}']")
    state = "window.cleartract.state"
    assert player.evaluate(f"{state}.selection") == [first, first + 16]
    assert player.evaluate(f"{state}.lines.map(({{name}}) => name)") == ["<i>lips", "tongue"]
    assert player.locator("#second option").all_text_contents() == ["noisy", "denoised", "truth"]
    player.select_option("#first", "2")
    player.wait_for_function(f"() => {state}.pair.join() === '2,1'")
    player.select_option("#second", "2")  # the same twice: they change places
    assert player.evaluate(f"{state}.pair") == [1, 2]
    player.locator("#picture").press("5")
    drawn = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    player.evaluate(drawn)
    assert player.locator("#legend-title").text_content() == "denoised − truth"
    page.close()
    assert not problems
    assert all(url.startswith(("file:", "data:", "blob:")) for url in asked)
