import numpy as np
import pytest

pytest.importorskip("starlette", reason="the extra app is not installed")
pytest.importorskip("httpx", reason="httpx is not installed")

from starlette.testclient import TestClient

from cleartract.viewer.player import Player
from cleartract.viewer.server import build_app
from tests.viewer.conftest import SIZE, coded, number_in

ORIGIN = "http://127.0.0.1:5000"


@pytest.fixture
def client(pair):
    player = Player(pair[0], {"denoised": pair[1]})
    yield TestClient(build_app(player, "secret"), ORIGIN, raise_server_exceptions=False)
    player.close()


def test_frames_come_by_number_and_are_those_of_the_file(client):
    info = client.get("/secret/info").json()
    assert (info["count"], info["size"], info["rate"]) == (2000, list(SIZE), [65040, 781])
    assert [plane["name"] for plane in info["planes"]] == ["noisy", "denoised"]
    assert info["tiers"] == []
    for chunk, count in ((0, 256), (3, 256), (7, 2000 - 7 * 256)):
        content = client.get(f"/secret/frames/0/{chunk}").content
        frames = np.frombuffer(content, np.uint8).reshape(-1, *SIZE)
        assert np.array_equal(frames, coded(2000)[256 * chunk : 256 * chunk + count])
    one = np.frombuffer(client.get("/secret/frame/1/1234").content, np.uint8).reshape(SIZE)
    assert number_in(one) == 1234


def test_sound_comes_in_pieces_of_ten_seconds(client):
    info = client.get("/secret/info").json()["sound"]
    assert (info["rate"], info["pieces"]) == (16_000, 3)
    samples = np.frombuffer(client.get("/secret/sound/1").content, "<i2")
    expected = 0.3 * 32767 * np.sin(2 * np.pi * 440 * np.arange(160_000, 320_000) / 16_000)
    assert np.abs(samples - expected).max() < 1.5
    outline = np.frombuffer(client.get("/secret/outline").content, "<i2").reshape(-1, 2)
    assert len(outline) == pytest.approx(50 * 2000 * 781 / 65040, abs=1)
    assert outline[:, 1].max() == pytest.approx(0.3 * 32767, abs=1)


@pytest.mark.parametrize(
    "path",
    [
        "/", "/info", "/wrong/info", "/secretx/info", "/Secret/", "/secret", "//secret/",
        "/secret/../secret", "/secret/..%2f..%2fetc%2fpasswd", "/secret/%2e%2e/%2e%2e/etc/passwd",
        "/secret/static/", "/secret/main.py", "/secret/.", "/secret/frames", "/secret/frames/0/",
        "/secret/frames/2/0", "/secret/frames/0/8", "/secret/frames/-1/0", "/secret/frames/0/-1",
        "/secret/frames/0/1e3", "/secret/frames/0/0x1", "/secret/frames/0/1.0", "/secret/sound/3",
        f"/secret/frames/0/{'9' * 30}", f"/secret/frames/0/{'9' * 5000}", "/secret/frames/0/٣",
        "/secret/frame/0/2000", "/secret/clip/0/99999999999", "/secret/sound/999999999",
    ],
)  # fmt: skip
def test_what_is_not_there_is_not_found(client, path):
    answer = client.get(path)
    assert answer.status_code == 404
    assert not answer.history  # nor is one sent elsewhere
    assert "Content-Security-Policy" in answer.headers


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "192.168.0.1:5000"])
def test_another_host_is_refused(client, host):
    assert client.get("/secret/info", headers={"host": host}).status_code == 403


