"""The page in a real browser, on frames that carry their number."""

import base64
import io
import json
import re
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("starlette", reason="the extra app is not installed")
pytest.importorskip("uvicorn", reason="the extra app is not installed")

from cleartract.viewer.export import export_page
from cleartract.viewer.player import Player
from tests.browser import serious_faults
from tests.viewer.conftest import RATE, coded, number_in, serving

# number in the blocks of a panel as it is drawn, and whether the panel is the denoised one
READ = """(panel) => {
  const { stage } = window.cleartract;
  const context = stage.context, ratio = devicePixelRatio;
  const { x, y, zoom } = stage.boxes[panel];
  const at = (px, py) => context.getImageData((x + px * zoom) * ratio, (y + py * zoom) * ratio, 1, 1).data[0];
  let number = 0;
  for (let bit = 0; bit < 12; bit++) number |= (at(4 * bit + 2, 38) > 128) << bit;
  return [number, at(50, 20) < 60 ? "denoised" : "noisy"];
}"""


@pytest.fixture(scope="module")
def tab(chromium):
    """One tab for all tests, because a new one takes a second."""
    context = chromium.new_context(viewport={"width": 1280, "height": 720}, accept_downloads=True)
    tab = context.new_page()
    tab.problems, tab.asked = [], []
    tab.on("pageerror", lambda error: tab.problems.append(str(error)))
    tab.on("console", lambda said: said.type == "error" and tab.problems.append(said.text))
    tab.on("request", lambda request: tab.asked.append(request.url))
    yield tab
    context.close()


@pytest.fixture
def page(tab):
    tab.problems.clear()
    tab.asked.clear()
    yield tab
    tab.context.set_offline(False)
    tab.goto("about:blank")
    assert not tab.problems


@pytest.fixture
def opened(page, pair):
    with serving(Player(pair[0], {"denoised": pair[1]})) as address:
        page.goto(address)
        page.wait_for_selector("body[data-shown='0']")
        yield page
        page.goto("about:blank")  # so that no connection keeps the server waiting


def shown(page, frame):
    page.wait_for_selector(f"body[data-shown='{frame}']", timeout=5000)


def picture(page):
    content = page.evaluate("document.getElementById('picture').toDataURL()").split(",")[1]
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(content))).convert("L"))


def drawn(page):
    """After everything that changed is on screen."""
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def test_two_hundred_random_seeks_show_the_frame_asked_for_in_both_panels(opened):
    wanted = np.random.default_rng(0).integers(0, 2000, 200).tolist()
    go = """async (frames) => {
      const seen = [], reader = READ, { tracks } = window.cleartract;
      for (const frame of frames) {
        tracks.go(frame);
        const until = performance.now() + 5000;
        do await new Promise(requestAnimationFrame);
        while (document.body.dataset.shown !== String(frame) && performance.now() < until);
        seen.push([reader(0), reader(1)]);
      }
      return seen;
    }"""
    seen = opened.evaluate(go.replace("READ", READ), wanted)
    assert seen == [[[frame, "noisy"], [frame, "denoised"]] for frame in wanted]
    assert opened.locator("#frame").text_content() == str(wanted[-1])
    seconds = float(opened.locator("#seconds").text_content())
    assert seconds == pytest.approx(float(wanted[-1] / RATE), abs=6e-4)


def test_playing_shows_the_frame_of_the_sound_that_is_heard(opened):
    opened.keyboard.press("Space")
    watch = """async () => {
      const { clock, stage } = window.cleartract, seen = [], reader = READ;
      const until = performance.now() + 2500;
      while (performance.now() < until) {
        await new Promise(requestAnimationFrame);
        const context = clock.context.currentTime - (clock.context.outputLatency || 0);
        const { when, at } = clock.spans[0];
        if (reader(0)[0]) seen.push([reader(0)[0], at + context - when]);
      }
      return seen;
    }""".replace("READ", READ)
    seen = np.array(opened.evaluate(watch))
    assert len(seen) > 40
    assert seen[-1, 1] - seen[0, 1] == pytest.approx(2.4, abs=0.35)
    late = seen[:, 1] * float(RATE) - seen[:, 0]  # [frames] between what is heard and shown
    # a drawn frame is up to two screen refreshes old when it is looked at; nothing adds up
    assert np.median(late) < 3.5
    assert abs(np.median(late[-20:]) - np.median(late[:20])) < 1.5
    opened.keyboard.press("Space")
    drawn(opened)
    stopped = opened.evaluate(READ, 0)[0]
    assert opened.locator("#frame").text_content() == str(stopped)


