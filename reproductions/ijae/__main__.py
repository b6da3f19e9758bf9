"""python -m reproductions.ijae --help."""

from reproductions.engine import command

command.main("ijae")
