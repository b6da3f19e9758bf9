"""python -m reproductions.svae --help.

Its experiments are in toy.py (the plane) and images.py.
"""

from reproductions.engine import command

command.main("svae")
