import pytest

from cleartract.cli import main


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["missing"], 7, "missing: no such folder"),
        (["speech.mp4"], 7, "speech.mp4: no such folder"),
        (["day", "--port", "70000"], 2, "--port: must be from 0 to 65535"),
        (["day", "--largest-upload", "0"], 2, "--largest-upload"),
        (["day", "--out", "speech.mp4"], 6, "speech.mp4: is a file"),
        (["day", "--weights", "missing"], 5, "missing: no such weights file"),
    ],
)
def test_what_cannot_be_served_is_told_in_one_line(lab, monkeypatch, capsys, arguments, code, said):
    pytest.importorskip("uvicorn", reason="the extra app is not installed")
    monkeypatch.chdir(lab)
    assert main(["app", *arguments]) == code
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_a_missing_extra_is_named(lab, monkeypatch, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["app", str(lab), "--no-browser"]) == 7
    said = "cleartract: starlette is not installed: pip install 'cleartract[app]'\n"
    assert capsys.readouterr().err == said
