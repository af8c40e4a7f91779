"""Is the sound in time with the pictures? Estimate the offset from what both show of the speech."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from cleartract.recordings.recording import Recording
from cleartract.sound.log_mel import AUDIO_RATE, HOP, LogMel

SHORTEST = 2.0  # [s] of recording, below which nothing is estimated
_REACH = 0.5  # [s], largest offset looked for
_STEP = HOP / AUDIO_RATE  # [s]
_MOVING = 85  # percentile: pixels that change more take part
_SLOW = 0.6  # [s]; slower changes of loudness and activity say nothing about timing
_PARTS = 6  # of the recording, for the standard error
_SECOND = 0.7  # of the correlation, above which a distant second peak makes it doubtful
NATURAL = (0.0, 0.15)  # [s], within which sound follows motion by itself in real speech
_EVENT = 0.05  # [s] over which the speeds go together: chance correlates by sqrt(event / length)
_CHANCE = 4.0  # times what chance gives is needed


@dataclass(frozen=True)
class Offset:
    """Estimated offset of the sound.

    Attributes:
        seconds: How late the sound is against the pictures; negative if it is early [s].
        error: Standard error by leaving out parts of the recording in turn [s].
        correlation: Of the speeds of change of sound and pictures at that offset.
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


def estimate_offset(recording: Recording) -> Offset | None:
    """How late the sound of a recording is.

    The speed at which the spectrum of the sound changes is correlated with the speed at which the
    moving part of the frames changes, for every offset up to half a second. Simulated speech has
    its peak at 0; in real speech sound follows motion by up to `NATURAL`, because pressure must
    build up and voicing waits for it.

    Args:
        recording: With sound; best after denoising.

    Returns:
        None without sound, without movement, or below 2 s.
    """
    audio = recording.audio_at(AUDIO_RATE)
    if audio is None or recording.duration < SHORTEST or len(audio) < AUDIO_RATE:
        return None
    times, speeds = picture_speed(recording)
    heard = sound_speed(audio)
    if np.ptp(speeds) < 1e-9 or np.ptp(heard) < 1e-6:
        return None
    lags = np.arange(-round(_REACH / _STEP), round(_REACH / _STEP) + 1)
    own = np.arange(len(heard)) * _STEP
    grid = np.arange(times[0], times[-1], _STEP)
    seen = _contrast(np.interp(grid, times, speeds))
    shifted = np.stack(
        [_contrast(np.interp(grid + lag * _STEP, own, heard)) for lag in lags]
    )  # (lag, time)
    products = np.stack([part.sum(1) for part in np.array_split(shifted * seen, _PARTS, axis=1)])
    energies = np.stack([part.sum(1) for part in np.array_split(shifted**2, _PARTS, axis=1)])
    seen_energy = np.array([part.sum() for part in np.array_split(seen**2, _PARTS)])

    def curve(kept: np.ndarray) -> np.ndarray:
        norm = np.sqrt(energies[kept].sum(0) * seen_energy[kept].sum())
        return products[kept].sum(0) / np.maximum(norm, 1e-12)

    everything = np.arange(_PARTS)
    whole = curve(everything)
    best = _peak(whole)
    without = [_peak(curve(everything[everything != part])) for part in range(_PARTS)]
    error = np.sqrt((_PARTS - 1) / _PARTS * np.sum((np.array(without) - np.mean(without)) ** 2))
    distant = whole[np.abs(np.arange(len(lags)) - best) * _STEP > 0.15]
    chance = np.sqrt(_EVENT / recording.duration)
    certain = whole.max() > _CHANCE * chance and distant.max(initial=0) < _SECOND * whole.max()
    seconds = (best + lags[0]) * _STEP
    return Offset(float(seconds), float(error * _STEP), float(whole.max()), bool(certain))


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


def picture_speed(recording: Recording) -> tuple[np.ndarray, np.ndarray]:
    """Times of the frames [s] and how fast the moving part changes in each, (frame,)."""
    rate = float(recording.rate)
    flat = recording.frames.reshape(len(recording), -1)
    flat = flat[:, flat.std(0) >= np.percentile(flat.std(0), _MOVING)]
    change = np.gradient(_smoothed(flat.T, max(0.5, 0.012 * rate)), axis=1)
    return (np.arange(len(recording)) + 0.5) / rate, np.sqrt((change**2).mean(0))


def sound_speed(audio: np.ndarray) -> np.ndarray:
    """How fast the log-mel spectrum changes, every 10 ms, (column,)."""
    with torch.inference_mode():
        spectrum = LogMel(40)(torch.from_numpy(np.ascontiguousarray(audio[None])))[0].numpy()
    change = np.abs(np.gradient(_smoothed(spectrum, 1.5), axis=1)).mean(0)
    return _smoothed(change[None], 2.0)[0]


def _contrast(speed: np.ndarray) -> np.ndarray:
    """Logarithm without its slow changes, so that no single loud event decides."""
    floor = 0.1 * float(np.median(speed)) + 1e-9
    level = np.log(speed + floor)
    return level - _smoothed(level[None], _SLOW / _STEP)[0]


def _peak(curve: np.ndarray) -> float:
    """Position of the highest value, between samples by a parabola."""
    top = int(curve.argmax())
    if not 0 < top < len(curve) - 1:
        return float(top)
    before, at, after = curve[top - 1 : top + 2]
    bend = before - 2 * at + after
    return top + (0.5 * (before - after) / bend if bend < 0 else 0.0)


def _smoothed(rows: np.ndarray, width: float) -> np.ndarray:
    """Gaussian of a standard deviation of `width` samples along the rows, (row, sample)."""
    reach = max(1, min(int(3 * width + 0.5), rows.shape[1] - 1))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / width) ** 2)
    padded = np.pad(rows, ((0, 0), (reach, reach)), mode="reflect")
    size = padded.shape[1] + 2 * reach
    spectrum = np.fft.rfft(padded, size, axis=1) * np.fft.rfft(kernel / kernel.sum(), size)
    return np.fft.irfft(spectrum, size, axis=1)[:, 2 * reach : 2 * reach + rows.shape[1]]
