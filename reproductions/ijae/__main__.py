"""python -m reproductions.ijae --help.

Its experiments are in figure1.py and images.py, and the studies in plane.py and
draws.py.
"""

from reproductions.engine import command

command.main("ijae")
