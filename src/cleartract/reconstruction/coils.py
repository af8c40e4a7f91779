"""Receive coils: whitening their noise, fewer virtual ones, and their sensitivities."""

from __future__ import annotations

import numpy as np
import scipy.ndimage

_FLOOR = 1e-6  # of a noise variance, relative to the mean one


def whitening(noise: np.ndarray) -> np.ndarray:
    r"""Matrix that makes the noise of all coils independent and equal.

    .. math:: W = L^{-1}, \quad L L^H = \langle n n^H \rangle

    scaled so that the mean noise variance stays.

    Args:
        noise: Samples without signal, (coil, sample).

    Returns:
        (coil, coil) complex64.

    References:
        Pruessmann et al. 2001, Magn Reson Med 46:638, Appendix A.
    """
    covariance = (noise @ noise.conj().T / noise.shape[1]).astype(np.complex128)
    mean = np.trace(covariance).real / len(noise)
    covariance += _FLOOR * mean * np.eye(len(noise))
    lower = np.linalg.cholesky(covariance / mean)
    return np.linalg.inv(lower).astype(np.complex64)


def virtual_coils(samples: np.ndarray, most: int) -> np.ndarray:
    """Combinations of coils that keep most of the signal: the leading principal components.

    Args:
        samples: (coil, sample).
        most: Largest number of virtual coils.

    Returns:
        (virtual coil, coil) complex64; the identity where there are not more coils.

    References:
        Buehrer et al. 2007, Magn Reson Med 57:1131.
    """
    if len(samples) <= most:
        return np.eye(len(samples), dtype=np.complex64)
    _, vectors = np.linalg.eigh(samples @ samples.conj().T)
    return vectors[:, ::-1][:, :most].conj().T.astype(np.complex64)


def walsh_maps(images: np.ndarray, width: int = 7) -> np.ndarray:
    """Coil sensitivities: in each neighbourhood the leading eigenvector of the coils' covariance.

    Args:
        images: The same object as each coil sees it, (coil, N, N).
        width: Of the neighbourhood [pixels].

    Returns:
        (coil, N, N) complex64 of unit sum of squares. Their common phase, which no data can tell
        from that of the object, is smooth.

    References:
        Walsh et al. 2000, Magn Reson Med 43:682.
    """
    products = images[:, None] * images[None].conj()
    smooth = (1, 1, width, width)
    covariance = scipy.ndimage.uniform_filter(products.real, smooth) + 1j * (
        scipy.ndimage.uniform_filter(products.imag, smooth)
    )
    _, vectors = np.linalg.eigh(covariance.transpose(2, 3, 0, 1))
    maps = vectors[..., -1].transpose(2, 0, 1)
    _, common = np.linalg.eigh(products.sum((2, 3)))
    aligned = (maps.conj() * common[:, -1, None, None]).sum(0)
    maps = maps * np.exp(1j * np.angle(aligned))
    return maps.astype(np.complex64)
