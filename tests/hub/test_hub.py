"""Trained models as folders: what is written, how it is read, what is refused."""

import functools
import hashlib
import http.server
import json
import pathlib
import shutil
import sys
import threading
import types

import keras
import numpy as np
import PIL.Image
import pytest
import yaml

import keras_svae as ks
from keras_svae.hub.__main__ import main

DIGITS = {"units": 4, "depth": 1}


def model(seed=0):
    keras.utils.set_random_seed(seed)
    nets = ks.networks.digits(latent_dim=2, **DIGITS)
    made = ks.SVAE(*nets)
    made.compile(keras.optimizers.Adam(), critic_optimizer=keras.optimizers.Adam())
    made._step.assign(7)
    return made


@pytest.fixture(scope="module")
def pushed(tmp_path_factory):
    """A model, and the folder that it was pushed to."""
    folder = tmp_path_factory.mktemp("hub") / "mine"
    x = np.random.default_rng(0).uniform(size=(10, 8, 8, 1)).astype("float32")
    made = model()
    found = ks.evaluation.evaluate(made, x, measures="mse", n=10, verbose=False)
    ks.hub.push(
        made, folder, licence="mit", data="noise", command="by hand", measures=found
    )
    return made, folder


def weights(model):
    return [v.numpy() for v in model.trainable_variables]


