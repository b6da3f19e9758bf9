"""python -m reproductions.svae --help."""

from reproductions.engine import command

command.main("svae")
