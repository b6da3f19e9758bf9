"""Section 4.4: what is left of encoder's and decoder's gradients as the critic wins."""

from typing import Literal

import keras
import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure

import keras_svae as ks
from keras_svae.noise import Noise, scope
from reproductions.engine import Call, Study, experiment
from reproductions.engine.options import PositiveInt
from reproductions.svae.images import digits
from reproductions.svae.toy import toy

# By its name in `ks.ALI`, a loss that encoder and decoder could have. All see the same
# critic.
LOSSES = {
    "logit": "sVAE, raw log ratios (14)",
    "minimax": "ALI, minimax (18)",
    "non_saturating": "ALI, non-saturating (19)",
    "sigmoid": "sigmoid, as in ALICE's code",
}
NETWORKS = ("encoder", "decoder")
# The critic's updates after which gradients are measured, beside the start.
UPDATES = [10, 30, 100, 300, 1000, 3000]
# Examples that gradients are taken on, at most, and the critic's batch.
N, BATCH = 2048, 128
# A gradient has vanished if less than this share of its largest norm is left.
VANISHED = 0.1
DATA = {"toy": toy, "digits": digits}
BOTH = list(DATA)


@experiment()
def saturation(
    study: Study,
    data: list[Literal[tuple(DATA)]] = BOTH,
    seeds: PositiveInt = 5,
    updates: list[PositiveInt] = UPDATES,
) -> None:
    """Gradients of encoder and decoder as the critic gets better (4.4).

    The critic alone is trained, against encoder and decoder that stay; they have no
    batch normalisation, whose averages would move. Now and then the gradients are taken
    that four losses would give encoder and decoder, from the same critic and draw.

    Args:
        study: Where the runs are.
        data: The experiments whose networks and data are taken: points in the plane,
            where the two laws overlap, and images, where a critic can tell them apart.
        seeds: How many of each.
        updates: The critic's updates after which gradients are taken.
    """
    at = sorted({0, *updates})
    calls = [
        Call(gradients, {"data": name, "seed": seed, "updates": at})
        for seed in range(seeds)
        for name in data
    ]
    records = study(calls)
    kept = [one for one in records if "diverged" not in one]
    by_data = {}
    for name in data:
        if mine := [one for one in kept if one["settings"]["data"] == name]:
            found = summary([one["curve"] for one in mine])
            by_data[name] = found | {"n": mine[0]["n"]}
    content = {
        "experiment": "sVAE's 4.4: vanishing gradients",
        "diverged": len(records) - len(kept),
        "updates": at,
        "steps": at[-1],
        "by_data": by_data,
    }
    study.write(content, table(content), picture(content) if by_data else None)


def gradients(data: str, seed: int, updates: list[int]) -> dict:
    """Norms of gradients after each number of the critic's updates."""
    keras.utils.set_random_seed(seed)  # of the first weights
    more = {"budget": "quick", "batch_size": BATCH, "turns": 1, "batch_norm": False}
    run = DATA[data](method="svae", lam=0.0, seed=seed, **more)
    model = run.model
    nets = model.encoder, model.decoder, model.critic
    rivals = {"logit": model}
    for loss in LOSSES:
        if loss != "logit":
            rivals[loss] = ks.ALI(*nets, loss=loss, seed=seed)
    # Encoder and decoder stay: their rate is 0.
    still = keras.optimizers.SGD(0.0)
    model.compile(still, critic_optimizer=keras.optimizers.Adam(1e-3, beta_1=0.5))
    batches = ks.data.load(run.data.data, batch_size=BATCH, seed=seed)
    x = tf.constant(batches.unbatch().batch(N).get_single_element())
    curve: dict[str, list[float]] = {}
    for before, now in zip([0, *updates], updates, strict=False):
        if now > before:
            model.fit(batches.repeat(), steps_per_epoch=now - before, verbose=0)
        for name, value in measured(rivals, x, seed).items():
            curve.setdefault(name, []).append(value)
    return {name: values[-1] for name, values in curve.items()} | {
        "extra": {"curve": curve, "n": len(x)}
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


def summary(curves: list[dict]) -> dict:
    """Norms, what is left of them, and the paper's sentences, over seeds."""
    names = [f"{net}, {loss}" for net in NETWORKS for loss in LOSSES]
    norms = {name: np.array([one[name] for one in curves]) for name in names}
    left = {name: one[:, -1] / one.max(1) for name, one in norms.items()}
    # What a loss makes of sVAE's gradient, from the same critic.
    shares = {
        name: norms[name] / norms[f"{name.partition(',')[0]}, logit"] for name in names
    }
    return {
        "seeds": len(curves),
        "accuracy of the critic": np.mean(
            [one["accuracy"] for one in curves], 0
        ).tolist(),
        "norms": {name: one.mean(0).tolist() for name, one in norms.items()},
        "share of sVAE's": {name: one.mean(0).tolist() for name, one in shares.items()},
        "left of the largest": {
            name: {"least": float(one.min()), "most": float(one.max())}
            for name, one in left.items()
        },
        "reading": reading(left),
    }


def reading(left: dict[str, np.ndarray]) -> dict[str, bool]:
    """The paper's sentence in parts, by what is left over all seeds and networks."""

    def vanishes(loss: str) -> np.ndarray:
        return np.array([left[f"{net}, {loss}"] for net in NETWORKS]) < VANISHED

    return {
        "ALI's gradients vanish, minimax (18)": bool(vanishes("minimax").all()),
        "ALI's gradients vanish, (19)": bool(vanishes("non_saturating").all()),
        "sVAE avoids this": not vanishes("logit").any(),
    }


def table(content: dict) -> str:
    """Norms, for each data set, network and loss."""
    lines = []
    for data, found in content["by_data"].items():
        head = "".join(f"{one:>9}" for one in content["updates"])
        lines.append(f"{data + ', updates of the critic':40}{head}")
        accuracy = "".join(f"{one:9.3f}" for one in found["accuracy of the critic"])
        lines.append(f"{'accuracy of the critic':40}{accuracy}")
        for name, norms in found["norms"].items():
            net, loss = name.split(", ")
            row = "".join(f"{value:9.2g}" for value in norms)
            lines.append(f"{net + ': ' + LOSSES[loss]:40}{row}")
        for claim, holds in found["reading"].items():
            lines.append(f"{claim}: {'yes' if holds else 'no'}")
    return "\n".join(lines)


def picture(content: dict) -> Figure:
    """Norms over the critic's updates: a row for each data set."""
    by_data = content["by_data"]
    size = 9, 3.4 * len(by_data)
    figure = Figure(figsize=size, dpi=110, layout="constrained")
    at = np.maximum(content["updates"], 1)
    rows = figure.subplots(len(by_data), 2, squeeze=False, sharey="row")
    for row, (data, found) in zip(rows, by_data.items(), strict=True):
        for ax, net in zip(row, NETWORKS, strict=True):
            for loss, name in LOSSES.items():
                norms = found["norms"][f"{net}, {loss}"]
                ax.loglog(at, norms, "o-", label=name)
            ax.set(title=f"{data}: {net}", xlabel="updates of the critic (0 at 1)")
        row[0].set_ylabel("gradient's norm")
    rows[0][0].legend(fontsize=8)
    return figure
