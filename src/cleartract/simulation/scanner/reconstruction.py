"""Standard reconstructions: view-shared gridding and CG-SENSE with temporal regularisation."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np

from cleartract.simulation.scanner.operators import NonuniformFourier, ToeplitzNormal
from cleartract.simulation.scanner.trajectories import Protocol, arm_points, density_compensation

_RIDGE = 1e-3  # small quadratic penalty of CG-SENSE


class Reconstruction:
    """Reconstructs (coil, arm, sample) data of one scan session into complex frames.

    Args:
        protocol: How the data were acquired.
        maps: Coil sensitivities of unit sum of squares, (coil, N, N) complex64.
    """

    def __init__(self, protocol: Protocol, maps: np.ndarray):
        self.protocol, self.maps = protocol, maps
        self._weights = density_compensation(protocol)
        self._operators: dict[Hashable, NonuniformFourier] = {}
        self._normals: dict[Hashable, ToeplitzNormal] = {}

    def _cached(self, cache: dict, arms: range, make):
        key = tuple(self.protocol.angle(a) for a in arms)
        if key not in cache:
            if len(cache) > 64:  # golden angles never come back
                cache.clear()
            cache[key] = make(arm_points(self.protocol, arms))
        return cache[key]

    def _adjoint(self, data: np.ndarray, arms: range) -> np.ndarray:
        coils, size = len(self.maps), self.protocol.size
        operator = self._cached(
            self._operators, arms, lambda points: NonuniformFourier(points, size, coils)
        )
        weighted = data[:, arms.start : arms.stop] * self._weights
        return operator.adjoint(weighted.reshape(coils, -1))

    def view_shared(self, data: np.ndarray) -> np.ndarray:
        """Gridding of all interleaves nearest in time to each frame, combined over coils.

        Args:
            data: Samples, (coil, arm, sample).

        Returns:
            Complex frames, (frame, N, N). Each uses `interleaves` arms around its centre, fewer
            at the ends of the recording.

        References:
            Roemer et al. 1990, Magn Reson Med 16:192 (coil combination).
        """
        n_arms, per_frame = data.shape[1], self.protocol.arms_per_frame
        width = self.protocol.interleaves
        pieces = [self._adjoint(data, range(arm, arm + 1)) for arm in range(n_arms)]
        total = np.cumsum([np.zeros_like(pieces[0]), *pieces], axis=0)
        frames = []
        for centre in np.arange(per_frame / 2, n_arms + 1e-6, per_frame):
            first = max(0, int(centre - width / 2))
            last = min(n_arms, int(centre - width / 2) + width)
            gain = width / (last - first)
            frames.append((np.conj(self.maps) * (total[last] - total[first])).sum(0) * gain)
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
        frame = (np.conj(self.maps) * self._adjoint(data, arms)).sum(0)
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

        Returns:
            Complex frames, (frame, N, N).

        References:
            Pruessmann et al. 2001, Magn Reson Med 46:638; Lim et al. 2021, Sci Data 8:187.
        """
        n_frames = data.shape[1] // self.protocol.arms_per_frame
        gain = np.float32(self.protocol.interleaves / self.protocol.arms_per_frame)
        frames = [self.protocol.arms_of_frame(f) for f in range(n_frames)]
        weights = np.tile(self._weights, self.protocol.arms_per_frame)
        normals = [
            self._cached(
                self._normals, arms, lambda points: ToeplitzNormal(points, weights, self.maps)
            )
            for arms in frames
        ]
        right = gain * np.stack(
            [(np.conj(self.maps) * self._adjoint(data, arms)).sum(0) for arms in frames]
        )
        penalty = np.float32(temporal) * np.ones((n_frames - 1, 1, 1), np.float32)

        def system(x: np.ndarray) -> np.ndarray:
            result = np.stack([gain * normal(f) for normal, f in zip(normals, x, strict=True)])
            difference = penalty * (x[1:] - x[:-1])
            result += np.float32(ridge) * x
            result[:-1] -= difference
            result[1:] += difference
            return result

        x = np.zeros_like(right)
        for round_ in range(reweightings + 1):
            x = _conjugate_gradients(system, right, x, iterations, start_zero=round_ == 0)
            step = np.abs(x[1:] - x[:-1])
            scale = 0.1 * np.percentile(np.abs(x), 95)
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
