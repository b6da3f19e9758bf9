"""What each worker does: `python -m tests.workers CASE FOLDER [ARGUMENTS]`.

A worker writes what it has to `worker-I-NAME.npz` in the folder.
"""

import contextlib
import json
import pathlib
import sys
import time

import tensorflow as tf

tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(2)
STRATEGY = tf.distribute.MultiWorkerMirroredStrategy()

import keras  # noqa: E402
import numpy as np  # noqa: E402

import keras_svae as ks  # noqa: E402
from keras_svae import files as disk  # noqa: E402
from keras_svae.game.terms import over_samples  # noqa: E402
from tests.models import tiny  # noqa: E402
from tests.replicas import losses_of  # noqa: E402

INDEX = STRATEGY.cluster_resolver.task_id
GLOBAL = 8


def adam():
    return ks.optimizers.Adam(0.01)


def build(method="svae_r", optimizer=adam, network=None, **compiled):
    kept = tiny.dense
    tiny.dense = network or kept
    with STRATEGY.scope():
        model = tiny.build(method, compiled=False)
        players = model.players.values()
        model.compile(**{p.optimizer: optimizer() for p in players}, **compiled)
    tiny.dense = kept
    return model


def data(steps):
    x = tiny.data(n=GLOBAL * steps)
    return tf.data.Dataset.from_tensor_slices(x).batch(GLOBAL)


def fit(model, steps, **given):
    """The losses of each step, of an epoch."""
    logged = []
    seen = lambda batch, logs: logged.append(dict(logs))  # noqa: E731
    seen = keras.callbacks.LambdaCallback(on_train_batch_end=seen)
    callbacks = [seen, *given.pop("callbacks", ())]
    model.fit(data(steps), verbose=0, callbacks=callbacks, **given)
    return losses_of(logged)


def keep(folder, name, model, losses=None):
    """All weights, averages, and the optimizers' state, and the losses."""
    found = {f"weight {i}": v.numpy() for i, v in enumerate(model.weights)}
    for key, one in model.optimizers.items():
        found |= {f"{key} {i}": v.numpy() for i, v in enumerate(one.variables)}
    found |= {f"loss {key}": value for key, value in (losses or {}).items()}
    np.savez(folder / f"worker-{INDEX}-{name}.npz", **found)


def train(folder, steps=50, names=("plain", "synchronized")):
    """Plain networks; networks with batch normalisation over all workers."""
    # Higher rates let roundings grow: see tests/game/test_replicas.py.
    sgd = lambda: keras.optimizers.SGD(0.02)  # noqa: E731
    for name in names:
        more = {}
        if name == "synchronized":
            more = {"network": tiny.normalised, "sync_batch_norm": True}
        model = build(optimizer=sgd, **more)
        keep(folder, name, model, fit(model, steps))


def calls(folder, theirs=False):
    """The same steps in calls of one and of four; the last batch is a smaller one.

    Args:
        folder: Where the weights go.
        theirs: Whether the strategy of the user distributes the data.
    """
    x = tiny.data(n=9 * GLOBAL + 5)
    for k in (1, 4):
        given = tf.data.Dataset.from_tensor_slices(x).batch(GLOBAL)
        if theirs:
            given = STRATEGY.experimental_distribute_dataset(given)
        model = build(steps_per_execution=k)
        more = {} if theirs else {"validation_data": data(3)}
        history = model.fit(given, epochs=2, verbose=0, **more).history
        assert model.step == 20
        keep(folder, f"calls-{k}", model, history)


def files(folder, steps=4):
    """All that writes, to one folder; batch normalisation by shares."""
    model = build(network=tiny.normalised)
    out = folder / "out"
    callbacks = [
        ks.callbacks.Pictures(out, tiny.data(n=4)),
        keras.callbacks.CSVLogger(out / "log.csv"),
        keras.callbacks.TensorBoard(out, write_graph=False),
        keras.callbacks.ModelCheckpoint(out / "last.keras"),
    ]
    ks.fit(
        model,
        data(steps),
        epochs=2,
        backup=out / "backup",
        callbacks=callbacks,
        validation_data=data(1),
        verbose=0,
    )
    keep(folder, "files", model)


def go_on(folder, since, steps=3):
    """From a backup of any number of workers, to the next one."""
    model = build()
    assert ks.callbacks.restore(model, folder / "backup") == since
    keep(folder, f"restored-{since}", model)
    fit(model, steps, callbacks=[ks.callbacks.Backup(folder / "backup")])
    keep(folder, f"trained-{since + steps}", model)


def refused(folder):
    """A backup folder of another run: the first worker alone looks into it."""
    model = build()
    fit(model, 2, callbacks=[ks.callbacks.Backup(folder / "backup")])


def elsewhere(folder):
    """Each worker has a folder of its own; one of them is empty."""
    model = build()
    try:
        ks.callbacks.restore(model, folder / f"backup-{INDEX}")
    except ValueError as error:
        print("REFUSED", error)


def slowly(folder, epochs=6, wait=0.5):
    """Epochs of two steps; a test interrupts them."""
    model = build()
    pause = lambda epoch, logs: time.sleep(wait)  # noqa: E731
    pause = keras.callbacks.LambdaCallback(on_epoch_end=pause)
    ks.fit(
        model,
        data(2),
        epochs=epochs,
        backup=folder / "backup",
        callbacks=[pause],
        verbose=0,
    )
    keep(folder, "slowly", model)


