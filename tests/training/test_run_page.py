"""The page of a run in a real browser."""

from fractions import Fraction

import numpy as np

from cleartract.recordings.pictures import save_png
from cleartract.recordings.recording import Recording
from cleartract.training.epoch_player import KEPT, write_player
from cleartract.training.run_page import write_history
from tests.browser import serious_faults

LEVELS = {1: 60, 2: 120, 3: 180}  # grey level of each epoch's frames


def made(epoch: int) -> dict[str, np.ndarray]:
    """Rows of one input after an epoch."""
    frames = np.full((30, 40, 40), LEVELS[epoch], np.uint8)
    frames[:, :4] = 255
    frames[:, 4:8] = 0
    noisy = np.full_like(frames, 20)
    return {"noisy": noisy, "matched sound": frames, "generated": frames // 2, "truth": frames}


def test_two_epochs_of_an_input_are_compared_in_its_player(chromium, tmp_path):
    run = tmp_path / "<b>run"
    noisy = Recording(made(1)["noisy"].astype("f4"), Fraction(50))
    for epoch in LEVELS:
        folder = run / "samples" / f"epoch-{epoch:03d}"
        folder.mkdir(parents=True)
        rows = made(epoch)
        for kind in ("frames", "kymograph"):
            save_png(folder / f"1_speaker_{kind}.png", [rows["generated"][0]])
        np.savez(folder / "1_speaker.npz", **{name: rows[name] for name in KEPT})
        write_player(run / "samples", "1_speaker", noisy, rows, epoch)
    (run / "metrics.jsonl").write_text('{"step": 1, "loss": 1}\n{"step": 2, "loss": 0.5}\n')
    address = write_history(run, ["1_speaker"], ("noisy", "matched sound")).as_uri()
    page = chromium.new_page(viewport={"width": 1280, "height": 720})
    asked, problems = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda said: said.type == "error" and problems.append(said.text))
    page.goto(address)
    player = page.frame(name="player-1")
    player.wait_for_selector("body[data-shown='0']")
    assert serious_faults(page) == []
    player.select_option("#first", label="epoch 1: matched sound")
    player.select_option("#second", label="epoch 3: matched sound")
    level = """async (panel) => {
      await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
      const { stage, state } = window.cleartract, { x, y, zoom } = stage.boxes[panel];
      const place = [20, 36].map((p, i) => ([x, y][i] + p * zoom) * devicePixelRatio);
      const grey = stage.context.getImageData(...place, 1, 1).data[0];
      return state.low + (grey / 255) * (state.high - state.low);
    }"""
    player.wait_for_function("() => window.cleartract.state.pair.includes(1)")
    player.evaluate("location.hash = 'g=0_255'")
    assert [round(player.evaluate(level, panel)) for panel in (0, 1)] == [LEVELS[1], LEVELS[3]]
    page.locator("summary", has_text="All epochs").click()
    assert page.locator("details img").count() == 6
    page.close()
    assert not problems
    assert all(url.startswith(("file:", "data:", "blob:")) for url in asked)
