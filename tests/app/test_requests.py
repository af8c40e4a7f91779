import shlex
import time
from urllib.parse import quote

import pytest

pytest.importorskip("starlette", reason="the extra app is not installed")
pytest.importorskip("httpx", reason="httpx is not installed")

from starlette.testclient import TestClient

from cleartract.cli import main
from tests.app.conftest import FRAMES

ORIGIN = "http://127.0.0.1:5000"
HEADERS = {"origin": ORIGIN}


@pytest.fixture
def client(app):
    return TestClient(app.pages("secret"), ORIGIN, raise_server_exceptions=False, headers=HEADERS)


def test_recordings_come_by_number_and_say_what_they_are(client, lab):
    listed = client.get("/secret/recordings").json()["recordings"]
    assert [one["name"] for one in listed] == ["day/<img src=x onerror=alert(1)>.mp4", "speech.mp4"]
    told = client.get(f"/secret/recordings/{listed[1]['number']}").json()
    assert (told["frames"], told["size"], told["path"]) == (
        FRAMES,
        [84, 84],
        str(lab / "speech.mp4"),
    )
    (lab / "new.mp4").write_bytes((lab / "speech.mp4").read_bytes())
    assert len(client.get("/secret/recordings").json()["recordings"]) == 2
    again = client.get("/secret/recordings?again=1").json()["recordings"]
    numbers = {one["name"]: one["number"] for one in again}
    assert numbers["speech.mp4"] == listed[1]["number"]
    assert len(set(numbers.values())) == 3


def test_results_are_no_recordings_and_names_that_collide_are_told(client, lab, short):
    names = ("speech_cleartract.mp4", "speech_run2_cleartract.mp4", "s_opinion_cleartract.mp4")
    for name in (*names, "made.mp4"):
        (lab / name).write_bytes(short.read_bytes())
    (lab / "made.mp4.json").write_text('{"cleartract": "0.1.0"}')  # a result of another name
    listed = client.get("/secret/recordings?again=1").json()
    assert len(listed["recordings"]) == 2
    assert listed["told"] == []
    for name in ("a.mp4", "a.avi", "a_mp4.mp4"):
        (lab / name).write_bytes(short.read_bytes())
    told = client.get("/secret/recordings?again=1").json()["told"]
    assert told == [f"{lab / 'a.avi'}: two recordings have one name; give them one by one"]


@pytest.mark.parametrize(
    "path",
    [
        "/", "/jobs", "/wrong/jobs", "/Secret/jobs", "/secret", "//secret/jobs",
        "/secret/../jobs", "/secret/..%2f..%2fetc%2fpasswd", "/secret/%2e%2e/%2e%2e/etc/passwd",
        "/secret/recordings/2", "/secret/recordings/-1", "/secret/recordings/99999999999",
        "/secret/recordings/speech.mp4", "/secret/recordings/..%2fspeech.mp4",
        "/secret/recordings/0/../../etc", "/secret/recordings/7/look", "/secret/jobs/0/frame",
        "/secret/jobs/0/sidecar", "/secret/jobs/0/result", "/secret/jobs/x/result", "/secret/view/0/",
        "/secret/view/0/info", "/secret/view/x/", "/secret/view/..%2f0/", "/secret/app.py",
        "/secret/static/app.js", "/secret/uploads/",
    ],
)  # fmt: skip
def test_what_is_not_there_is_not_found(client, path):
    assert client.get(path).status_code == 404


def test_another_host_or_site_is_refused(client):
    for headers in (
        {"host": "evil.example"}, {"host": ""}, {"origin": "http://evil.example"},
        {"origin": "null"}, {"sec-fetch-site": "cross-site"},
    ):  # fmt: skip
        assert client.get("/secret/jobs", headers=headers).status_code == 403
        answer = client.post("/secret/jobs", json={"recording": 0}, headers=headers)
        assert answer.status_code == 403
        answer = client.post("/secret/uploads?name=a.mp4", content=b"a", headers=headers)
        assert answer.status_code == 403
    assert client.get("/secret/jobs").json() == []


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"recording": 99}, 404), ({"recording": "0"}, 400), ({"recording": True}, 400), ({}, 400),
        ({"recording": "/etc/passwd"}, 400), ({"recording": 0, "path": "/etc/passwd"}, 400),
        ({"recording": 0, "preview": "9999s"}, 400), ({"recording": 0, "options": []}, 400),
        ({"recording": 0, "options": {"steps": "x"}}, 400), ([], 400), ("0", 400),
        ({"recording": 0, "options": {"output": "/tmp/x.mp4"}}, 400),
        ({"recording": 0, "options": {"rate": "25"}}, 409),
    ],
)  # fmt: skip
def test_runs_that_make_no_sense_are_refused(client, asked, code):
    assert client.post("/secret/jobs", json=asked).status_code == code
    assert client.get("/secret/jobs").json() == []


def test_bodies_that_are_no_json_or_too_large_are_refused(client):
    for body, code in ((b"", 400), (b"{", 400), (b"[" * 50_000, 400), (b" " * 65_537, 413)):
        assert client.post("/secret/jobs", content=body).status_code == code
    assert client.post("/secret/jobs", content=iter([b"{}"])).status_code == 411


