"""python -m reproductions.as_vae --help."""

from reproductions.engine import command

command.main("as_vae")
