"""Recordings in the layouts of public data sets, made from frames and sound that are known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
import h5py
import numpy as np
import pydicom
import scipy.io
import soundfile
from PIL import Image
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from cleartract.recordings.recording import Recording
from cleartract.recordings.video_writer import write_video
from cleartract.recordings.writing import write_recording
from cleartract.simulation.raw import RawScan
from cleartract.simulation.scanner.scan_session import random_scan_session
from cleartract.simulation.scanner.scanner import Scanner
from cleartract.simulation.scanner.trajectories import USC75

USC = Fraction(125_000, 1501)
MATROSKA = Fraction(1499, 18)  # what FFmpeg makes of 125000/1501 in it
TOKEN = "sub001_2drt_01_vcv1_r1"


@dataclass(frozen=True)
class Layout:
    """A layout and how a recording of it is made.

    Attributes:
        name: In the table.
        make: Writes it into a folder from 8-bit frames with sound; returns the frames as they are
            to be read, or None where only their number is known.
        rate: That the recording has [frames/s].
        options: Of the command line.
        lossless: Whether the frames must come back exactly.
        sound: Whether sound belongs to it.
    """

    name: str
    make: Callable[[Path, Recording], np.ndarray | None]
    rate: Fraction = USC
    options: tuple[str, ...] = ()
    lossless: bool = True
    sound: bool = True


def sound_at(path: Path, recording: Recording, rate: Fraction | None = None) -> None:
    """The sound as a WAV of 16 bit, as long as the frames at a rate."""
    assert recording.audio is not None
    wanted = round(len(recording) / (rate or recording.rate) * (recording.sample_rate or 0))
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.resize(recording.audio, wanted), recording.sample_rate)


def _recon(folder: Path, recording: Recording) -> Path:
    sound_at(folder / f"sub001/2drt/audio/{TOKEN}_audio.wav", recording)
    path = folder / f"sub001/2drt/recon/{TOKEN}_recon.h5"
    path.parent.mkdir(parents=True)
    return path


def by_matlab(folder: Path, recording: Recording) -> np.ndarray:
    """`recon` of MATLAB, (row, column, frame), so (frame, column, row) to h5py."""
    frames = recording.frames.astype(np.float64) / 5000
    with h5py.File(_recon(folder, recording), "w") as file:
        file["recon"] = frames.transpose(0, 2, 1)
        file["lambda_t"], file["lambda_s"], file["iterations"] = [[0.08]], [[0.0]], [[150.0]]
    return frames


def by_python(folder: Path, recording: Recording) -> np.ndarray:
    """`image` of the Python script: complex, frames first, not turned upright."""
    frames = recording.frames / 5000
    lying = np.stack([np.rot90(frame, -1) for frame in frames])
    with h5py.File(_recon(folder, recording), "w") as file:
        file["image"], file["comp_time"] = (lying * np.exp(0.3j)).astype(np.complex64), 12.5
    return frames


def in_two_parts(folder: Path, recording: Recording) -> np.ndarray:
    """`recon_Re` and `recon_Im`."""
    frames = recording.frames / 5000
    with h5py.File(folder / "scan.h5", "w") as file:
        file["recon_Re"], file["recon_Im"] = (
            part * frames.transpose(0, 2, 1) for part in (0.6, -0.8)
        )
    sound_at(folder / "scan.wav", recording)
    return frames


def usc_video(folder: Path, recording: Recording) -> None:
    """The MP4 of the set, and its sound once more."""
    write_recording(folder / f"sub001/2drt/video/{TOKEN}_video.mp4", recording, {})
    sound_at(folder / f"sub001/2drt/audio/{TOKEN}_audio.wav", recording)


def _raw(path: Path, recording: Recording, frames: int) -> None:
    """A blob that moves, as the simulated scanner measures it."""
    protocol = replace(USC75, size=32, samples=160)
    session = random_scan_session(np.random.default_rng(4), protocol.size, 2)
    scanner = Scanner(protocol, replace(session, delay=0.0))
    y, x = np.mgrid[:64, :64] / 64 - 0.5
    still = np.exp(-(((x + 0.1) / 0.2) ** 2 + ((y - 0.1) / 0.15) ** 2))
    parts = []
    for number in range(frames):
        place = 0.15 * np.sin(number / 5)
        blob = 0.6 * np.exp(-(((x - 0.15) / 0.06) ** 2 + ((y - place) / 0.09) ** 2))
        parts.append(scanner.acquire_state(number, still + blob))
    assert recording.audio is not None
    audio = np.resize(recording.audio, round(frames / protocol.rate * (recording.sample_rate or 0)))
    samples = np.concatenate(parts, axis=1)
    raw = RawScan(protocol, samples, session.assumed_maps, None, audio, recording.sample_rate or 0)
    path.parent.mkdir(parents=True, exist_ok=True)
    raw.save(path)


def raw_of_usc(folder: Path, recording: Recording) -> None:
    """Raw MRD data with the trajectory in them."""
    _raw(folder / f"sub001/2drt/raw/{TOKEN}_raw.h5", recording, len(recording))
    beside = folder / f"sub001/2drt/raw/{TOKEN}_raw.wav"
    beside.parent.parent.joinpath("audio").mkdir()
    beside.rename(folder / f"sub001/2drt/audio/{TOKEN}_audio.wav")


def raw_of_low_field(folder: Path, recording: Recording) -> None:
    """Raw MRD data whose trajectory is in a MATLAB file that the header names; 150 arms before."""
    path, before = folder / "scan.h5", 20
    _raw(path, recording, len(recording) + 75)
    with h5py.File(path, "r+") as file:
        group = file["dataset"]
        rows, kind = group["data"][()], group["data"].dtype
        arms = [np.asarray(row["traj"]).reshape(-1, 3) for row in rows[:13]]
        for row in rows:
            row["traj"] = np.zeros(0, np.float32)
            data = np.asarray(row["data"]).view(np.complex64).reshape(2, -1)
            padded = np.pad(data, ((0, 0), (before, 0)))
            row["data"] = padded.reshape(-1).view(np.float32)
        rows["head"]["number_of_samples"] += before
        rows["head"]["trajectory_dimensions"] = 0
        text = group["xml"][0].decode().replace("transient_arms", "other")
        for name, value in (("system", "none"), ("trajectory", "0a1b2c3d")):
            text = text.replace(
                "</userParameters>",
                f"<userParameterString><name>{name}</name><value>{value}</value>"
                "</userParameterString></userParameters>",
            )
        del group["data"], group["xml"]
        group.create_dataset("data", data=rows, dtype=kind)
        content = np.array([text.encode()], object)
        group.create_dataset("xml", data=content, dtype=h5py.special_dtype(vlen=bytes))
    table = np.stack(arms)
    numbers = {"interleaves": 13.0, "pre_discard": 20.0, "fov": 20.0, "spatial_resolution": 6.25,
               "dt": 1e-6, "matrix_size": 32.0}  # fmt: skip
    content = {"kx": table[..., 0].T, "ky": -table[..., 1].T, "w": table[0, :, 2], "param": numbers}
    scipy.io.savemat(folder / "0a1b2c3d.mat", content)


def low_field_result(folder: Path, recording: Recording) -> np.ndarray:
    """`img_recon`, `Cost` and `header` in a .mat."""
    content = {
        "img_recon": recording.frames.transpose(1, 2, 0) * np.exp(0.2j),
        "Cost": np.arange(9.0),
        "header": {"fov": 20.0},
    }
    scipy.io.savemat(folder / "scan.mat", content)
    sound_at(folder / "scan.wav", recording)
    return recording.frames


def usc_timit(folder: Path, recording: Recording) -> np.ndarray:
    """`avi/` and `wav/`."""
    (folder / "avi").mkdir()
    name = "usctimit_mri_f1_001_005"
    levels = recording.frames.astype(np.uint8)
    write_video(folder / "avi" / f"{name}.avi", levels, Fraction(1159, 50), None)
    sound_at(folder / "wav" / f"{name}.wav", recording, Fraction(1159, 50))
    return recording.frames


def _dicom(path: Path, levels: np.ndarray, **fields: object) -> None:
    made = pydicom.Dataset()
    made.SOPClassUID, made.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.4", generate_uid()
    made.SeriesInstanceUID, made.Modality, made.PatientName = "1.2.3.4", "MR", "Some^Body"
    made.Rows, made.Columns = levels.shape[-2:]
    if levels.ndim == 3:
        made.NumberOfFrames = len(levels)
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.BitsAllocated = made.BitsStored = 16
    made.HighBit, made.PixelRepresentation = 15, 0
    made.PixelData = np.ascontiguousarray(levels, "<u2").tobytes()
    for name, value in fields.items():
        setattr(made, name, value)
    made.file_meta = pydicom.dataset.FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    path.parent.mkdir(parents=True, exist_ok=True)
    made.save_as(path, enforce_file_format=True)


def art_speech_1(folder: Path, recording: Recording) -> np.ndarray:
    """A file a frame, the first two of zeros; the sound in OTHER."""
    levels = np.concatenate([np.zeros_like(recording.frames[:2]), recording.frames])
    for number, frame in enumerate(levels):
        _dicom(folder / f"P1/DCM_2D/S1/IM{number:04d}.dcm", frame, InstanceNumber=number + 1)
    sound_at(folder / "P1/OTHER/S1/DENOISED_SOUND_P1_S1.wav", recording, Fraction(50))
    return recording.frames


def art_speech_2(folder: Path, recording: Recording) -> np.ndarray:
    """A multi-frame file; the sound has the speaker's name; arrays made from it beside."""
    _dicom(folder / "1612/S2/film.dcm", recording.frames, FrameTime="20")
    sound_at(folder / "1612/S2/1612_S2.wav", recording, Fraction(50))
    for number, frame in enumerate(recording.frames):
        path = folder / f"1612/S2/NPY_MR/{number:04d}.npy"
        path.parent.mkdir(exist_ok=True)
        np.save(path, frame.astype(np.uint16))
    return recording.frames


