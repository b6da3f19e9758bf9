"""How much memory answers and long runs take: in processes of their own, and slow.

`test_in_parts.py` counts what networks see. Here the operating system says what a
process takes.
"""

import json

import pytest

from reproductions.benchmarks import memory


@pytest.mark.slow
def test_answers_take_memory_for_a_part_and_for_what_they_return():
    """Measured: 80 MB more for 4,000 images of 12.5 MB; in one piece, 1 GB and more."""
    few, many = (memory.measured("answers", number)[1] for number in (250, 4000))
    result = 3750 * 28 * 28 * 4
    assert many - few < 13 * result


@pytest.mark.slow
def test_two_thousand_steps_take_no_memory():
    """Measured: 0.13 MB more after 2,000 steps than after 100."""
    found = memory.measured("steps", 2000)
    assert found[-1] - found[0] < 2 * memory.MEGABYTE


@pytest.mark.slow
def test_two_hundred_cycles_of_evaluation_and_export_are_flat():
    """Measured over a few cycles alone: nothing after the second one."""
    found = memory.measured("cycles", 200)
    assert found[-1] - found[9] < 0.1 * memory.MEGABYTE * 190


@pytest.mark.slow
def test_the_record_has_each_part(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "IMAGES", (10, 20))
    monkeypatch.setattr(memory, "STEPS", 200)
    path = tmp_path / "memory.json"
    memory.main(["--cycles", "11", "--output", str(path)])
    rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
    assert list(rows) == [
        "10 images", "20 images", "steps 100 to 200", "cycles 10 to 11",
    ]  # fmt: skip
    for row in rows.values():
        assert row["to"] > 100 and row["more"] == pytest.approx(row["to"] - row["from"])


def test_too_few_cycles_are_refused():
    with pytest.raises(SystemExit):
        memory.main(["--cycles", "10"])