@pytest.mark.slow
def test_without_sound_time_passes_all_the_same(page, tmp_path):
    np.save(tmp_path / "silent.npy", coded(600))
    with serving(Player(tmp_path / "silent.npy")) as address:
        page.goto(address)
        page.wait_for_selector("body[data-shown='0']")
        assert page.locator("#mute").is_hidden()
        assert page.locator("#views").is_hidden()
        page.keyboard.press("Space")
        watch = """async () => {
          const { clock } = window.cleartract, seen = [];
          for (let n = 0; n < 40; n++) {
            await new Promise(requestAnimationFrame);
            seen.push([Number(document.body.dataset.shown), performance.now() / 1000]);
          }
          return seen;
        }"""
        seen = np.array(page.evaluate(watch))[5:]
        page.goto("about:blank")
    passed = (seen[-1] - seen[0]) @ [1, 0], (seen[-1] - seen[0]) @ [0, 1]
    assert passed[0] == pytest.approx(passed[1] * float(RATE), abs=4)


@pytest.mark.slow
def test_a_loop_stays_in_the_selection_and_slow_motion_is_slow(opened):
    opened.evaluate("location.hash = 'f=300&s=300_330&l=1&x=0.5'")
    shown(opened, 300)
    opened.keyboard.press("Space")
    time.sleep(0.4)
    watch = """async () => {
      const { clock } = window.cleartract, seen = [];
      const until = performance.now() + 1000;
      while (performance.now() < until) {
        await new Promise(requestAnimationFrame);
        seen.push([Number(document.body.dataset.shown), performance.now() / 1000]);
      }
      return seen;
    }"""
    seen = np.array(opened.evaluate(watch))
    assert seen[:, 0].min() >= 300
    assert seen[:, 0].max() < 330
    passed = np.mod(np.diff(seen[:, 0]), 30).sum()
    assert passed / (seen[-1, 1] - seen[0, 1]) == pytest.approx(0.5 * float(RATE), rel=0.15)


