"""The benchmark of flows measures what it says, and writes a record."""

import json

import pytest

from reproductions.benchmarks import flows

WORKS = [
    title
    for name in ("draw", "own density", "given density")
    for title in (name, f"{name}, gradient")
]


@pytest.mark.slow
def test_it_measures_every_law_and_writes_a_record(tmp_path, capsys):
    output = tmp_path / "found" / "flows.json"
    small = "--flows planar coupling --length 2 --dim 2 --batch 3 --rounds 2 --calls 1"
    flows.main([*small.split(), "--output", str(output)])
    report = json.loads(output.read_text())
    assert report["length"] == 2 and report["batch"] == 3 and report["machine"]
    assert set(report["results"]) == {"planar, 2", "coupling, 4"}
    for found in report["results"].values():
        assert list(found) == WORKS
        for row in found.values():
            ratio = row["median_ms"] / row["gaussian_median_ms"]
            assert row["ratio_to_gaussian"] == pytest.approx(ratio, rel=0.02, abs=0.02)
    assert "given density, gradient" in capsys.readouterr().out
    assert list(output.parent.iterdir()) == [output]


def test_flows_alternate_with_the_gaussian():
    order = []
    timed = {
        name: {"draw": lambda name=name: order.append(name) or flows.tf.ones(1)}
        for name in ("gaussian", "planar", "coupling")
    }
    flows.measure(timed, rounds=2, calls=1)
    for flow in ("planar", "coupling"):
        warm, order = order[:4], order[4:]
        assert warm == ["gaussian"] * 2 + [flow] * 2
        assert order[:4] == ["gaussian", flow] * 2
        order = order[4:]
    assert not order


@pytest.mark.parametrize("wrong", ["--length 0", "--dim 1", "--rounds 1"])
def test_what_is_refused(wrong, capsys):
    with pytest.raises(SystemExit):
        flows.main(wrong.split())
    assert "Expected --" in capsys.readouterr().err
