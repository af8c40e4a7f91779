import pytest

from cleartract.errors import OutputError
from cleartract.files import AtomicFiles, atomic, naming


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