def test_an_upload_is_read_before_it_is_kept(client, short, tmp_path):
    uploads = tmp_path / "out" / "uploads"
    answer = client.post(
        "/secret/uploads?name=../../<b> speech.mp4", content=short.read_bytes()
    ).json()
    (kept,) = uploads.iterdir()
    assert kept.name == "b_speech.mp4"
    assert client.get(f"/secret/recordings/{answer['number']}").json()["frames"] == FRAMES
    client.post("/secret/uploads?name=b_speech.mp4", content=short.read_bytes())
    assert sorted(path.name for path in uploads.iterdir()) == ["b_speech.mp4", "b_speech_2.mp4"]


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("Bäcker größer.mp4", "Bäcker_größer.mp4"),
        ("Ba\u0308cker.mp4", "Bäcker.mp4"),  # as macOS writes it
        ("発音 練習.mp4", "発音_練習.mp4"), ("उच्चारण.mp4", "उच्चारण.mp4"),
        ("a\u202e4pm.mp4", "a_4pm.mp4"), ("a\u2044..\\b.mp4", "a_.._b.mp4"), ("‥/…/é.mp4", "é.mp4"),
        ("発" * 200 + ".mp4", "発" * 40 + ".mp4"),
    ],
)  # fmt: skip
def test_letters_of_any_script_are_kept_in_the_name_of_an_upload(
    client, short, tmp_path, name, kept
):
    assert client.post(f"/secret/uploads?name={quote(name)}", content=short.read_bytes()).json()
    assert [path.name for path in (tmp_path / "out" / "uploads").iterdir()] == [kept]


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.mp4", b"no video", 409), ("a.npz", b"PK\3\4", 409), ("a.npy", b"\x93NUMPY", 409),
        ("a.exe", b"MZ", 409), ("a", b"x", 409), ("", b"x", 409), ("a/", b"x", 409),
        ("../../.bashrc", b"x", 409), ("a.mp4", b"", 400), ("a.mp4", b"0" * 1_000_001, 413),
    ],
)  # fmt: skip
def test_an_upload_that_is_no_recording_or_too_large_is_refused(
    client, tmp_path, name, content, code
):
    answer = client.post(f"/secret/uploads?name={name}", content=content)
    assert answer.status_code == code
    assert str(tmp_path) not in answer.text
    uploads = tmp_path / "out" / "uploads"
    assert not uploads.exists() or not list(uploads.iterdir())


def test_an_upload_of_unknown_length_is_refused(client):
    answer = client.post("/secret/uploads?name=a.mp4", content=iter([b"a", b"b"]))
    assert answer.status_code == 411


def test_the_page_runs_no_script_but_its_own(client):
    answer = client.get("/secret/")
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    for forbidden in ("<script>", " style=", " onclick", "http:", "https:"):
        assert forbidden not in answer.text


def state_of(client, number, wanted, seconds=60):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        job = client.get("/secret/jobs").json()[number]
        if job["state"] in wanted:
            return job
        time.sleep(0.1)
    raise AssertionError(job)


def test_a_run_writes_what_the_command_line_writes_and_says_how(client, tmp_path, lab):
    added = client.post("/secret/jobs", json={"recording": 1, "options": {"no_audio": True}})
    job = state_of(client, added.json()["number"], ("done", "failed"))
    assert job["state"] == "done", job["said"]
    result = tmp_path / "out" / "speech_cleartract.mp4"
    assert job["result"] == str(result)
    assert sorted(path.name for path in result.parent.iterdir()) == [
        "speech_cleartract.mp4",
        "speech_cleartract.mp4.json",
    ]
    sidecar = client.get("/secret/jobs/0/sidecar").json()
    result_name, free = "speech_cleartract.mp4", "speech_again_cleartract.mp4"
    assert sidecar["command"].replace(result_name, free) == job["command"]
    assert sidecar["frames"] == FRAMES
    assert any("without audio" in text or "--no-audio" in text for text in job["said"])
    frame = client.get("/secret/jobs/0/frame")
    assert (frame.headers["X-Frame"], len(frame.content)) == (str(FRAMES // 2), 2 * 84 * 84)
    planes = client.get("/secret/view/0/info").json()["planes"]
    assert [plane["name"] for plane in planes] == ["noisy", "denoised"]
    assert client.get("/secret/view/0/frames/1/0").status_code == 200
    assert "player" in client.get("/secret/view/0/").text
    assert client.get("/secret/jobs/0/result").content == result.read_bytes()
    client.post("/secret/jobs/0/drop")
    assert client.get("/secret/jobs").json() == []
    assert result.exists()


def test_the_command_line_that_is_shown_makes_the_same_file_again_beside_the_first(
    client, tmp_path
):
    client.post("/secret/jobs", json={"recording": 1, "options": {"no_audio": True}})
    job = state_of(client, 0, ("done", "failed"))
    words = shlex.split(job["command"])
    assert words[0] == "cleartract"
    assert main(words[1:]) == 0
    results = [tmp_path / "out" / f"speech{extra}_cleartract.mp4" for extra in ("", "_again")]
    assert results[0].read_bytes() == results[1].read_bytes()
    (again,) = client.get("/secret/jobs").json()
    assert f"--output={tmp_path / 'out' / 'speech_again2_cleartract.mp4'}" in again["command"]


def test_a_run_that_is_cancelled_says_so_and_its_command_line_goes_on(client):
    options = {"no_audio": True, "steps": 60, "window_duration": 6, "step_duration": 4}
    client.post("/secret/jobs", json={"recording": 1, "options": options})
    until = time.monotonic() + 60
    while client.get("/secret/jobs").json()[0]["done"] < 4 and time.monotonic() < until:
        time.sleep(0.05)
    client.post("/secret/jobs/0/cancel")
    assert client.get("/secret/jobs").json()[0]["stopping"]
    job = state_of(client, 0, ("cancelled", "done"))
    assert (job["state"], job["stopping"], job["said"]) == ("cancelled", False, [])
    assert job["command"].endswith(" --resume") == job["kept"]
