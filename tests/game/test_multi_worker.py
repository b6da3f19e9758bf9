"""Several processes train one model in lock-step."""

import csv
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from tests.models import tiny
from tests.replicas import losses_of, one_device, some_replicas
from tests.workers import Workers, environments, succeed

GLOBAL, STEPS = 8, 50


def found(folder, name, count):
    """What each worker has kept; all of it is the same on all workers."""
    kept = [dict(np.load(folder / f"worker-{i}-{name}.npz")) for i in range(count)]
    for other in kept[1:]:
        assert other.keys() == kept[0].keys()
        for key, value in kept[0].items():
            np.testing.assert_array_equal(other[key], value, err_msg=key)
    return kept[0]


def data(steps):
    x = tiny.data(n=GLOBAL * steps)
    return tf.data.Dataset.from_tensor_slices(x).batch(GLOBAL)


def compiled(model, make):
    players = model.players.values()
    model.compile(**{player.optimizer: make() for player in players})
    return model


def kept(model):
    """As a worker keeps it."""
    made = {f"weight {i}": v.numpy() for i, v in enumerate(model.weights)}
    for key, one in model.optimizers.items():
        made |= {f"{key} {i}": v.numpy() for i, v in enumerate(one.variables)}
    return made


def compare_with_one_device(there, count, monkeypatch, batch_norm):
    """The workers' weights, averages and losses, and those of one device."""
    if batch_norm:
        monkeypatch.setattr(tiny, "dense", tiny.normalised)
    logged = []
    seen = lambda batch, logs: logged.append(dict(logs))  # noqa: E731
    seen = keras.callbacks.LambdaCallback(on_train_batch_end=seen)
    with one_device("svae_r", count, monkeypatch) as single:
        start = [v.numpy() for v in single.weights]
        compiled(single, lambda: keras.optimizers.SGD(0.02))
        single.fit(data(STEPS), verbose=0, callbacks=[seen])
    losses = losses_of(logged)
    assert len(losses["critic_loss"]) == STEPS and len(losses) >= 3
    for name, values in losses.items():
        np.testing.assert_allclose(
            there[f"loss {name}"], values, atol=1e-4, rtol=1e-4, err_msg=name
        )
    for i, (variable, before) in enumerate(zip(single.weights, start, strict=True)):
        np.testing.assert_allclose(there[f"weight {i}"], variable.numpy(), atol=1e-4)
        assert np.abs(variable.numpy() - before).max() > 1e-4


@pytest.mark.fixed_seed
def test_two_workers_do_what_one_device_does(tmp_path, monkeypatch):
    """Each has half of each batch, and draws of its own; moments are over both."""
    given = json.dumps({"names": ["synchronized"]})
    succeed(["tests.workers", "train", tmp_path, given], 2, tmp_path)
    there = found(tmp_path, "synchronized", 2)
    compare_with_one_device(there, 2, monkeypatch, batch_norm=True)


@pytest.mark.slow
@pytest.mark.fixed_seed
@pytest.mark.parametrize("count", [2, 4])
def test_workers_do_what_one_device_does(count, tmp_path, monkeypatch):
    succeed(["tests.workers", "train", tmp_path], count, tmp_path, timeout=500)
    for name, batch_norm in {"plain": False, "synchronized": True}.items():
        there = found(tmp_path, name, count)
        compare_with_one_device(there, count, monkeypatch, batch_norm)


@pytest.mark.slow
@pytest.mark.parametrize("theirs", [False, True])
def test_calls_of_several_steps_are_those_of_single_steps(theirs, tmp_path):
    """Bit for bit, with an end that is no multiple, on each worker."""
    given = json.dumps({"theirs": theirs})
    succeed(["tests.workers", "calls", tmp_path, given], 2, tmp_path)
    one, four = (found(tmp_path, f"calls-{k}", 2) for k in (1, 4))
    assert one.keys() == four.keys()
    assert len([key for key in one if key.startswith("loss")]) >= (3 if theirs else 6)
    for key, value in one.items():
        np.testing.assert_array_equal(four[key], value, err_msg=key)


@pytest.mark.slow
def test_the_first_worker_alone_writes(tmp_path):
    """And batch normalisation's averages agree where each has moments of its own."""
    succeed(["tests.workers", "files", tmp_path], 2, tmp_path)
    found(tmp_path, "files", 2)
    out = tmp_path / "out"
    for name in ("train", "validation", "pictures"):
        assert len(list((out / name).glob("events.*"))) == 1, name
    with open(out / "log.csv") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["0", "1"]
    assert np.isfinite([float(v) for row in rows for v in row.values()]).all()
    steps = sorted(one.name for one in (out / "backup").glob("*.json"))
    assert steps == ["step-000000004.json", "step-000000008.json"]
    assert not list(out.rglob("*writing*"))
    loaded = keras.saving.load_model(out / "last.keras")
    assert loaded.step == 8


@pytest.mark.slow
def test_all_read_what_the_first_worker_has_just_written(tmp_path):
    """In the next `ks.fit`, after an error, and after `fit` has ended."""
    succeed(["tests.workers", "read_at_once", tmp_path], 2, tmp_path)
    for name in ("row", "ended", "diverged", "best"):
        found(tmp_path, name, 2)


@pytest.mark.slow
def test_all_workers_may_save_to_one_path(tmp_path):
    succeed(["tests.workers", "save", tmp_path], 2, tmp_path)
    assert keras.saving.load_model(tmp_path / "all.keras").step == 2
    model = compiled(tiny.build("svae_r", compiled=False), adam)
    model.load_weights(tmp_path / "all.weights.h5")
    assert model.step == 2
    assert "encode" in tf.saved_model.load(tmp_path / "all").signatures
    assert not list(tmp_path.rglob("*writing*"))


