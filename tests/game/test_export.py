"""A SavedModel runs where only TensorFlow is, and gives what the model gives."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_probability import distributions as tfd

import keras_svae as ks
from tests.models import endpoints, tiny

COMMON = {"about", "generate", "decode", "log_likelihood"}
CODES = COMMON | {
    "encode",
    "reconstruct",
    "neighbours",
    "posterior",
    "log_posterior",
}
ENDPOINTS = {
    "vae": CODES | {"bound"},
    "gan": COMMON | {"log_ratio"},
    "iwgan": COMMON | {"log_ratio"},
    "wgan_gp": COMMON | {"log_ratio"},
    "aim": CODES | {"log_ratio"},
    "veegan": CODES - {"posterior", "log_posterior"} | {"log_ratio"},
    "svae_r": CODES | {"log_ratio"},
    "alice": CODES | {"log_ratio"},
    "as_vae": CODES | {"log_ratio_x", "log_ratio_z"},
    "avb_contrast": CODES | {"log_ratio"},
}

# Runs in a process that may import TensorFlow and NumPy, but none of our stack.
LOADER = """
import json, pathlib, sys
sys.modules.update({m: None for m in ("keras_svae", "keras", "tensorflow_probability")})
import numpy as np, tensorflow as tf
def made(folder):
    model, found = tf.saved_model.load(folder / "saved"), {}
    for name, arguments in json.loads((folder / "calls.json").read_text()).items():
        given = {k: tf.constant(v, tf.int32 if k in ("n", "seed") else tf.float32)
                 for k, v in arguments.items()}
        values = model.signatures[name](**given).items()
        found[name] = {k: v.numpy().decode() if v.dtype == tf.string
                       else v.numpy().tolist() for k, v in values}
    (folder / "found.json").write_text(json.dumps(found))
for folder in pathlib.Path(sys.argv[1]).iterdir():
    made(folder)
