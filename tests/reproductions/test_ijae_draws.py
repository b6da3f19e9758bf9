"""The study of draws and means: its runs, and its ratios by hand."""

import importlib

import numpy as np
import pytest

import keras_svae as ks
from reproductions.engine import Study, build
from reproductions.engine import study as study_module
from reproductions.ijae import draws, mnist
from reproductions.ijae.draws import OWN, VARIANTS
from reproductions.ijae.images import sizes_of_codes

plane = importlib.import_module("reproductions.ijae.plane")


IMPLICIT = [name for name in VARIANTS if not name.startswith(("ijae_l", "vae"))]


class Known(Study):
    """Gives records of two seeds instead of making runs."""

    def __call__(self, calls):
        self.calls = calls
        return [
            {
                "settings": call.settings,
                "metrics": {
                    "inception_score": 5.0,
                    "lpips": 0.1,
                    "mse": 0.2 + 0.2 * call.settings["seed"],
                    "decoder_probe": 0.1,
                    "variance_ratio": 0.9,
                },
                "measures": {"variance_ratio": {"variance": 0.4}},
                "codes": {"rms": 1.5, "KL, at least": 0.5},
                **({"diverged": "NaN"} if call.settings["method"] == "vae" else {}),
            }
            for call in calls
            if call.settings["method"] != "ijae_l2"  # not done yet
        ]


@pytest.fixture
def found(tmp_path, monkeypatch):
    monkeypatch.setattr(study_module, "load_backbone", lambda *_: "a classifier")
    monkeypatch.setattr(plane, "load_lpips", lambda *_: "a network")
    written = []
    variants = ["ijae_shift_5", "ijae_l1_tenth", "ijae_l2", "vae"]
    with Known(tmp_path) as study:
        study.write = lambda content, text: written.extend([content, text])
        draws(study=study, variants=variants, lams=[0.3, 0.7], seeds=2)
    return study.calls, *written


def test_runs_are_those_of_the_variants(found):
    calls, *_ = found
    assert len(calls) == 2 * (3 * 2 + 1)
    settings = [call.settings for call in calls]
    assert {one["method"]: one.get("lam") for one in settings}["vae"] is None
    shifts = [one for one in settings if one["method"] == "ijae"]
    assert {one["shift"] for one in shifts} == {5}
    assert [one["lam"] for one in shifts] == [0.3, 0.7] * 2
    tenth = next(one for one in settings if one["method"] == "ijae_l1")
    assert tenth["scale"] == 0.1 and tenth["likelihood"] == "laplace_tanh"
    assert {one["n"] for one in settings} == {5000}


def test_ratios_and_cells_by_hand(found):
    _, content, text = found
    rows = {(row["variant"], row["lam"]): row for row in content["cells"]}
    assert ("ijae_l2", 0.3) not in rows  # its runs are not done
    row = rows["ijae_shift_5", 0.3]
    assert row["runs"] == 2 and row["mse"]["mean"] == pytest.approx(0.3)
    assert row[OWN[0]]["values"] == pytest.approx([2, 4])
    assert row[OWN[1]]["mean"] == pytest.approx(0.25)
    assert rows["vae", None]["diverged"] == 2 and "mse" not in rows["vae", None]
    assert row["rms"]["mean"] == 1.5 and "KL by f_zeta" not in row
    assert "ijae_l1_tenth 0.7" in text and "3.0000 +- 1.4142" in text


@pytest.mark.parametrize(
    ("variant", "scale"), [("ijae_l1_tenth", 0.1), ("ijae_l1", 1.0), ("ijae_l2", 1.0)]
)
def test_the_scale_reaches_the_law(variant, scale):
    run = mnist(**VARIANTS[variant], budget="quick", units=4, latent_dim=2)
    assert run.model.likelihood_law.scale == pytest.approx(scale)


def test_the_gradient_through_z_is_a_choice():
    given = {"budget": "quick", "units": 4, "latent_dim": 2}
    stops = {
        name: mnist(**VARIANTS[name], **given).model.stop_code for name in IMPLICIT
    }
    printed = {"ijae_as_printed", "ijae_resnet_as_printed"}
    assert {name for name, stop in stops.items() if not stop} == printed


