import errno
import os

import pytest

from cleartract.errors import OutputError
from cleartract.files import AtomicFiles, atomic, file_name, naming


def test_a_file_appears_whole(tmp_path):
    target = tmp_path / "folder" / "a.txt"
    with atomic(target) as temporary:
        temporary.write_text("new")
        assert not target.exists()
        assert temporary.parent == target.parent
        assert temporary.suffix == ".txt"
    assert target.read_text() == "new"
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_nothing_changes_where_something_goes_wrong(tmp_path, error):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(error), atomic(target) as temporary:  # noqa: PT012
        temporary.write_text("half")
        raise error
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_files_take_their_names_together(tmp_path):
    one, two = tmp_path / "1.txt", tmp_path / "2.txt"
    with AtomicFiles() as files:
        for target in (one, two):
            files.add(target).write_text(target.stem)
            assert not one.exists()
            assert not two.exists()
    assert (one.read_text(), two.read_text()) == ("1", "2")
    with pytest.raises(ValueError, match="late"), AtomicFiles() as files:  # noqa: PT012
        files.add(one).write_text("new")
        files.add(two)
        raise ValueError("late")
    assert (one.read_text(), two.read_text()) == ("1", "2")
    assert sorted(tmp_path.iterdir()) == [one, two]


def test_temporary_names_may_lie_in_a_folder_of_their_own(tmp_path):
    folder, target = tmp_path / "partial", tmp_path / "a.txt"
    folder.mkdir()
    with AtomicFiles(folder) as files:
        place = files.add(target)
        assert place.parent == folder
        place.write_text("x")
    assert target.read_text() == "x"
    assert not list(folder.iterdir())


def test_errors_name_the_file_that_failed(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(OutputError, match=r"file/a\.txt: cannot be written"),
        AtomicFiles() as files,
    ):
        files.add(tmp_path / "file" / "a.txt")
    words = r"b\.avi: cannot be written \(disk full\)"
    with pytest.raises(OutputError, match=words), naming(tmp_path / "b.avi"):
        raise OSError(28, "disk full")


def test_a_result_that_was_not_made_is_an_error(tmp_path):
    with pytest.raises(OutputError, match=r"a\.txt: cannot be written"), AtomicFiles() as files:
        files.add(tmp_path / "a.txt")


def test_temporary_files_are_new_and_cannot_be_foreseen(tmp_path, monkeypatch):
    target, victim = tmp_path / "a.txt", tmp_path / "victim"
    victim.write_text("precious")
    with AtomicFiles() as files:
        first, second = files.add(target), files.add(tmp_path / "b.txt")
        first.write_text("1")
        second.write_text("2")
        assert first.exists()
        assert first.name.split(".")[2] != second.name.split(".")[2]
    monkeypatch.setattr("cleartract.files.secrets.token_hex", lambda _: "known")
    (tmp_path / ".a.known.partial.txt").symlink_to(victim)
    with pytest.raises(OutputError, match=r"a\.txt: cannot be written"), atomic(target):
        pass
    assert victim.read_text() == "precious"


def test_temporary_files_get_the_rights_of_other_files(tmp_path):
    plain, target = tmp_path / "plain", tmp_path / "a.txt"
    plain.write_text("x")
    with atomic(target) as temporary:
        temporary.write_text("x")
    assert target.stat().st_mode == plain.stat().st_mode


@pytest.mark.parametrize("links", [True, False])
def test_a_file_that_appears_meanwhile_is_kept(tmp_path, monkeypatch, links):
    def no_links(*_):
        raise PermissionError(errno.EPERM, "no links here")

    if not links:
        monkeypatch.setattr(os, "link", no_links)
    first, second = tmp_path / "1.txt", tmp_path / "2.txt"

    def write(replace):
        with AtomicFiles(replace=replace) as files:
            for target in (first, second):
                files.add(target).write_text("ours")
            second.write_text("theirs")

    with pytest.raises(OutputError, match=r"2\.txt: .*meanwhile; give --overwrite"):
        write(replace=False)
    assert second.read_text() == "theirs"
    assert list(tmp_path.iterdir()) == [second]
    write(replace=True)
    assert (first.read_text(), second.read_text()) == ("ours", "ours")
    for target in (first, second):
        target.unlink()
    with AtomicFiles(replace=False) as files:
        files.add(first).write_text("ours")
    assert list(tmp_path.iterdir()) == [first]


def test_a_folder_of_temporary_files_is_cleared_of_those_of_a_killed_run(tmp_path):
    folder, kept = tmp_path / "partial", tmp_path / "partial" / "frames.f32"
    folder.mkdir()
    kept.write_text("finished")
    AtomicFiles(folder).add(tmp_path / "a.txt").write_text("half")
    with AtomicFiles(folder) as files:
        files.add(tmp_path / "a.txt").write_text("whole")
        assert len(list(folder.iterdir())) == 2
    assert list(folder.iterdir()) == [kept]


@pytest.mark.parametrize("stem", ["\udcff", "long" * 60, "ä" * 120])
def test_any_name_that_a_disk_takes_is_written(tmp_path, stem):
    target = tmp_path / f"{stem}.txt"
    with atomic(target) as temporary:
        str(temporary).encode()
        temporary.write_text("x")
    assert target.read_text() == "x"


def test_a_name_that_no_disk_takes_is_one_error(tmp_path):
    with pytest.raises(OutputError, match="cannot be written"), atomic(tmp_path / "\ud800.txt"):
        pass


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("speaker001", "speaker001"), ("x/../../evil", "x_.._.._evil"), ("..", "_"), (".", "_"),
        ("", "_"), ("/etc/passwd", "_etc_passwd"), ("é a", "_a"), ("a" * 300, "a" * 100),
    ],
)  # fmt: skip
def test_names_from_files_stay_in_their_folder(text, name):
    assert file_name(text) == name


def test_a_folder_takes_its_name_whole_or_not_at_all(tmp_path):
    target, victim = tmp_path / "a", tmp_path / "b"
    with AtomicFiles(replace=False) as files:
        (files.add(target, folder=True) / "1").write_text("one")
        assert not target.exists()
    victim.write_text("precious")
    for place in (target, victim):
        with (
            pytest.raises(OutputError, match="has appeared meanwhile"),
            AtomicFiles(replace=False) as files,
        ):
            (files.add(place, folder=True) / "2").write_text("two")
    assert [p.name for p in target.iterdir()] == ["1"]
    assert victim.read_text() == "precious"
    with pytest.raises(OutputError, match="nothing was written"), AtomicFiles() as files:  # noqa: PT012
        (files.add(target, folder=True) / "2").write_text("two")
        files.add(tmp_path / "c")
    assert [p.name for p in target.iterdir()] == ["1"]  # the former folder is back
    with AtomicFiles() as files:
        (files.add(target, folder=True) / "2").write_text("two")
    assert [p.name for p in target.iterdir()] == ["2"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b"]


def test_what_a_killed_run_has_left_goes_a_day_later(tmp_path):
    """That of a run that may be at work stays, and so does everything of another name."""
    target = tmp_path / "a.b.txt"
    killed, working = (AtomicFiles().add(target) for _ in range(2))
    folder = AtomicFiles().add(target, folder=True)
    (folder / "1").touch()
    other = AtomicFiles().add(tmp_path / "other.txt")
    named = tmp_path / ".a.b.mine.partial.txt"
    named.touch()
    for path in (killed, folder, other, named):
        os.utime(path, (1, 1))
    with atomic(target) as place:
        place.write_text("x")
    assert sorted(tmp_path.iterdir()) == sorted([target, working, other, named])
