"""What is shipped: the package, its extras, the files that build and describe it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
FOR_DEVELOPERS = {"docs", "test", "all"}
SHIPPED = {
    "cleartract/py.typed",
    "cleartract/examples/speech.mp4",
    "cleartract/weights/small.safetensors",
    "cleartract/weights/base.safetensors",
    "cleartract/evaluation/naturalness.npz",
}
# a part of what the wheel needs that pip installs under another name of the module
MODULES = {
    "opencv-python-headless": "cv2", "vocaltractlab-cython": "vocaltractlab_cython",
    "pympi-ling": "pympi", "scikit-image": "skimage", "dask-jobqueue": "dask_jobqueue",
}  # fmt: skip
CONDA = {"torch": "pytorch", "soundfile": "pysoundfile", "soxr": "soxr-python"}


def named(requirement: str) -> str:
    return re.match(r"[\w.-]+", requirement)[0]


def build(kind: str, folder: Path) -> Path:
    """A wheel or an sdist of the working tree."""
    pytest.importorskip("hatchling")
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (made,) = folder.iterdir()
    return made


def static_files() -> set[str]:
    folder = ROOT / "src"
    found = (folder / "cleartract").rglob("static/**/*")
    return {str(path.relative_to(folder)) for path in found if path.is_file()}


def test_the_wheel_holds_all_that_is_needed_and_no_tests(tmp_path):
    wheel = zipfile.ZipFile(build("wheel", tmp_path))
    names = set(wheel.namelist())
    assert names >= SHIPPED
    assert static_files()
    assert names >= static_files()
    modules = {str(p.relative_to(ROOT / "src")) for p in (ROOT / "src").rglob("*.py")}
    assert names >= modules
    assert {name.split("/")[0] for name in names} == {
        "cleartract", f"cleartract-{PROJECT['version']}.dist-info",
    }  # fmt: skip
    assert not [name for name in names if "test" in name.lower() or name.endswith(".pyc")]
    assert sum(item.compress_size for item in wheel.infolist()) < 16e6


@pytest.mark.slow
def test_the_sdist_makes_the_same_wheel_and_the_wheel_works_alone(tmp_path):
    folders = [tmp_path / name for name in ("direct", "sdist", "source", "again", "site")]
    for folder in folders:
        folder.mkdir()
    direct, sdist, source, again, site = folders
    wheel = build("wheel", direct)
    with tarfile.open(build("sdist", sdist)) as archive:
        archive.extractall(source, filter="data")
    (unpacked,) = source.iterdir()
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(again)]
    subprocess.run(command, cwd=unpacked, check=True, capture_output=True)
    assert set(zipfile.ZipFile(wheel).namelist()) == set(
        zipfile.ZipFile(next(again.iterdir())).namelist()
    )
    zipfile.ZipFile(wheel).extractall(site)
    environment = os.environ | {"PYTHONPATH": str(site)}

    def run(*arguments):
        command = [sys.executable, "-m", "cleartract", *arguments]
        return subprocess.run(
            command, cwd=tmp_path, env=environment, check=True, capture_output=True, text=True
        ).stdout

    where = [sys.executable, "-c", "import cleartract; print(cleartract.__file__)"]
    found = subprocess.run(
        where, cwd=tmp_path, env=environment, check=True, capture_output=True, text=True
    )
    assert found.stdout.startswith(str(site))
    assert PROJECT["version"] in run("--version")
    assert run("doctor").endswith("all well\n")
    assert "speech_cleartract.mp4" in run("demo", "--out", "demo")


def test_the_extra_all_holds_every_extra_for_users():
    (everything,) = EXTRAS["all"]
    assert set(re.findall(r"[\w-]+", everything)) == {"cleartract", *EXTRAS} - FOR_DEVELOPERS


def test_doctor_looks_for_every_extra():
    from cleartract.commands.doctor import _EXTRAS

    assert set(_EXTRAS) == set(EXTRAS) - FOR_DEVELOPERS
    for extra, modules in _EXTRAS.items():
        named_modules = {
            MODULES.get(name, name.replace("-", "_")) for name in map(named, EXTRAS[extra])
        }
        assert set(modules) <= named_modules | {"distributed"}, extra


def test_the_core_needs_no_extra(tmp_path, moving_frames):
    """Every command that the core promises works where no library of an extra can be imported."""
    core = {named(requirement) for requirement in PROJECT["dependencies"]}
    libraries = {
        MODULES.get(name, name.replace("-", "_"))
        for extra, requirements in EXTRAS.items()
        if extra not in FOR_DEVELOPERS
        for name in map(named, requirements)
        if name not in core
    }
    assert {"h5py", "cv2", "matplotlib", "starlette", "xarray"} <= libraries
    code = f"""
import sys
for name in {sorted(libraries)!r}:
    sys.modules[name] = None  # importing it fails
from fractions import Fraction
import numpy as np
import cleartract
from cleartract.cli import main
from cleartract.errors import CorpusError
for name in cleartract.__all__:
    try:
        getattr(cleartract, name)
    except CorpusError as error:
        assert name == "train" and "cleartract[train]" in str(error), error
