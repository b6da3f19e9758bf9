"""python -m reproductions.as_vae --help.

Its experiments are in images.py, and the study in table.py.
"""

from reproductions.engine import command

command.main("as_vae")
