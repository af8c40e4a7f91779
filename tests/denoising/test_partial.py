import json

import numpy as np
import pytest

from cleartract.denoising.partial import PartialRun, check_partial, partial_folder
from cleartract.errors import OutputError

SIZE = (3, 4)
SETTINGS = {"seed": 1, "lost": (2, 3)}


def frames(count, seed=0):
    return np.random.default_rng(seed).random((count, *SIZE)).astype(np.float32)


@pytest.fixture
def target(tmp_path):
    return tmp_path / "out.npz"


def begun(target, resume=False, settings=SETTINGS, spread=False):
    run = PartialRun(target, settings, SIZE)
    run.begin(resume, spread)
    return run


@pytest.mark.parametrize("spread", [False, True])
def test_a_run_that_was_killed_gives_back_what_it_finished(target, spread):
    run = begun(target, spread=spread)
    run.batch = 3
    parts = [frames(70, 0), frames(5, 1)]
    for part in parts:
        run.add(part, 2 * part if spread else None)
    run.close()
    again = begun(target, resume=True, spread=spread)
    assert (again.finished, again.batch) == (75, 3)
    read = list(again.read())
    np.testing.assert_array_equal(np.concatenate([f for f, _ in read]), np.concatenate(parts))
    if spread:
        both = np.concatenate([s for _, s in read])
        np.testing.assert_array_equal(both, 2 * np.concatenate(parts))
    again.add(frames(4, 2), 2 * frames(4, 2) if spread else None)
    whole = np.concatenate([f for f, _ in again.read()])
    np.testing.assert_array_equal(whole[75:], frames(4, 2))


@pytest.mark.parametrize("extra", [b"\0" * 7, b"\0" * 500])
def test_what_was_not_finished_is_cut_off(target, extra):
    """Killed while writing: the frames are longer than the state says."""
    run = begun(target)
    run.add(frames(5), None)
    run.close()
    with open(run.folder / "frames.f32", "ab") as file:
        file.write(extra)
    again = begun(target, resume=True)
    again.add(frames(3, 1), None)
    found = np.concatenate([f for f, _ in again.read()])
    np.testing.assert_array_equal(found, np.concatenate([frames(5), frames(3, 1)]))


@pytest.mark.parametrize("content", ["", "{", "[]", '{"described": {}}', '{"finished": "x"}'])
def test_a_damaged_state_begins_anew(target, content):
    run = begun(target)
    run.add(frames(5), None)
    run.close()
    (run.folder / "state.json").write_text(content)
    again = begun(target, resume=True)
    assert again.finished == 0
    assert list(again.read()) == []


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"seed": 2, "lost": (2, 3)}, "differs in: seed"),
        ({"seed": 1, "lost": (2,)}, "differs in: lost"),
        ({"seed": 1}, "differs in: lost"),
        ({"seed": 1, "lost": (2, 3), "audio": "b.wav"}, "differs in: audio"),
    ],
)
def test_a_run_with_other_settings_is_refused(target, settings, word):
    run = begun(target)
    run.add(frames(5), None)
    run.close()
    with pytest.raises(OutputError, match=word) as caught:
        begun(target, resume=True, settings=settings)
    assert str(run.folder) in str(caught.value)
    assert begun(target, resume=True).finished == 5  # it is still there


def test_a_former_run_is_not_started_over_by_accident(target):
    check_partial(target, resume=False)
    begun(target).close()
    with pytest.raises(OutputError, match="--resume"):
        check_partial(target, resume=False)
    with pytest.raises(OutputError, match="--resume"):
        begun(target)
    check_partial(target, resume=True)


def test_nothing_is_left_of_a_finished_run(target):
    run = begun(target)
    assert json.loads((run.folder / "state.json").read_text())["finished"] == 0
    run.remove()
    assert not partial_folder(target).exists()
    assert begun(target, resume=True).finished == 0  # --resume without a former run


def test_two_runs_never_work_on_one_result(target):
    """The second is refused, whatever it asks; what the first has finished stays as it is."""
    first = begun(target)
    first.add(frames(5), None)
    for resume in (False, True):
        with pytest.raises(OutputError, match="another run is at work"):
            begun(target, resume=resume)
    with pytest.raises(OutputError, match="another run is at work"):
        check_partial(target, resume=False)
    first.add(frames(3, 1), None)
    first.close()  # as the system does where a process is killed
    with pytest.raises(OutputError, match="give --resume"):
        check_partial(target, resume=False)
    again = begun(target, resume=True)
    assert again.finished == 8
    found = np.concatenate([f for f, _ in again.read()])
    np.testing.assert_array_equal(found, np.concatenate([frames(5), frames(3, 1)]))
    again.remove()
    assert not partial_folder(target).exists()
    begun(target).remove()


def test_a_run_that_was_refused_keeps_nobody_out(target):
    begun(target).close()
    with pytest.raises(OutputError, match="differs in: seed"):
        begun(target, resume=True, settings={"seed": 2, "lost": (2, 3)})
    begun(target, resume=True).remove()
