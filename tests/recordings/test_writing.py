"""Recordings written and read back with the real codecs."""

import json
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from cleartract.errors import OutputError
from cleartract.recordings.opening import open_recording
from cleartract.recordings.writing import (
    Described,
    open_master,
    open_sink,
    to_levels,
    write_recording,
)

RATES = [Fraction(65040, 781), Fraction(1159, 50), Fraction(125000, 1501), Fraction(50)]


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".avi", ".npz"])
def test_round_trip_keeps_rate_frames_levels_and_sound(tmp_path, recording, suffix, rate):
    path = tmp_path / f"clip{suffix}"
    written = replace(recording, rate=rate)
    write_recording(path, written, {})
    back = open_recording(path)
    assert back.rate == rate
    assert back.frames.shape == written.frames.shape
    tolerance = 0 if suffix in (".npz", ".avi") else 6
    assert np.abs(back.frames - written.frames).max() <= tolerance
    assert abs(float((back.frames - written.frames).mean())) < 0.3
    assert back.audio is not None
    assert abs(len(back.audio) / back.sample_rate - len(written.audio) / written.sample_rate) < 0.1
    same = min(len(back.audio), len(written.audio))
    alike = np.corrcoef(back.audio[:same], written.audio[:same])[0, 1]
    assert alike > 0.95
    assert not list(tmp_path.glob(".*"))


def test_master_is_lossless_and_deep(tmp_path, recording):
    fine = replace(recording, frames=recording.frames * 0.9871)
    sink = open_master(tmp_path / "m.avi", Described.of(fine), tmp_path / "m.avi")
    sink.write(fine.frames)
    sink.close()
    back = open_recording(tmp_path / "m.avi")
    assert back.rate == recording.rate
    assert back.peak == 65535
    assert np.abs(back.frames / 257 - fine.frames).max() <= 0.5 / 257 + 1e-4


def shown(recording):
    return to_levels(recording.frames * Described.of(recording).display_scale(), np.uint8)


def test_display_levels_of_eight_bit_are_kept(recording):
    assert np.array_equal(shown(recording), recording.frames.astype(np.uint8))
    deep = replace(recording, frames=recording.frames * 40, peak=65535.0)
    assert np.percentile(shown(deep), 99.9) == pytest.approx(235, abs=1)


def test_provenance_travels_in_npz(tmp_path, recording):
    write_recording(tmp_path / "a.npz", recording, {"seed": 3})
    with np.load(tmp_path / "a.npz") as file:
        assert json.loads(str(file["provenance"])) == {"seed": 3}
        assert file["frames"].dtype == np.float32


def test_unwritable_output_is_one_line(tmp_path, recording):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        write_recording(tmp_path / "file" / "a.mp4", recording, {})
    with pytest.raises(OutputError, match="unknown kind of output"):
        write_recording(tmp_path / "a.wmv", recording, {})


@pytest.mark.parametrize("suffix", [".npz", ".avi", ".mp4"])
def test_frames_in_pieces_give_the_same_bytes(tmp_path, recording, suffix):
    whole, parts = tmp_path / f"whole{suffix}", tmp_path / f"parts{suffix}"
    write_recording(whole, recording, {})
    sink = open_sink(parts, Described.of(recording), {}, parts)
    for first in range(0, len(recording), 7):
        sink.write(recording.frames[first : first + 7])
    sink.close()
    assert parts.read_bytes() == whole.read_bytes()


def test_an_error_names_the_target_and_not_its_temporary_name(tmp_path, recording):
    class Broken:
        rate, path = 16_000, None

        def blocks(self):
            yield np.zeros(100, np.float32)
            raise OSError(28, "No space left on device")

    described = replace(Described.of(recording), sound=Broken(), samples=200)
    sink = open_sink(tmp_path / "temporary.npz", described, {}, tmp_path / "result.npz")
    sink.write(recording.frames)
    with pytest.raises(OutputError, match=r"result\.npz: cannot be written \(No space left"):
        sink.close()
