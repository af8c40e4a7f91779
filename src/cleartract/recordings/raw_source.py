"""Frames reconstructed from raw data, as they are needed, and kept on disk for the next pass."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from cleartract.errors import RecordingError
from cleartract.reconstruction.coils import virtual_coils, walsh_maps, whitening
from cleartract.reconstruction.settings import ReconstructionSettings
from cleartract.recordings.hdf5_file import INSTALL
from cleartract.recordings.mrd_file import MrdFile
from cleartract.recordings.raw_plan import RawPlan
from cleartract.recordings.sound import Sound, companion_sound, open_sound, sound_of_usc
from cleartract.recordings.source import CHUNK, LaterSamples
from cleartract.recordings.spool import Spool
from cleartract.recordings.stored import agreed_rate

_BLOCK = 128  # reconstructed together [frames]
_LAST_BLOCK = 160  # [frames]
_CONTEXT = 16  # on both sides of them, and dropped [frames]
_PARTS = 40  # of the scan that its mean is made of
_BRIGHT = 99.5  # percentile of the mean frame that is 1 in the result


class RawSource:
    """Reconstructed frames of a scan; see `FrameSource`. The brightest tissue of its mean is 1.

    Args:
        path: Raw data in the MRD format.
        audio: A sound file instead of the one beside it: `<name>.wav` of `<name>_raw.h5` or
            `<name>.h5`, or `../audio/<name>_audio.wav`.
        rate: Frames per second, where the file has no repetition time.
        settings: How they are reconstructed.
        trajectory: MATLAB file with the trajectory, where the file holds none.
        maps: Coil sensitivities of unit sum of squares, (coil, N, N), upright as the frames and on
            the whole field that is reconstructed. By default they are estimated from the mean over
            time, after the noise of the coils is whitened.

    Raises:
        RecordingError: If the file is missing or damaged, refers to other files, has no usable
            trajectory or too few arms, or if finufft is not installed.
    """

    def __init__(
        self,
        path: Path,
        audio: Path | None = None,
        rate: Fraction | None = None,
        settings: ReconstructionSettings | None = None,
        trajectory: Path | None = None,
        maps: np.ndarray | None = None,
    ):
        if not path.is_file():
            raise RecordingError(f"{path}: no such file")
        if find_spec("finufft") is None:
            raise RecordingError(f"{path}: raw data need finufft; {INSTALL}")
        self.path, self.name = path, str(path)
        self.peak: float | None = None
        self.settings = settings or ReconstructionSettings()
        self._raw = MrdFile.look_at(path)
        self.plan = RawPlan.of(self._raw, self.settings, trajectory)
        self.count, self.size = self.plan.frames, (self.plan.size, self.plan.size)
        self.rate = agreed_rate(path, self.plan.rate, rate)
        warnings = [self._told()]
        self.sound: Sound | None = open_sound(audio) if audio else _sound_beside(path)
        heard_from = None if self.sound is None else str(self.sound.path)
        if self.sound is not None and self.plan.skipped:
            self.sound = self._in_time(self.sound, warnings)
        self.provenance: dict[str, Any] = {
            "path": str(path), "codec": "mrd", "pixel_format": "float32",
            "warnings": warnings, "audio": heard_from,
        }  # fmt: skip
        if (beside := self.plan.trajectory) is not None:
            self.provenance["trajectory"] = str(beside)
        self._maps = maps
        self._spool = Spool(self.plan.size**2)
        self._lock = threading.Lock()
        self._ready: _Reconstructor | None = None

    def chunks(self) -> Iterator[np.ndarray]:
        """See `FrameSource.chunks`."""
        first = 0
        while first < self.count:
            with self._lock:
                if first >= len(self._spool):
                    self._reconstruct_block()
            count = min(CHUNK, len(self._spool) - first)
            yield self._spool.span(first, count).reshape(count, *self.size)
            first += count

    def described(self) -> dict[str, Any]:
        """Everything that decides the frames, for a sidecar."""
        plan = self.plan
        return self.settings.model_dump() | {
            "arms": plan.arms,
            "step": plan.sampling.arms_per_frame,
            "interleaves": plan.sampling.interleaves,
            "size": plan.size,
            "grid": plan.sampling.size,
            "skipped_arms": plan.skipped,
            "coil_maps": "estimated" if self._maps is None else "given",
            "receive_coils": self._raw.coils,
            "whitened": self._maps is None and len(self._raw.noise_rows) > 0,
        }

    def _told(self) -> str:
        plan = self.plan
        method = {"cg": "CG-SENSE", "view": "view sharing"}[self.settings.method]
        left_out = f", the first {plan.skipped} of the scan left out" if plan.skipped else ""
        return (
            f"reconstructed from raw data by {method}: {plan.arms} arms a frame, "
            f"{plan.sampling.arms_per_frame} of them new, {plan.sampling.interleaves} for a full "
            f"image{left_out}"
        )

    def _in_time(self, sound: Sound, warnings: list[str]) -> Sound:
        """The sound from the first frame on: files of sound begin with the scan, or later."""
        left_out = float(self.plan.skipped / self.plan.sampling.arms_per_frame / self.rate)
        seconds = sum(map(len, sound.blocks())) / sound.rate
        frames = float(self.count / self.rate)
        if abs(seconds - frames) < abs(seconds - frames - left_out):
            warnings.append("the sound is as long as the frames that are kept: nothing cut from it")
            return sound
        warnings.append(f"the sound begins with the scan: its first {left_out:.3f} s are left out")
        return LaterSamples(sound, round(left_out * sound.rate))

    def _reconstruct_block(self) -> None:
        if self._ready is None:
            self._ready = _Reconstructor(self._raw, self.plan, self.settings, self._maps)
        begin = len(self._spool)
        end = self.count if self.count - begin <= _LAST_BLOCK else begin + _BLOCK
        frames = self._ready.frames(begin, end)
        self._spool.append(frames.reshape(len(frames), -1))


class _Reconstructor:
    """Coil maps of a scan, and frames of any part of it."""

    def __init__(
        self,
        raw: MrdFile,
        plan: RawPlan,
        settings: ReconstructionSettings,
        maps: np.ndarray | None,
    ):
        from cleartract.reconstruction.reconstruction import Reconstruction, coil_images

        self.raw, self.plan, self.settings = raw, plan, settings
        self.mixing = np.eye(raw.coils, dtype=np.complex64)
        width, n_arms = plan.sampling.interleaves, len(plan.sampling.played)
        if maps is None:
            noise = raw.noise()
            if noise is not None:
                self.mixing = whitening(noise)
            some = self.arms(0, width)
            fewer = virtual_coils(some.reshape(len(some), -1), settings.coils)
            self.mixing = fewer @ self.mixing
        parts = min(_PARTS, n_arms // width)
        starts = np.linspace(0, n_arms - width, parts).astype(int).tolist()
        images = np.mean(
            [coil_images(plan.sampling, self.arms(start, width), start) for start in starts], axis=0
        )
        if not images.any():
            raise RecordingError(f"{raw.path}: holds no signal")
        if maps is None:
            maps = walsh_maps(images)
        else:
            expected = (raw.coils, plan.sampling.size, plan.sampling.size)
            if maps.shape != expected:
                raise RecordingError(f"{raw.path}: coil maps must be {expected}, not {maps.shape}")
            maps = np.ascontiguousarray(maps[:, ::-1], np.complex64)
        self.reconstruction = Reconstruction(plan.sampling, maps)
        mean = np.abs(self._upright(self.reconstruction.combined(images)[None]))
        self.gain = np.float32(1 / max(float(np.percentile(mean, _BRIGHT)), 1e-30))
        self.bright: float | None = None  # of the first block, for all

    def arms(self, first: int, count: int) -> np.ndarray:
        """Samples of some arms of those that are used, (coil, arm, sample)."""
        data = self.raw.read(self.plan.skipped + first, count)[:, :, self.plan.discarded :]
        return np.einsum("vc,cas->vas", self.mixing, data, optimize=True)

    def frames(self, begin: int, end: int) -> np.ndarray:
        """Frames from `begin` to `end`, (frame, height, width) float32."""
        plan, settings = self.plan, self.settings
        step = plan.sampling.arms_per_frame
        context = max(_CONTEXT, -(-plan.arms // step))
        low, high = max(0, begin - context), min(plan.frames, end + context)
        first = low * step
        data = self.arms(first, (high - low) * step)
        if settings.method == "view":
            made = self.reconstruction.view_shared(data, plan.arms, first)
        else:
            made = self.reconstruction.cg_sense(
                data,
                settings.temporal,
                settings.iterations,
                settings.reweightings,
                width=plan.arms,
                first=first,
                bright=self.bright,
            )
            self.bright = self.bright or float(np.percentile(np.abs(made), 95))
        kept = np.abs(made[begin - low : end - low])
        if not np.isfinite(kept).all():
            raise RecordingError(f"{self.raw.path}: its reconstruction is not finite")
        return np.ascontiguousarray(self._upright(kept) * self.gain, np.float32)

    def _upright(self, frames: np.ndarray) -> np.ndarray:
        """The field of view that is kept, y upwards, turned as asked."""
        margin = (self.plan.sampling.size - self.plan.size) // 2
        kept = frames[:, margin : margin + self.plan.size, margin : margin + self.plan.size]
        return np.rot90(kept[:, ::-1], self.settings.rotate // 90, axes=(1, 2))


def _sound_beside(path: Path) -> Sound | None:
    """Sound of the same name, with or without `_raw`, or that of the USC 75-speaker layout."""
    plain = path.with_name(path.stem.removesuffix("_raw") + path.suffix)
    return sound_of_usc(path, "_raw") or companion_sound(path) or companion_sound(plain)
