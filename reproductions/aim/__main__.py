"""python -m reproductions.aim --help."""

from reproductions.engine import command

command.main("aim")
