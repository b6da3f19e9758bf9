"""What tf2onnx makes of a SavedModel's endpoints; it knows values by name alone."""

import importlib.util
import logging
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from tests.models import endpoints, tiny

# Of tf2onnx 1.17: operators that TFP's densities would bring.
UNKNOWN = {"MulNoNan", "Expm1", "Log1p", "BroadcastArgs", "Xlogy", "Xlog1py"}
# They draw, and random operators are not converted.
DRAW = {"generate", "encode", "neighbours", "bound"}
LAWS = {
    "bernoulli": "bernoulli",
    "continuous": "continuous_bernoulli",
    "gaussian": ks.distributions.Gaussian("learned"),
    "laplace": "laplace",
}
METHODS = ["vae", "gan", "wgan_gp", "aim", "svae_r", "alice", "as_vae", "avb", "aae"]


def built(name):
    if name in LAWS:
        return tiny.build("svae_r", likelihood=LAWS[name], compiled=False)
    return tiny.build(name, likelihood="bernoulli", compiled=False)


def operators(function) -> set[str]:
    """The kinds of all operators of a function and of those that it calls."""
    graph = function.graph.as_graph_def()
    inner = (node for one in graph.library.function for node in one.node_def)
    return {node.op for node in (*graph.node, *inner)}


@pytest.mark.parametrize(
    "name",
    [
        *(pytest.param(law, marks=pytest.mark.slow) for law in LAWS),
        pytest.param("as_vae", marks=pytest.mark.slow),
        "cvae",
        "semi_supervised_vae",
    ],
)
def test_no_input_has_an_outputs_name_and_operators_are_known(name):
    seen = 0
    for endpoint, (call, specs) in built(name).endpoints().items():
        function = tf.function(call, input_signature=specs).get_concrete_function()
        inputs = {spec.name for spec in specs}
        if endpoint != "generate":
            assert not inputs & set(function.structured_outputs), endpoint
        if endpoint not in DRAW:
            assert not operators(function) & UNKNOWN, endpoint
            seen += 1
    assert seen >= 5


def test_the_laws_are_those_of_tfp():
    """Their densities and means are written again, for these operators."""
    from tensorflow_probability import distributions as tfd

    from keras_svae.distributions import drawn

    raw = tf.constant([-200.0, -30, -2, -0.61, -0.59, -1e-3, 0, 1e-6, 0.4, 3, 40, 300])
    x = tf.constant(np.linspace(0, 1, 7)[:, None], tf.float32)
    for own, its in (
        (drawn.ContinuousBernoulli(raw), tfd.ContinuousBernoulli(raw)),
        (drawn.Bernoulli(raw, dtype=tf.float32), tfd.Bernoulli(raw, dtype=tf.float32)),
        (drawn.Laplace(raw, 0.5), tfd.Laplace(raw, 0.5)),
    ):
        for call in (lambda law: law.mean(), lambda law: law.log_prob(x)):
            with tf.GradientTape(persistent=True) as tape:
                tape.watch(raw)
                found, wanted = (
                    call(type(law)(raw, **_others(law))) for law in (own, its)
                )
            np.testing.assert_allclose(found, wanted, rtol=3e-6, atol=1e-6)
            found, wanted = tape.gradient(found, raw), tape.gradient(wanted, raw)
            assert np.isfinite(found).all()
            np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=2e-5)
    np.testing.assert_allclose(drawn.Laplace(raw, 0.5).stddev(), 0.5 * 2**0.5)
    outside = drawn.ContinuousBernoulli(0.3).log_prob([-0.1, 1.1])
    assert (outside.numpy() == -np.inf).all()


def _others(law):
    """The arguments beside logits or location."""
    if "Laplace" in type(law).__name__:
        return {"scale": 0.5}
    return {} if "Continuous" in type(law).__name__ else {"dtype": tf.float32}


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("tf2onnx") is None
    or importlib.util.find_spec("onnxruntime") is None,
    reason="needs tf2onnx and onnxruntime",
)
@pytest.mark.parametrize("name", [*LAWS, *METHODS])
def test_deterministic_endpoints_convert_and_give_the_same(name, tmp_path):
    import onnxruntime

    model = built(name)
    model.export(tmp_path / "saved")
    served = tf.saved_model.load(tmp_path / "saved").signatures
    for endpoint, given in endpoints.arguments(model).items():
        if endpoint in DRAW | {"about"}:
            continue
        target = str(tmp_path / f"{endpoint}.onnx")
        command = [sys.executable, "-m", "tf2onnx.convert", "--opset", "18"]
        command += ["--saved-model", str(tmp_path / "saved"), "--output", target]
        done = subprocess.run(
            [*command, "--signature_def", endpoint], capture_output=True, text=True
        )
        assert done.returncode == 0 and "not supported" not in done.stderr, done.stderr
        session = onnxruntime.InferenceSession(
            target, providers=["CPUExecutionProvider"]
        )
        fed = {one.name: np.asarray(given[one.name]) for one in session.get_inputs()}
        names = [one.name for one in session.get_outputs()]
        found = dict(zip(names, session.run(None, fed), strict=True))
        wanted = served[endpoint](**{k: tf.constant(v) for k, v in given.items()})
        assert set(found) == set(wanted)
        for key, value in wanted.items():
            np.testing.assert_allclose(found[key], value, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("given", "error", "why"),
    [
        ({"format": "torch"}, ValueError, "tf_saved_model.*received: 'torch'"),
        ({"format": None}, ValueError, "tf_saved_model.*received: None"),
        ({"input_signature": [1]}, ValueError, "input_signature=None"),
        ({"is_static": True}, TypeError, "received: is_static"),
        ({"filepath": 3}, TypeError, "path of a folder; received: 3"),
        ({"filepath": "file/inside"}, NotADirectoryError, "file is a file"),
    ],
)
def test_what_export_refuses_before_it_writes(given, error, why, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(error, match=f"Expected .*{why}"):
        tiny.build("gan", compiled=False).export(**{"filepath": "new"} | given)
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


def test_export_takes_what_keras_takes(tmp_path, capsys, caplog):
    model = tiny.build("gan", compiled=False)
    caplog.set_level("INFO", "tensorflow")  # as in a notebook
    model.export(tmp_path / "a", "tf_saved_model", True, None)
    assert "generate" in capsys.readouterr().out
    # The folder that it is written to at first is nobody's business.
    assert not caplog.records and tf.get_logger().level == logging.INFO
    model.export(str(tmp_path / "b"), format="tf_saved_model", verbose=False)
    assert not capsys.readouterr().out
    names = keras.Model.export.__code__.co_varnames[:5]
    assert names == type(model).export.__code__.co_varnames[:5]
