"""Standard reconstructions: view-shared gridding and CG-SENSE with temporal regularisation."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np

from cleartract.reconstruction.operators import NonuniformFourier, ToeplitzNormal
from cleartract.reconstruction.sampling import Sampling

_RIDGE = 1e-3  # small quadratic penalty of CG-SENSE


def coil_images(sampling: Sampling, data: np.ndarray, first: int = 0) -> np.ndarray:
    """Gridding of all arms given, one image for each coil.

    Args:
        sampling: How the data were acquired.
        data: Samples, (coil, arm, sample).
        first: Number of the first of these arms in the scan.

    Returns:
        (coil, N, N) complex64, of unit gain if the arms are `interleaves`.
    """
    coils, arms = len(data), range(first, first + data.shape[1])
    operator = NonuniformFourier(sampling.points(arms), sampling.size, coils)
    return operator.adjoint((data * sampling.weights()).reshape(coils, -1))


class Reconstruction:
    """Reconstructs (coil, arm, sample) data of one scan into complex frames.

    Args:
        sampling: How the data were acquired.
        maps: Coil sensitivities of unit sum of squares, (coil, N, N) complex64.
    """

    def __init__(self, sampling: Sampling, maps: np.ndarray):
        self.sampling, self.maps = sampling, maps
        self._weights = sampling.weights()
        self._operators: dict[Hashable, NonuniformFourier] = {}
        self._normals: dict[Hashable, ToeplitzNormal] = {}

    def frames_of(self, n_arms: int, width: int) -> list[range]:
        """Arms of each frame: `width` around its centre, fewer at the ends of the recording."""
        step, frames = self.sampling.arms_per_frame, []
        for centre in np.arange(n_arms // step) * step + step / 2:
            first = int(centre - width / 2)
            frames.append(range(max(0, first), min(n_arms, first + width)))
        return frames

    def _cached(self, cache: dict, arms: range, make):
        key = self.sampling.key(arms)
        if key not in cache:
            if len(cache) > 64:  # golden angles never come back
                cache.clear()
            cache[key] = make(self.sampling.points(arms))
        return cache[key]

    def _adjoint(self, data: np.ndarray, arms: range) -> np.ndarray:
        """Gridding of the data of some arms, (coil, arm, sample) -> (coil, N, N)."""
        coils, size = len(self.maps), self.sampling.size
        operator = self._cached(
            self._operators, arms, lambda points: NonuniformFourier(points, size, coils)
        )
        return operator.adjoint((data * self._weights).reshape(coils, -1))

    def combined(self, images: np.ndarray) -> np.ndarray:
        """Images of all coils as one, (coil, N, N) -> (N, N).

        References:
            Roemer et al. 1990, Magn Reson Med 16:192.
        """
        return (np.conj(self.maps) * images).sum(0)

    def view_shared(self, data: np.ndarray, width: int | None = None, first: int = 0) -> np.ndarray:
        """Gridding of the interleaves nearest in time to each frame, combined over coils.

        Args:
            data: Samples, (coil, arm, sample).
            width: Arms that a frame uses, fewer at the ends of the recording; by default all
                interleaves.
            first: Number of the first of these arms in the scan.

        Returns:
            Complex frames, (frame, N, N).
        """
        n_arms, size = data.shape[1], self.sampling.size
        total = np.zeros((n_arms + 1, len(self.maps), size, size), np.complex64)
        for arm in range(n_arms):
            place = range(first + arm, first + arm + 1)
            total[arm + 1] = total[arm] + self._adjoint(data[:, arm : arm + 1], place)
        frames = []
        for arms in self.frames_of(n_arms, width or self.sampling.interleaves):
            gain = self.sampling.interleaves / len(arms)
            frames.append(self.combined(total[arms.stop] - total[arms.start]) * gain)
        return np.stack(frames).astype(np.complex64)

    def fully_sampled(self, data: np.ndarray, regularised: bool, iterations: int = 6) -> np.ndarray:
        """One frame of data that sample k-space fully: what the reconstruction would show of it.

        Args:
            data: Samples of all interleaves, (coil, interleaf, sample).
            regularised: By CG-SENSE, else by gridding.
            iterations: Of conjugate gradients.

        Returns:
            Complex frame, (N, N).
        """
        arms = range(data.shape[1])
        frame = self.combined(self._adjoint(data, arms))
        if not regularised:
            return frame
        weights = np.tile(self._weights, len(arms))
        normal = self._cached(
            self._normals, arms, lambda points: ToeplitzNormal(points, weights, self.maps)
        )

        def system(x: np.ndarray) -> np.ndarray:
            return normal(x) + np.float32(_RIDGE) * x

        return _conjugate_gradients(
            system, frame, np.zeros_like(frame), iterations, start_zero=True
        )

    def cg_sense(
        self,
        data: np.ndarray,
        temporal: float = 0.6,
        iterations: int = 6,
        reweightings: int = 1,
        ridge: float = _RIDGE,
        width: int | None = None,
        first: int = 0,
        bright: float | None = None,
    ) -> np.ndarray:
        r"""CG-SENSE of all frames jointly with a penalty on temporal differences.

        .. math:: \min_x \|W^{1/2}(E x - y)\|^2 + \lambda \sum_f w_f |x_{f+1} - x_f|^2
                  + \epsilon \|x\|^2

        Reweighting w by 1/|difference| moves the quadratic penalty towards temporal total
        variation, as used for the public 75-speaker set.

        Args:
            data: Samples, (coil, arm, sample).
            temporal: Weight of the temporal penalty.
            iterations: Conjugate-gradient iterations per (re)weighting.
            reweightings: How often the weights are updated.
            ridge: Small quadratic penalty.
            width: Arms that a frame uses, fewer at the ends; by default the new ones only.
            first: Number of the first of these arms in the scan.
            bright: Magnitude of bright tissue, against which differences are large or small; by
                default the 95th percentile of the frames.

        Returns:
            Complex frames, (frame, N, N).

        References:
            Pruessmann et al. 2001, Magn Reson Med 46:638; Lim et al. 2021, Sci Data 8:187.
        """
        n_arms = data.shape[1]
        frames = self.frames_of(n_arms, width or self.sampling.arms_per_frame)
        n_frames, normals, right, gains = len(frames), [], [], []
        for arms in frames:
            weights = np.tile(self._weights, len(arms))
            scan = range(first + arms.start, first + arms.stop)
            normals.append(
                self._cached(
                    self._normals,
                    scan,
                    lambda points, weights=weights: ToeplitzNormal(points, weights, self.maps),
                )
            )
            part = self._adjoint(data[:, arms.start : arms.stop], scan)
            gains.append(np.float32(self.sampling.interleaves / len(arms)))
            right.append(gains[-1] * self.combined(part))
        wanted = np.stack(right)
        penalty = np.float32(temporal) * np.ones((n_frames - 1, 1, 1), np.float32)

        def system(x: np.ndarray) -> np.ndarray:
            parts = zip(gains, normals, x, strict=True)
            result = np.stack([gain * normal(frame) for gain, normal, frame in parts])
            difference = penalty * (x[1:] - x[:-1])
            result += np.float32(ridge) * x
            result[:-1] -= difference
            result[1:] += difference
            return result

        x = np.zeros_like(wanted)
        for round_ in range(reweightings + 1):
            x = _conjugate_gradients(system, wanted, x, iterations, start_zero=round_ == 0)
            step = np.abs(x[1:] - x[:-1])
            scale = 0.1 * (bright or np.percentile(np.abs(x), 95))
            reweight = scale / np.sqrt(step**2 + (0.3 * scale) ** 2)
            penalty = (temporal * reweight).astype(np.float32)
        return x.astype(np.complex64)


def _conjugate_gradients(system, right, x, iterations: int, start_zero: bool) -> np.ndarray:
    residual = right.copy() if start_zero else right - system(x)
    direction = residual.copy()
    energy = float((np.abs(residual) ** 2).sum())
    for _ in range(iterations):
        if energy == 0:
            break
        image = system(direction)
        length = np.float32(energy / np.vdot(direction, image).real)
        x = x + length * direction
        residual = residual - length * image
        new_energy = float((np.abs(residual) ** 2).sum())
        direction = residual + np.float32(new_energy / energy) * direction
        energy = new_energy
    return x
