"""The form in a real browser."""

import re
import time

import pytest

pytest.importorskip("starlette", reason="the extra app is not installed")
pytest.importorskip("uvicorn", reason="the extra app is not installed")

from tests.app.conftest import FRAMES
from tests.browser import serious_faults, serving_pages

LONG = 60_000  # [ms] for a process that starts on a busy machine


@pytest.fixture
def page(chromium, app):
    """The page of a running server."""
    context = chromium.new_context(viewport={"width": 1280, "height": 720})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    problems, page.asked = [], []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda request: page.asked.append(request.url))
    with serving_pages(app.pages("secret")) as address:
        page.address = f"{address}secret/"
        page.goto(page.address)
        page.wait_for_selector("body[data-ready]")
        yield page
        context.close()
    assert not problems
    assert all(url.startswith((address, "data:", "blob:")) for url in page.asked)


def choose(page, name):
    page.click(f"#recordings button:has-text('{name}')")
    page.wait_for_selector("#run:enabled")


def card(page, number):
    """The run that was added as this one; the newest is on top."""
    return page.locator("#jobs > li").nth(-1 - number)


def wait(page, number, state):
    card(page, number).and_(page.locator(f".job.{state}")).wait_for(timeout=LONG)


def test_from_the_form_to_the_result_and_the_player(page, light, tmp_path):
    choose(page, "speech.mp4")
    page.locator("#facts", has_text="40 ms late").wait_for(timeout=LONG)
    facts = page.locator("#facts").text_content()
    assert f"{FRAMES}, 83.28" in facts
    assert "84 × 84 pixels" in facts
    assert "40 ms late (± 3)" in facts
    assert page.locator("#warnings").text_content() == "a warning"
    assert page.locator("#estimate").text_content().startswith("About 2 s on this machine")
    page.check("#option-no_audio")
    page.click("#run")
    wait(page, 0, "done")
    card(page, 0).locator(".frames").wait_for()
    result = tmp_path / "out" / "speech_cleartract.mp4"
    assert sorted(path.name for path in result.parent.iterdir()) == [
        "speech_cleartract.mp4",
        "speech_cleartract.mp4.json",
    ]
    card(page, 0).locator("summary").click()
    card(page, 0).get_by_role("button", name="Copy").click()
    command = page.evaluate("navigator.clipboard.readText()")
    assert command.startswith("cleartract denoise ")
    again = result.with_name("speech_again_cleartract.mp4")
    assert command.endswith(f"--output={again} --no-audio --weights={light}")
    assert serious_faults(page) == []
    with page.context.expect_page() as opened:
        card(page, 0).get_by_role("link", name="Look at it").click()
    opened.value.wait_for_selector("body[data-shown='0']")
    assert opened.value.url.startswith(page.address + "view/0/")
    assert opened.value.locator("#name").text_content() == "speech.mp4"
    assert not opened.value.locator("#views").is_hidden()


def test_an_answer_that_comes_late_tells_nothing_of_the_recording_chosen_since(page):
    late = []
    held = lambda route: route.continue_() if late else late.append(route)  # noqa: E731
    page.route(re.compile("/recordings/[0-9]+$"), held)
    page.click("#recordings button:has-text('speech.mp4')")
    while not late:
        page.wait_for_timeout(20)
    choose(page, "<img")
    page.locator("#estimate", has_text="About 2 s").wait_for()
    answer = late[0].fetch()
    late[0].fulfill(response=answer, json={**answer.json(), "frames": 1_000_000})
    page.wait_for_timeout(200)
    page.locator("#options").dispatch_event("input")  # so that it is estimated anew
    assert page.locator("#estimate").text_content().startswith("About 2 s")


def test_a_run_is_found_again_and_cancelled_and_its_frames_are_kept_until_it_is_removed(
    page, tmp_path
):
    choose(page, "speech.mp4")
    page.locator("#options summary").click()
    page.fill("#option-steps", "")
    page.click("#run")
    assert page.locator("#jobs > li").count() == 0  # an empty number is shown to be wrong
    page.fill("#option-steps", "60")
    page.fill("#option-window_duration", "6")
    page.fill("#option-step_duration", "4")
    page.click("#run")
    page.wait_for_selector("#jobs > li.running")
    choose(page, "<img")
    page.click("#run")
    page.wait_for_selector("#jobs > li.waiting")
    page.goto("about:blank")
    page.goto(page.address)
    page.wait_for_selector("#jobs > li[data-frame]", timeout=LONG)  # a finished frame is shown
    names = page.locator("#jobs h3").all_text_contents()
    assert names == ["day/<img src=x onerror=alert(1)>.mp4", "speech.mp4"]
    assert page.locator("img").count() == 0
    assert card(page, 0).locator(".state").text_content().startswith("Denoising: ")
    card(page, 1).get_by_role("button", name="Cancel").click()
    wait(page, 1, "cancelled")
    card(page, 0).get_by_role("button", name="Cancel").click()
    card(page, 0).get_by_text("Cancelling …").wait_for()
    assert card(page, 0).get_by_role("button", name="Cancel").count() == 0
    wait(page, 0, "cancelled")
    assert card(page, 0).locator(".warnings li").count() == 0
    assert "finished frames are kept" in card(page, 0).locator(".state").text_content()
    partial = tmp_path / "out" / ".speech_cleartract.mp4.partial"
    assert partial.is_dir()
    card(page, 0).get_by_role("button", name="Remove").click()
    page.wait_for_function("() => document.querySelectorAll('#jobs > li').length === 1")
    assert not partial.exists()


