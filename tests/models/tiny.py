"""Tiny networks with fixed weights, and the same arithmetic again in NumPy float64."""

import json

import keras
import numpy as np
import tensorflow as tf

import keras_svae as ks

DATA, CODE, CLASSES, BATCH = 3, 2, 3, 5
METHODS = {
    "vae": (ks.VAE, {}),
    "gan": (ks.GAN, {}),
    "wgan": (ks.WGAN, {"turns": {"critic": 1}, "clip": 100.0}),
    "wgan_gp": (ks.WGANGP, {"turns": {"critic": 1}}),
    "unrolled_gan": (ks.UnrolledGAN, {"unrolled": 1, "inner_rate": 0.5}),
    "aim": (ks.AIM, {}),
    "aim_minus": (ks.AIM, {"variance": "unit"}),
    "aim_f_gan": (ks.AIM, {"game": "f-gan"}),
    "veegan": (ks.VEEGAN, {"lam": 0.7, "posterior": "implicit"}),
    "ali": (ks.ALI, {}),
    "alice": (ks.ALICE, {"lam": 0.7}),
    "alice_two_sided": (ks.ALICE, {"lam": 0.7, "two_sided": True}),
    "svae": (ks.SVAE, {}),
    "svae_r": (ks.SVAE, {"lam": 0.7}),
    "as_vae": (ks.ASVAE, {}),
    "as_vae_r": (ks.ASVAE, {"part": "reconstruction"}),
    "as_vae_g": (ks.ASVAE, {"part": "generation"}),
    "avb": (ks.AdversarialVariationalBayes, {"posterior": "gaussian"}),
    "avb_contrast": (
        ks.AdversarialVariationalBayes,
        {"posterior": "gaussian", "adaptive_contrast": True},
    ),
}
# Further settings of a method, of which losses and gradients are tested.
VARIANTS = {
    "gan_minimax": (ks.GAN, {"loss": "minimax"}),
    "gan_sigmoid": (ks.GAN, {"loss": "sigmoid"}),
    "gan_logit": (ks.GAN, {"loss": "logit"}),
    "alice_minimax": (ks.ALICE, {"lam": 0.7, "loss": "minimax"}),
    "alice_sigmoid": (ks.ALICE, {"lam": 0.7, "loss": "sigmoid"}),
    "svae_r_pair": (ks.SVAE, {"lam": (0.7, 0.3)}),
    "svae_r_mean": (ks.SVAE, {"lam": (0.7, 0.3), "reduction": "mean"}),
}
# Built by `build` too; of the tests that go through METHODS they have their own.
UNIFYING = {
    "iwgan": (ks.IWGAN, {}),
    "cgan": (ks.CGAN, {}),
    "iwcgan": (ks.IWCGAN, {}),
    "cvae": (ks.CVAE, {}),
    "aavae": (ks.AAVAE, {"temperature": 1.5}),
    "aacvae": (ks.AACVAE, {"temperature": 1.5}),
    "semi_supervised_vae": (ks.SemiSupervisedVAE, {"alpha": 0.7}),
    "aa_semi_supervised_vae": (
        ks.AASemiSupervisedVAE,
        {"alpha": 0.7, "temperature": 1.5},
    ),
    "info_gan": (ks.InfoGAN, {"lam": 0.7}),
    "aae": (ks.AdversarialAutoencoder, {"lam": 0.7}),
    "wake_sleep": (ks.WakeSleep, {}),
}


def dense(inputs: list[int], outputs: int, name: str) -> keras.Model:
    """One tanh layer of four units and a linear one."""
    tensors = [keras.Input((n,)) for n in inputs]
    x = keras.layers.Concatenate()(tensors) if len(tensors) > 1 else tensors[0]
    x = keras.layers.Dense(4, activation="tanh", name="features")(x)
    x = keras.layers.Dense(outputs)(x)
    return keras.Model(tensors if len(tensors) > 1 else tensors[0], x, name=name)


_dense = dense


def normalised(inputs: list[int], outputs: int, name: str) -> keras.Model:
    """`dense`, with batch normalisation; put it in the place of `tiny.dense`."""
    network = _dense(inputs, outputs, name)
    features = ks.networks.BatchNormalization()(network.get_layer("features").output)
    out = keras.layers.Dense(outputs)(features)
    return keras.Model(network.inputs, out, name=name)


