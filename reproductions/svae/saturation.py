"""Section 4.4: what is left of encoder's and decoder's gradients as the critic wins."""

import keras
import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure

import keras_svae as ks
from keras_svae.noise import Noise, scope
from reproductions.engine import Call, Study, cells, experiment, text_of
from reproductions.engine.options import PositiveInt
from reproductions.svae.toy import toy

# By its name in `ks.ALI`, a loss that encoder and decoder could have. All see the same
# critic.
LOSSES = {
    "logit": "sVAE, raw log ratios (14)",
    "non_saturating": "ALI, non-saturating (19)",
    "minimax": "ALI, minimax (18)",
    "sigmoid": "sigmoid, as in ALICE's code",
}
COLORS = {
    "logit": "tab:blue",
    "non_saturating": "tab:green",
    "minimax": "tab:orange",
    "sigmoid": "tab:red",
}
NETWORKS = ("encoder", "decoder")
# The critic's updates after which gradients are measured, beside the start.
UPDATES = [10, 30, 100, 300, 1000, 3000]
# Examples that gradients are taken on, and the critic's batch.
N, BATCH = 2048, 128
# A gradient has vanished if less than this share of its first norm is left.
VANISHED = 0.01


@experiment()
def saturation(
    study: Study, seeds: PositiveInt = 5, updates: list[PositiveInt] = UPDATES
) -> None:
    """Gradients of encoder and decoder as the critic gets better (4.4).

    The critic alone is trained, on the toy of 6.1, against encoder and decoder that
    stay as they start. Now and then the gradients are taken that four losses would give
    encoder and decoder, from the same critic and the same draw.

    Args:
        study: Where the runs are.
        seeds: How many.
        updates: The critic's updates after which gradients are taken.
    """
    at = sorted({0, *updates})
    calls = [Call(gradients, {"seed": s, "updates": at}) for s in range(seeds)]
    records = [one for one in study(calls) if "diverged" not in one]
    if not records:
        raise ValueError("Expected a run that did not diverge; received: none")
    names = [f"{net}, {loss}" for net in NETWORKS for loss in LOSSES]
    curves = {name: [one["curve"][name] for one in records] for name in names}
    # Each run by its own first norm, since weights start anew.
    shares = {n: np.array([np.array(c) / c[0] for c in v]) for n, v in curves.items()}
    largest = {n: float(v[:, -1].max()) for n, v in shares.items()}
    [summary] = cells(records, by=[], measures=[*records[0]["metrics"]])
    content = {
        "experiment": "sVAE's 4.4: vanishing gradients",
        "data": "toy5",
        "seeds": len(records),
        "diverged": len(calls) - len(records),
        "updates": at,
        "steps": at[-1],
        "n": N,
        "share of the first norm": {
            name: {"mean": v.mean(0).tolist(), "largest at the end": largest[name]}
            for name, v in shares.items()
        },
        "norms": {name: np.mean(v, 0).tolist() for name, v in curves.items()},
        "accuracy of the critic": np.mean(
            [one["curve"]["accuracy"] for one in records], 0
        ).tolist(),
        "at the end": summary,
        "reading": {"claims": reading(shares)},
        "processor hours": sum(one["processor seconds"] for one in records) / 3600,
    }
    study.write(content, table(content), picture(content))


def gradients(seed: int, updates: list[int]) -> dict:
    """Norms of gradients after each number of the critic's updates."""
    keras.utils.set_random_seed(seed)  # of the first weights
    more = {"budget": "quick", "batch_size": BATCH, "turns": 1}
    model = toy(method="svae", lam=0.0, seed=seed, **more).model
    nets = model.encoder, model.decoder, model.critic
    rivals = {"logit": model}
    for loss in LOSSES:
        if loss != "logit":
            rivals[loss] = ks.ALI(*nets, loss=loss, seed=seed)
    # Encoder and decoder stay: their rate is 0.
    still = keras.optimizers.SGD(0.0)
    model.compile(still, critic_optimizer=keras.optimizers.Adam(1e-3, beta_1=0.5))
    data = ks.data.load("toy5", batch_size=BATCH, seed=seed)
    x = tf.constant(data.unbatch().batch(N).get_single_element())
    curve: dict[str, list[float]] = {}
    for before, now in zip([0, *updates], updates, strict=False):
        if now > before:
            model.fit(data.repeat(), steps_per_epoch=now - before, verbose=0)
        for name, value in measured(rivals, x, seed).items():
            curve.setdefault(name, []).append(value)
    return {name: values[-1] for name, values in curve.items()} | {
        "extra": {"curve": curve}
    }


