import json

import numpy as np
import pytest
from benchmarks.peers.comparison import chosen_peers, compare
from benchmarks.peers.denoisers import PEERS, estimated_sigma, low_rank
from benchmarks.peers.leaderboard import gain_table, write_tables
from benchmarks.peers.protocols import build_cases, spiral_level

from benchmarks.peers import comparison
from cleartract.errors import CorpusError, UsageError


def test_sigma_of_known_noise():
    rng = np.random.default_rng(1)
    noisy = 5 + 0.05 * rng.normal(size=(20, 64, 64))
    assert estimated_sigma(noisy) == pytest.approx(0.05, rel=0.05)


@pytest.mark.parametrize("hard", [True, False])
def test_low_rank_keeps_a_low_rank_video_and_flattens_noise(hard):
    rng = np.random.default_rng(2)
    still = rng.normal(size=(1, 20, 20))
    video = still + np.sin(np.arange(60) / 4)[:, None, None] * rng.normal(size=(1, 20, 20))
    np.testing.assert_allclose(low_rank(video, 0.0, 1.0, hard), video, atol=1e-6)
    noise = 0.1 * rng.normal(size=(60, 20, 20))
    left = low_rank(noise, 0.1, 1.0, hard)
    assert left.std() < 0.3 * noise.std()
    np.testing.assert_allclose(left.mean(0), noise.mean(0), atol=1e-9)


@pytest.mark.parametrize("name", ["NORDIC", "patch-denoise optimal"])
def test_patch_methods_flatten_noise_at_their_nominal_threshold(name):
    (peer,) = (peer for peer in PEERS if peer.name == name)
    if not peer.installed():
        pytest.skip("patch_denoise is not installed: pip install -r benchmarks/requirements.txt")
    noise = 0.1 * np.random.default_rng(3).normal(size=(32, 45, 45)).astype(np.float32)
    assert (peer.run(noise, 0.1, 1.1) ** 2).mean() < 0.2 * (noise**2).mean()
    assert (peer.run(noise, 0.1, 0.5) ** 2).mean() > 0.6 * (noise**2).mean()
    np.testing.assert_array_equal(peer.run(noise, 0.1, 1.0), peer.run(noise, 0.1, 1.0))


def test_names_of_peers():
    assert chosen_peers("all")[0]
    present, _ = chosen_peers("low rank, hard; temporal median")
    assert [peer.name for peer in present] == ["low rank, hard", "temporal median"]
    with pytest.raises(UsageError, match="magic"):
        chosen_peers("magic")


def test_what_is_not_installed_is_named(monkeypatch):
    monkeypatch.setattr("benchmarks.peers.denoisers.find_spec", lambda name: None)
    present, skipped = chosen_peers("all")
    assert "BM4D" in skipped
    assert "low rank, hard" in [peer.name for peer in present]


def test_levels_split_the_noise_range_in_thirds():
    assert [spiral_level(v) for v in (0.010, 0.017, 0.0172, 0.029, 0.03, 0.05)] == [
        "low", "low", "medium", "medium", "high", "high",
    ]  # fmt: skip


def test_comparison_goes_on_where_it_stopped(corpus, small_model, tmp_path, recording, monkeypatch):
    cases = build_cases(corpus, frames=16, count=1, real=recording)
    protocols = {case.protocol for case in cases}
    assert protocols == {
        "USC-75 CG-SENSE",
        "USC-75 view-shared",
        "white Rician",
        "coloured Rician",
        "real with added noise",
    }
    for case in cases:
        trials = [make() for make in (*case.tuning, *case.test)]
        if case.protocol != "real with added noise":
            assert trials[0].name not in [trial.name for trial in trials[1:]]
        noises = [(trial.noisy.frames - trial.truth)[:12].ravel() for trial in trials[:2]]
        assert abs(np.corrcoef(*noises)[0, 1]) < 0.3
    cases = cases[-4:]
    peers, _ = chosen_peers("temporal Gaussian; low rank, soft")
    rows = compare(cases, peers, small_model, tmp_path / "rows")
    denoisers = {(row.denoiser, row.mode) for row in rows}
    expected = {("noisy", ""), ("ClearTract", "blind"), ("ClearTract, no audio", "blind")}
    for peer in peers:
        expected |= {(peer.name, "tuned"), (peer.name, "blind")}
    assert denoisers == expected
    assert len(rows) == len(cases) * len(expected)
    noisy = [row for row in rows if row.denoiser == "noisy"]
    assert all(row.figures["gain"] == pytest.approx(0, abs=1e-6) for row in noisy)
    assert all(row.figures["difference"] == pytest.approx(1) for row in noisy)

    monkeypatch.setattr(comparison, "_peer", lambda *_: pytest.fail("ran again"))
    monkeypatch.setattr(comparison, "_ours", lambda *_: pytest.fail("ran again"))
    again = compare(cases, peers, small_model, tmp_path / "rows")
    assert str(again) == str(rows)

    table = write_tables(tmp_path, ["BM4D"], {"frames": 16, "machine": {"cores": 2}})
    assert table == gain_table(again)
    text = (tmp_path / "table.md").read_text()
    assert "not installed: BM4D" in text
    assert "| noisy |" in text
    assert "temporal Gaussian (tuned)" in text
    content = json.loads((tmp_path / "results.json").read_text())
    assert len(content["rows"]) == len(rows)
    assert (tmp_path / "results.csv").read_text().count("\n") == len(rows) + 1
    assert (tmp_path / "plane.png").read_bytes()[:4] == b"\x89PNG"


def test_a_corpus_without_a_split_is_refused(tmp_path):
    with pytest.raises(CorpusError):
        build_cases(tmp_path)