def same(one, other):
    assert type(one) is type(other) and one.step == other.step
    for a, b in zip(weights(one), weights(other), strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_is_pushed_is_loaded(pushed):
    made, folder = pushed
    same(ks.hub.load(folder), made)
    same(ks.hub.load(str(folder / "model.keras")), made)
    same(keras.saving.load_model(folder / "model.keras"), made)
    assert not ks.hub.load(folder).compiled
    start = model(seed=1)
    start.load_weights_from(folder)
    same(start, made)


def test_the_folder_has_a_card_that_hugging_face_reads(pushed):
    made, folder = pushed
    names = ["README.md", "measures.json", "model.keras", "samples.png", "sha256.json"]
    assert sorted(one.name for one in folder.iterdir()) == names
    _, front, text = (folder / "README.md").read_text().split("---\n", 2)
    front = yaml.safe_load(front)
    assert front["license"] == "mit" and front["library_name"] == "keras"
    assert front["pipeline_tag"] == "unconditional-image-generation"
    (result,) = front["model-index"][0]["results"]
    about = json.loads((folder / "measures.json").read_text())
    mse = about["measures"]["mse"]["value"]
    assert result["metrics"] == [{"type": "mse", "name": "mse", "value": mse}]
    for part in (
        "`by hand`",
        "noise",
        "Licence: mit",
        "n 10",
        f"{mse:.6g}",
        "8 x 8 x 1",
    ):
        assert part in text
    count = sum(v.size for v in weights(made))
    assert f"{count:,} weights" in text
    for name, found in json.loads((folder / "sha256.json").read_text()).items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == found
    assert PIL.Image.open(folder / "samples.png").size[0] > 8 * 64


@keras.saving.register_keras_serializable("tests")
class WithMore(ks.VAE):
    """It has a weight that a player names, and a network that no player names."""

    players = {"autoencoder": ks.Player("encoder decoder scale")}

    def __init__(self, encoder, decoder, teacher, **given):
        super().__init__(encoder, decoder, **given)
        self.teacher = teacher
        teacher.trainable = False
        self.scale = self.add_weight(shape=(), initializer="ones", name="scale")


def test_all_that_a_file_keeps_is_pushed(tmp_path):
    nets = ks.networks.digits(latent_dim=2, **DIGITS)
    teacher = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    made = WithMore(nets.encoder, nets.decoder, teacher)
    made.compile("adam", ema=0.5)
    made.scale.assign(5.0)
    codes = np.random.default_rng(0).normal(3.0, size=(20, 2))
    made.add_sampler(ks.samplers.GaussianMixture(2, name="mix").fit_codes(codes))
    ks.hub.push(made, tmp_path / "out")
    again = ks.hub.load(tmp_path / "out")
    assert float(again.scale) == 5.0 and again.averages is None
    averages = {v.path for v in made.averages.weights}
    kept = [v for v in made.weights if v.path not in averages]
    for one, other in zip(kept, again.weights, strict=True):
        np.testing.assert_array_equal(one, other, err_msg=one.path)
    drawn = (m.generate_pairs(3, seed=1, sampler="mix")[1] for m in (made, again))
    np.testing.assert_array_equal(*drawn)


def test_a_model_that_its_configuration_does_not_make_again_is_not_pushed(
    tmp_path, monkeypatch
):
    made = model()
    monkeypatch.setattr(ks.SVAE, "load_weights", lambda self, file: None)
    with pytest.raises(ValueError, match="copy has another weight 0 of .*, \\("):
        ks.hub.push(made, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_another_file_is_not_loaded(pushed, tmp_path):
    _, folder = pushed
    changed = shutil.copytree(folder, tmp_path / "changed")
    with (changed / "model.keras").open("ab") as file:
        file.write(b"x")
    with pytest.raises(ValueError, match="Expected the hash .*model.keras; received"):
        ks.hub.load(changed)
    with pytest.raises(ValueError, match="Expected the hash .*model.keras; received"):
        ks.hub.load(changed / "model.keras")  # the same, named itself
    shutil.copy(folder / "model.keras", changed / "mine.keras")
    ks.hub.load(changed / "mine.keras")  # it is not listed
    for damaged in (b"[]", b"", b"\xff\xfe{", b"[" * 100_000):
        (changed / "sha256.json").write_bytes(damaged)
        with pytest.raises(ValueError, match="the hash of model.keras; received: none"):
            ks.hub.load(changed)
    with pytest.raises(ValueError, match="Expected the hash 0000"):
        ks.hub.load(folder, sha256="0" * 64)
    with pytest.raises(ValueError, match="64 hexadecimal digits; received: 'abc'"):
        ks.hub.load(folder, sha256="abc")


def test_code_in_a_file_is_not_run(tmp_path):
    nets = ks.networks.digits(latent_dim=2, **DIGITS)
    h = keras.layers.Lambda(lambda x: x)(nets.encoder.output)
    encoder = keras.Model(nets.encoder.input, h)
    ks.VAE(encoder, nets.decoder).save(tmp_path / "model.keras")
    with pytest.raises(ValueError, match="Lambda"):
        ks.hub.load(tmp_path)


def test_what_is_no_model_is_refused(tmp_path):
    for name in ("none", "none.keras", tmp_path):
        with pytest.raises(
            FileNotFoundError, match="Expected a folder with model.keras"
        ):
            ks.hub.load(name)
    (tmp_path / "a.txt").write_text("")
    with pytest.raises(ValueError, match="Expected a .keras file"):
        ks.hub.load(tmp_path / "a.txt")
    for name, expected in (
        ("s3://bucket", "Expected a path, https:// or hf"),
        ("hf://only", "Expected hf://USER/REPO"),
        ("http://example.org/a.keras", "or sha256= for http"),
    ):
        with pytest.raises(ValueError, match=expected):
            ks.hub.load(name)
    net = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    net.save(tmp_path / "net.keras")
    with pytest.raises(ValueError, match="a model of keras_svae"):
        ks.hub.load(tmp_path / "net.keras")
    with pytest.raises(ValueError, match="a model of keras_svae"):
        ks.hub.push(net, tmp_path / "new")


def test_keras_s_own_folder_is_loaded(pushed, tmp_path):
    made, _ = pushed
    made.save(tmp_path, zipped=False)
    same(ks.hub.load(tmp_path), made)


def test_nothing_is_overwritten(pushed, tmp_path):
    made, folder = pushed
    before = (folder / "README.md").read_text()
    with pytest.raises(FileExistsError, match="new or empty folder"):
        ks.hub.push(made, folder)
    assert (folder / "README.md").read_text() == before
    with pytest.raises(FileNotFoundError, match="Expected a picture"):
        ks.hub.push(made, tmp_path / "a", picture="none.png")
    with pytest.raises(ValueError, match="uint8 .height"):
        ks.hub.push(made, tmp_path / "a", picture=np.zeros((2, 2)))
    with pytest.raises(TypeError, match="the report of ks.evaluation.evaluate; rec"):
        ks.hub.push(made, tmp_path / "a", measures={"mse": 1})
    assert not list(tmp_path.iterdir())


@pytest.fixture
def served(pushed, tmp_path, monkeypatch):
    """The folder's address on a server, and the paths that were asked for."""
    monkeypatch.setenv("KERAS_SVAE_CACHE", str(tmp_path / "cache"))
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            asked.append(self.path)

    handler = functools.partial(Handler, directory=pushed[1].parent)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/mine", asked
    server.shutdown()
    server.server_close()


def test_a_model_comes_over_the_net(pushed, served):
    made, folder = pushed
    url, asked = served
    sha256 = json.loads((folder / "sha256.json").read_text())["model.keras"]
    same(ks.hub.load(f"{url}/model.keras", sha256=sha256), made)
    count = len(asked)
    same(ks.hub.load(f"{url}/model.keras", sha256=sha256.upper()), made)
    assert len(asked) == count  # it is in the cache
    same(ks.hub.load(url, sha256=sha256), made)
    with pytest.raises(ValueError, match="Expected the hash 0000"):
        ks.hub.load(f"{url}/model.keras", sha256="0" * 64)
    with pytest.raises(OSError, match="Expected a file at .*none.keras; received.*404"):
        ks.hub.load(f"{url}/none.keras", sha256=sha256)


def fake_hub(folder, calls):
    """The part of the package huggingface_hub that is used."""

    class HfApi:
        def __init__(self, **_):
            pass

        def create_repo(self, name, exist_ok):
            return f"https://huggingface.co/{name}"

        def upload_folder(self, **given):
            if given["repo_id"] == "me/closed":
                raise RuntimeError("401: no token\nand more")
            shutil.copytree(given.pop("folder_path"), folder)
            calls.append(given)

    def snapshot_download(**given):
        calls.append(given)
        if given["repo_id"] != "me/mine":
            raise RuntimeError("404: no such repository\nand more")
        return str(folder)

    return types.SimpleNamespace(HfApi=HfApi, snapshot_download=snapshot_download)


def test_hugging_face(pushed, tmp_path, monkeypatch):
    made, _ = pushed
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    for act in (ks.hub.load, functools.partial(ks.hub.push, made)):
        with pytest.raises(ImportError, match="pip install huggingface_hub"):
            act("hf://me/mine")
    calls = []
    fake = fake_hub(tmp_path / "there", calls)
    monkeypatch.setitem(sys.modules, "huggingface_hub", fake)
    assert ks.hub.push(made, "hf://me/mine") == "https://huggingface.co/me/mine"
    assert "load('hf://me/mine')" in (tmp_path / "there/README.md").read_text()
    same(ks.hub.load("hf://me/mine@v1"), made)
    assert calls[-1]["revision"] == "v1"
    with pytest.raises(OSError, match="received: 404: no such repository$"):
        ks.hub.load("hf://me/other")
    with pytest.raises(
        OSError, match="to upload to hf://me/closed; received: 401: no to"
    ):
        ks.hub.push(made, "hf://me/closed")


def test_a_run_s_folder_tells_its_story(pushed, tmp_path, capsys):
    made, folder = pushed
    run = tmp_path / "run"
    run.mkdir()
    shutil.copy(folder / "model.keras", run)
    shutil.copy(folder / "samples.png", run)
    record = {
        "command": "python -m reproductions.svae digits",
        "seed": 3,
        "seconds": 1.5,
        "machine": {"cpu": "a processor"},
        "data": {"name": "digits", "train examples": 1260},
        "measures": {"mse": {"value": 0.25, "n": 358}},
        "metrics": {"mse": 0.25},
    }
    (run / "metrics.json").write_text(json.dumps(record))
    main([str(run), str(tmp_path / "out"), "--licence", "cc-by-4.0"])
    assert f"hf upload USER/out {tmp_path}/out" in capsys.readouterr().out
    main([str(run), str(tmp_path / "my ü model")])
    assert f"USER/my-model '{tmp_path}/my ü model'" in capsys.readouterr().out
    text = (tmp_path / "out/README.md").read_text()
    for part in ("seed: 3", "cpu a processor", "1260", "| mse | 0.25 |  | n 358 |"):
        assert part in text
    same(ks.hub.load(tmp_path / "out"), made)
    with pytest.raises(SystemExit, match="2"):
        main([str(run), str(tmp_path / "out")])
    assert capsys.readouterr().err.count("\n") == 1


def test_models_of_other_data(tmp_path):
    nets = ks.networks.toy(units=4)
    ks.hub.push(ks.SVAE(*nets), tmp_path / "plane")
    text = (tmp_path / "plane/README.md").read_text()
    assert "samples.png" in text and "Nothing was measured" in text
    assert "No licence was given" in text and "license" not in text
    nets = ks.networks.dense(2, shape=(3,), units=4, depth=1)
    ks.hub.push(ks.SVAE(*nets), tmp_path / "table", name="My table")
    assert not pathlib.Path(tmp_path / "table/samples.png").exists()
    assert "# My table" in (tmp_path / "table/README.md").read_text()