@tf.custom_gradient
def steep(values, slope):
    """The values, with their gradient times this."""
    return tf.identity(values), lambda up: (up * slope, tf.zeros_like(slope))


def breaking(worker=1, of_gradient=False, **compiled):
    """A model whose loss, or gradient, is not finite on one worker, at step 1."""

    class Breaks(ks.SVAE):
        breaks = True

        def critic_loss(self, draw):
            loss, factor = super().critic_loss(draw), tf.constant(1.0)
            context = tf.distribute.get_replica_context()
            if self.breaks and context is not None:  # the dry run is on no replica
                here = tf.equal(context.replica_id_in_sync_group, worker)
                bad = tf.logical_and(self._step.value == 1, here)
                factor = tf.where(bad, np.nan, 1.0)
            if not of_gradient:
                return loss * factor
            # Its value is 0, and so is its gradient, but for the bad one.
            f = self.f(*draw.p, training=draw.training)
            return loss + over_samples(steep(f, factor) - f)

    kept = tiny.METHODS["svae"]
    tiny.METHODS["svae"] = Breaks, {}
    model = build("svae", **compiled)
    tiny.METHODS["svae"] = kept
    return model


def not_finite(folder, **given):
    """A loss, or a gradient, that is not finite on one worker alone."""
    model = breaking(**given)
    try:
        fit(model, 4)
    except ks.Diverged as error:
        print("DIVERGED", error, "STEP", model.step)
    time.sleep(3)  # a worker that handles it does not end at once


def read_at_once(folder):
    """All read what the first one writes, which takes its time."""
    write = disk.write
    if INDEX == 0:
        disk.write = lambda *given: (time.sleep(0.3), write(*given))

    def train(model, name, epochs=1, **given):
        ks.fit(model, data(3), backup=folder / name, epochs=epochs, verbose=0, **given)
        assert model.step == 3 * epochs
        keep(folder, name, model)

    model = build()
    train(model, "row")
    train(model, "row", epochs=2)

    def end(batch, logs=None):
        if model.step == 2:  # right after a backup
            raise InterruptedError

    model = build()
    end = keras.callbacks.LambdaCallback(on_train_batch_begin=end)
    with contextlib.suppress(InterruptedError):
        train(model, "ended", every=2, callbacks=end)
    train(build(), "ended")

    model = breaking()
    with contextlib.suppress(ks.Diverged):
        train(model, "diverged", every=1)
    type(model).breaks = False
    train(model, "diverged", rates="compiled")

    best = keras.callbacks.ModelCheckpoint(folder / "best.keras")
    fit(model, 3, callbacks=[best])
    model.load_weights(best.filepath)
    keep(folder, "best", model)


def save(folder):
    """All workers write to one path."""
    fit(model := build(), 2)
    model.save(folder / "all.keras")
    model.save_weights(folder / "all.weights.h5")
    model.export(folder / "all", endpoints="encode")


def uneven(folder):
    """Data of all kinds that workers cannot share evenly: 17 examples, batches of 8."""
    x = tiny.data(n=2 * GLOBAL + 1)
    batches = [x[i : i + GLOBAL] for i in range(0, len(x), GLOBAL)]
    model = build("vae")
    given = {
        "array": x,
        "data set": tf.data.Dataset.from_tensor_slices(x).batch(GLOBAL),
        "unknown": tf.data.Dataset.from_generator(
            lambda: iter(batches),
            output_signature=tf.TensorSpec((None, tiny.DATA), tf.float32),
        ),
        "generator": iter(batches),
    }
    found = {}
    for name, one in given.items():
        if name != "generator":
            size = {"batch_size": GLOBAL} if name == "array" else {}
            logs = model.evaluate(one, verbose=0, return_dict=True, **size)
            found[f"evaluated {name}"] = [float(np.ravel(v)[0]) for v in logs.values()]
        before = model.step
        try:
            size = {"batch_size": GLOBAL} if name == "array" else {}
            model.fit(one, verbose=0, **size)
            found[f"trained {name}"] = [model.step - before]
        except ValueError as error:
            print("REFUSED", name, str(error)[:100])
    print("FOUND", json.dumps(found))
    keep(folder, "uneven", model)
    model.call = lambda inputs, training=None: 2 * inputs
    predicted = model.predict(x, batch_size=GLOBAL, verbose=0)
    single = model.predict_on_batch(x)
    np.savez(folder / f"predicted-{INDEX}.npz", predicted=predicted, single=single)


def wrong_batch(folder):
    """The second batch is not finite."""
    x = tiny.data(n=4 * GLOBAL)
    x[GLOBAL + 1] = np.nan
    model = build()
    late = tf.data.Dataset.from_tensor_slices(x).batch(GLOBAL)
    try:
        model.fit(late, verbose=0)
    except ValueError as error:
        print("REFUSED", error)


if __name__ == "__main__":
    case, folder, *more = sys.argv[1:]
    arguments = json.loads(more[0]) if more else {}
    globals()[case](pathlib.Path(folder), **arguments)
