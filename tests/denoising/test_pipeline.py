import threading
import time

import numpy as np
import pytest

from cleartract.denoising.pipeline import BackgroundSink, read_ahead


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = threading.active_count()
    yield
    for _ in range(50):
        if threading.active_count() == before:
            return
        time.sleep(0.02)
    assert threading.active_count() == before


def test_items_come_in_order():
    assert list(read_ahead(range(50), 3)) == list(range(50))
    assert list(read_ahead([])) == []


def test_only_a_few_items_are_made_ahead():
    made = []

    def items():
        for number in range(50):
            made.append(number)
            yield number

    ahead = read_ahead(items(), 3)
    next(ahead)
    time.sleep(0.1)
    assert len(made) <= 1 + 3 + 1  # used, waiting, and the one that waits for a place
    ahead.close()


@pytest.mark.parametrize("error", [ValueError("broken"), KeyboardInterrupt()])
def test_errors_of_the_items_appear_after_those_before(error):
    def items():
        yield 1
        raise error

    ahead = read_ahead(items())
    assert next(ahead) == 1
    with pytest.raises(type(error)):
        next(ahead)


class Sink:
    def __init__(self, fails_at=None, delay=0.0):
        self.got, self.ended, self.fails_at, self.delay = [], "", fails_at, delay

    def write(self, frames):
        time.sleep(self.delay)
        if len(self.got) == self.fails_at:
            raise OSError("disk full")
        self.got.append(int(frames[0]))

    def close(self):
        self.ended += "closed"

    def abandon(self):
        self.ended += "abandoned"


def piece(number):
    return np.array([number])


def test_every_sink_gets_every_piece_in_order():
    sinks = [Sink(), Sink()]
    both = BackgroundSink(sinks)
    for number in range(20):
        both.write(piece(number))
    both.close()
    assert [sink.got for sink in sinks] == [list(range(20))] * 2
    assert [sink.ended for sink in sinks] == ["closed"] * 2


def test_writing_waits_for_a_slow_sink():
    slow = Sink(delay=0.02)
    sink = BackgroundSink([slow])
    for number in range(12):
        sink.write(piece(number))
        assert number - len(slow.got) <= 5  # one in work, four waiting
    sink.close()


def test_an_error_is_told_at_the_next_piece():
    failing = Sink(fails_at=1)
    sink = BackgroundSink([failing])
    sink.write(piece(0))
    sink.write(piece(1))
    while sink._error is None:
        time.sleep(0.005)
    with pytest.raises(OSError, match="disk full"):
        sink.write(piece(2))
    sink.abandon()
    assert failing.ended == "abandoned"
    assert failing.got == [0]


def test_an_error_of_the_last_piece_is_told_at_the_end():
    failing = Sink(fails_at=0)
    sink = BackgroundSink([failing])
    sink.write(piece(0))
    with pytest.raises(OSError, match="disk full"):
        sink.close()
    assert not failing.ended  # not finished as if all were well
    sink.abandon()
    assert failing.ended == "abandoned"
