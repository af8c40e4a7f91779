"""`cleartract doctor`: what is installed here, and whether it computes what it should."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass, replace
from importlib import resources
from importlib.util import find_spec
from pathlib import Path

from cleartract.commands.options import Weights
from cleartract.errors import WeightsError

_EXTRAS = {
    "simulate": ("vocaltractlab_cython", "finufft", "cv2"),
    "train": ("tensorboard", "cv2"),
    "pretrained": ("transformers",),
    "formats": ("h5py", "pymatreader", "nibabel", "pydicom", "tifffile", "praatio", "pympi"),
    "evaluate": ("skimage", "matplotlib"),
    "cluster": ("distributed", "dask_jobqueue"),
    "app": ("starlette", "uvicorn"),
    "xarray": ("xarray",),
}
_FRAMES = 32  # [frames] of the shipped recording that are denoised
_LEAST_GAIN = 3.0  # [dB] that the shipped weights gain there at least


@dataclass(frozen=True)
class Doctor:
    """Say what is installed, and denoise a piece of the shipped recording, whose truth is known."""

    weights: Weights = None

    def run(self) -> None:
        """Report, then test."""
        from cleartract.commands.outputs import versions
        from cleartract.files import sha256
        from cleartract.model.weights import load_model, shipped_weights, weights_path

        for name, version in versions().items():
            print(f"{name}: {version}")
        print(f"platform: {platform.platform()}, {os.cpu_count()} cores")
        self._devices()
        for extra, modules in _EXTRAS.items():
            missing = [name for name in modules if find_spec(name) is None]
            told = f"missing {', '.join(missing)}: pip install 'cleartract[{extra}]'"
            print(f"extra {extra}: {told if missing else 'installed'}")
        path = weights_path(self.weights)
        for one in sorted({path, *shipped_weights("").parent.glob("*.safetensors")}):
            print(f"weights {one.name}: {sha256(one)}")
        model, _ = load_model(self.weights)
        self._test(model)

    def _devices(self) -> None:
        import torch

        print(f"threads: {torch.get_num_threads()}")
        for number in range(torch.cuda.device_count()):
            print(f"cuda:{number}: {torch.cuda.get_device_name(number)}")
        if not torch.cuda.is_available():
            print("cuda: none; the CPU is used")

    def _test(self, model) -> None:
        import time

        import numpy as np

        from cleartract.denoising.denoise import denoise_recording
        from cleartract.denoising.settings import DenoiseSettings
        from cleartract.recordings.opening import open_recording

        path = Path(str(resources.files("cleartract.examples") / "speech.mp4"))
        recording = open_recording(path).excerpt(0, _FRAMES)
        rng = np.random.default_rng(0)
        noise = rng.normal(0, 12, (2, *recording.frames.shape))
        noisy = replace(
            recording, frames=np.hypot(recording.frames + noise[0], noise[1]).astype(np.float32)
        )
        started = time.perf_counter()
        found = denoise_recording(noisy, model, DenoiseSettings()).recording.frames
        seconds = time.perf_counter() - started
        tissue = recording.frames.mean(0) > 0.25 * np.percentile(recording.frames, 99.5)
        before, after = (
            float(np.sqrt(((frames - recording.frames)[:, tissue] ** 2).mean()))
            for frames in (noisy.frames, found)
        )
        gain = 20 * np.log10(before / after)
        print(
            f"self-test: {_FRAMES} frames with added noise in {seconds:.1f} s, gain in tissue "
            f"{gain:.1f} dB (expected: {_LEAST_GAIN:g} or more)"
        )
        if not gain >= _LEAST_GAIN:
            raise WeightsError(
                f"the self-test gained {gain:.1f} dB, not {_LEAST_GAIN:g}: other weights, or a "
                "library that computes something else; install again"
            )
        print("all well")
