"""Loss by video compression, with the real codecs."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
import numpy as np

LEVEL_ONE = 200.0  # grey level of intensity 1


def compress(frames: np.ndarray, codec: str, quality: float) -> np.ndarray:
    """Encode and decode frames.

    Args:
        frames: (frame, height, width), about [0, 1].
        codec: `mpeg4`, `mjpeg` or `libx264`.
        quality: 0 (coarse) to 1 (fine).

    Returns:
        Same shape, in [0, 1.275].
    """
    n_frames, height, width = frames.shape
    grey = np.round(frames * LEVEL_ONE).clip(0, 255).astype(np.uint8)
    grey = np.pad(grey, ((0, 0), (0, height % 2), (0, width % 2)), mode="edge")
    encoder: Any = av.CodecContext.create(codec, "w")
    encoder.width, encoder.height = grey.shape[2], grey.shape[1]
    encoder.time_base, encoder.framerate = Fraction(1, 25), Fraction(25)
    encoder.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    encoder.thread_count = 1
    if codec == "libx264":
        encoder.options = {"crf": str(round(28 - 12 * quality)), "preset": "ultrafast"}
    else:
        scale = round(8 - 6 * quality)  # quantiser, 2 (fine) to 8
        encoder.qmin = encoder.qmax = scale
        encoder.gop_size = 12
        encoder.bit_rate = 2_000_000
    decoder: Any = av.CodecContext.create("h264" if codec == "libx264" else codec, "r")
    decoder.thread_count = 1
    packets = []
    for index, plane in enumerate(grey):
        picture = av.VideoFrame.from_ndarray(plane, format="gray").reformat(format=encoder.pix_fmt)
        picture.pts = index
        packets += encoder.encode(picture)
    packets += encoder.encode(None)
    decoded = [picture for packet in packets for picture in decoder.decode(packet)]
    decoded += decoder.decode(None)
    if len(decoded) != n_frames:
        raise RuntimeError(f"{codec}: {n_frames} frames in, {len(decoded)} out")
    planes = [picture.reformat(format="gray").to_ndarray() for picture in decoded]
    return np.stack(planes)[:, :height, :width].astype(np.float32) / LEVEL_ONE
