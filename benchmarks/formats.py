"""Every kind of result and every layout: read, denoised, written and read again.

python -m benchmarks.formats --recordings ../shared/data
"""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import soundfile
import torch
import tyro

from benchmarks.common import RESULTS, write_json
from benchmarks.layouts import LAYOUTS, USC, Layout
from cleartract.cli import main as command_line
from cleartract.corpora.layouts import find_recordings
from cleartract.model.config import ModelConfig
from cleartract.model.model import Model
from cleartract.model.weights import save_model
from cleartract.networks.video_unet import UNetConfig
from cleartract.recordings.formats import VIDEO_SUFFIXES, stored_at
from cleartract.recordings.image_writer import kept_frames
from cleartract.recordings.opening import open_recording, open_source
from cleartract.recordings.recording import Recording
from cleartract.recordings.writing import write_recording
from cleartract.sound.encoders import AudioConfig

DOCS = Path(__file__).parents[1] / "docs" / "formats.md"
BEGIN, END = "<!-- written by python -m benchmarks.formats -->", "<!-- end -->"
FRAMES = 40  # of the generated recordings [frames]
PART = 60  # of the real ones [frames]
RESULT_KINDS = (
    "out.mp4", "out.mov", "out.avi", "out_master.avi", "out.npz", "out.mat", "out.v5.mat",
    "out.tif", "out.nii", "out.nii.gz", "out.dcm", "out.gif", "out/%05d.png", "out/%05d.tif", "out/%05d.npy",
)  # fmt: skip
REAL = {
    "MP4 with AAC": "usc75/sub001_2drt_01_vcv1_r1_video.mp4",
    "AVI with a WAV": "usc-timit/lac12112011_13_29_46.avi",
}


@dataclass(frozen=True)
class Options:
    """Write every kind of result from generated and real recordings, and read every layout."""

    recordings: Path | None = None
    """Folder with the real recordings; without it their rows are left out."""
    docs: bool = True
    """Also put the tables into docs/formats.md."""
    name: str = "formats"


def light_weights(path: Path) -> Path:
    """An untrained model that is fast: its first guess is what it gives."""
    torch.manual_seed(0)
    unet = UNetConfig(
        stem=8, widths=(8, 16), blocks=1, attention_resolutions=(2, 4), heads=2, embedding=16,
        token_channels=16, noise=True,
    )  # fmt: skip
    model = Model(ModelConfig(unet=unet, audio=AudioConfig(channels=16, mels=16))).eval()
    save_model(model, path, {"steps": 0})
    return path


def generated(rate: Fraction = USC) -> Recording:
    """A disc that moves, with noise, 8 bit, and the sound of a tone."""
    rng, (y, x) = np.random.default_rng(0), np.mgrid[:52, :60]
    radius = [np.hypot(y - 26 - 6 * np.sin(t / 4), x - 30) for t in range(FRAMES)]
    frames = 160 / (1 + np.exp(np.stack(radius) - 12)) + 20 + rng.normal(0, 3, (FRAMES, 52, 60))
    time = np.arange(round(FRAMES / rate * 16_000)) / 16_000
    tone = np.round(9000 * np.sin(2 * np.pi * 300 * time)) / 32768
    levels = np.round(frames).clip(0, 255).astype(np.float32)
    return Recording(levels, rate, tone.astype(np.float32), 16_000, peak=255.0)


