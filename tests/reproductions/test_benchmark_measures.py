"""The benchmark of measures and the real scores, small. Nothing here asserts a time."""

import json

import numpy as np
import pytest

from keras_svae.evaluation.backbones import training
from keras_svae.evaluation.backbones.classifier import Recipe, network
from keras_svae.paths import cache_folder
from reproductions import real_scores
from reproductions.benchmarks import measures


def test_features_are_the_same_again_and_of_two_laws():
    first, again, second = (
        np.concatenate(list(measures.features(1100, 8, seed))) for seed in (0, 0, 1)
    )
    assert first.shape == (1100, 8) and first.min() == 0 and first.dtype == np.float32
    np.testing.assert_array_equal(first, again)
    assert not np.isclose(first, second).all(1).any()


SMALL = ["--n", "600", "--dimensions", "20"]


def test_both_ways_give_the_same_distance_and_the_file_keeps_its_parts(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(measures, "peak", lambda n, dimensions: {"n": n})
    path = tmp_path / "measures.json"
    path.write_text('{"other": 1}')
    arguments = ["fid", *SMALL, "--rounds", "2", "--output", str(path)]
    measures.main(arguments)
    found = json.loads(path.read_text())
    assert found["other"] == 1
    fid = found["fid"]
    assert fid["relative difference"] < 1e-6 and fid["n"] == 600
    assert len(fid["seconds"]["ours"]["both"]) == 2
    assert fid["memory of a streaming process"] == {"n": 600}


def test_what_streams_is_the_same(capsys):
    measures.main(["stream", *SMALL])
    found = json.loads(capsys.readouterr().out)
    sets = (measures.features(600, 20, seed) for seed in (0, 1))
    assert found["distance"] == measures.streamed(*sets)[0] > 0
    assert found["at most, MiB"] >= found["after imports, MiB"] > 50


@pytest.mark.slow
def test_a_process_of_its_own_streams():
    found = measures.peak(600, 20)
    sets = (measures.features(600, 20, seed) for seed in (0, 1))
    assert found["distance"] == pytest.approx(measures.streamed(*sets)[0])


def test_arguments_are_checked():
    for bad in (["fid", "--n", "0"], ["nothing"], []):
        with pytest.raises(SystemExit):
            measures.arguments(bad)


def test_real_scores(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("KERAS_SVAE_CACHE", str(tmp_path))
    untrained = network((8, 8, 1), 10, Recipe(1, (4,), blocks=1, stem_stride=1))
    about = {"data": "digits", "test accuracy": 0.1}
    training._write(untrained, about, cache_folder("classifiers") / "digits.keras")
    path = tmp_path / "scores.json"
    real_scores.main(["digits", "--output", str(path)])
    scores = json.loads(path.read_text())["digits"]["scores"]
    assert scores["10 splits"]["n"] == scores["1 split"]["n"] == 358
    assert 1 < scores["1 split"]["value"] < 10
    assert scores["1 split"]["backbone"] == "residual classifier of digits"
    assert "accuracy=0.1" in capsys.readouterr().out