"""


@pytest.fixture(scope="module")
def exported(request, tmp_path_factory):
    """A trained model of each method and its folder, called in one other process."""
    root, models = tmp_path_factory.mktemp("exported"), {}
    asked = {
        item.callspec.params["method"]
        for item in request.session.items
        if item.path == request.path and "exported" in item.fixturenames
    }
    for method in asked:
        names = ENDPOINTS[method]
        models[method] = model = tiny.build(method, eager=True)
        model.train_on_batch(tiny.data())
        model.export(root / method / "saved")
        calls = {
            name: {key: value.tolist() for key, value in given.items()}
            for name, given in endpoints.arguments(model).items()
        }
        assert set(calls) == names
        (root / method / "calls.json").write_text(json.dumps(calls))
    command = [sys.executable, "-c", LOADER, str(root)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return models, root


# Of each set of endpoints one; a posterior that is fed noise, two critics.
QUICK = ("vae", "gan", "aim", "veegan", "svae_r", "as_vae")


@pytest.mark.parametrize(
    "method",
    [
        pytest.param(one, marks=[] if one in QUICK else pytest.mark.slow)
        for one in ENDPOINTS
    ],
)
def test_saved_model_runs_with_tensorflow_alone(method, exported):
    models, root = exported
    model, folder = models[method], root / method
    found = json.loads((folder / "found.json").read_text())
    about = json.loads(found.pop("about")["about"])
    assert about["latent_dim"] == tiny.CODE and about["data_shape"] == [tiny.DATA]
    pairs = {"above": "p", "below": "q", "reads": ["x", "z"]}
    alone = {"above": "q", "below": "p", "reads": ["x"]}
    known = {"gan": alone, "iwgan": alone, "aim": alone, "vae": None, "wgan_gp": None}
    known |= {"as_vae": None, "avb_contrast": None}
    if method in known or hasattr(model, "critic"):
        assert about["log_ratio"] == known.get(method, pairs)
    endpoints.agree(found, model)
    saved = tf.saved_model.load(folder / "saved").signatures
    assert set(saved) == ENDPOINTS[method] | {"serving_default"}
    # It generates.
    assert set(saved["serving_default"].structured_outputs) == {"x", "z"}


def test_a_loaded_likelihood_has_the_models_gradient(tmp_path):
    model = tiny.build("gan")
    model.export(tmp_path / "saved")
    saved = tf.saved_model.load(tmp_path / "saved")
    x = tf.constant(tiny.data(n=3))
    z = tf.constant(np.random.default_rng(0).normal(size=(3, tiny.CODE)), tf.float32)

    def slope(density):
        with tf.GradientTape() as tape:
            tape.watch(z)
            value = density(z)
        return tape.gradient(value, z)

    loaded = slope(
        lambda z: saved.log_likelihood(x, z, tf.constant(0))["log_likelihood"]
    )
    own = slope(lambda z: model.likelihood(z).log_prob(x))
    assert np.abs(own).max() > 0.1
    np.testing.assert_allclose(loaded, own, rtol=1e-4, atol=1e-5)


def test_a_saved_model_takes_as_many_codes_as_data(tmp_path):
    """Laws would repeat a single one, where methods of the model refuse it."""
    tiny.build("svae_r", compiled=False).export(tmp_path / "saved")
    served = tf.saved_model.load(tmp_path / "saved").signatures
    x, z, seed = tf.ones([4, tiny.DATA]), tf.ones([4, tiny.CODE]), tf.constant(0)
    for name in ("log_likelihood", "log_posterior", "log_ratio"):
        more = {} if name == "log_ratio" else {"seed": seed}
        assert served[name](x=x, z=z, **more)[name].shape == 4
        for one, other in ((x, z[:1]), (x[:1], z)):
            with pytest.raises(tf.errors.InvalidArgumentError, match="assertion fail"):
                served[name](x=one, z=other, **more)


def test_neighbours_of_no_number_are_none_of_each(tmp_path):
    tiny.build("vae", compiled=False).export(tmp_path / "m", endpoints="neighbours")
    served = tf.saved_model.load(tmp_path / "m").signatures["neighbours"]
    for rows, n in ((2, 0), (0, 3), (2, 3)):
        x = tf.ones([rows, tiny.DATA])
        found = served(x=x, n=tf.constant(n), seed=tf.constant(0))["neighbours"]
        assert found.shape == (rows, n, tiny.DATA)


def test_endpoints_have_a_dynamic_batch_and_take_seeds(tmp_path):
    tiny.build("svae_r").export(tmp_path / "saved")
    saved = tf.saved_model.load(tmp_path / "saved")
    for n in (1, 9):
        assert saved.generate(tf.constant(n), tf.constant(0))["x"].shape[0] == n
        assert saved.encode(tiny.data(n=n), tf.constant(1))["z"].shape[0] == n
    one, same, other = (
        saved.generate(tf.constant(4), tf.constant(s))["x"] for s in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 1e-3


def test_an_implicit_encoder_exports_no_densities_and_draws_by_seed(tmp_path):
    x = keras.Input((tiny.DATA,))
    noisy = ks.networks.layers.AppendNoise(2)(x)
    encoder = keras.Model(x, keras.layers.Dense(tiny.CODE)(noisy))
    nets = tiny.build("svae", compiled=False)
    model = ks.SVAE(
        encoder, nets.decoder, nets.critic, likelihood="implicit", posterior="implicit"
    )
    model.export(tmp_path / "saved")
    saved = tf.saved_model.load(tmp_path / "saved")
    densities = {"posterior", "log_posterior", "log_likelihood"}
    assert not densities & set(saved.signatures)
    for endpoint, key in (
        (saved.encode, "z"),
        (saved.reconstruct, "reconstruction"),
    ):
        one, same, other = (
            endpoint(tiny.data(), tf.constant(s))[key] for s in (1, 1, 2)
        )
        np.testing.assert_array_equal(one, same)
        assert np.abs(one - other).max() > 1e-3


@pytest.mark.slow
def test_saved_model_cli_reads_and_runs_it(tmp_path):
    tiny.build("svae_r").export(tmp_path / "saved")
    cli = [sys.executable, "-m", "tensorflow.python.tools.saved_model_cli"]
    folder = ["--dir", str(tmp_path / "saved"), "--tag_set", "serve"]
    shown = subprocess.run(
        [*cli, "show", *folder, "--signature_def", "encode"],
        capture_output=True,
        text=True,
    )
    assert "inputs['x']" in shown.stdout and "outputs['z']" in shown.stdout
    inputs = "n=3;seed=1"
    run = subprocess.run(
        [*cli, "run", *folder, "--signature_def", "generate", "--input_exprs", inputs],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    assert "Result for output key x" in run.stdout


def test_an_endpoint_that_cannot_be_called_is_named(tmp_path):
    class Own(ks.VAE):
        @ks.models.endpoint("a")
        def unknown(self, x, power):
            return x**power

        @ks.models.endpoint("a b")
        def less(self, x):
            return x

        @ks.models.endpoint("a")
        def more(self, x):
            return x, x

        @ks.models.endpoint("a")
        def named(self, x):
            return {"a": x}

        @ks.models.endpoint("a b")
        def listed(self, x):
            return [x, x]

        @ks.models.endpoint("a")
        def nothing(self, x):
            pass

        @ks.models.endpoint("a")
        def fixed(self, x, power=2.0, *others, **options):
            return x**power

    model = Own(tiny.dense([3], 4, "encoder"), tiny.dense([2], 3, "decoder"))
    for name, message in {
        "unknown": "unknown to read inputs.*received: power without a default",
        "less": "less to return one value for each name, a, b; received: 1",
        "more": "more to return one value for each name, a; received: 2",
        "named": "named to return a tensor, or a tuple.*, a; received: a dict",
        "listed": "listed to return a tensor, or a tuple.*, a, b; received: a list",
        "nothing": "nothing to return a tensor, or a tuple.*, a; received: None",
    }.items():
        with pytest.raises(ValueError, match=f"Expected the endpoint .*Own.{message}"):
            model.export(tmp_path / name, endpoints=name)
        assert not (tmp_path / name).exists()
    x = np.full((1, 3), 3.0, "float32")
    np.testing.assert_array_equal(model.endpoints()["fixed"][0](x)["a"], x**2)
    with pytest.raises(ValueError, match="parameters of .*wrong in end.*received: yy"):

        @ks.models.endpoint("a", yy="x")
        def wrong(self, x):
            return x


class Wide(ks.distributions.Gaussian):
    """Its range has numbers of NumPy."""

    range = (np.float32(-4.0), np.float64(4.0))


class OwnPrior(ks.VAE):
    """p(z) = N(3, I)."""

    @property
    def prior(self):
        law = tfd.Normal(3 * tf.ones([self.latent_dim]), 1.0)
        return tfd.Independent(law, 1)


def test_what_a_model_says_about_itself_is_json_and_true(tmp_path):
    networks = tiny.dense([3], 4, "encoder"), tiny.dense([2], 3, "decoder")
    model = OwnPrior(*networks, likelihood=Wide())
    assert json.loads(json.dumps(model.about())) == model.about()
    assert model.about()["range"] == [-4, 4] and model.about()["prior"] == "own"
    assert "p(z) own" in repr(model)
    assert tiny.build("info_gan", compiled=False).about()["prior"] == "normal"
    model.export(tmp_path / "saved", endpoints=["about", "generate", "encode"])
    with pytest.raises(ValueError, match="normal or uniform prior, not one that a sub"):
        ks.evaluation.evaluate(
            model, tiny.data(n=9), measures="variational_bound", verbose=False
        )
    found = ks.evaluation.evaluate(
        tmp_path / "saved", tiny.data(n=9), measures="all", verbose=False
    )
    assert "prior" in found.left_out["aggregate_posterior"]
    assert "code_mse" in found