def build(
    method, likelihood="gaussian", compiled=True, optimizer=None, eager=False, **kwargs
):
    """A model of this method whose weights depend on nothing but their shapes.

    Eager, it takes a few steps in less time than the graph of a step is made.
    """
    cls, settings = {**METHODS, **VARIANTS, **UNIFYING}[method]
    settings = {**settings, "likelihood": likelihood, "seed": 3, **kwargs}
    law = ks.distributions.get(likelihood)
    y = [CLASSES] if cls.conditional else []
    decoder = dense([CODE, *y], DATA * law.parameters, "decoder")
    law = settings.get("posterior", "gaussian")
    posterior = ks.distributions.get(law, "posterior")
    if issubclass(cls, ks.AIM):
        outputs = CODE if settings.get("variance") == "unit" else 2 * CODE
        critic, encoder = dense([DATA], 1, "critic"), dense([4], outputs, "encoder")
        model = cls(decoder, critic, encoder, **settings)
    elif issubclass(cls, ks.AdversarialAutoencoder):
        encoder = dense([DATA], CODE, "encoder")
        model = cls(encoder, decoder, dense([CODE], 1, "critic"), **settings)
    elif issubclass(cls, ks.InfoGAN):
        encoder = dense([DATA], 2 * CODE, "encoder")
        model = cls(decoder, dense([DATA], 1, "critic"), encoder, **settings)
    elif issubclass(cls, ks.GAN):
        model = cls(decoder, dense([DATA, *y], 1, "critic"), **settings)
    elif issubclass(cls, (ks.VAE, ks.WakeSleep, ks.models.AdversarialModel)):
        encoder = dense([DATA, *y], posterior.outputs(CODE), "encoder")
        nets = {"encoder": encoder, "decoder": decoder}
        if issubclass(cls, ks.SemiSupervisedVAE):
            nets["classifier"] = dense([DATA], CLASSES, "classifier")
        if issubclass(cls, ks.models.AdversarialModel):
            reads = [DATA] if cls.unlabelled else [DATA, *y]
            nets["critic"] = dense(reads, 1, "critic")
        model = cls(**nets, **settings)
    else:
        encoder = dense([DATA], posterior.outputs(CODE), "encoder")
        count = 2 if issubclass(cls, ks.ASVAE) else 1
        critics = [dense([DATA, CODE], 1, f"critic_{i}") for i in range(count)]
        model = cls(encoder, decoder, *critics, **settings)
    rng = np.random.default_rng(7)
    for variable in model.trainable_variables:
        variable.assign(0.6 * rng.normal(size=variable.shape))
    if compiled:
        # With this optimizer a weight's change is minus its gradient.
        make = optimizer or (lambda: keras.optimizers.SGD(1.0))
        made = {p.optimizer: make() for p in model.players.values()}
        model.compile(**made, run_eagerly=eager)
    return model


def data(seed=0, n=BATCH, low=0.05, high=0.95):
    """A batch in (0, 1)."""
    return np.random.default_rng(seed).uniform(low, high, (n, DATA)).astype("float32")


def batch(model, seed=0, n=BATCH):
    """A batch as the model takes it, of partly unknown classes where it may be."""
    if not model.conditional:
        return data(seed, n)
    low = -1 if model.unlabelled else 0
    return data(seed, n), np.arange(seed, seed + n) % (CLASSES - low) + low


def weights(model) -> dict[str, list[np.ndarray]]:
    """By network's attribute name, float64."""
    return {
        name: [v.numpy().astype(np.float64) for v in getattr(model, name).weights]
        for name in (
            "encoder",
            "decoder",
            "critic",
            "critic_x",
            "critic_z",
            "classifier",
            "extractor",
        )
        if getattr(model, name, None) is not None
    }


def run(w: list[np.ndarray], *inputs) -> np.ndarray:
    """The network of `dense`, in NumPy."""
    hidden = np.tanh(np.concatenate(inputs, -1) @ w[0] + w[1])
    return hidden @ w[2] + w[3]


def slopes(w: list[np.ndarray], x) -> np.ndarray:
    """The gradient of `run` with respect to one input, by the chain rule."""
    hidden = np.tanh(x @ w[0] + w[1])
    return ((1 - hidden**2) * w[2][:, 0]) @ w[0].T


def softplus(t):
    return np.logaddexp(0, t)


def gradient(function, arrays: list[np.ndarray], step=1e-6) -> list[np.ndarray]:
    """Central differences of a scalar function of the arrays, which it may read."""
    found = []
    for array in arrays:
        g = np.zeros_like(array)
        for index in np.ndindex(array.shape):
            kept = array[index]
            array[index] = kept + step
            above = function()
            array[index] = kept - step
            g[index] = (above - function()) / (2 * step)
            array[index] = kept
        found.append(g)
    return found


def drawn(model, examples=None, **given):
    """A draw on a batch, with these parts in place of its own."""
    examples = batch(model) if examples is None else examples
    examples = tf.nest.map_structure(tf.constant, examples)
    draw = model.draw(examples, ks.noise.Noise(1), True)
    for name, value in given.items():
        setattr(draw, name, tf.constant(value, tf.float32))
    return draw


def played(model, player, draw):
    """A player's terms, and their gradient for each of its networks."""
    names = model.players[player].networks.split()
    weights = [[v.value for v in getattr(model, n).trainable_variables] for n in names]
    with tf.GradientTape() as tape, ks.noise.scope(draw.noise):
        terms = getattr(model, f"{player}_loss")(draw)
        terms = terms if isinstance(terms, dict) else {"": terms}
        loss = sum(terms.values()).mean()
    gradients = tape.gradient(loss, weights)
    return {n: float(t) for n, t in terms.items()}, dict(
        zip(names, gradients, strict=True)
    )


def check(model, player, expected, w, **given):
    """A player's loss and gradients against a NumPy function of the weights w."""
    # A draw that nothing has been asked of outside the tape.
    draw = drawn(model, **given)
    terms, gradients = played(model, player, draw)
    np.testing.assert_allclose(sum(terms.values()), expected(), rtol=2e-5)
    for name, found in gradients.items():
        wanted = gradient(expected, w[name])
        assert max(np.abs(g).max() for g in wanted) > 0.01, name
        for one, g in zip(found, wanted, strict=True):
            np.testing.assert_allclose(one, g, rtol=2e-3, atol=3e-5)
    return draw


def variables(model, trainable=False):
    """All weights, and (unless trainable) the optimizers' state."""
    found = list(model.trainable_variables)
    if not trainable:
        found += model.non_trainable_variables
        for player in model.players.values():
            found += getattr(model, player.optimizer).variables
    return found


def flat(model, trainable=False):
    return np.concatenate([np.ravel(v.numpy()) for v in variables(model, trainable)])


def made_again(model):
    """The model again, from the text that a file holds of its configuration."""
    told = json.dumps(keras.saving.serialize_keras_object(model))
    return keras.saving.deserialize_keras_object(json.loads(told))


def adam():
    return keras.optimizers.Adam(0.01)