def test_cures_of_both_critics_are_variants():
    given = {"budget": "quick", "units": 4, "latent_dim": 2}
    plain, contrast, residual = (
        mnist(**VARIANTS[name], **given).model
        for name in ("ijae", "ijae_contrast", "ijae_resnet")
    )
    assert contrast.adaptive_contrast and not plain.adaptive_contrast
    table_6 = ks.networks.ijae_mnist(2, width=0.25).critic_pair
    assert residual.critic_pair.count_params() == table_6.count_params()
    assert plain.critic_pair.count_params() != table_6.count_params()
    for net in ("encoder", "decoder", "critic", "critic_code"):
        sizes = {getattr(m, net).count_params() for m in (plain, contrast, residual)}
        assert len(sizes) == 1


class Held:
    """Inputs of one split."""

    def __init__(self, x):
        self.x = x

    def arrays(self, split, limit):
        assert split == "test"
        return self.x[:limit]


@pytest.mark.parametrize("variant", ["ijae", "ijae_contrast", "vae"])
def test_sizes_of_codes_by_hand(variant):
    given = {"budget": "quick", "units": 4, "latent_dim": 2}
    model = mnist(**VARIANTS[variant], **given).model
    x = np.random.default_rng(0).uniform(-1, 1, (40, 28, 28, 1)).astype("float32")
    codes = np.random.default_rng(1).normal(2, [3, 0.5], (40, 2)).astype("float32")
    model.encode = lambda x: codes
    found = sizes_of_codes(model, Held(x))["codes"]
    second = np.mean(codes.astype(float) ** 2, 0)
    assert found["rms"] == pytest.approx(np.sqrt(second.mean()))
    sizes = np.sort(np.sqrt((codes**2).mean(1)))
    assert sizes[-2] < found["rms of a far one"] < sizes[-1]
    # KL(N(0, s^2) || N(0, 1)), twice.
    kl = [0.5 * (s - 1) - 0.5 * np.log(s) for s in second]
    assert found["KL, at least"] == pytest.approx(sum(kl))
    assert ("KL by f_zeta" in found) == (variant != "vae")
    if variant == "ijae":
        f = model.critic_code([x, codes]).numpy()
        assert found["KL by f_zeta"] == pytest.approx(-f.mean(), rel=1e-4)


def test_the_critic_of_codes_has_turns_of_its_own():
    run = mnist(**VARIANTS["ijae_separate"], budget="quick", units=4, latent_dim=2)
    model = run.model
    assert model.turns == {"critic": 1, "critic_code": 5, "generator": 1, "encoder": 1}
    build.compile_model(model, run.training, 2)
    x = np.random.default_rng(0).uniform(-1, 1, (8, 28, 28, 1)).astype("float32")
    names = ("critic", "critic_pair", "critic_code", "encoder", "decoder")
    before = {n: getattr(model, n).get_weights() for n in names}
    logs = model.train_on_batch(x, return_dict=True)
    for name, weights in before.items():
        after = getattr(model, name).get_weights()
        assert any((a != b).any() for a, b in zip(weights, after, strict=True)), name
    assert model.critic_code_optimizer.iterations == 5
    assert model.critic_optimizer.iterations == 1
    # The critics' rate, after 5 of the 6 x 2 x 5 updates of half a cosine.
    rate = 5e-4 * (1 + np.cos(np.pi * 5 / 60)) / 2
    assert float(model.critic_code_optimizer.learning_rate) == pytest.approx(rate)
    assert float(logs["critic_loss"]) > 0


def test_separate_turns_have_the_losses_of_one():
    given = {"budget": "quick", "units": 4, "latent_dim": 2}
    one, both = (mnist(method=m, **given).model for m in ("ijae_separate", "ijae"))
    x = np.random.default_rng(0).uniform(-1, 1, (8, 28, 28, 1)).astype("float32")
    with ks.noise.scope(ks.noise.Noise(3)) as noise:
        draw = both.draw(x, noise, False)
        terms = both.critic_loss(draw)
    one.load_weights_from(both)
    with ks.noise.scope(ks.noise.Noise(3)) as noise:
        draw = one.draw(x, noise, False)
        assert set(one.critic_loss(draw)) == {"x", "pair"}
        mine = one.critic_loss(draw) | {"code": one.critic_code_loss(draw)}
    assert set(mine) == set(terms) == {"x", "pair", "code"}
    for name, term in terms.items():
        assert float(mine[name]) == pytest.approx(float(term), rel=1e-5)


def test_a_lam_outside_is_refused_before_training(tmp_path):
    with Known(tmp_path) as study, pytest.raises(ValueError, match="0, 1.*: 1.5"):
        draws(study=study, lams=[0.3, 1.5])
