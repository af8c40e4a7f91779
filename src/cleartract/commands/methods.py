"""`cleartract methods`: the paragraph for a paper, from the sidecar of a result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from cleartract.commands.methods_citations import SOFTWARE
from cleartract.commands.methods_denoised import denoised_paragraph
from cleartract.commands.methods_generated import generated_paragraph
from cleartract.commands.methods_measured import measured_paragraph
from cleartract.commands.options import Overwrite
from cleartract.errors import OutputError, RecordingError
from cleartract.recordings.sidecar import read_sidecar, sidecar_of, sidecar_path

Writer = Callable[[dict[str, Any]], tuple[str, list[str]]]
_OF_ALL = {"cleartract", "frames", "size", "rate"}
_KINDS: tuple[tuple[set[str], Writer], ...] = (  # fields of a sidecar; the first that fits
    ({"generated", "parameters", "weights"}, generated_paragraph),
    ({"parameters", "weights"}, denoised_paragraph),
    ({"lines", "pixel_size", "input"}, measured_paragraph),
)


@dataclass(frozen=True)
class Methods:
    """Write the paragraph that a paper needs about a denoised or generated recording or about
    measurements, with its citations."""

    result: tyro.conf.Positional[Path]
    """A result of `cleartract denoise` or `generate`, a table of `measure`, or the sidecar (.json)."""
    output: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None
    """Text file; by default the paragraph is printed."""
    overwrite: Overwrite = False

    def run(self) -> None:
        """Write or print."""
        text = paragraphs(_sidecars(self.result)) + "\n"
        if self.output is None:
            print(text, end="")
            return
        from cleartract.files import AtomicFiles, naming

        if self.output.exists() and not self.overwrite:
            raise OutputError(f"{self.output}: exists; give --overwrite or another -o")
        with AtomicFiles(replace=self.overwrite) as files:
            place = files.add(self.output)
            with naming(self.output):
                place.write_text(text, encoding="utf-8")


def _sidecars(result: Path) -> list[dict[str, Any]]:
    """That of a result; of a table first that of the recording, if it is still what was measured."""
    path = result if result.suffix == ".json" else sidecar_path(result)
    content = read_sidecar(path)
    if content.keys() >= {"made", "recordings"}:
        raise RecordingError(
            f"{path}: a report of evaluate says how good frames are, not how they were made; "
            "give the recording that it judges"
        )
    if _writer(content) is None:
        raise RecordingError(f"{path}: not a sidecar of denoise, generate or measure")
    if _writer(content) is not measured_paragraph:
        return [content]
    try:
        measured, sha256 = Path(content["input"]["path"]), content["input"]["sha256"]
        before = sidecar_of(measured)
        same = before["sha256"]["result"] == sha256
    except (KeyError, TypeError, OSError, ValueError):
        return [content]
    return [before, content] if same and _writer(before) is not None else [content]


def _writer(content: dict[str, Any]) -> Writer | None:
    """What writes the paragraph of such a sidecar; None for others."""
    fits = (write for wanted, write in _KINDS if content.keys() >= _OF_ALL | wanted)
    return next(fits, None)


def paragraphs(sidecars: list[dict[str, Any]]) -> str:
    """A paragraph for each, and the citations of all.

    Args:
        sidecars: Of `cleartract denoise`, `generate` or `measure`.

    Raises:
        RecordingError: If something is missing in one.
    """
    written, cited = [], []
    try:
        for sidecar in sidecars:
            if (write := _writer(sidecar)) is None:
                raise KeyError("parameters")
            text, others = write(sidecar)
            written.append(text)
            cited += [SOFTWARE.format(version=sidecar["cleartract"]), *others]
    except (
        AttributeError,
        KeyError,
        TypeError,
        IndexError,
        ZeroDivisionError,
        ValueError,
    ) as error:
        raise RecordingError(f"the sidecar is damaged: {type(error).__name__} {error}") from error
    return "\n\n".join([*written, *dict.fromkeys(cited)])
