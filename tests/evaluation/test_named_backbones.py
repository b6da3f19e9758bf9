"""The command line finds the networks of published scores by name."""

import pytest

from keras_svae import evaluate, evaluation


@pytest.fixture
def asked(monkeypatch):
    """What the functions of the networks were called with."""
    found = []
    for name in ("inception_2015", "dinov2", "inception_v3", "classifier"):
        monkeypatch.setattr(
            evaluation, name, lambda *a, _name=name, **k: found.append((_name, a, k))
        )
    return found


@pytest.mark.parametrize(
    ("name", "resize", "call"),
    [
        ("inception-2015", None, ("inception_2015", (), {})),
        ("inception_2015=a=b-c.pth", None, ("inception_2015", ("a=b-c.pth",), {})),
        ("inception-2015", "clean", ("inception_2015", (), {"resize": "clean"})),
        ("dinov2", None, ("dinov2", (), {})),
        ("dinov2=vit_l", "clean", ("dinov2", ("vit_l",), {"resize": "clean"})),
        ("inception-v3", None, ("inception_v3", ("imagenet",), {})),
        ("inception_v3=own.h5", None, ("inception_v3", ("own.h5",), {})),
        ("my-data", None, ("classifier", ("my-data",), {})),
        (None, None, ("classifier", ("digits",), {})),
    ],
)
def test_networks_are_found_by_name(asked, name, resize, call):
    evaluate.find_backbone(name, "digits", resize)
    assert asked == [call]


@pytest.mark.parametrize("name", [None, "mnist", "inception_v3"])
def test_a_resizing_for_another_network_is_refused(asked, name):
    with pytest.raises(ValueError, match="Expected --resize with .*received: --resize"):
        evaluate.find_backbone(name, "digits", "clean")
    assert not asked


def test_missing_weights_are_one_sentence(monkeypatch, tmp_path, capsys):
    """Before anything is measured, and without a traceback."""
    monkeypatch.setattr(
        evaluate,
        "_measure",
        lambda given: evaluate.find_backbone(given.backbone, given.data, given.resize),
    )
    with pytest.raises(SystemExit) as stop:
        evaluate.main(
            ["run", "--data", "digits", "--backbone", "inception-2015=no.pth"]
        )
    assert stop.value.code == 2
    said = capsys.readouterr().err.strip()
    assert said.count("\n") == 0 and "Expected a file of weights" in said