def arrays_of_art_speech_2(folder: Path, recording: Recording) -> np.ndarray:
    """Only the arrays, a file a frame."""
    (folder / "frames").mkdir()
    for number, frame in enumerate(recording.frames):
        np.save(folder / "frames" / f"{number:04d}.npy", frame.astype(np.uint16))
    sound_at(folder / "frames.wav", recording, Fraction(50))
    return recording.frames


def goettingen(folder: Path, recording: Recording) -> np.ndarray:
    """`vol_<subject>_<sequence>` with a WAV."""
    write_video(folder / "vol_07_003.avi", recording.frames.astype(np.uint8), Fraction(55), None)
    sound_at(folder / "vol_07_003.wav", recording, Fraction(55))
    return recording.frames


def barts(folder: Path, recording: Recording) -> np.ndarray:
    """`MRI_SSFP_10fps/Subject<n>/image_<k>.dcm`, numbered without zeros; no sound."""
    for number, frame in enumerate(recording.frames):
        path = folder / f"MRI_SSFP_10fps/Subject1/image_{number + 1}.dcm"
        _dicom(path, frame, InstanceNumber=number + 1)
    return recording.frames


def flat(folder: Path, recording: Recording) -> None:
    """Video without sound, and denoised sound in a folder of its own."""
    silent = replace(recording, audio=None, sample_rate=None)
    name = f"dataset_2drt_video_only/sub001/2drt/video/{TOKEN}_video.mp4"
    write_recording(folder / name, silent, {})
    sound_at(folder / f"audios_denoised_16khz/sub001/{TOKEN}_video.wav", recording)


