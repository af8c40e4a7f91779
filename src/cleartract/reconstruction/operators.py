"""Linear encoding operators with `forward` and `adjoint`."""

from __future__ import annotations

import finufft
import numpy as np
import scipy.fft


class NonuniformFourier:
    r"""Image to k-space samples at any positions.

    .. math:: y_m = \sum_{r} x_r e^{-i k_m \cdot r}, \quad r \in \{-N/2, \dots, N/2 - 1\}^2

    Args:
        points: k-space positions kx + i ky [rad/pixel], (sample,).
        size: Pixels N along each side.
        images: Images transformed together (coils).
        accuracy: Relative accuracy of the fast transform (finufft).
    """

    def __init__(self, points: np.ndarray, size: int, images: int = 1, accuracy: float = 1e-4):
        self.shape_in, self.shape_out = (images, size, size), (images, len(points))
        y, x = (np.ascontiguousarray(p, np.float32) for p in (points.imag, points.real))
        options = dict(n_trans=images, eps=accuracy, dtype="complex64", nthreads=1)
        self._forward = finufft.Plan(2, (size, size), isign=-1, **options)
        self._adjoint = finufft.Plan(1, (size, size), isign=1, **options)
        self._points = (y, x)  # the plans keep pointers to these
        for plan in (self._forward, self._adjoint):
            plan.setpts(y, x)

    def forward(self, images: np.ndarray) -> np.ndarray:
        """(coil, y, x) -> (coil, sample)."""
        data = np.ascontiguousarray(images, np.complex64).reshape(self.shape_in)
        return self._forward.execute(data if len(data) > 1 else data[0]).reshape(self.shape_out)

    def adjoint(self, samples: np.ndarray) -> np.ndarray:
        """(coil, sample) -> (coil, y, x)."""
        data = np.ascontiguousarray(samples, np.complex64).reshape(self.shape_out)
        return self._adjoint.execute(data if len(data) > 1 else data[0]).reshape(self.shape_in)


class ToeplitzNormal:
    """Normal operator E^H W E of one frame by convolution on a doubled grid.

    Args:
        points: k-space positions [rad/pixel], (sample,).
        weights: Density compensation W, (sample,).
        maps: Coil sensitivities, (coil, y, x) complex64.

    References:
        Fessler et al. 2005, IEEE Trans Signal Process 53:3393.
    """

    def __init__(self, points: np.ndarray, weights: np.ndarray, maps: np.ndarray):
        self._maps, self._size = maps, maps.shape[-1]
        doubled = NonuniformFourier(points, 2 * self._size, accuracy=1e-5)
        kernel = np.fft.ifftshift(doubled.adjoint(weights[None])[0])
        self._spectrum = scipy.fft.fft2(kernel).real.astype(np.float32)

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """(y, x) -> (y, x)."""
        n = self._size
        spectrum = scipy.fft.fft2(self._maps * image, s=(2 * n, 2 * n))
        spectrum *= self._spectrum
        filtered = scipy.fft.ifft2(spectrum, overwrite_x=True)[:, :n, :n]
        return (np.conj(self._maps) * filtered).sum(0)
