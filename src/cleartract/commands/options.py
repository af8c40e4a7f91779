"""Options that several commands share: their types and help texts."""

from __future__ import annotations

from typing import Annotated

import tyro

Device = Annotated[str, tyro.conf.arg(help="auto, cpu or cuda.")]
Threads = Annotated[int | None, tyro.conf.arg(help="CPU threads; all cores by default.")]
Weights = Annotated[
    str | None, tyro.conf.arg(help="A .safetensors file or the name of shipped weights.")
]
MaxMemory = Annotated[
    float, tyro.conf.arg(help="Refuse, before the work, what would need more memory [GB].")
]
Overwrite = Annotated[bool, tyro.conf.arg(help="Replace results that exist.")]