def bids(folder: Path, recording: Recording) -> None:
    """`beh/` with `_video` and `_audio`."""
    silent = replace(recording, audio=None, sample_rate=None)
    write_recording(folder / "sub-01/beh/sub-01_task-vcv_video.mp4", silent, {})
    sound_at(folder / "sub-01/beh/sub-01_task-vcv_audio.wav", recording)


def _stream(path: Path, recording: Recording, codec: str, pixels: str) -> None:
    with av.open(str(path), "w") as made:
        stream = made.add_stream(codec, rate=USC)
        stream.height, stream.width = recording.frames.shape[1:]
        stream.pix_fmt = pixels
        for frame in recording.frames.astype(np.uint8):
            made.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "gray")))
        made.mux(stream.encode())
    sound_at(path.with_suffix(".wav"), recording)


def mkv(folder: Path, recording: Recording) -> np.ndarray:
    """FFV1 in Matroska, whose times are whole milliseconds."""
    _stream(folder / "scan.mkv", recording, "ffv1", "gray")
    return recording.frames


def webm(folder: Path, recording: Recording) -> None:
    """VP9 in WebM."""
    _stream(folder / "scan.webm", recording, "libvpx-vp9", "yuv420p")


def pngs(folder: Path, recording: Recording) -> np.ndarray:
    """PNG of 8 bit."""
    (folder / "frames").mkdir()
    for number, frame in enumerate(recording.frames.astype(np.uint8)):
        Image.fromarray(frame).save(folder / "frames" / f"frame_{number}.png")
    sound_at(folder / "frames.wav", recording)
    return recording.frames


