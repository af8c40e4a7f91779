"""Is the sound in time with the frames? Estimate the offset from what both show of the speech."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d

from cleartract.recordings.recording import Recording
from cleartract.sound.inversion import Spans, as_spans
from cleartract.sound.log_mel import AUDIO_RATE, HOP, LogMel

SHORTEST = 2.0  # [s] of recording, below which nothing is estimated
LONGEST = 600.0  # [s] of recording that are looked at
_REACH = 0.5  # [s], largest offset looked for
_LAG = HOP / AUDIO_RATE  # [s]
_MOVING = 85  # percentile: pixels that change more take part
_SLOW = 0.6  # [s]; slower changes of loudness and activity say nothing about timing
_PARTS = 6  # of the recording, for the standard error
_SECOND = 0.7  # of the correlation, above which a distant second peak makes it doubtful
NATURAL = (0.0, 0.15)  # [s], within which sound follows motion by itself in real speech
_EVENT = 0.05  # [s] over which the speeds go together: chance correlates by sqrt(event / length)
_CHANCE = 4.0  # times what chance gives is needed
_PIECE, _MARGIN = 3000, 10  # [columns] of spectrum at a time, and beside it


@dataclass(frozen=True)
class Offset:
    """Estimated offset of the sound.

    Attributes:
        seconds: How late the sound is against the frames; negative if it is early [s].
        error: Standard error by leaving out parts of the recording in turn [s].
        correlation: Of the speeds of change of sound and frames at that offset.
        certain: Whether the correlation is beyond chance and no other offset fits about as well.
    """

    seconds: float
    error: float
    correlation: float
    certain: bool

    @property
    def natural(self) -> bool:
        """Whether speech itself explains it."""
        return NATURAL[0] <= self.seconds <= NATURAL[1]

    def beyond(self, frame: float) -> bool:
        """Whether the sound is surely off by more than a frame of this duration [s]."""
        return self.certain and abs(self.seconds) - 3 * self.error > frame

    def warning(self, frame: float, corrected: float = 0.0) -> str | None:
        """What to tell the user, or None if all is well.

        Args:
            frame: Duration of a frame [s].
            corrected: Offset that the user gave [s].
        """
        rest = replace(self, seconds=self.seconds - corrected)
        if not rest.beyond(frame):
            return None
        by_itself = ", which speech can do by itself" if rest.natural else ""
        given = f" after {1000 * corrected:.0f} ms are corrected" if corrected else ""
        return (
            f"the sound seems to be {1000 * abs(rest.seconds):.0f} ms "
            f"{'late' if rest.seconds > 0 else 'early'}{given} "
            f"(+-{1000 * self.error:.0f}{by_itself}): check it, or give "
            f"--audio-offset {1000 * self.seconds:.0f}"
        )


class FrameSpeed:
    """How fast the moving part of the frames changes, collected as they come.

    Args:
        example: Frames that show which pixels move, (frame, height, width).
        rate: Frames per second.
    """

    def __init__(self, example: np.ndarray, rate: float):
        flat = example.reshape(len(example), -1)
        spread = flat.std(0)
        self._pixels = np.flatnonzero(spread >= np.percentile(spread, _MOVING))
        self.rate, self._width = rate, max(0.5, 0.012 * rate)
        self._reach = int(3 * self._width + 0.5) + 1
        self._speeds: list[np.ndarray] = []
        self._kept = np.zeros((0, len(self._pixels)), np.float32)
        self._before, self._seen = 0, 0

    def add(self, frames: np.ndarray) -> None:
        """Add consecutive frames, (frame, height, width)."""
        if self._seen / self.rate >= LONGEST:
            return
        rows = frames.reshape(len(frames), -1)[:, self._pixels]
        self._kept = np.concatenate([self._kept, rows])
        self._seen += len(rows)
        self._flush(self._reach)

    def _flush(self, ahead: int) -> None:
        """Speeds of the frames that `ahead` later ones are known of."""
        count = len(self._kept) - self._before - ahead
        if count <= 0 or len(self._kept) < 2:
            return
        width = min(self._width, (len(self._kept) - 1) / 3)
        smooth = gaussian_filter1d(self._kept.astype(np.float64), width, axis=0, truncate=3.0)
        change = np.gradient(smooth, axis=0)
        speeds = np.sqrt((change**2).mean(1))
        self._speeds.append(speeds[self._before : self._before + count])
        drop = max(0, self._before + count - self._reach - 1)
        self._kept, self._before = self._kept[drop:], self._before + count - drop

    def result(self) -> np.ndarray:
        """Speed in each frame, (frame,)."""
        self._flush(0)
        return np.concatenate(self._speeds) if self._speeds else np.zeros(0)


def frames_speed(frames: np.ndarray, rate: float) -> np.ndarray:
    """How fast the moving part of some frames changes, (frame,)."""
    collected = FrameSpeed(frames, rate)
    collected.add(frames)
    return collected.result()


def estimate_offset(recording: Recording) -> Offset | None:
    """How late the sound of a recording in memory is; see `offset_of`."""
    audio = recording.audio_at(AUDIO_RATE)
    if audio is None or recording.duration < SHORTEST:
        return None
    rate = float(recording.rate)
    return offset_of(frames_speed(recording.frames, rate), rate, audio)


def offset_of(speeds: np.ndarray, rate: float, sound: Spans | np.ndarray) -> Offset | None:
    """How late a sound is.

    The speed at which the spectrum of the sound changes is correlated with the speed at which the
    moving part of the frames changes, for every offset up to half a second. Simulated speech has
    its peak at 0; in real speech sound follows motion by up to `NATURAL`, because pressure must
    build up and voicing waits for it.

    Args:
        speeds: Of the frames, (frame,).
        rate: Frames per second.
        sound: At 16 kHz, (sample,) or readable in spans.

    Returns:
        None without movement or change of sound, or below 2 s.
    """
    duration = len(speeds) / rate
    sound = as_spans(sound)
    if duration < SHORTEST or len(sound) < AUDIO_RATE:
        return None
    times = (np.arange(len(speeds)) + 0.5) / rate
    changes = sound_speed(sound)
    if np.ptp(speeds) < 1e-9 or np.ptp(changes) < 1e-6:
        return None
    lags = np.arange(-round(_REACH / _LAG), round(_REACH / _LAG) + 1)
    own = np.arange(len(changes)) * _LAG
    grid = np.arange(times[0], times[-1], _LAG)
    seen = _contrast(np.interp(grid, times, speeds))
    parts = np.array_split(np.arange(len(grid)), _PARTS)
    products, energies = (np.zeros((_PARTS, len(lags))) for _ in range(2))
    for number, lag in enumerate(lags):
        shifted = _contrast(np.interp(grid + lag * _LAG, own, changes))
        products[:, number] = [(shifted[p] * seen[p]).sum() for p in parts]
        energies[:, number] = [(shifted[p] ** 2).sum() for p in parts]
    seen_energy = np.array([(seen[p] ** 2).sum() for p in parts])

    def curve(kept: np.ndarray) -> np.ndarray:
        norm = np.sqrt(energies[kept].sum(0) * seen_energy[kept].sum())
        return products[kept].sum(0) / np.maximum(norm, 1e-12)

    everything = np.arange(_PARTS)
    whole = curve(everything)
    best = _peak(whole)
    without = [_peak(curve(everything[everything != part])) for part in range(_PARTS)]
    error = np.sqrt((_PARTS - 1) / _PARTS * np.sum((np.array(without) - np.mean(without)) ** 2))
    distant = whole[np.abs(np.arange(len(lags)) - best) * _LAG > 0.15]
    chance = np.sqrt(_EVENT / duration)
    certain = whole.max() > _CHANCE * chance and distant.max(initial=0) < _SECOND * whole.max()
    seconds = (best + lags[0]) * _LAG
    return Offset(float(seconds), float(error * _LAG), float(whole.max()), bool(certain))


def delayed(recording: Recording, seconds: float) -> Recording:
    """The recording with its sound so much later (negative: earlier), silence where it ends."""
    if recording.audio is None or recording.sample_rate is None:
        return recording
    audio, shift = recording.audio, round(seconds * recording.sample_rate)
    shift = max(-len(audio), min(len(audio), shift))
    silence = np.zeros(abs(shift), audio.dtype)
    later = np.concatenate([silence, audio[: len(audio) - shift]])
    earlier = np.concatenate([audio[-shift:], silence]) if shift < 0 else audio
    return replace(recording, audio=later if shift > 0 else earlier)


def sound_speed(sound: Spans) -> np.ndarray:
    """How fast the log-mel spectrum of the first `LONGEST` changes, every 10 ms, (column,)."""
    total = min(len(sound), round(LONGEST * AUDIO_RATE))
    change = np.concatenate(list(_changes(sound, total)))
    return gaussian_filter1d(change, 2.0, mode="mirror", truncate=3.0)


def _changes(sound: Spans, total: int) -> Iterator[np.ndarray]:
    """Mean change of the spectrum of the first samples, in pieces, each (column,)."""
    log_mel, columns = LogMel(40), 1 + total // HOP
    for first in range(0, columns, _PIECE):
        last = min(first + _PIECE, columns)
        low = max(0, first - _MARGIN)  # columns beside it, so that nothing is cut off at its edge
        end = min((last + _MARGIN) * HOP, total)
        part = sound.span(low * HOP, end - low * HOP)
        with torch.inference_mode():
            spectrum = log_mel(torch.from_numpy(part[None]))[0].numpy()
        smooth = gaussian_filter1d(spectrum, 1.5, axis=1, mode="mirror", truncate=3.0)
        change = np.abs(np.gradient(smooth, axis=1)).mean(0)
        yield change[first - low : last - low]


def _contrast(speed: np.ndarray) -> np.ndarray:
    """Logarithm without its slow changes, so that no single loud event decides."""
    floor = 0.1 * float(np.median(speed)) + 1e-9
    level = np.log(speed + floor)
    return level - gaussian_filter1d(level, _SLOW / _LAG, mode="mirror", truncate=3.0)


def _peak(curve: np.ndarray) -> float:
    """Position of the highest value, between samples by a parabola."""
    top = int(curve.argmax())
    if not 0 < top < len(curve) - 1:
        return float(top)
    before, at, after = curve[top - 1 : top + 2]
    bend = before - 2 * at + after
    return top + (0.5 * (before - after) / bend if bend < 0 else 0.0)
