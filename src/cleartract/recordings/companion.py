"""The sound of a result that holds none: a sound file beside it, where readers look for it."""

from __future__ import annotations

import os
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np

from cleartract.errors import OutputError
from cleartract.recordings.formats import (
    SOUND_SUFFIXES,
    VIDEO_SUFFIXES,
    ffmpeg_name,
    holds_no_sound,
    is_series,
    output_suffix,
    stored_at,
)
from cleartract.recordings.sound import FileSound, Sound
from cleartract.recordings.sound_stream import StreamSound

_PLAIN = (
    "pcm_s16le",
    "pcm_s24le",
    "pcm_s32le",
    "pcm_f32le",
)  # streams that a WAV holds as they are
_AT_ONCE = 0.001  # a WAV begins with the first frame: such streams begin no further from it [s]
_LARGEST = (1 << 32) - 64  # [bytes] of a WAV
_FLOAT = 3  # kind of number in a WAV


def companion_target(target: Path, sound: Sound | None) -> Path | None:
    """Where the sound of a result goes.

    Args:
        target: The result.
        sound: Its sound, or None.

    Returns:
        The name of the result with `.wav`, or `.flac` for such a file; None where the result holds
        its sound itself, has none, or where the very file of its sound is there already.

    Raises:
        OutputError: If another sound file there would be taken for that of the result.
    """
    if sound is None or not holds_no_sound(target):
        return None
    place, held = stored_at(target), isinstance(sound, FileSound)
    stem = place.name if is_series(target) else place.name[: -len(output_suffix(place))]
    given = sound.path.suffix.lower() if held and sound.path is not None else ""
    chosen = place.with_name(stem + (given if given in SOUND_SUFFIXES else ".wav"))
    for suffix in (*SOUND_SUFFIXES, *(suffix.upper() for suffix in SOUND_SUFFIXES)):
        other = place.with_name(stem + suffix)
        if not os.path.lexists(other):
            continue
        if held and sound.path is not None and other.exists() and other.samefile(sound.path):
            return None
        if other != chosen:
            raise OutputError(
                f"{other}: exists, and would be taken for the sound of {target}; choose another -o"
            )
    return chosen


def write_companion(place: Path, sound: Sound) -> None:
    """Write a sound so that it begins with the first frame.

    A WAV or FLAC file is copied, and so are packets of a PCM stream. Other sound becomes a WAV of
    float32 samples, mono, exactly as they are read.

    Args:
        place: The file.
        sound: The sound.

    Raises:
        OSError: If it cannot be written, or is longer than a WAV can hold.
    """
    if isinstance(sound, FileSound) and sound.path.suffix.lower() in SOUND_SUFFIXES:
        shutil.copyfile(sound.path, place)
    elif not (isinstance(sound, StreamSound) and _copied(place, sound)):
        _write_samples(place, sound.blocks(), sound.rate)


def _copied(place: Path, sound: StreamSound) -> bool:
    """Copy the packets of a stream, if a WAV holds them."""
    if abs(sound.lead()) > _AT_ONCE or sound.has_gaps():
        return False
    demuxer = VIDEO_SUFFIXES[sound.path.suffix.lower()]
    with av.open(ffmpeg_name(sound.path), format=demuxer) as source:
        stream = source.streams.audio[0]
        if stream.codec_context.codec.canonical_name not in _PLAIN:
            return False
        with av.open(
            ffmpeg_name(place), "w", format="wav", options={"fflags": "+bitexact"}
        ) as copy:
            written = copy.add_stream_from_template(stream)
            for packet in sound.packets_of(source):
                if packet.dts is not None:
                    packet.stream = written
                    copy.mux(packet)
    return True


def _write_samples(place: Path, blocks: Iterator[np.ndarray], rate: int) -> None:
    """A WAV of mono float32; libsndfile would write the time of day into it."""
    with open(place, "wb") as file:
        size = 0
        file.write(_header(size, rate))
        for block in blocks:
            stored = np.ascontiguousarray(block, "<f4").tobytes()
            size += len(stored)
            if size > _LARGEST:
                raise OSError("the sound is longer than a WAV can hold; name the result .npz")
            file.write(stored)
        file.seek(0)
        file.write(_header(size, rate))


def _header(size: int, rate: int) -> bytes:
    kind = struct.pack("<HHIIHHH", _FLOAT, 1, rate, 4 * rate, 4, 32, 0)
    counted = struct.pack("<I", size // 4)
    body = b"WAVE" + b"".join(
        name + struct.pack("<I", len(part)) + part
        for name, part in ((b"fmt ", kind), (b"fact", counted))
    )
    body += b"data" + struct.pack("<I", size)
    return b"RIFF" + struct.pack("<I", len(body) + size) + body
