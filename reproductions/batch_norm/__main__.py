"""python -m reproductions.batch_norm --help."""

from reproductions.engine import command

command.main("batch_norm")
