from fractions import Fraction

import pytest

from cleartract.denoising.frame_lists import first_frames, listed_frames, told_rate
from cleartract.errors import UsageError


@pytest.mark.parametrize(
    ("text", "frames"),
    [
        ("0", (0,)),
        ("7,3", (3, 7)),
        ("2-5", (2, 3, 4, 5)),
        (" 8 , 2-4,3-3, 3 ", (2, 3, 4, 8)),
        ("9-9", (9,)),
    ],
)
def test_lists_of_frames(text, frames):
    assert listed_frames(text, 10) == frames


@pytest.mark.parametrize(
    "text",
    ["", ",", "5,", "x", "-3", "3-", "5-2", "10", "8-10", "1.5", "2--4", "1 2", "auto,3", "१-२"],
)
def test_wrong_lists_are_one_line(text):
    with pytest.raises(UsageError, match=r"^--lost: ") as caught:
        listed_frames(text, 10)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "frames"),
    [("400", 400), ("5s", 417), ("2.5 s", 209), ("0.001s", 1), ("781s", 65040)],
)
def test_lengths_of_a_beginning(text, frames):
    assert first_frames(text, Fraction(65040, 781)) == frames


@pytest.mark.parametrize("text", ["", "0", "0s", "-3", "2.5", "5m", "s", "1e3", "१२"])
def test_wrong_lengths_are_one_line(text):
    with pytest.raises(UsageError, match=r"^--preview: "):
        first_frames(text, Fraction(50))


def test_rates_as_people_write_them():
    assert told_rate("65040/781") == Fraction(65040, 781)
    assert told_rate("83.28") == Fraction(2082, 25)
    for text in ("fast", "0", "1/0", "-3", "5000"):
        with pytest.raises(UsageError, match="--rate"):
            told_rate(text)
