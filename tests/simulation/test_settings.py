import subprocess
import sys

import pytest

from cleartract.errors import UsageError
from cleartract.simulation.settings import CorpusSettings


@pytest.mark.parametrize(
    "wrong",
    [
        {"speakers": 0},
        {"minutes": 0},
        {"minutes": float("nan")},
        {"seconds": 0.1},
        {"coils": 1},
        {"noise": (0.2, 0.1)},
        {"noise": (0.0, 0.1)},
        {"voices": 3},
    ],
)
def test_one_line_names_what_is_wrong(wrong):
    with pytest.raises(UsageError, match=f"^{next(iter(wrong))}: [^\n]+$"):
        CorpusSettings(**wrong)


def test_the_scanner_does_not_matter_where_there_are_no_frames():
    frames, speech = CorpusSettings(), CorpusSettings(sound_only=True)
    assert not frames.gives_the_same_as(CorpusSettings(coils=8))
    assert speech.gives_the_same_as(CorpusSettings(sound_only=True, coils=8, noise=(0.1, 0.2)))
    assert not speech.gives_the_same_as(CorpusSettings(sound_only=True, seed=2))
    assert not speech.gives_the_same_as(frames)


def test_help_needs_no_numerical_library():
    code = (
        "import sys, cleartract.commands.simulate; print(*{m.split('.')[0] for m in sys.modules})"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"numpy", "scipy", "torch", "cv2"} & set(loaded)