def test_another_site_is_refused(client):
    for headers in (
        {"origin": "http://evil.example"}, {"origin": "null"}, {"origin": "http://127.0.0.1:5001"},
        {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"},
    ):  # fmt: skip
        assert client.get("/secret/info", headers=headers).status_code == 403
    assert client.put("/secret/lines", json={}).status_code == 403  # no origin
    assert client.get("/secret/info", headers={"origin": ORIGIN}).status_code == 200
    forwarded = {"host": "localhost:9000", "origin": "http://localhost:9000"}
    assert client.get("/secret/info", headers=forwarded).status_code == 200


def test_lines_are_kept_beside_the_recording(client, pair):
    lines = {"lips <b>": [[1.0, 2.0], [30.0, 40.0]]}
    assert client.put("/secret/lines", json=lines, headers={"origin": ORIGIN}).status_code == 200
    assert client.get("/secret/info").json()["lines"] == lines
    assert pair[0].with_name("speech.lines.json").is_file()
    pair[0].with_name("speech.lines.json").write_text("mine now")
    answer = client.put("/secret/lines", json={}, headers={"origin": ORIGIN})
    assert answer.status_code == 409
    assert "changed meanwhile" in answer.text


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"a": 1}', b"[" * 50_000, b"\xff"])
def test_what_are_no_lines_is_refused(client, body, pair):
    answer = client.put("/secret/lines", content=body, headers={"origin": ORIGIN})
    assert answer.status_code == 400
    assert not pair[0].with_name("speech.lines.json").exists()


def test_large_and_endless_bodies_are_refused(client):
    headers = {"origin": ORIGIN}
    assert client.put("/secret/lines", content=b" " * 65_537, headers=headers).status_code == 413
    endless = client.put("/secret/lines", content=iter([b"{}"]), headers=headers)
    assert endless.status_code == 411
    assert client.post("/secret/lines", json={}, headers=headers).status_code == 405


def test_lengths_that_are_none_are_refused(client):
    for length, code in (("000000000000999999999", 413), ("9" * 30, 413), ("abc", 411), ("", 411)):
        headers = {"origin": ORIGIN, "content-length": length}
        assert client.put("/secret/lines", content=b"{}", headers=headers).status_code == code
    assert client.get("/secret/info", headers={"content-length": "abc"}).status_code == 411


def test_a_selection_comes_as_a_video_with_sound(client, tmp_path):
    from cleartract.recordings.opening import open_recording

    path = tmp_path / "clip.mp4"
    path.write_bytes(client.get("/secret/clip/600/100?low=0&high=255").content)
    clip = open_recording(path)
    assert clip.frames.shape == (100, 160, 2 * 208 + 4)
    assert [number_in(frame[::4, :208:4]) for frame in clip.frames[[0, 57, 99]]] == [600, 657, 699]
    assert clip.duration == pytest.approx(len(clip.audio) / clip.sample_rate, abs=0.08)
    for query in ("0/6000?low=0&high=1", "0/10?low=1&high=1", "0/10", "0/0?low=0&high=1",
                  "0/10?low=x&high=1", "0/10?low=-1e308&high=1e308"):  # fmt: skip
        assert client.get(f"/secret/clip/{query}").status_code == 400


def test_the_page_runs_no_script_but_its_own(client):
    answer = client.get("/secret/")
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "<script>" not in answer.text
    assert " style=" not in answer.text
    assert " on" + "click" not in answer.text
    for part in answer.text.split('"'):
        assert not part.startswith(("http:", "https:", "//"))


def test_words_and_phones_beside_the_recording_are_shown(pair):
    from cleartract.viewer.player import Player

    head = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "0", "1", "<exists>", "2"]
    words = ['"IntervalTier"', '"words"', "0", "1", "1", "0.1", "0.5", '"<b>pass"']
    phones = ['"IntervalTier"', '"phones"', "0", "1", "1", "0.1", "0.2", '"p"']
    path = pair[0].with_suffix(".TextGrid")
    path.write_text("\n".join([*head, *words, *phones, ""]))
    player = Player(pair[0])
    tiers = player.described()["tiers"]
    player.close()
    assert [tier["name"] for tier in tiers] == ["words", "phones"]
    assert tiers[0]["intervals"] == [[0.1, 0.5, "<b>pass"]]
    path.write_text("no annotation")
    player = Player(pair[0])
    info = player.described()
    player.close()
    assert info["tiers"] == []
    assert any("words and phones are left out" in text for text in info["warnings"])