def test_wipe_flicker_difference_and_residual(opened):
    opened.keyboard.press("2")
    drawn(opened)
    box = opened.evaluate("window.cleartract.stage.boxes[0].clip")
    opened.mouse.move(box[0] + 0.5 * box[2], 40 + box[1] + 0.6 * box[3])
    opened.mouse.down()
    opened.mouse.move(box[0] + 0.25 * box[2], 40 + box[1] + 0.6 * box[3], steps=4)
    opened.mouse.up()
    drawn(opened)
    assert opened.evaluate("window.cleartract.state.wipe") == pytest.approx(0.25, abs=0.01)
    row = picture(opened)[round(box[1] + 0.8 * box[3]), round(box[0]) : round(box[0] + box[2])]
    left, right = row[: len(row) // 5], row[len(row) // 2 :]
    assert np.median(left) > np.median(right) + 20  # noisy is brighter there
    opened.focus("#wipe")
    opened.keyboard.press("ArrowRight")
    drawn(opened)
    assert opened.get_attribute("#wipe", "aria-valuenow") == "27"
    opened.keyboard.press("3")
    drawn(opened)
    assert opened.evaluate(READ, 0)[1] == "denoised"
    opened.keyboard.down("f")
    drawn(opened)
    assert opened.evaluate(READ, 0)[1] == "noisy"
    opened.keyboard.up("f")
    drawn(opened)
    assert opened.evaluate(READ, 0)[1] == "denoised"
    opened.keyboard.press("4")
    drawn(opened)
    assert not opened.locator("#legend-box").is_hidden()
    assert opened.locator("#legend-low").text_content() == "0"
    opened.keyboard.press("5")
    drawn(opened)
    high = float(opened.locator("#legend-high").text_content())
    level = opened.evaluate(
        READ.replace("return [number, at(50, 20) < 60 ?", "return at(50, 20); [").replace(
            ': "noisy"]', "]"
        ),
        0,
    )
    assert level == pytest.approx(127.5 * (1 + 32 / high), abs=2)


def test_a_line_is_drawn_dragged_kept_and_its_kymograph_is_what_the_frames_hold(opened, pair):
    opened.evaluate("location.hash = 't=0_60'")
    opened.click("#draw-line")
    drawn(opened)
    x, y, zoom = opened.evaluate(
        "(({x, y, zoom}) => [x, y, zoom])(window.cleartract.stage.boxes[0])"
    )
    top = opened.locator("#picture").bounding_box()["y"]
    at = lambda px, py: (x + (px + 0.5) * zoom, top + y + (py + 0.5) * zoom)  # noqa: E731
    opened.mouse.move(*at(20, 8))
    opened.mouse.down()
    opened.mouse.move(*at(20, 33), steps=3)
    opened.mouse.up()
    lines = opened.evaluate("window.cleartract.state.lines")
    assert lines[-1]["b"] == pytest.approx([20, 33], abs=0.2)
    opened.mouse.move(*at(20, 33))
    opened.mouse.down()
    opened.mouse.move(*at(26, 31), steps=3)
    opened.mouse.up()
    lines = opened.evaluate("window.cleartract.state.lines")
    assert lines[-1]["b"] == pytest.approx([26, 31], abs=0.2)
    opened.mouse.move(*at(26, 31))
    opened.mouse.down()
    opened.mouse.move(*at(20, 33), steps=3)
    opened.mouse.up()
    bright = """async () => {
      const { tracks, state } = window.cleartract;
      const row = tracks.kymographs[state.lines.length - 1][0];
      const until = performance.now() + 5000;
      while ((row.left || !row.filled.length) && performance.now() < until)
        await new Promise(requestAnimationFrame);
      const { width, height } = row.canvas, places = [];
      for (let frame = 0; frame < 60; frame++) {
        const x = Math.floor(((frame + 0.5) / 60) * width);
        let [best, most] = [0, -1];
        for (let y = 0; y < height; y++) {
          const level = row.image.data[4 * (y * width + x)];
          if (level > most) [best, most] = [y, level];
        }
        places.push(8 + ((best + 0.5) / height) * 25);
      }
      return places;
    }"""
    drawn(opened)
    places = np.array(opened.evaluate(bright))
    expected = 10.5 + np.arange(60) % 20  # middle of the bar that moves down
    assert np.abs(places - expected).max() < 1.2
    path = pair[0].with_name("speech.lines.json")
    until = time.monotonic() + 5
    while not path.exists() and time.monotonic() < until:
        time.sleep(0.05)
    kept = json.loads(path.read_text())
    assert kept["line 2"][0] == pytest.approx([20 * 200 / 52, 8 * 200 / 52], abs=1)
    with opened.expect_download() as given:
        opened.click("#save-lines")
    table = Path(given.value.path()).read_text()
    assert table.count("\n") == 3
    with opened.expect_download() as given:
        opened.click("#save-kymograph")
    header, *rows = Path(given.value.path()).read_text().splitlines()
    assert header.startswith("frame,time [s],line,plane,0.000 mm,")
    assert len(rows) == 60 * 2 * 2


@pytest.mark.parametrize("exported", [False, True])
def test_a_gif_holds_the_frames_of_the_selection(page, pair, tmp_path, exported):
    player = Player(pair[0], {"denoised": pair[1]})
    if exported:
        export_page(player, tmp_path / "page.html")
    with serving(player) as address:
        page.goto((tmp_path / "page.html").as_uri() if exported else address)
        page.wait_for_selector("body[data-shown='0']")
        page.evaluate("location.hash = 's=1000_1030&x=0.25&g=0_255'")
        page.wait_for_function("() => window.cleartract.state.speed === 0.25")
        with page.expect_download() as given:
            page.click("#save-gif")
        page.goto("about:blank")
    assert given.value.suggested_filename == "speech_1000-1029.gif"
    image = Image.open(given.value.path())
    assert image.info["duration"] == 40
    assert image.info["loop"] == 0
    zoom = image.width // (2 * 52)
    for number in range(image.n_frames):
        image.seek(number)
        frame = np.asarray(image.convert("L"))[::zoom, ::zoom]
        expected = int(1000 + number * 0.01 * float(RATE) + 1e-6)
        for side, panel in enumerate((frame[:, :52], frame[:, 52:])):
            assert number_in(panel) == expected, number
            assert panel[20, 50] == (96, 64)[side]
    assert image.n_frames == 36  # 30 frames, four times as slow


def test_the_address_brings_back_the_moment_and_the_view(opened, page):
    opened.evaluate("location.hash = 'f=77&v=wipe&w=0.3&z=6&g=20_180&t=10_400&s=50_90&b=3_9'")
    shown(opened, 77)
    opened.keyboard.press("ArrowRight")
    shown(opened, 78)
    time.sleep(0.7)
    address = opened.evaluate("location.href")
    other = page.context.new_page()
    other.goto(address)
    shown(other, 78)
    read = """() => {
      const { mode, wipe, zoom, low, high, from, to, selection, marks } = window.cleartract.state;
      return [mode, wipe, zoom, low, high, from, to, selection, [...marks]];
    }"""
    assert other.evaluate(read) == ["wipe", 0.3, 6, 20, 180, 10, 400, [50, 90], [3, 9]]
    other.evaluate("location.hash = 'f=9e9&v=<b>&z=NaN&w=-4&g=5_1&t=x_y&s=3&b=1e99'")
    shown(other, 1999)
    assert other.evaluate(read)[:3] == ["wipe", 0, 0]
    other.close()


def test_an_address_says_too_what_is_not_shown(opened):
    opened.keyboard.press("ArrowRight")
    shown(opened, 1)
    time.sleep(0.7)
    plain = opened.evaluate("location.href")
    for key in ("Home", "[", "b"):
        opened.keyboard.press(key)
    drawn(opened)
    left = "(({ selection, marks }) => [selection, marks.size])(window.cleartract.state)"
    assert opened.evaluate(left) == [[0, 2000], 1]
    time.sleep(0.7)
    opened.goto(plain)  # in the same tab: nothing is loaded anew
    shown(opened, 1)
    assert opened.evaluate(left) == [None, 0]


def test_a_loop_begins_where_playing_is_past_the_selection(opened):
    opened.evaluate("location.hash = 'f=600&s=300_330'")
    shown(opened, 600)
    opened.keyboard.press("Space")
    opened.keyboard.press("l")
    time.sleep(0.5)
    assert 300 <= opened.evaluate("window.cleartract.state.frame") < 330
    opened.keyboard.press("Space")


def test_colours_have_one_meaning_and_a_saved_picture_holds_their_legend(page, pair, tmp_path):
    spread = tmp_path / "spread.npz"
    ramp = np.broadcast_to(np.linspace(0, 5, 52, dtype="f4"), (2000, 40, 52))
    rate = np.array([RATE.numerator, RATE.denominator])
    np.savez(spread, frames=ramp, rate=rate, kind="standard deviation")

    def saved():
        with page.expect_download() as given:
            page.keyboard.press("s")
        return np.asarray(Image.open(given.value.path()).convert("RGB"), int)

    with serving(Player(pair[0], {"denoised": pair[1], "uncertainty": spread})) as address:
        page.goto(address)
        page.wait_for_selector("body[data-shown='0']")
        plain = saved()
        page.keyboard.press("u")
        drawn(page)
        legend = saved()[plain.shape[0] - 4 :]
        assert np.ptp(legend, axis=2).max() > 100  # colours, below the picture
        assert legend.shape[0] == 26
        page.keyboard.press("4")
        drawn(page)
        assert page.locator("#legend-title").text_content() == "|noisy − denoised|"
        assert page.evaluate("window.cleartract.state.overlay") == ""
        page.keyboard.press("u")
        drawn(page)
        assert page.evaluate("window.cleartract.state.mode") == "side"
        assert page.locator("#legend-title").text_content() == "Uncertainty"
        page.goto("about:blank")


def test_the_keys_do_what_the_help_says(opened):
    state = "window.cleartract.state."
    for key, name, value in (
        ("End", "frame", 1999), ("Shift+ArrowLeft", "frame", 1989), ("Home", "frame", 0),
        ("ArrowRight", "frame", 1), ("+", "zoom", 9), ("0", "zoom", 0), (",", "speed", 0.75),
        (".", "speed", 1), ("m", "muted", True), ("l", "loop", True), ("w", "to", 2000),
    ):  # fmt: skip
        opened.keyboard.press(key)
        assert opened.evaluate(state + name) == value, key
    opened.keyboard.press("?")
    assert opened.locator("#help").is_visible()
    opened.keyboard.press("Escape")
    count = opened.evaluate(state + "lines.length")
    opened.keyboard.press("k")
    assert opened.evaluate(state + "lines.length") == count + 1
    before = opened.evaluate(state + "lines")[-1]
    opened.keyboard.press("ArrowUp")
    opened.keyboard.press("Shift+ArrowRight")
    after = opened.evaluate(state + "lines")[-1]
    assert after["a"] == [before["a"][0], before["a"][1] - 0.5]
    assert after["b"] == [before["b"][0] + 0.5, before["b"][1] - 0.5]
    opened.keyboard.press("Delete")
    assert opened.evaluate(state + "lines.length") == count


def test_a_click_on_the_time_axis_goes_there_and_a_drag_selects(opened):
    box = opened.locator("#playhead").bounding_box()
    x = opened.evaluate("window.cleartract.tracks.xOf(500.5)")
    opened.mouse.click(box["x"] + x, box["y"] + 60)
    shown(opened, 500)
    end = opened.evaluate("window.cleartract.tracks.xOf(700)")
    opened.mouse.move(box["x"] + x, box["y"] + 60)
    opened.mouse.down()
    opened.mouse.move(box["x"] + end, box["y"] + 60, steps=3)
    opened.mouse.up()
    first, last = opened.evaluate("window.cleartract.state.selection")
    assert first == pytest.approx(500, abs=1)
    assert last == pytest.approx(700, abs=2)


def test_pictures_are_saved_with_what_is_on_screen(opened):
    with opened.expect_download() as given:
        opened.keyboard.press("s")
    image = np.asarray(Image.open(given.value.path()).convert("L"))
    assert given.value.suggested_filename == "speech_frame0.png"
    assert image.shape == (40 * 4 + 42, 2 * 52 * 4 + 8)
    assert image[100, 205] == image[100, 180] != image[100, 216 + 180]
    with opened.expect_download() as given:
        opened.click("#save-strip")
    assert Image.open(given.value.path()).size == (8 * (2 * 52 + 4) - 4, 2 * (80 + 4) + 36)
    opened.evaluate("location.hash = 's=100_150'")
    with opened.expect_download() as given:
        opened.click("#save-clip")
    assert given.value.suggested_filename == "speech_100-149.mp4"


def test_nothing_is_asked_of_another_host_and_names_stay_text(page, pair):
    evil = pair[0].with_name("<img src=x onerror=alert(1)>.npz")
    pair[0].rename(evil)
    name = "<script>document.title='run'</script>"
    evil.with_name(evil.stem + ".lines.json").write_text(json.dumps({name: [[9, 9], [90, 90]]}))
    with serving(Player(evil, {"denoised": pair[1]})) as address:
        page.goto(address)
        page.wait_for_selector("body[data-shown='0']")
        assert page.locator("#name").text_content() == evil.name
        assert page.locator("#lines input").input_value() == name
        assert page.title() != "run"
        assert page.locator("img").count() == 0
        drawn(page)
        assert all(url.startswith((address, "blob:", "data:")) for url in page.asked)
        page.goto("about:blank")


def test_an_exported_page_plays_the_same_offline(page, pair, tmp_path):
    target = tmp_path / "page.html"
    player = Player(pair[0], {"denoised": pair[1]})
    assert export_page(player, target) == target.stat().st_size
    player.close()
    page.context.set_offline(True)
    page.goto(target.as_uri() + "#f=1500&v=side")
    shown(page, 1500)
    assert page.evaluate(READ, 0) == [1500, "noisy"]
    assert page.evaluate(READ, 1) == [1500, "denoised"]
    page.keyboard.press("Space")
    page.wait_for_selector("body[data-shown^='15']:not([data-shown='1500'])")
    page.keyboard.press("Space")
    page.click("#save-clip")
    page.locator("#message", has_text="cleartract view").wait_for()
    assert "cleartract view" in page.locator("#lines-note").text_content()
    assert all(url.startswith(("file:", "data:", "blob:")) for url in page.asked)
    assert not re.search(r"<script[^>]* src=|<link", target.read_text())


def test_constriction_degrees_are_drawn_over_time_here_and_in_an_export(page, pair, tmp_path):
    rising = np.arange(2000) / 100  # [mm]
    rows = [f"{n},{float(n / RATE):.6f},10.000,{value:.3f}" for n, value in enumerate(rising)]
    table = pair[1].with_name(f"{pair[1].stem}_degrees.csv")
    table.write_text("\n".join(["frame,time [s],<b>lips [mm],tongue [mm]", *rows, ""]))
    player = Player(pair[0], {"denoised": pair[1]})
    export_page(player, tmp_path / "page.html")
    read = """async () => {
      const { tracks } = window.cleartract, row = tracks.measured;
      const until = performance.now() + 5000;
      while ((!row.degrees || row.left || !row.filled.length) && performance.now() < until)
        await new Promise(requestAnimationFrame);
      const { width, height } = row.canvas;
      const data = row.context.getImageData(0, 0, width, height).data;
      const found = [];
      for (const share of [0.25, 0.75]) {
        const x = Math.floor(share * width), seen = [];
        for (let y = 0; y < height; y++) {
          const at = 4 * (y * width + x);
          if (data[at] > 200 && data[at + 2] < 120) seen.push(y); // the second colour
        }
        const value = (share * 12 * 83.28) / 100;
        found.push([seen.reduce((sum, y) => sum + y, 0) / seen.length, row.place(value, height)]);
      }
      const colours = () => row.names.map((_, number) => row.colour(number));
      const before = colours();
      window.cleartract.state.lines = [{ name: "tongue", a: [1, 1], b: [1, 9] }];
      return [row.names, row.highest, found, before, colours()];
    }"""
    with serving(player) as address:
        for url in (address, (tmp_path / "page.html").as_uri()):
            page.goto(url)
            page.wait_for_selector("body[data-shown='0']")
            names, highest, found, before, after = page.evaluate(read)
            assert after == before[::-1]  # the curve of a line has its colour, others another
            assert names == ["<b>lips", "tongue"]
            assert highest == pytest.approx(1.05 * 19.99)
            for drawn_at, expected in found:
                assert drawn_at == pytest.approx(expected, abs=1.5)
        page.goto("about:blank")


def test_the_legend_of_degrees_names_all_curves_and_compared_values_where_they_have_room(
    page, pair
):
    names = ("lips", "tongue tip", "tongue body", "pharynx")
    columns = [f'"{name}{of} [mm]"' for of in ("", ", noisy") for name in names]
    rows = [",".join([str(n), f"{float(n / RATE):.6f}", *["10.500"] * 8]) for n in range(2000)]
    table = pair[1].with_name(f"{pair[1].stem}_degrees.csv")
    table.write_text("\n".join([",".join(["frame,time [s]", *columns]), *rows, ""]))
    read = """async (right) => {
      const { tracks } = window.cleartract, said = [];
      while (!tracks.measured.degrees) await new Promise(requestAnimationFrame);
      const context = document.createElement("canvas").getContext("2d");
      context.fillText = (text) => said.push(text);
      tracks.measured.legend(context, 0, 0, right);
      return said;
    }"""
    with serving(Player(pair[0], {"denoised": pair[1]})) as address:
        page.goto(address)
        page.wait_for_selector("body[data-shown='0']")
        assert page.evaluate(read, 1200) == [f"{name} 10.5 (noisy 10.5)" for name in names]
        assert page.evaluate(read, 420) == [f"{name} 10.5" for name in names]
        page.goto("about:blank")


def test_there_is_no_serious_accessibility_fault(opened):
    for key in ("1", "2", "4", "k", "?"):
        opened.keyboard.press(key)
        drawn(opened)
        assert serious_faults(opened) == [], key


def test_an_export_that_is_too_large_is_refused_before_it_is_written(pair, tmp_path, monkeypatch):
    from cleartract.errors import OutputError

    monkeypatch.setattr("cleartract.viewer.export.LARGEST", 1_000_000)
    player = Player(pair[0])
    with pytest.raises(OutputError, match=r"page\.html: would be \d+ MB, more than 1; cut"):
        export_page(player, tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()
    player.close()


@pytest.mark.parametrize("size", [(1280, 720), (844, 390)])
def test_nothing_is_cut_off_and_nothing_jumps(chromium, pair, size):
    context = chromium.new_context(viewport={"width": size[0], "height": size[1]})
    page = context.new_page()
    page.add_init_script(
        "window.jumps = 0; new PerformanceObserver((list) => list.getEntries().forEach("
        "(e) => window.jumps += e.value)).observe({type: 'layout-shift', buffered: true})"
    )
    with serving(Player(pair[0], {"denoised": pair[1]})) as address:
        page.goto(address)
        page.wait_for_selector("body[data-shown='0']")
        time.sleep(0.3)
        assert page.evaluate("window.jumps") < 0.01
        outside = """() => [...document.querySelectorAll('header button, #transport :is(button, select)')]
          .filter((part) => part.offsetParent).filter((part) => {
            const box = part.getBoundingClientRect();
            return box.left < 0 || box.top < 0 || box.right > innerWidth || box.bottom > innerHeight;
          }).map((part) => part.textContent || part.id)"""
        assert page.evaluate(outside) == []
        unnamed = """() => [...document.querySelectorAll('button, input, select, canvas:not(#playhead)')]
          .filter((part) => !(part.ariaLabel || part.textContent.trim() || part.closest('label')))
          .map((part) => part.id)"""
        assert page.evaluate(unnamed) == []
    context.close()


def test_keys_work_after_a_speed_was_chosen_and_after_a_line_was_deleted(opened):
    opened.click("#speed")
    opened.keyboard.press("ArrowUp")
    opened.keyboard.press("Enter")
    opened.wait_for_function("() => window.cleartract.state.speed === 0.75")
    opened.keyboard.press("ArrowRight")
    shown(opened, 1)
    opened.keyboard.press("k")
    opened.keyboard.press("k")
    count = opened.locator("#lines li").count()
    for left in range(count - 1, -1, -1):
        opened.keyboard.press("Delete")
        drawn(opened)
        assert opened.locator("#lines li").count() == left
        assert (
            opened.evaluate("document.activeElement.className || document.activeElement.id") != ""
        )
    opened.keyboard.press("ArrowRight")
    shown(opened, 2)


FULL = [(1280, 720), (844, 390), (1920, 1080)]


@pytest.mark.parametrize("size", FULL)
def test_all_rows_the_legend_and_the_keys_have_room_beside_the_picture(chromium, pair, size):
    """With words, phones, constriction degrees and uncertainty; then with more lines than fit."""
    tiers = [
        'File type = "ooTextFile"',
        'Object class = "TextGrid"',
        "",
        "0",
        "24",
        "<exists>",
        "2",
    ]
    for name in ("words", "phones"):
        tiers += ['"IntervalTier"', f'"{name}"', "0", "24", "1", "1", "2", '"a"']
    pair[0].with_suffix(".TextGrid").write_text("\n".join([*tiers, ""]))
    rows = [f"{n},{float(n / RATE):.6f},10.000" for n in range(2000)]
    table = pair[1].with_name(f"{pair[1].stem}_degrees.csv")
    table.write_text("\n".join(["frame,time [s],lips [mm]", *rows, ""]))
    others = {"denoised": pair[1], "uncertainty": pair[1]}
    page = chromium.new_page(viewport={"width": size[0], "height": size[1]})
    with serving(Player(pair[0], others)) as address:
        page.goto(address)
        page.wait_for_selector("body[data-shown='0']")
        page.keyboard.press("u")
        page.wait_for_function("() => window.cleartract.tracks.kymographs.length > 0")
        drawn(page)
        axis = "document.getElementById('time-axis')"
        assert page.evaluate(f"{axis}.scrollHeight - {axis}.clientHeight") <= 0
        boxes = """() => {
          const { stage } = window.cleartract, top = stage.canvas.getBoundingClientRect().top;
          const [, , , high] = stage.boxes[0].clip;
          const low = top + Math.max(...stage.boxes.map(({ clip }) => clip[1] + clip[3]));
          const legend = document.getElementById("legend-box").getBoundingClientRect();
          const whole = stage.canvas.parentElement.getBoundingClientRect();
          return [low, legend.top, legend.bottom, whole.bottom, high];
        }"""
        picture_end, legend_top, legend_end, stage_end, high = page.evaluate(boxes)
        assert picture_end <= legend_top < legend_end <= stage_end
        assert high >= 120
        page.keyboard.press("?")
        dialog = page.locator("#help").bounding_box()
        assert dialog["y"] >= 0
        assert dialog["y"] + dialog["height"] <= size[1]
        assert (
            page.evaluate(
                "(({scrollHeight: s, clientHeight: c}) => s - c)(document.getElementById('help'))"
            )
            <= 0
        )
        page.keyboard.press("Escape")
        for _ in range(6):
            page.keyboard.press("k")
        drawn(page)
        reach = page.evaluate(f"({axis}.scrollTop = 1e6, {axis}.scrollTop + {axis}.clientHeight)")
        assert reach >= page.evaluate("window.cleartract.tracks.height") - 1
        assert page.evaluate(boxes)[-1] == high
        page.goto("about:blank")
    page.close()


def test_a_first_line_that_was_found_is_shown_here_and_in_an_export_and_not_kept(
    page, pair, tmp_path
):
    found = {"<i>tongue": [[20 * 200 / 52, 8 * 200 / 52], [20 * 200 / 52, 30 * 200 / 52]]}
    player = Player(pair[0], {"denoised": pair[1]}, guess=lambda frames, pixel_size: found)
    export_page(player, tmp_path / "page.html")
    with serving(player) as address:
        for url in (address, (tmp_path / "page.html").as_uri()):
            page.goto(url)
            page.wait_for_function("() => window.cleartract?.state.lines.length === 1")
            line = page.evaluate("window.cleartract.state.lines[0]")
            assert line["name"] == "<i>tongue"
            assert [*line["a"], *line["b"]] == pytest.approx([20, 8, 20, 30])
        time.sleep(0.7)
        page.goto("about:blank")
    assert not pair[0].with_name("speech.lines.json").exists()
