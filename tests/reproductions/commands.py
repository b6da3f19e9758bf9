"""Short commands of `python -m reproductions.svae` for tests."""

import pytest

from reproductions.engine import command

TINY = ("--units", "8", "--depth", "1", "--epochs", "2", "--turns", "1", "--n", "500")


def call(*arguments):
    command.main("svae", list(map(str, arguments)))


def fails(capsys, *arguments) -> str:
    """The one line that an impossible command prints."""
    with pytest.raises(SystemExit) as stop:
        call(*arguments)
    assert stop.value.code == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    return line