@pytest.mark.slow
def test_all_workers_hear_what_stops_one_of_them(tmp_path):
    """They raise the same error; the one that went on would wait for ever."""
    expected = {
        "not_finite": "DIVERGED Expected finite losses; received: nan in the term",
        'not_finite {"steps_per_execution": 4}': "at step 1",
        'not_finite {"of_gradient": true}': "DIVERGED Expected finite gradients; "
        "received: nan in the gradient of the weight",
        "wrong_batch": "REFUSED Expected finite data; received: NaN or infinity in 1",
    }
    for case, text in expected.items():
        name, *more = case.split(" ", 1)
        command = ["tests.workers", name, tmp_path, *more]
        with Workers(command, environments(2), tmp_path) as workers:
            assert workers.ends() == [0, 0], workers.printed(0)
            for index in range(2):
                assert text in workers.printed(index)


@pytest.mark.slow
def test_data_that_workers_cannot_share_evenly(tmp_path):
    """The last batch has one example, and one worker none; nobody waits for it."""
    command = ["tests.workers", "uneven", tmp_path]
    with Workers(command, environments(2), tmp_path) as workers:
        assert workers.ends() == [0, 0], workers.printed(0)[-3000:]
        lines = [workers.printed(i).splitlines() for i in range(2)]
    one, other = (next(x for x in several if "FOUND" in x) for several in lines)
    assert one == other
    steps = json.loads(one.removeprefix("FOUND "))
    found(tmp_path, "uneven", 2)
    for name in ("array", "data set", "unknown"):
        assert np.isfinite(steps[f"evaluated {name}"]).all()
    assert "REFUSED" not in str(lines[0])
    for name in ("array", "data set", "unknown", "generator"):
        assert steps[f"trained {name}"] == [3]
    x = tiny.data(n=2 * GLOBAL + 1)
    for i in range(2):  # each has the rows of all workers, in order
        kept = np.load(tmp_path / f"predicted-{i}.npz")
        np.testing.assert_array_equal(kept["predicted"], 2 * x)
        np.testing.assert_array_equal(kept["single"], 2 * x)


@pytest.mark.slow
def test_workers_see_the_same_backups(tmp_path):
    model = compiled(tiny.build("svae_r", compiled=False), lambda: adam())
    for folder in ("backup", "backup-1"):
        saver = ks.callbacks.Backup(tmp_path / folder)
        model.fit(data(3), verbose=0, callbacks=[saver])
    command = ["tests.workers", "elsewhere", tmp_path]
    with Workers(command, environments(2), tmp_path) as workers:
        assert workers.ends() == [0, 0], workers.printed(0)
        for index in range(2):
            text = "to be the same for all workers; received: [0, 6]"
            assert text in workers.printed(index)
    # The first one refuses a folder of another run; the other one hears of it.
    command = ["tests.workers", "refused", tmp_path]
    with Workers(command, environments(2), tmp_path) as workers:
        assert workers.ends() == [1, 1]
        assert "Expected a backup folder without later steps" in workers.printed(0)


def adam():
    return ks.optimizers.Adam(0.01)


@pytest.mark.slow
@pytest.mark.fixed_seed
def test_a_killed_worker_starts_again(tmp_path, monkeypatch):
    """What the others wait for ends them; all go on from the last backup."""
    command = ["tests.workers", "slowly", tmp_path]
    second = tmp_path / "backup" / "step-000000004.json"
    with Workers(command, environments(2), tmp_path) as workers:
        workers.waits_for(second.exists)
        workers.kill(1)
        first, _ = workers.ends(120)
        assert first not in (0, -9), "it went on alone, or was ended by the test"
    last = max(int(one.stem[5:]) for one in second.parent.glob("step-*.json"))
    assert 4 <= last < 12
    succeed(command, 2, tmp_path)
    there = found(tmp_path, "slowly", 2)
    with one_device("svae_r", 2, monkeypatch) as single:
        compiled(single, adam)
        single.fit(data(2), epochs=6, verbose=0)
    assert single.step == 12
    for key, value in kept(single).items():
        np.testing.assert_allclose(there[key], value, atol=1e-4, err_msg=key)


@pytest.mark.slow
def test_any_number_of_workers_goes_on_from_a_backup(tmp_path):
    """One device, two workers, four of them, four replicas, and one device again."""

    def backed_up(model, step):
        before = kept(model)
        saver = ks.callbacks.Backup(tmp_path / "backup")
        model.fit(data(3), verbose=0, callbacks=[saver])
        assert model.step == step + 3
        return before, kept(model)

    def same(one, other):
        assert len(one) == len(other)
        for key, value in one.items():
            np.testing.assert_array_equal(other[key], value, err_msg=key)

    _, before = backed_up(compiled(tiny.build("svae_r", compiled=False), adam), 0)
    for since, count in ((3, 2), (6, 4)):
        given = json.dumps({"since": since})
        command = ["tests.workers", "go_on", tmp_path, given]
        succeed(command, count, tmp_path, timeout=400)
        same(before, found(tmp_path, f"restored-{since}", count))
        before = found(tmp_path, f"trained-{since + 3}", count)
    for since, count in ((9, 4), (12, 1)):
        with some_replicas(count).scope():
            model = compiled(tiny.build("svae_r", compiled=False), adam)
        assert ks.callbacks.restore(model, tmp_path / "backup") == since
        restored, after = backed_up(model, since)
        same(before, restored)
        before = after