recording = cleartract.Recording(np.load("frames.npy"), Fraction(25))
cleartract.denoise(recording).save("noisy.mp4")
assert main(["denoise", "noisy.mp4", "--master"]) == 0
assert main(["measure", "noisy_cleartract.mp4"]) == 0
assert main(["methods", "noisy_cleartract.mp4"]) == 0
assert main(["view", "noisy.mp4", "noisy_cleartract.mp4", "--export", "page.html"]) == 0
assert main(["evaluate", "noisy.mp4"]) == 7
assert main(["denoise", "noisy.mp4", "-o", "clean.nii"]) == 6
"""
    import numpy as np

    np.save(tmp_path / "frames.npy", moving_frames)
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert found.returncode == 0, found.stderr


def test_the_public_interface_is_checked_strictly():
    import cleartract

    tool = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    strict = [part for part in tool["mypy"]["overrides"] if part.get("disallow_untyped_defs")]
    assert {"cleartract", *cleartract._PUBLIC.values()} == set(strict[0]["module"])


def check_release():
    sys.path.insert(0, str(ROOT / "packaging"))
    try:
        import check_release
    finally:
        sys.path.remove(str(ROOT / "packaging"))
    return check_release


def test_a_tag_that_disagrees_is_refused(tmp_path):
    files = (
        "pyproject.toml", "src/cleartract/__init__.py", "CITATION.cff", "CHANGELOG.md",
        "packaging/conda/recipe.yaml",
    )  # fmt: skip
    version = PROJECT["version"]
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text((ROOT / name).read_text())
    changes = tmp_path / "CHANGELOG.md"
    changes.write_text(
        re.sub(r"(## [\d.]+) \(unreleased\)", r"\1 (2026-12-01)", changes.read_text())
    )
    faults = check_release().faults
    assert faults(f"v{version}", tmp_path) == []
    assert len(faults("v9.9.9", tmp_path)) == len(files)
    assert len(faults(version, tmp_path)) == len(files) - 1  # a tag begins with v
    changes.write_text(changes.read_text().replace("(2026-12-01)", "(unreleased)"))
    assert faults(f"v{version}", tmp_path) == [
        f"CHANGELOG.md: {version} is unreleased; give its date"
    ]


def test_citations_agree():
    described = json.loads((ROOT / ".zenodo.json").read_text())
    citation = (ROOT / "CITATION.cff").read_text()
    assert described["title"] in citation
    assert f"version: {PROJECT['version']}\n" in citation
    assert f"license: {described['license']}" in citation
    assert all(f"  - {word}\n" in citation for word in described["keywords"])


def test_the_conda_recipe_has_the_dependencies():
    text = (ROOT / "packaging" / "conda" / "recipe.yaml").read_text()
    listed = re.findall(r"^    - (\S+) (>=\S+)$", text.partition("  run:")[2], re.MULTILINE)
    wanted = {
        (CONDA.get(named(r), named(r)), r[len(named(r)) :]) for r in PROJECT["dependencies"]
    } | {("python", PROJECT["requires-python"])}
    assert set(listed) == wanted


def test_the_container_passes_a_linter():
    linter = Path(sys.executable).with_name("hadolint")
    if not linter.exists():
        pytest.skip("hadolint is not installed")
    found = subprocess.run([linter, ROOT / "Dockerfile"], capture_output=True, text=True)
    assert found.returncode == 0, found.stdout


def test_the_container_is_built_of_what_is_there():
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line.split(" ", 1) for line in text.splitlines() if line and not line.startswith("#")]
    ignored = (ROOT / ".dockerignore").read_text()
    for instruction, rest in lines:
        if instruction == "COPY" and not rest.startswith("--from"):
            for source in rest.split()[:-1]:
                assert (ROOT / source).exists(), source
                assert f"!{source}\n" in ignored, source
        if instruction == "RUN" and "pip install" in rest:
            assert "--constraint constraints.txt" in rest
    users = [rest for instruction, rest in lines if instruction == "USER"]
    assert users, "it does not run as root"
    assert json.loads(dict(lines)["ENTRYPOINT"]) == ["cleartract"], "signals reach the program"


def test_the_apptainer_image_is_the_same():
    text = (ROOT / "apptainer.def").read_text()
    docker = (ROOT / "Dockerfile").read_text()
    sections = dict(re.findall(r"^%(\w+)\n(.*?)(?=^%|\Z)", text, re.MULTILINE | re.DOTALL))
    assert set(sections) >= {"files", "post", "environment", "runscript", "test", "help"}
    (image,) = re.findall(r"^From: (\S+)$", text, re.MULTILINE)
    assert f"FROM {image}\n" in docker
    (command,) = re.findall(r"pip install .*", sections["post"])
    assert command in docker
    for line in sections["files"].split("\n"):
        if line.strip():
            assert (ROOT / line.split()[0]).exists(), line


def test_forms_and_workflows_are_well_formed():
    yaml = pytest.importorskip("yaml")
    folder = ROOT / ".github"
    forms = [p for p in (folder / "ISSUE_TEMPLATE").glob("*.yml") if p.name != "config.yml"]
    assert len(forms) == 3
    for path in forms:
        form = yaml.safe_load(path.read_text())
        assert {"name", "description", "body"} <= set(form)
        ids = [part["id"] for part in form["body"]]
        assert len(ids) == len(set(ids))
        for part in form["body"]:
            assert part["type"] in ("textarea", "checkboxes")
            assert part["attributes"]["label"]
    release = yaml.safe_load((folder / "workflows" / "release.yml").read_text())
    assert release["permissions"] == {"contents": "read"}
    assert release["jobs"]["publish"]["permissions"] == {"id-token": "write"}
    assert release["jobs"]["publish"]["needs"] == "build"
    steps = " ".join(str(step.get("run")) for step in release["jobs"]["build"]["steps"])
    for step in ("check_release.py", "python -m build", "cleartract doctor"):
        assert step in steps
    assert "secrets." not in (folder / "workflows" / "release.yml").read_text()
    used = [s["uses"] for job in release["jobs"].values() for s in job["steps"] if "uses" in s]
    assert used
    assert all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", one) for one in used), "named by commits"
    yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    yaml.safe_load((ROOT / "packaging" / "conda" / "recipe.yaml").read_text())
