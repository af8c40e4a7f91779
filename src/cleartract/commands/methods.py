"""`cleartract methods`: the paragraph for a paper, from the sidecar of a result."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from cleartract.commands.options import Overwrite
from cleartract.errors import OutputError, RecordingError
from cleartract.recordings.sidecar import read_sidecar, sidecar_path

_SOFTWARE = """@software{{cleartract,
  title = {{ClearTract: denoising real-time MRI video of speech with a diffusion model
    conditioned on the sound}},
  author = {{{{The ClearTract developers}}}},
  version = {{{version}}},
  year = {{2026}}
}}"""
_DIFFUSION = """@inproceedings{karras2022,
  title = {Elucidating the Design Space of Diffusion-Based Generative Models},
  author = {Karras, Tero and Aittala, Miika and Aila, Timo and Laine, Samuli},
  booktitle = {Advances in Neural Information Processing Systems},
  volume = {35},
  year = {2022}
}"""
_RICIAN = """@article{gudbjartsson1995,
  title = {The Rician Distribution of Noisy {MRI} Data},
  author = {Gudbjartsson, H{\\'a}kon and Patz, Samuel},
  journal = {Magnetic Resonance in Medicine},
  volume = {34},
  pages = {910--914},
  year = {1995}
}"""


@dataclass(frozen=True)
class Methods:
    """Write the paragraph that a paper needs about a denoised recording, with its citations."""

    result: tyro.conf.Positional[Path]
    """A result of `cleartract denoise`, or its sidecar (.json)."""
    output: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None
    """Text file; by default the paragraph is printed."""
    overwrite: Overwrite = False

    def run(self) -> None:
        """Write or print."""
        text = paragraph(_sidecar(self.result)) + "\n"
        if self.output is None:
            print(text, end="")
            return
        from cleartract.files import AtomicFiles, naming

        if self.output.exists() and not self.overwrite:
            raise OutputError(f"{self.output}: exists; give --overwrite or another -o")
        with AtomicFiles(replace=self.overwrite) as files:
            place = files.add(self.output)
            with naming(self.output):
                place.write_text(text)


def _sidecar(result: Path) -> dict[str, Any]:
    path = result if result.suffix == ".json" else sidecar_path(result)
    content = read_sidecar(path)
    wanted = ("parameters", "weights", "frames", "size", "rate", "cleartract")
    if any(name not in content for name in wanted) or "generated" in content:
        raise RecordingError(f"{path}: not the sidecar of a denoised recording")
    return content


def paragraph(sidecar: dict[str, Any]) -> str:
    """The paragraph and its citations.

    Args:
        sidecar: Of `cleartract denoise`.

    Raises:
        RecordingError: If something is missing in it.
    """
    try:
        sentences = [_what(sidecar), _how(sidecar), _sound(sidecar), *_removed(sidecar)]
        version = sidecar["cleartract"]
    except (KeyError, TypeError, IndexError, ZeroDivisionError, ValueError) as error:
        raise RecordingError(f"the sidecar is damaged: {type(error).__name__} {error}") from error
    cited = [_SOFTWARE.format(version=version), _DIFFUSION, _RICIAN]
    return " ".join(sentences) + "\n\n" + "\n\n".join(cited)


def _what(sidecar: dict[str, Any]) -> str:
    height, width = sidecar["size"]
    rate = sidecar["rate"][0] / sidecar["rate"][1]
    weights = sidecar["weights"]
    return (
        f"Real-time MRI frames ({sidecar['frames']} frames of {width} x {height} pixels, {rate:.4g} "
        f"frames/s) were denoised with ClearTract {sidecar['cleartract']} (weights "
        f"{Path(str(weights['path'])).stem}, SHA-256 {str(weights['sha256'])[:16]}), a diffusion model "
        "that can be guided by the recorded sound [@cleartract; @karras2022]."
    )


def _how(sidecar: dict[str, Any]) -> str:
    used = sidecar["parameters"]
    if used["samples"] > 1:
        result = (
            f"the mean of {used['samples']} samples of {used['steps']} steps ({used['sampler']})"
        )
    elif used["steps"] > 1:
        result = f"one sample of {used['steps']} steps ({used['sampler']})"
    else:
        result = "the posterior mean, by one evaluation of the network"
    target = {
        "scan": "the scan as full sampling without noise would show it; artefacts that do not change stay",
        "ideal": "the object itself; artefacts that do not change are removed in the model's opinion",
    }[used.get("target", "ideal")]
    return (
        f"Windows of {used['window_frames']} frames with a step of {used['step_frames']} were restored "
        f"and blended with {used['blend'].capitalize()} weights; the result is {result}. The target was "
        f"{target}."
    )


def _sound(sidecar: dict[str, Any]) -> str:
    used = sidecar["parameters"]
    lost = used.get("lost_frames") or []
    text = "The sound was not given to the model."
    if "audio" in sidecar and sidecar["audio"] is None:
        text = "There was no sound to give to the model."
    elif used.get("use_audio", False) and not used.get("audio_used"):
        text = "The sound explained nothing of what moves, and the model did not use it."
    if used.get("audio_used"):
        offset, skill = used.get("audio_offset_ms") or 0.0, sidecar.get("sound_skill")
        late = f", {offset:g} ms late against the frames," if offset else ""
        share = ""
        if skill is not None:
            share = (
                f"; predictions from it explained {100 * skill:.0f} % of the variance of moving pixels, "
                "held out"
            )
        text = f"The sound{late} was given to the model{share}."
    if lost:
        were = "frame was" if len(lost) == 1 else "frames were"
        basis = " and the sound" if used.get("audio_used") else ""
        text += f" {len(lost)} {were} lost and made from the frames around{basis}, not measured."
    return text


def _removed(sidecar: dict[str, Any]) -> list[str]:
    split = sidecar.get("residual")
    if not split:
        return []
    text = (
        f"What was removed has a root mean square of {100 * split['removed']:.1f} % of the brightest "
        f"tissue; {100 * split['repeating']:.1f} % repeats with the posture or lasts in the frames around"
    )
    if split.get("given_back"):
        share = "" if split["given_back"] == 1 else f" {100 * split['given_back']:.0f} % of it"
        text += f" and was given back{share}"
    text += ". The bias of magnitudes was counted as noise [@gudbjartsson1995]."
    return [text]