def matlab_5(folder: Path, recording: Recording) -> np.ndarray:
    """A .mat of version 5 with its sound."""
    content = {"video": recording.frames.transpose(1, 2, 0), "fps": float(USC),
               "y": recording.audio, "Fs": float(recording.sample_rate or 0)}  # fmt: skip
    scipy.io.savemat(folder / "scan.mat", content)
    return recording.frames


LAYOUTS = (
    Layout("USC 75, recon.h5 of MATLAB", by_matlab),
    Layout("USC 75, recon.h5 of Python", by_python, lossless=False),
    Layout("USC, recon_Re and recon_Im", in_two_parts, Fraction(50), ("--rate", "50"), False),
    Layout("USC 75, video.mp4", usc_video, lossless=False),
    Layout("USC 75, raw.h5", raw_of_usc, lossless=False),
    Layout("USC 0.55 T, raw data and .mat", raw_of_low_field, lossless=False),
    Layout(
        "USC 0.55 T, img_recon in .mat", low_field_result, Fraction(50), ("--rate", "50"), False
    ),
    Layout("USC-TIMIT, avi/ and wav/", usc_timit, Fraction(1159, 50)),
    Layout("ArtSpeech 1, DCM_2D", art_speech_1, Fraction(50), ("--rate", "50")),
    Layout("ArtSpeech 2, multi-frame DICOM", art_speech_2, Fraction(50)),
    Layout("ArtSpeech 2, .npy a frame", arrays_of_art_speech_2, Fraction(50), ("--rate", "50")),
    Layout("Goettingen, vol_*", goettingen, Fraction(55)),
    Layout("Barts, image_k.dcm", barts, Fraction(10), ("--rate", "10"), sound=False),
    Layout("flat, sound in a folder of its own", flat, lossless=False),
    Layout("BIDS, beh/", bids, lossless=False),
    Layout("Matroska, FFV1 and a WAV", mkv, MATROSKA),
    Layout("WebM, VP9 and a WAV", webm, MATROSKA, lossless=False),
    Layout("PNG, a file a frame", pngs, USC, ("--rate", "125000/1501")),
    Layout(".mat of version 5", matlab_5),
)
