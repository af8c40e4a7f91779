from dataclasses import replace

import pytest
from benchmarks.peers.__main__ import Options, main
from benchmarks.peers.protocols import build_cases

from cleartract.errors import OutputError, UsageError


def test_a_run_writes_its_tables(corpus, weights, tmp_path, capsys):
    out = tmp_path / "benchmark"
    protocol = build_cases(corpus, 16, 1)[0].protocol
    options = Options(
        corpus=corpus,
        peers="temporal median",
        protocols=protocol,
        out=out,
        weights=weights,
        frames=16,
        recordings=1,
    )
    main(options)
    assert "temporal median (tuned)" in capsys.readouterr().out
    assert (out / "table.md").exists()
    with pytest.raises(OutputError, match="other settings"):
        main(replace(options, frames=17))


@pytest.mark.parametrize(
    ("protocols", "message"),
    [("grey Rician", "grey Rician"), ("real with added noise", "--real")],
)
def test_a_misused_benchmark_leaves_nothing_behind(protocols, message, corpus, weights, tmp_path):
    out = tmp_path / "benchmark"
    options = Options(corpus=corpus, out=out, weights=weights, protocols=protocols)
    with pytest.raises(UsageError, match=message):
        main(options)
    assert not out.exists()
