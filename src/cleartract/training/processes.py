"""Training in several processes, started by torchrun: each works on its share of every batch."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as distributed
from torch import nn

from cleartract.errors import UsageError


@dataclass(frozen=True)
class Processes:
    """The processes of a run and which of them this is.

    Attributes:
        rank: Number of this process; 0 writes the files.
        count: Number of processes.
        local: Number of this process on its host, and of its GPU.
    """

    rank: int = 0
    count: int = 1
    local: int = 0

    @classmethod
    def joined(cls, device: str) -> Processes:
        """Join the processes that torchrun started, or be alone.

        Args:
            device: `cuda` or `cpu`; decides how gradients travel.
        """
        count = int(os.environ.get("WORLD_SIZE", "1"))
        if count == 1:
            return cls()
        if not distributed.is_initialized():
            cuda = device.startswith("cuda")
            if cuda:
                torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
            backend = "nccl" if cuda else "gloo"
            # rank 0 may train the audio encoder for long before the others go on
            distributed.init_process_group(backend, timeout=timedelta(hours=6))
        local = int(os.environ.get("LOCAL_RANK", "0"))
        return cls(distributed.get_rank(), distributed.get_world_size(), local)

    def share(self, batch: int) -> range:
        """Rows of a batch that this process works on.

        Raises:
            UsageError: If there are fewer rows than processes.
        """
        if batch < self.count:
            raise UsageError(f"a batch of {batch} windows is too small for {self.count} processes")
        return range(self.rank, batch, self.count)

    def copy_from_first(self, model: nn.Module) -> None:
        """Make all processes start from the state of process 0."""
        if self.count > 1:
            for tensor in model.state_dict().values():
                distributed.broadcast(tensor, 0)

    def sum_gradients(self, model: nn.Module) -> None:
        """Replace every gradient by the sum over all processes."""
        if self.count == 1:
            return
        trained = [p for p in model.parameters() if p.requires_grad]
        for parameter in trained:
            if parameter.grad is None:  # this share of the batch did not use it
                parameter.grad = torch.zeros_like(parameter)
        flat = torch.cat([p.grad.flatten() for p in trained if p.grad is not None])
        distributed.all_reduce(flat)
        position = 0
        for parameter in trained:
            part = flat[position : position + parameter.numel()]
            parameter.grad = part.view_as(parameter).clone()
            position += parameter.numel()

    def gathered(self, values: list) -> list:
        """Items of the lists of all processes, one list after the other."""
        if self.count == 1:
            return values
        lists: list = [None] * self.count
        distributed.all_gather_object(lists, values)
        return [value for part in lists for value in part]

    def leave(self) -> None:
        """Wait until all processes are here, then part."""
        if self.count > 1:
            distributed.barrier()
            distributed.destroy_process_group()
