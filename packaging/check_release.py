"""Check that a tag may be released: version, citation and changelog agree with it.

python packaging/check_release.py v0.1.0
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path


def faults(tag: str, folder: Path) -> list[str]:
    """What does not agree with a tag; empty where all does.

    Args:
        tag: Such as v0.1.0.
        folder: Of the repository.
    """
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    version = project["version"]
    told = {
        "pyproject.toml": version,
        "src/cleartract/__init__.py": _found(
            folder / "src/cleartract/__init__.py", r'__version__ = "([^"]+)"'
        ),
        "CITATION.cff": _found(folder / "CITATION.cff", r"^version: (\S+)$"),
        "packaging/conda/recipe.yaml": _found(
            folder / "packaging/conda/recipe.yaml", r'^  version: "([^"]+)"$'
        ),
    }
    said = [
        f"{file}: version {found}, but the tag is {tag}"
        for file, found in told.items()
        if f"v{found}" != tag
    ]
    heading = _found(folder / "CHANGELOG.md", rf"^## {re.escape(tag.removeprefix('v'))}(.*)$")
    if heading is None:
        said.append(f"CHANGELOG.md: has no section {tag.removeprefix('v')}")
    elif "unreleased" in heading:
        said.append(f"CHANGELOG.md: {tag.removeprefix('v')} is unreleased; give its date")
    return said


def _found(path: Path, pattern: str) -> str | None:
    match = re.search(pattern, path.read_text(), re.MULTILINE)
    return match[1] if match else None


def main() -> int:
    """Print what does not agree; 1 if anything does not."""
    if len(sys.argv) != 2:
        print("give the tag: python packaging/check_release.py v0.1.0", file=sys.stderr)
        return 2
    said = faults(sys.argv[1], Path(__file__).resolve().parent.parent)
    for line in said:
        print(line, file=sys.stderr)
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main())