def test_a_preview_that_is_done_is_not_called_unfinished(page):
    choose(page, "speech.mp4")
    page.evaluate("""() => {
      window.seen = [];
      new MutationObserver(() => {
        for (const card of document.querySelectorAll("#jobs > li.done"))
          if (card.textContent.includes("not final yet")) window.seen.push(card.textContent);
      }).observe(document.getElementById("jobs"), { subtree: true, childList: true, characterData: true });
    }""")
    page.click("#preview")
    wait(page, 0, "done")
    middle = f"denoised, frame {FRAMES // 2}"
    card(page, 0).locator("figcaption", has_text=middle).wait_for(timeout=LONG)
    assert page.evaluate("window.seen") == []


@pytest.mark.slow
def test_a_queue_goes_on_while_no_page_is_open_and_previews_come_first(page, tmp_path):
    choose(page, "speech.mp4")
    page.click("#run")
    page.wait_for_selector("#jobs > li.running")
    choose(page, "<img")
    page.click("#run")
    page.click("#preview")
    page.wait_for_selector("#jobs > li:nth-child(1).waiting")
    page.goto("about:blank")
    time.sleep(1)
    page.goto(page.address)
    wait(page, 2, "done")
    assert card(page, 1).get_attribute("class") != "job done"
    wait(page, 1, "done")
    wait(page, 0, "done")
    assert card(page, 2).locator("h3").text_content().endswith(": first 2 s")
    results = [path.name for path in (tmp_path / "out").rglob("*.mp4")]
    assert sorted(results) == [
        "<img src=x onerror=alert(1)>_cleartract.mp4",
        "speech_cleartract.mp4",
    ]


@pytest.mark.slow
def test_a_run_goes_on_where_it_was_cancelled(page, tmp_path):
    choose(page, "speech.mp4")
    page.locator("#options summary").click()
    for name, value in (("steps", "30"), ("window_duration", "6"), ("step_duration", "4")):
        page.fill(f"#option-{name}", value)
    page.click("#run")
    page.wait_for_selector("#jobs > li[data-frame]", timeout=LONG)
    card(page, 0).get_by_role("button", name="Cancel").click()
    wait(page, 0, "cancelled")
    card(page, 0).get_by_role("button", name="Go on").click()
    wait(page, 0, "done")
    result = tmp_path / "out" / "speech_cleartract.mp4"
    assert result.is_file()
    page.click("#run")
    wait(page, 1, "done")
    again = tmp_path / "out" / "speech_run2_cleartract.mp4"
    assert again.read_bytes() == result.read_bytes()


def test_a_file_is_added_and_one_that_is_no_recording_is_not(page, short, tmp_path):
    (tmp_path / "notes.mp4").write_text("no video")
    page.set_input_files("#file", tmp_path / "notes.mp4")
    page.wait_for_selector("#upload:has-text('notes.mp4: ')")
    said = page.locator("#upload").text_content()
    assert str(tmp_path) not in said
    drop = """() => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File(["no video"], "dropped <b>.mp4"));
      document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true }));
    }"""
    page.evaluate(drop)
    page.wait_for_selector("#upload:has-text('dropped_b.mp4: ')")
    page.set_input_files("#file", short)
    page.wait_for_selector("#run:enabled")
    page.wait_for_selector("#upload:has-text('is added')")
    assert (
        page.locator("#recordings button[aria-current=true]").text_content() == "speech.mp4uploads"
    )


@pytest.mark.parametrize("size", [(1280, 720), (844, 390), (400, 800)])
def test_nothing_is_cut_off_and_everything_has_a_name(page, size):
    page.set_viewport_size({"width": size[0], "height": size[1]})
    choose(page, "speech.mp4")
    page.locator("#options summary").click()
    assert serious_faults(page) == []
    wide = """() => [...document.querySelectorAll('button, input, select, p, dd, h2, h3, label')]
      .filter((part) => part.offsetParent && !part.closest('.hidden')).filter((part) => {
        const box = part.getBoundingClientRect();
        return box.left < 0 || box.right > innerWidth + 1;
      }).map((part) => part.id || part.textContent)"""
    assert page.evaluate(wide) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
