"""Studies of sVAE: gradients as the critic wins (4.4), and the sweep of figure 7."""

import importlib
import itertools

import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from reproductions.engine import Study
from reproductions.engine import study as study_module
from reproductions.svae import saturation, sweep
from reproductions.svae.saturation import (
    LOSSES,
    gradients,
    measured,
    picture,
    summary,
)
from reproductions.svae.saturation import table as shown
from reproductions.svae.toy import toy

module = importlib.import_module("reproductions.svae.saturation")


def rivals(bias):
    """Models with one critic, whose logits are all near this value."""
    model = toy(method="svae", lam=0.0, budget="quick", units=16, turns=1).model
    kernel, offset = model.critic.trainable_variables[-2:]
    kernel.assign(1e-4 * kernel)
    offset.assign([bias])
    nets = model.encoder, model.decoder, model.critic
    others = {n: ks.ALI(*nets, loss=n) for n in LOSSES if n != "logit"}
    return {"logit": model, **others}


@pytest.mark.parametrize("bias", [0.0, 8.0, -8.0])
def test_shares_of_the_slope_by_hand(bias):
    """f is log p(x, z) / q(x, z): the decoder wants it small, the encoder large."""
    x = tf.constant(np.random.default_rng(0).normal(size=(64, 2)).astype("float32"))
    found = measured(rivals(bias), x, seed=0)
    s = 1 / (1 + np.exp(-bias))  # the critic's probability of p
    expected = {
        ("encoder", "non_saturating"): 1 - s,
        ("decoder", "non_saturating"): s,
        ("encoder", "minimax"): s,
        ("decoder", "minimax"): 1 - s,
        ("encoder", "sigmoid"): s * (1 - s),
        ("decoder", "sigmoid"): s * (1 - s),
    }
    for (net, loss), share in expected.items():
        ours = found[f"{net}, {loss}"] / found[f"{net}, logit"]
        assert ours == pytest.approx(share, rel=5e-3), (net, loss)
    # All pairs are taken for p, or all for q; half of them are.
    if bias:
        assert found["accuracy"] == pytest.approx(0.5)


@pytest.mark.parametrize("data", ["toy", "digits"])
def test_only_the_critic_learns(data, monkeypatch):
    kept = []

    def measured_and_kept(models, x, seed):
        nets = ("encoder", "decoder", "critic")
        kept.append({n: getattr(models["logit"], n).get_weights() for n in nets})
        return measured(models, x, seed)

    monkeypatch.setattr(module, "measured", measured_and_kept)
    once = gradients(data, 3, [0, 5])
    assert once["extra"]["curve"]["accuracy"][1] == once["accuracy"]
    assert all(len(one) == 2 for one in once["extra"]["curve"].values())
    before, after = kept
    for name, weights in before.items():
        moved = [(a != b).any() for a, b in zip(weights, after[name], strict=True)]
        assert all(moved) if name == "critic" else not any(moved), name
    # The first weights are those of the seed.
    again = gradients(data, 3, [0, 1])["extra"]["curve"]
    for name, (first, _) in once["extra"]["curve"].items():
        assert again[name][0] == pytest.approx(first, rel=1e-5)


def curve(**ends):
    """Norms that rise to 10, and then go to these, by loss; else they stay at 10."""
    nets = "encoder", "decoder"
    names = [(net, loss) for net in nets for loss in LOSSES]
    found = {f"{n}, {loss}": [2.0, 10.0, ends.get(loss, 10.0)] for n, loss in names}
    return found | {"accuracy": [0.5, 0.9, 1.0]}


def test_what_is_left_is_a_share_of_the_largest_norm_over_all_seeds():
    found = summary([curve(minimax=0.5), curve(minimax=0.1, non_saturating=5.0)])
    minimax, ali, avoided = found["reading"].values()
    assert minimax and not ali and avoided
    left = found["left of the largest"]
    assert left["encoder, minimax"] == {"least": 0.01, "most": 0.05}
    assert found["norms"]["decoder, minimax"] == [2, 10, pytest.approx(0.3)]
    shares = found["share of sVAE's"]["decoder, non_saturating"]
    assert shares == [1, 1, pytest.approx(0.75)]
    assert found["seeds"] == 2
    assert found["accuracy of the critic"] == pytest.approx([0.5, 0.9, 1.0])
    # One seed, or one network, is enough for a no.
    some = summary([curve(minimax=0.5), curve()])
    assert not some["reading"]["ALI's gradients vanish, minimax (18)"]
    one = curve(minimax=0.5) | {"decoder, minimax": [2.0, 10.0, 1.1]}
    assert not summary([one])["reading"]["ALI's gradients vanish, minimax (18)"]
    lost = curve() | {"encoder, logit": [2.0, 10.0, 0.9]}
    assert not summary([lost, curve()])["reading"]["sVAE avoids this"]