def measured(rivals: dict[str, ks.models.Matched], x: tf.Tensor, seed: int) -> dict:
    """Norms by network and loss, and the critic's accuracy, on one draw."""
    found = {}
    for loss, model in rivals.items():
        noise = Noise(seed).fold(1)
        with tf.GradientTape(persistent=True) as tape, scope(noise):
            draw = model.draw(x, noise, training=False)
            value = sum(one.mean() for one in model.autoencoder_loss(draw).values())
        for name in NETWORKS:
            weights = getattr(model, name).trainable_variables
            parts = tape.gradient(value, [one.value for one in weights])
            found[f"{name}, {loss}"] = float(tf.linalg.global_norm(parts))
    f_p, f_q = model.f(*draw.p), model.f(*draw.q)
    right = tf.concat([f_p > 0, f_q < 0], 0)
    return found | {"accuracy": float(tf.reduce_mean(tf.cast(right, tf.float32)))}


def reading(shares: dict[str, np.ndarray]) -> dict[str, bool]:
    """The paper's sentence in parts, each over all seeds and both networks."""

    def vanishes(loss: str) -> np.ndarray:
        last = [shares[f"{net}, {loss}"][:, -1] for net in NETWORKS]
        return np.array(last) < VANISHED

    return {
        "ALI's gradients vanish as the discriminator gets better, minimax (18)": bool(
            vanishes("minimax").all()
        ),
        "ALI's gradients vanish, in the non-saturating form (19)": bool(
            vanishes("non_saturating").all()
        ),
        "sVAE avoids this": not vanishes("logit").any(),
    }


def table(content: dict) -> str:
    """Norms, as shares of the first."""
    head = "".join(f"{one:>9}" for one in content["updates"])
    lines = [f"{'critic updates':38}{head}"]
    accuracy = "".join(f"{one:9.3f}" for one in content["accuracy of the critic"])
    lines.append(f"{'critic, accuracy':38}{accuracy}")
    for name, one in content["share of the first norm"].items():
        net, loss = name.split(", ")
        row = "".join(f"{value:9.2g}" for value in one["mean"])
        lines.append(f"{net + ': ' + LOSSES[loss]:38}{row}")
    for name in NETWORKS:
        ends = content["at the end"][f"{name}, logit"]
        lines.append(f"{name}: sVAE's norm at the end {text_of(ends)}")
    for claim, holds in content["reading"]["claims"].items():
        lines.append(f"{claim}: {'yes' if holds else 'no'}")
    return "\n".join(lines)


def picture(content: dict) -> Figure:
    """Shares of the first norm over the critic's updates, a panel for each network."""
    figure = Figure(figsize=(9, 3.6), dpi=110, layout="constrained")
    at = np.maximum(content["updates"], 1)
    for ax, net in zip(figure.subplots(1, 2, sharey=True), NETWORKS, strict=True):
        for loss, name in LOSSES.items():
            mean = content["share of the first norm"][f"{net}, {loss}"]["mean"]
            ax.loglog(at, mean, "o-", color=COLORS[loss], label=name)
        ax.axhline(1, color="0.7", linewidth=0.8)
        ax.set(title=net, xlabel="updates of the critic (0 is shown at 1)")
    figure.axes[0].set_ylabel("gradient's norm, share of the first")
    figure.axes[1].legend(fontsize=8)
    return figure
