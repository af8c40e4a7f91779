import json

import pytest

from cleartract.errors import OutputError
from cleartract.evaluation.grid_lines import read_lines
from cleartract.evaluation.measure import FIELD_OF_VIEW
from cleartract.viewer import shown
from cleartract.viewer.line_file import LineFile, checked_lines

LINES = {"lips": [[10.0, 20.0], [40.5, 60.0]]}


def test_lines_are_what_grid_lines_reads(tmp_path):
    LineFile(tmp_path / "a.lines.json").save(LINES)
    (line,) = read_lines(tmp_path / "a.lines.json")
    assert (line.name, line.start, line.end) == ("lips", (10.0, 20.0), (40.5, 60.0))
    assert LineFile(tmp_path / "a.lines.json").lines == LINES
    assert shown.FIELD_OF_VIEW == FIELD_OF_VIEW


@pytest.mark.parametrize("content", ["some notes", "[1]", '{"a": 3}', "{" * 70_000])
def test_something_else_of_that_name_is_left_as_it_is(tmp_path, content):
    path = tmp_path / "a.lines.json"
    path.write_text(content)
    with pytest.raises(OutputError, match="left as it is"):
        LineFile(path).save(LINES)
    assert path.read_text() == content


def test_lines_that_somebody_else_changed_meanwhile_are_kept(tmp_path):
    path = tmp_path / "a.lines.json"
    lines = LineFile(path)
    lines.save(LINES)
    path.write_text('{"b": [[1, 1], [9, 9]]}')
    with pytest.raises(OutputError, match="changed meanwhile"):
        lines.save(LINES)
    assert json.loads(path.read_text()) == {"b": [[1, 1], [9, 9]]}


@pytest.mark.parametrize(
    "content",
    [
        [], {"a": [[1, 2], [3]]}, {"a": [[1, 2], [3, float("nan")]]}, {"": [[1, 2], [3, 4]]},
        {"a\n": [[1, 2], [3, 4]]}, {"a" * 61: [[1, 2], [3, 4]]}, {"a": "bc"}, {"a": [[1, 2], [3, 1e9]]},
        {str(n): [[1, 2], [3, 4]] for n in range(33)},
    ],
)  # fmt: skip
def test_what_is_no_line_is_refused(content):
    with pytest.raises(ValueError, match=r"\w"):
        checked_lines(content)
