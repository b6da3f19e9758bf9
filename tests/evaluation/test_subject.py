"""A model, its .keras file and its SavedModel are asked alike, and answer alike."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_svae.evaluation.subject import Subject
from tests.models import tiny

X = tiny.data(n=600)


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    model = tiny.build("svae_r")
    run = tmp_path_factory.mktemp("run")
    model.save(run / "model.keras")
    model.export(run / "savedmodel")
    return {
        "model": model,
        "file": run / "model.keras",
        "SavedModel": str(run / "savedmodel"),
        "run": run,
    }


@pytest.mark.parametrize("place", ["file", "SavedModel", "run"])
def test_all_answer_as_the_model_does(places, place):
    model, other = Subject.of(places["model"]), Subject.of(places[place])
    assert other.about == model.about and other.data_shape == (tiny.DATA,)
    for name in ("encode", "codes", "reconstruct"):
        one, same = (list(getattr(s, name)(X, seed=2)) for s in (model, other))
        assert [len(part) for part in one] == [250, 250, 100]
        np.testing.assert_allclose(one[2], same[2], rtol=1e-4, atol=1e-5)
    (x, z), *_ = model.generate_pairs(10, seed=4)
    np.testing.assert_allclose(next(other.generate(10, seed=4)), x, atol=1e-5)
    np.testing.assert_allclose(
        other.log_likelihood(tf.constant(x), tf.constant(z)),
        places["model"].likelihood(z).log_prob(x),
        rtol=1e-4,
    )


def test_batches_and_neighbouring_seeds_share_no_noise(places):
    subject = Subject.of(places["model"])
    x = np.concatenate(
        [part for seed in (0, 1) for part in subject.generate(500, seed)]
    )
    assert len(np.unique(x, axis=0)) == 1000
    np.testing.assert_array_equal(x[:250], next(subject.generate(500, 0)))


def test_means_where_there_are_means_draws_else(places):
    model = places["model"]
    codes = np.concatenate(list(Subject.of(model).codes(X)))
    np.testing.assert_allclose(codes, model.encode(X), rtol=1e-4, atol=1e-5)


def test_what_cannot_be_asked_is_refused(places, tmp_path):
    subject = Subject.of(tiny.build("gan", compiled=False))
    with pytest.raises(ValueError, match="Expected .*'encode'; received: GAN"):
        next(subject.encode(X))
    subject = Subject.of(places["model"])
    with pytest.raises(ValueError, match="Expected data .*received: shape"):
        next(subject.encode(X[:, :2]))
    with pytest.raises(FileNotFoundError, match="not there"):
        Subject.of(tmp_path / "nothing")
    (tmp_path / "notes.txt").write_text("")
    for other in (tmp_path, tmp_path / "notes.txt", keras.Sequential()):
        with pytest.raises(ValueError, match="Expected .*received"):
            Subject.of(other)
