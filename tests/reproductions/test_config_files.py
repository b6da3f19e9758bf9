"""Files of options, and records, that are damaged or hostile."""

import os

import pytest

from reproductions.engine import command, parsing
from reproductions.engine.files import read_json
from reproductions.engine.folder import RunFolder

LAUGHS = "a: &a [x, x, x]\nb: &b [*a, *a, *a]\nc: [*b, *b, *b]\n"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("seed: !!python/object/apply:os.system ['touch here']", "constructor for the"),
        (LAUGHS, "with an alias"),
        ("config: /etc/passwd", "the option config, another file"),
        ("- 1", "no options by name"),
        ("", "no options by name"),
        ("seed: [", "expected"),
        ("seed: \x00", "unacceptable"),
    ],
)
def test_what_a_file_of_options_must_not_say(tmp_path, text, why):
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(ValueError, match=rf"Expected --config FILE.*a\.yaml.*{why}"):
        parsing.check_config(str(tmp_path / "a.yaml"), ["seed"])
    assert not (tmp_path / "here").exists()


def test_a_file_with_another_option_is_named_with_the_nearest(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("seed: 1\nlatent-dims: 3\n")
    with pytest.raises(
        TypeError, match=r"received: latent_dims in .*a\.yaml\. Did you mean 'latent_d"
    ):
        parsing.check_config(str(path), ["seed", "latent_dim"])
    parsing.check_config(str(path), ["seed", "latent_dims"])


def test_files_that_would_wait_are_not_opened(tmp_path, capsys):
    os.mkfifo(tmp_path / "a.yaml")
    for words in (["--config", tmp_path / "a.yaml"], [f"--config={tmp_path}/a.yaml"]):
        with pytest.raises(SystemExit):
            command.main("svae", ["toy", *words, "--print-config"])
        assert "a.yaml, which is a named pipe" in capsys.readouterr().err
    with pytest.raises(ValueError, match="which is a named pipe"):
        read_json(tmp_path / "a.yaml")


@pytest.mark.parametrize("text", ["[1]", '{"settings": {}}', '{"experiment": "toy"}'])
def test_a_run_without_its_settings(tmp_path, text):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(ValueError, match="Expected a run of this version"):
        RunFolder(tmp_path).known()
