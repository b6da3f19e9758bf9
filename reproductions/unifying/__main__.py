"""python -m reproductions.unifying --help."""

from reproductions.engine import command

command.main("unifying")
