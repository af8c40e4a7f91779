"""Peers: other denoisers on the same frames, one function each: array in, array out.

Each takes frames (frame, height, width) float32 with 1 the brightest tissue, the standard
deviation sigma of the noise in the same unit, and its main parameter; it returns the same shape.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
from scipy.ndimage import gaussian_filter1d, median_filter

PeerFunction = Callable[[np.ndarray, float, float], np.ndarray]


@dataclass(frozen=True)
class Peer:
    """One peer.

    Attributes:
        name: Name in tables.
        run: (frames, sigma, parameter) -> frames.
        parameter: What the parameter is.
        default: Its value in the blind run.
        grid: Values tried first when tuning.
        package: Module that must be installed, or None.
        extends: Whether tuning may go beyond the grid when its best value lies at an end.
    """

    name: str
    run: PeerFunction
    parameter: str
    default: float
    grid: tuple[float, ...]
    package: str | None = None
    extends: bool = True

    def installed(self) -> bool:
        """Whether its package is there."""
        return self.package is None or find_spec(self.package) is not None


def estimated_sigma(frames: np.ndarray) -> float:
    """Noise as a user would estimate it: scikit-image's wavelet estimate, median over frames."""
    from skimage.restoration import estimate_sigma

    chosen = frames[:: max(1, len(frames) // 20)]
    return float(np.median([estimate_sigma(frame) for frame in chosen]))


def temporal_gaussian(frames: np.ndarray, sigma: float, parameter: float) -> np.ndarray:
    """Gaussian over frames; parameter: standard deviation [frames]."""
    return gaussian_filter1d(frames, parameter, axis=0, mode="nearest")


def temporal_median(frames: np.ndarray, sigma: float, parameter: float) -> np.ndarray:
    """Running median over frames; parameter: length [frames]."""
    return median_filter(frames, size=(int(parameter), 1, 1), mode="nearest")


def total_variation(frames: np.ndarray, sigma: float, parameter: float) -> np.ndarray:
    """3-D total variation (Chambolle 2004); parameter: weight in units of sigma."""
    from skimage.restoration import denoise_tv_chambolle

    return denoise_tv_chambolle(frames, weight=parameter * sigma, max_num_iter=200)


def nonlocal_means(frames: np.ndarray, sigma: float, parameter: float) -> np.ndarray:
    """3-D non-local means (Buades 2005) of scikit-image; parameter: h in units of sigma."""
    from skimage.restoration import denoise_nl_means

    options = dict(patch_size=3, patch_distance=4, fast_mode=True)
    return denoise_nl_means(frames, h=parameter * sigma, sigma=sigma, **options)


def opencv_nonlocal_means(frames: np.ndarray, sigma: float, parameter: float) -> np.ndarray:
    """fastNlMeansDenoisingMulti of OpenCV, 8 bit, 5 frames; parameter: h in units of sigma."""
    import cv2

    top = max(float(frames.max()), 1e-6)
    levels = np.round(frames / top * 255).clip(0, 255).astype(np.uint8)
    padded = [levels[0]] * 2 + list(levels) + [levels[-1]] * 2
    strength = parameter * sigma / top * 255
    restored = [
        cv2.fastNlMeansDenoisingMulti(padded, index + 2, 5, None, strength, 5, 15)
        for index in range(len(levels))
    ]
    return np.stack(restored).astype(np.float32) / 255 * top


def bm4d(frames: np.ndarray, sigma: float, parameter: float) -> np.ndarray:
    """BM4D (Maggioni 2013) over (y, x, frame); parameter: factor on sigma."""
    from bm4d import bm4d as run

    volume = np.ascontiguousarray(frames.transpose(1, 2, 0), np.float64)
    restored = np.asarray(run(volume, parameter * sigma)).reshape(volume.shape)
    return restored.transpose(2, 0, 1)


def low_rank(
    frames: np.ndarray, sigma: float, parameter: float, hard: bool, patch: int = 7, step: int = 3
) -> np.ndarray:
    r"""Locally low rank: singular values of space-time patches thresholded, overlaps averaged.

    .. math:: \tau = \text{parameter} \cdot \sigma (\sqrt{p} + \sqrt{T})

    the largest singular value that noise alone gives a patch of p pixels and T frames.

    Args:
        frames: (frame, height, width).
        sigma: Noise.
        parameter: Factor on the threshold.
        hard: Hard instead of soft thresholding.
        patch: Side of a patch [pixels].
        step: From one patch to the next [pixels].

    References:
        Trzasko and Manduca 2011, ISMRM 4371; Marchenko and Pastur 1967.
    """
    n_frames, height, width = frames.shape
    total, weight = np.zeros(frames.shape), np.zeros((height, width))
    threshold = parameter * sigma * (patch + np.sqrt(n_frames))
    for y in sorted({*range(0, height - patch + 1, step), height - patch}):
        for x in sorted({*range(0, width - patch + 1, step), width - patch}):
            place = np.s_[y : y + patch, x : x + patch]
            matrix = frames[:, *place].reshape(n_frames, -1).astype(np.float64)
            mean = matrix.mean(0)
            energy, basis = np.linalg.eigh((matrix - mean).T @ (matrix - mean))
            singular = np.sqrt(np.maximum(energy, 1e-20))
            gain = singular > threshold if hard else np.maximum(1 - threshold / singular, 0)
            kept = (matrix - mean) @ (basis * gain) @ basis.T + mean
            total[:, *place] += kept.reshape(n_frames, patch, patch)
            weight[place] += 1
    return total / weight


def low_rank_hard(frames: np.ndarray, sigma: float, parameter: float) -> np.ndarray:
    """Locally low rank with hard thresholding."""
    return low_rank(frames, sigma, parameter, hard=True)


def low_rank_soft(frames: np.ndarray, sigma: float, parameter: float) -> np.ndarray:
    """Locally low rank with soft thresholding."""
    return low_rank(frames, sigma, parameter, hard=False)


_PATCH = 15  # [pixels]; a patch must hold more pixels than there are frames


def _patch_denoise(method: str, frames: np.ndarray, **options: object) -> np.ndarray:
    from patch_denoise import denoise

    logging.getLogger("patch_denoise").setLevel(logging.ERROR)
    patch, overlap = _PATCH, 10
    step = patch - overlap
    height, width = frames.shape[1:]
    # padded so that patches tile exactly: what no patch covers comes back as not a number
    pad = ((0, 0), (0, -(height - patch) % step), (0, -(width - patch) % step))
    volume = np.ascontiguousarray(np.pad(frames, pad, "reflect").transpose(1, 2, 0)[:, :, None])
    with np.errstate(invalid="ignore"):
        restored = getattr(denoise, method)(
            volume.astype(np.float32),
            patch_shape=(patch, patch, 1),
            patch_overlap=(overlap, overlap, 0),
            mask=np.ones(volume.shape[:3], bool),
            mask_threshold=0,
            progbar=False,
            **options,
        )[0]
    return np.asarray(restored)[:height, :width, 0].transpose(2, 0, 1)


def patch_optimal(frames: np.ndarray, sigma: float, parameter: float) -> np.ndarray:
    """Optimal shrinkage of patches (Gavish and Donoho 2017); parameter: factor on sigma."""
    # version 1.4.4: its Frobenius shrinker divides inside the root, the operator one does not;
    # both scale by the root of the frames where the larger side of the patch is meant
    scale = np.sqrt(max(_PATCH**2 / len(frames), 1.0))
    noise = parameter * sigma * scale
    return _patch_denoise("optimal_thresholding", frames, noise_std=noise, loss="ope")


def patch_nordic(frames: np.ndarray, sigma: float, parameter: float) -> np.ndarray:
    """NORDIC (Moeller 2021); parameter: factor on sigma."""
    # version 1.4.4 draws its noise matrix with the frames counted twice among the rows: undone
    pixels, n_frames = _PATCH**2, len(frames)
    drawn = np.sqrt(pixels * n_frames) + np.sqrt(n_frames)
    scale = (np.sqrt(pixels) + np.sqrt(n_frames)) / drawn
    state = np.random.get_state()  # noqa: NPY002, the package draws from the global source
    np.random.seed(0)  # noqa: NPY002
    try:
        return _patch_denoise("nordic", frames, noise_std=parameter * sigma * scale)
    finally:
        np.random.set_state(state)  # noqa: NPY002


def patch_mppca(frames: np.ndarray, sigma: float, parameter: float) -> np.ndarray:
    """MP-PCA (Veraart 2016); parameter: factor on its own threshold."""
    return _patch_denoise("mp_pca", frames, threshold_scale=parameter)


def dipy_local_pca(frames: np.ndarray, sigma: float, parameter: float) -> np.ndarray:
    """DIPY's local PCA (Manjon 2013); parameter: tau."""
    from dipy.denoise.localpca import localpca

    volume = frames.transpose(1, 2, 0)[:, :, None].astype(np.float32) * 1000
    noise = np.full(volume.shape[:3], sigma * 1000, np.float32)
    radius = np.array([3, 3, 0])
    options = dict(patch_radius=radius, tau_factor=parameter, correct_bias=False)
    restored = localpca(volume, sigma=noise, suppress_warning=True, **options)
    return np.asarray(restored)[:, :, 0].transpose(2, 0, 1) / 1000


_FACTORS = (0.5, 0.75, 1.0, 1.4, 2.0)
PEERS = (
    Peer("temporal Gaussian", temporal_gaussian, "width [frames]", 1.0, (0.3, 0.5, 0.8, 1.2, 2)),
    Peer(
        "temporal median", temporal_median, "length [frames]", 3, (1, 3, 5, 7, 9, 13), None, False
    ),
    Peer("3-D total variation", total_variation, "weight / sigma", 1.0, _FACTORS, "skimage"),
    Peer("3-D NLM", nonlocal_means, "h / sigma", 0.8, (0.3, 0.5, 0.8, 1.2, 2), "skimage"),
    Peer("OpenCV NLM multi", opencv_nonlocal_means, "h / sigma", 1.0, _FACTORS, "cv2"),
    Peer("BM4D", bm4d, "sigma factor", 1.0, (0.5, 1.0, 2.0), "bm4d"),
    Peer("low rank, hard", low_rank_hard, "threshold factor", 1.0, _FACTORS),
    Peer("low rank, soft", low_rank_soft, "threshold factor", 0.5, (0.1, 0.25, 0.5, 0.75, 1)),
    Peer("patch-denoise optimal", patch_optimal, "sigma factor", 1.0, _FACTORS, "patch_denoise"),
    Peer("NORDIC", patch_nordic, "sigma factor", 1.0, _FACTORS, "patch_denoise"),
    Peer("MP-PCA", patch_mppca, "threshold factor", 1.0, _FACTORS, "patch_denoise"),
    Peer("DIPY local PCA", dipy_local_pca, "tau", 2.3, (0.5, 1.0, 1.6, 2.3, 3.2), "dipy"),
)
