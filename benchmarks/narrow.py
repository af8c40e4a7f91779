"""Weights of a narrower network to start training from: of the fine levels the channels most used.

python -m benchmarks.narrow base narrow.safetensors
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
import tyro
from torch import Tensor

from cleartract.model.model import Model
from cleartract.model.weights import load_model, save_model

_PREFIX = "denoiser.network."
_GROUPS = 8  # of the group normalisations: as many channels are kept of each
STEM, WIDTHS = 16, (32, 64)  # kept at the full resolution, at 1/2 and at 1/4


@dataclass(frozen=True)
class Options:
    """Cut channels of a network with three levels and one block each."""

    weights: tyro.conf.Positional[str]
    result: tyro.conf.Positional[Path]


def narrowed(model: Model) -> Model:
    """A model whose fine levels have fewer channels; everything else is taken over."""
    config = model.config
    widths = (*WIDTHS, *config.unet.widths[len(WIDTHS) :])
    unet = config.unet.model_copy(update={"stem": STEM, "widths": widths})
    result = Model(config.model_copy(update={"unet": unet}))
    cut = _Cut({k: v for k, v in model.state_dict().items()}, config.unet.widths)
    state = model.state_dict() | cut.cut()
    result.load_state_dict({name: state[name] for name in result.state_dict()})
    return result.eval()


class _Cut:
    """Chooses channels, stream by stream, and cuts the tensors that hold them."""

    def __init__(self, state: dict[str, Tensor], widths: tuple[int, ...]):
        self.state, self.widths = state, widths
        self.result: dict[str, Tensor] = {}

    def cut(self) -> dict[str, Tensor]:
        """The tensors that change."""
        wide, middle = self.widths[0], self.widths[1]
        used = self._used
        fine = self._kept(
            STEM, used("stem", 0), used("leave", 0), used("refine.second", 0), used("final", 1)
        )
        down = [
            self._kept(
                WIDTHS[level], used(source, 0), used(f"down.{level}.blocks.0.second", 0),
                used(f"reduce.{level}", 1),
                used(f"up.{level}.blocks.0.first", 1)[self.widths[level] :],
            )
            for level, source in enumerate(("enter", "reduce.0"))
        ]  # fmt: skip
        large = [
            self._kept(
                WIDTHS[level],
                used(f"enlarge.{level}", 0)
                * used(f"up.{level}.blocks.0.first", 1)[: self.widths[level]],
            )
            for level in (0, 1)
        ]
        up = [
            self._kept(
                WIDTHS[level], used(f"up.{level}.blocks.0.second", 0),
                used(f"up.{level}.blocks.0.skip", 0), used(after, 1),
            )
            for level, after in enumerate(("leave", "enlarge.0"))
        ]  # fmt: skip
        self._layer("stem", fine)
        self._layer("enter", down[0])
        self._layer("reduce.0", down[1], down[0])
        self._layer("reduce.1", None, down[1])
        self._layer("enlarge.1", large[1])
        self._layer("enlarge.0", large[0], up[1])
        self._layer("leave", fine, up[0])
        self._layer("final", None, fine)
        self._norm("final_norm", fine)
        for level, width in enumerate((wide, middle)):
            self._block(f"down.{level}.blocks.0", down[level], down[level], WIDTHS[level])
            joined = torch.cat([large[level], down[level] + width])
            self._block(f"up.{level}.blocks.0", joined, up[level], WIDTHS[level])
        self._block("refine", fine, fine, STEM)
        return self.result

    def _tensor(self, name: str) -> Tensor:
        return self.state[_PREFIX + name]

    def _used(self, layer: str, axis: int) -> Tensor:
        """How strongly a layer uses each channel of an axis."""
        weight = self._tensor(f"{layer}.weight").float()
        return weight.transpose(0, axis).flatten(1).norm(dim=1)

    @staticmethod
    def _kept(count: int, *used: Tensor) -> Tensor:
        """The channels most used, as many of each group."""
        groups = torch.stack(used).sum(0).reshape(_GROUPS, -1)
        best = groups.topk(count // _GROUPS).indices.sort().values
        return (best + torch.arange(_GROUPS)[:, None] * groups.shape[1]).flatten()

    def _put(self, name: str, value: Tensor) -> None:
        self.result[_PREFIX + name] = value.contiguous()

    def _layer(self, name: str, out: Tensor | None, into: Tensor | None = None) -> None:
        weight, bias = self._tensor(f"{name}.weight"), self._tensor(f"{name}.bias")
        weight = weight if into is None else weight[:, into]
        self._put(f"{name}.weight", weight if out is None else weight[out])
        self._put(f"{name}.bias", bias if out is None else bias[out])

    def _norm(self, name: str, kept: Tensor) -> None:
        for part in ("weight", "bias"):
            self._put(f"{name}.{part}", self._tensor(f"{name}.{part}")[kept])

    def _block(self, name: str, into: Tensor, out: Tensor, count: int) -> None:
        inner = self._used(f"{name}.first", 0) * self._used(f"{name}.second", 1)
        between = inner.topk(count).indices.sort().values
        self._norm(f"{name}.norm", into)
        self._layer(f"{name}.first", between, into)
        self._layer(f"{name}.second", out, between)
        self._layer(f"{name}.modulate", torch.cat([between, between + len(inner)]))
        if f"{_PREFIX}{name}.skip.weight" in self.state:
            self._layer(f"{name}.skip", out, into)
        self._norm(f"{name}.temporal.norm", out)
        weight = self._tensor(f"{name}.temporal.weight")
        self._put(f"{name}.temporal.weight", weight[:, out][:, :, out])


def main(options: Options) -> None:
    model, _ = load_model(options.weights)
    save_model(narrowed(model), options.result, {"steps": 0})


if __name__ == "__main__":
    main(tyro.cli(Options))