def test_table_and_picture_have_all_losses(tmp_path):
    class Known(Study):
        def __call__(self, calls):
            both = itertools.product(range(2), ("toy", "digits"))
            assert [call.settings for call in calls] == [
                {"data": data, "seed": seed, "updates": [0, 10, 20]}
                for seed, data in both
            ]
            same = {"metrics": {}, "n": 5}
            records = [
                same | {"settings": call.settings, "curve": curve(minimax=0.5)}
                for call in calls
            ]
            del records[3]["curve"]
            records[3]["diverged"] = "NaN"
            return records

    made = []
    with Known(tmp_path) as study:
        study.write = lambda *given: made.extend(given)
        saturation(study=study, seeds=2, updates=[20, 10])
    content, text, figure = made
    assert [one["seeds"] for one in content["by_data"].values()] == [2, 1]
    assert {one["n"] for one in content["by_data"].values()} == {5}
    assert (content["diverged"], content["steps"]) == (1, 20)
    assert all(name in text for name in LOSSES.values())
    assert text == shown(content) and len(picture(content).axes) == 4
    assert [ax.get_title() for ax in figure.axes][2:] == [
        "digits: encoder",
        "digits: decoder",
    ]


class Cells(Study):
    """Gives a record for each call: ALICE's score falls with lam, sVAE-r's does not."""

    def __call__(self, calls):
        self.calls = calls
        return [
            {
                "settings": call.settings,
                "steps": 7,
                "metrics": {"inception_score": score(**call.settings), "mse": 0.5},
            }
            for call in calls
        ]


def score(method, lam, seed, loss=None, **more):
    return 5.0 + seed - (lam if method == "alice" else 0) - (loss == "sigmoid")


def test_sweep_by_hand(tmp_path, monkeypatch):
    monkeypatch.setattr(study_module, "load_backbone", lambda *_: "a classifier")
    made = []
    with Cells(tmp_path) as study:
        study.write = lambda *given: made.extend(given)
        sweep(study=study, data="digits", lams=[0.0, 2.0], seeds=2, epochs=3)
    content, text, figure = made
    assert len(study.calls) == 3 * 2 * 2
    settings = [call.settings for call in study.calls]
    assert {one["two_sided"] for one in settings} == {True}
    assert {one["epochs"] for one in settings} == {3}
    assert {one.get("loss") for one in settings} == {None, "non_saturating", "sigmoid"}
    found = {(c["method"], c["lam"]): c["inception_score"] for c in content["cells"]}
    assert found["svae", 2.0]["mean"] == 5.5
    assert found["alice", 2.0]["mean"] == 3.5
    assert found["alice_sigmoid", 2.0]["mean"] == 2.5
    assert found["alice", 0.0]["n"] == 2
    assert content["steps"] == [7]
    assert "ALICE, sigmoid" in text
    assert [ax.get_title() for ax in figure.axes] == ["inception score", "mse"]


def test_sweep_refuses_negative_weights(tmp_path):
    with Cells(tmp_path) as study, pytest.raises(ValueError, match="lams >= 0"):
        sweep(study=study, lams=[0.1, -1.0])


def test_a_missing_classifier_is_missed_before_training(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_SVAE_CACHE", str(tmp_path / "cache"))
    study_module.load_backbone.cache_clear()
    with (
        Study(tmp_path / "out") as study,
        pytest.raises(ValueError, match="a classifier"),
    ):
        sweep(study=study)


def test_a_sweep_in_which_all_diverged_has_no_picture(tmp_path, monkeypatch):
    class Lost(Study):
        def __call__(self, calls):
            lost = {"metrics": {}, "diverged": "NaN"}
            return [lost | {"settings": call.settings} for call in calls]

    monkeypatch.setattr(study_module, "load_backbone", lambda *_: "a classifier")
    made = []
    with Lost(tmp_path) as study:
        study.write = lambda *given: made.extend(given)
        sweep(study=study, lams=[0.1], seeds=1)
    assert "(1 diverged)" in made[1] and made[2] is None
