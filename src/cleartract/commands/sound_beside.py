"""The sound of a result that holds none, as far as commands are concerned."""

from __future__ import annotations

import filecmp
import tempfile
from pathlib import Path

from cleartract.commands.outputs import check_place
from cleartract.errors import OutputError
from cleartract.files import naming
from cleartract.recordings.companion import write_companion
from cleartract.recordings.sidecar import sidecar_of
from cleartract.recordings.sound import Sound


def is_beside(
    targets: dict[str, Path], sound: Sound | None, sources: list[Path], overwrite: bool
) -> bool:
    """Whether the sound is there already, with the same bytes, so that it need not be written.

    Args:
        targets: Files to write; `sound` may be among them.
        sound: What would be written.
        sources: Files that are read.
        overwrite: Whether the sound of an earlier result may be replaced.

    Raises:
        OutputError: If a file is there that may not be replaced.
    """
    target = targets.get("sound")
    if target is None or sound is None:
        return False
    check_place(target, sources)
    if not target.exists():
        return False
    with tempfile.TemporaryDirectory() as folder, naming(target):
        write_companion(made := Path(folder) / target.name, sound)
        if filecmp.cmp(made, target, shallow=False):
            return True
    if not overwrite:
        raise OutputError(f"{target}: exists; give --overwrite or another -o")
    written = sidecar_of(targets["result"]).get("outputs")
    named = written.get("sound") if isinstance(written, dict) else None
    if not isinstance(named, str) or Path(named).name != target.name:
        raise OutputError(
            f"{target}: exists, and is not the sound of an earlier result; choose another -o"
        )
    return False


def tell_sound_beside(targets: dict[str, Path]) -> None:
    """Print where the sound is."""
    if "sound" in targets:
        print(f"{targets['sound']}: the sound, beside frames that hold none")
