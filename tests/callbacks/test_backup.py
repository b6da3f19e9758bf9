"""Backups: what is refused, and that a killed run goes on as if it had not been."""

import json
import os

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from tests.models import tiny


def build(method="svae_r", **kwargs):
    return tiny.build(method, optimizer=lambda: keras.optimizers.Adam(0.01), **kwargs)


def dataset():
    return tf.data.Dataset.from_tensor_slices(tiny.data(n=50)).batch(5)


def test_a_run_stopped_in_mid_epoch_goes_on_bit_for_bit(tmp_path):
    class Killed(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 5:
                raise KeyboardInterrupt

    straight = build()
    straight.fit(dataset(), verbose=0)
    stopped = build()
    backup = ks.callbacks.Backup(tmp_path, every=2)
    with pytest.raises(KeyboardInterrupt):
        stopped.fit(dataset(), callbacks=[backup, Killed()], verbose=0)
    resumed = build()
    step = ks.callbacks.restore(resumed, tmp_path)
    assert step == 6
    resumed.fit(dataset().skip(step), verbose=0)
    for a, b in zip(straight.variables, resumed.variables, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    np.testing.assert_array_equal(
        straight.critic_optimizer.iterations, resumed.critic_optimizer.iterations
    )


def test_the_last_two_backups_are_kept(tmp_path):
    backup = ks.callbacks.Backup(tmp_path, every=3)
    build().fit(dataset(), callbacks=[backup], verbose=0)
    kept = sorted(path.name for path in tmp_path.iterdir())
    assert kept == [
        f"step-{step:09d}.{end}" for step in (9, 10) for end in ("json", "weights.h5")
    ]


def test_an_empty_folder_is_a_fresh_start(tmp_path):
    assert ks.callbacks.restore(build(), tmp_path) == 0


def test_what_is_refused(tmp_path):
    model = build()
    model.fit(dataset(), callbacks=[ks.callbacks.Backup(tmp_path, every=4)], verbose=0)
    with pytest.raises(ValueError, match="backup of ALICE; received: one of SVAE"):
        ks.callbacks.restore(build("alice"), tmp_path)
    nets = build()
    wide = ks.SVAE(
        nets.encoder,
        nets.decoder,
        keras.Model(
            nets.critic.inputs,
            keras.layers.Dense(1)(keras.layers.Concatenate()(nets.critic.inputs)),
        ),
        lam=0.7,
        likelihood="gaussian",
    )
    wide.compile(optimizer="adam", critic_optimizer="adam")
    with pytest.raises(ValueError, match=r"variables shaped as this model's"):
        ks.callbacks.restore(wide, tmp_path)
    with pytest.raises(ValueError, match="Expected a compiled model"):
        ks.callbacks.restore(build(compiled=False), tmp_path)
    newest = sorted(tmp_path.glob("*.h5"))[-1]
    os.truncate(newest, newest.stat().st_size // 2)
    fresh = build()
    before = [v.numpy() for v in fresh.variables]
    with pytest.raises(ValueError, match="truncated or changed.*older"):
        ks.callbacks.restore(fresh, tmp_path)
    for variable, value in zip(fresh.variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)
    newest.unlink()
    newest.with_name(newest.name.replace(".weights.h5", ".json")).unlink()
    assert ks.callbacks.restore(fresh, tmp_path) == 8


def test_a_folder_that_cannot_be_written_is_refused_before_training(tmp_path):
    (tmp_path / "file").write_text("")
    model = build()
    with pytest.raises(OSError):
        model.fit(
            dataset(), callbacks=[ks.callbacks.Backup(tmp_path / "file")], verbose=0
        )
    assert int(model.step) == 0


def test_backups_of_before_had_no_state_of_averages(tmp_path):
    """Their list of variables went on with metrics."""

    def averaged():
        model = build(compiled=False)
        adam = {
            p.optimizer: keras.optimizers.Adam(0.01) for p in model.players.values()
        }
        model.compile(**adam, ema=0.9)
        return model

    model = averaged()
    model.fit(dataset(), callbacks=[ks.callbacks.Backup(tmp_path)], verbose=0)
    about = sorted(tmp_path.glob("*.json"))[-1]
    told = json.loads(about.read_text())
    kept = [v for v in told["variables"] if not v[0].endswith("averages/state")]
    assert len(kept) == len(told["variables"]) - 1
    told["variables"] = [*kept, ["mean/total", []]]
    about.write_text(json.dumps(told))
    assert ks.callbacks.restore(averaged(), tmp_path) == model.step
