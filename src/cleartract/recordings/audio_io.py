"""Sound of a recording, from sound files or from the audio stream of a video."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np

from cleartract.errors import RecordingError, reason_of
from cleartract.recordings.formats import SOUND_SUFFIXES, VIDEO_SUFFIXES


def companion_audio(path: Path) -> Path | None:
    """A .wav or .flac of the same name beside a video, or None."""
    for suffix in SOUND_SUFFIXES:
        for candidate in (path.with_suffix(suffix), path.with_suffix(suffix.upper())):
            if candidate.is_file():
                return candidate
    return None


def read_audio(path: Path, missing_ok: bool = False) -> tuple[np.ndarray, int] | None:
    """Read sound as mono.

    Args:
        path: A sound file, or a video with an audio stream.
        missing_ok: Return None instead of failing where a video has no audio stream.

    Returns:
        Waveform (sample,) float32 and its sample rate [Hz].

    Raises:
        RecordingError: If the file is missing, damaged or holds no sound.
    """
    if not path.is_file():
        raise RecordingError(f"{path}: no such sound file")
    if path.suffix.lower() in (".wav", ".flac", ".ogg", ".aiff", ".aif"):
        return _read_sound_file(path)
    found = _read_stream(path)
    if found is None and not missing_ok:
        raise RecordingError(f"{path}: holds no sound; give a .wav or .flac file")
    return found


def _read_sound_file(path: Path) -> tuple[np.ndarray, int]:
    import soundfile

    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise RecordingError(f"{path}: not a readable sound file ({error})") from error
    if not len(samples):
        raise RecordingError(f"{path}: holds no samples")
    return _checked(samples.mean(1), path), int(rate)


def _read_stream(path: Path) -> tuple[np.ndarray, int] | None:
    demuxer = VIDEO_SUFFIXES.get(path.suffix.lower())
    if demuxer is None:
        raise RecordingError(f"{path}: unknown kind of sound file; give a .wav or .flac file")
    try:
        with av.open(str(path), format=demuxer) as container:
            if not container.streams.audio:
                return None
            stream = container.streams.audio[0]
            if stream.codec_context is None:
                return None
            rate = int(stream.codec_context.sample_rate)
            shown = container.streams.video[0] if container.streams.video else None
            video_start = 0.0
            if shown is not None and shown.start_time is not None and shown.time_base is not None:
                video_start = float(shown.start_time * shown.time_base)
            convert = av.AudioResampler(format="fltp", layout="mono", rate=rate)
            pieces, first = [], None
            for frame in container.decode(stream):
                first = frame.time if first is None else first
                pieces += [part.to_ndarray()[0] for part in convert.resample(frame)]
            pieces += [part.to_ndarray()[0] for part in convert.resample(None)]
    except (av.FFmpegError, ValueError) as error:
        raise RecordingError(
            f"{path}: sound is damaged ({reason_of(error)}); give a sound file"
        ) from error
    if not pieces:
        return None
    samples = np.concatenate(pieces)
    # the sound may start before or after the first frame
    lead = round(((first or 0.0) - video_start) * rate)
    samples = samples[-lead:] if lead < 0 else np.pad(samples, (lead, 0))
    return _checked(samples, path), rate


def as_float(samples: np.ndarray) -> np.ndarray:
    """Samples as float32 in [-1, 1]; whole numbers are divided by the range of their type."""
    if samples.dtype.kind in "iu":
        return (samples / (np.iinfo(samples.dtype).max + 1.0)).astype(np.float32)
    return samples.astype(np.float32)


def _checked(samples: np.ndarray, path: Path) -> np.ndarray:
    if not np.isfinite(samples).all():
        raise RecordingError(f"{path}: sound holds values that are not finite")
    return samples.astype(np.float32)