def denoise(*arguments: str | Path) -> None:
    """Run the command, and stop where it fails."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        code = command_line(["denoise", *map(str, arguments)])
    if code:
        raise SystemExit(f"{arguments}: exit code {code}\n{said.getvalue()}")


def times_of(path: Path, count: int, rate: Fraction) -> np.ndarray:
    """When each frame is shown, counted from the first [s]; from time stamps where there are any."""
    if path.suffix.lower() not in VIDEO_SUFFIXES:
        return np.arange(count) / float(rate)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stamps = sorted(p.pts for p in container.demux(stream) if p.pts is not None and p.size)
        return (np.array(stamps) - stamps[0]) * float(stream.time_base)


def stream_bytes(path: Path) -> bytes | None:
    """The packets of the sound of a video, or None."""
    if path.suffix.lower() not in VIDEO_SUFFIXES:
        return None
    with av.open(str(path)) as container:
        if not container.streams.audio:
            return None
        return b"".join(bytes(packet) for packet in container.demux(container.streams.audio[0]))


def heard(source: Path, given: Recording, result: Path, found: Recording) -> str:
    """How the sound of a result is that of its source."""
    if given.audio is None:
        return "none to keep" if found.audio is None else "NOT ITS OWN"
    if found.audio is None:
        return "LOST"
    before, after = stream_bytes(source), stream_bytes(result)
    if before and before == after:
        return "bit for bit"
    files = [Path(str(one.provenance["audio"])) for one in (given, found)]
    if all(f.suffix == ".wav" for f in files) and files[0].read_bytes() == files[1].read_bytes():
        return "bit for bit"
    if given.sample_rate == found.sample_rate:
        if np.array_equal(given.audio, found.audio):
            return "samples"
        if given.audio.shape == found.audio.shape:
            apart = float(np.abs(given.audio - found.audio).max())
            if apart <= 1.01 / 32768:
                return "samples, rounded to 16 bit"
    return "encoded anew"


def same_unit(found: np.ndarray, wanted: np.ndarray) -> bool:
    """Whether one is the other, but for noise."""
    if found.shape != wanted.shape:
        return False
    gain = float((found * wanted).sum(dtype=np.float64) / (wanted**2).sum(dtype=np.float64))
    return abs(gain - 1) < 0.01


def beginning(source: Path, place: Path) -> Path:
    """The first frames of a video with its sound, packets and samples as they are."""
    copy = place / source.name
    with av.open(str(source)) as given, av.open(str(copy), "w") as made:
        shown = given.streams.video[0]
        last = PART / float(shown.average_rate or 1)
        streams = {s.index: made.add_stream_from_template(s) for s in given.streams}
        for packet in given.demux():
            if packet.dts is not None and float(packet.pts * packet.time_base) < last - 1e-6:
                packet.stream = streams[packet.stream.index]
                made.mux(packet)
    if (beside := source.with_suffix(".wav")).is_file():
        samples, rate = soundfile.read(beside, dtype="int16", frames=-1)
        soundfile.write(copy.with_suffix(".wav"), samples[: round(last * rate)], rate)
    return copy


def row_of_result(kind: str, source: Path, place: Path, weights: Path) -> dict[str, Any]:
    """Denoise a recording into a kind of result, and compare that with the same result as .npz."""
    plain, named = place / "plain.npz", place / ("out.mp4" if kind == "out_master.avi" else kind)
    if not plain.exists():
        denoise(source, "--weights", weights, "-o", plain)
    extra = ["--master"] if kind == "out_master.avi" else []
    denoise(source, "--weights", weights, "-o", named, *extra)
    result = stored_at(place / kind)
    expected, found, given = open_recording(plain), open_recording(result), open_recording(source)
    every = kept_frames(expected.rate)[0] if kind == "out.gif" else 1
    wanted = expected.frames[::every]
    gain = 1.0
    if kind == "out_master.avi":
        gain = 1 / 257.0 if given.peak == 255 else float(wanted.max() / found.frames.max())
    apart = (
        float(np.abs(found.frames * gain - wanted).max()) if len(found) == len(wanted) else np.inf
    )
    unit = float(np.ptp(wanted))
    times = times_of(result, len(found), found.rate)
    late = np.abs(times - np.arange(len(found)) * every / float(expected.rate)).max() * 1000
    return {
        "frames": len(found), "of": len(expected), "equal": apart == 0,
        "apart": round(apart / unit, 7) if np.isfinite(apart) else None,
        "rate": str(found.rate), "latest_ms": round(float(late), 3),
        "sound": heard(source, given, result, found),
        "unit": same_unit(found.frames * gain, wanted),
    }  # fmt: skip


def results(
    folder: Path, weights: Path, real: Path | None, kinds: tuple[str, ...] = RESULT_KINDS
) -> list[dict[str, Any]]:
    """A row for each kind of result and each source."""
    folder.mkdir()
    sources = {
        "8 bit, generated": folder / "levels.npz",
        "real numbers, generated": folder / "real.npz",
    }
    made = generated()
    np.savez(sources["8 bit, generated"], frames=made.frames.astype(np.uint8), audio=made.audio,
             rate=[USC.numerator, USC.denominator], sample_rate=made.sample_rate)  # fmt: skip
    small = replace(made, frames=made.frames / 5000, peak=None)
    write_recording(sources["real numbers, generated"], small, {})
    if real is not None:
        sources |= {name: beginning(real / path, folder) for name, path in REAL.items()}
    rows: list[dict[str, Any]] = []
    for name, source in sources.items():
        for kind in kinds:
            place = folder / name.replace(" ", "_") / kind.replace("/", "_").replace("%", "")
            place.mkdir(parents=True)
            row = row_of_result(kind, source, place, weights)
            rows.append({"result": kind, "source": name, **row})
            print(rows[-1], flush=True)
    return rows


def row_of_layout(layout: Layout, folder: Path, weights: Path) -> dict[str, Any]:
    """Read a layout, denoise it as a folder, and read the result again."""
    made, lab, out = generated(layout.rate), folder / "lab", folder / "out"
    lab.mkdir(parents=True)
    expected = layout.make(lab, made)
    (found,) = find_recordings((lab,))
    rate = layout.rate if layout.options else None
    source = open_source(found.path, found.audio, rate)
    frames = np.concatenate(list(source.chunks()))
    denoise(lab, "--out", out, "--suffix", ".npz", "--weights", weights, *layout.options)
    result = open_recording(out / f"{found.place}.npz")
    apart = None
    if expected is not None:
        apart = float(np.abs(frames - expected.astype(np.float32)).max() / np.ptp(expected))
    good = layout.sound == (source.sound is not None) and source.rate == layout.rate
    good &= source.count == len(made) and (
        apart is None or apart < (1e-9 if layout.lossless else 1e-6)
    )
    again = len(result) == len(frames) and result.rate == source.rate
    again &= (result.audio is None) == (source.sound is None) and np.isfinite(result.frames).all()
    return {
        "layout": layout.name, "read_as": found.path.relative_to(lab).as_posix(),
        "frames": len(frames), "rate": str(source.rate), "apart": apart,
        "sound": "its own" if source.sound is not None else "none", "as_made": bool(good),
        "result_as_input": bool(again), "options": " ".join(layout.options),
    }  # fmt: skip


def layouts(folder: Path, weights: Path) -> list[dict[str, Any]]:
    """A row for each layout."""
    rows = []
    for number, layout in enumerate(LAYOUTS):
        rows.append(row_of_layout(layout, folder / str(number), weights))
        print(rows[-1], flush=True)
    return rows


def tables(content: dict[str, Any]) -> str:
    """Both matrices as Markdown."""
    sources = list(dict.fromkeys(row["source"] for row in content["results"]))
    lines = [
        "| result | frames | times | unit | " + " | ".join(f"sound of {s}" for s in sources) + " |"
    ]
    lines += ["|" + "---|" * (4 + len(sources))]
    for kind in dict.fromkeys(row["result"] for row in content["results"]):
        rows = [row for row in content["results"] if row["result"] == kind]
        worst = max(row["apart"] for row in rows if row["unit"] or row["source"].startswith("8"))
        frames = (
            "equal" if all(row["equal"] for row in rows) else f"within {worst:.2g} of the range"
        )
        if rows[0]["frames"] < rows[0]["of"]:
            frames += f", every {round(rows[0]['of'] / rows[0]['frames'])}th"
        late = max(row["latest_ms"] for row in rows)
        times = "equal" if late < 0.02 else f"within {late:.3g} ms"
        unit = (
            "kept" if all(row["unit"] for row in rows) else "8 bit kept; others scaled to be seen"
        )
        sounds = [next(row["sound"] for row in rows if row["source"] == s) for s in sources]
        lines.append(f"| `{kind}` | {frames} | {times} | {unit} | " + " | ".join(sounds) + " |")
    lines += ["", "| layout | read as | options | frames | frames/s | frames as made | sound | result |",
              "|" + "---|" * 8]  # fmt: skip
    for row in content["layouts"]:
        apart = "not compared" if row["apart"] is None else f"within {row['apart']:.1g}"
        same = "equal" if row["apart"] == 0 else apart
        good = "as the input" if row["as_made"] and row["result_as_input"] else "WRONG"
        lines.append(
            f"| {row['layout']} | `{row['read_as']}` | `{row['options'] or '-'}` | {row['frames']} | "
            f"{row['rate']} | {same} | {row['sound']} | {good} |"
        )
    return "\n".join(lines) + "\n"


def put_into_page(text: str) -> None:
    """The tables go into docs/formats.md."""
    before, _, rest = DOCS.read_text().partition(BEGIN)
    DOCS.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{rest.partition(END)[2]}")


def main(options: Options) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        weights = light_weights(folder / "light.safetensors")
        content = {
            "results": results(folder / "results", weights, options.recordings),
            "layouts": layouts(folder / "layouts", weights),
        }
    write_json(options.name, content)
    text = tables(content)
    (RESULTS / f"{options.name}.md").write_text(text)
    print(text)
    if options.docs:
        put_into_page(text)


def committed() -> dict[str, Any]:
    """The results as they were written last."""
    return json.loads((RESULTS / "formats.json").read_text())


if __name__ == "__main__":
    main(tyro.cli(Options))
