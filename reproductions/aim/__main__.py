"""python -m reproductions.aim --help.

Its experiments are in toy.py (the plane) and images.py, and a study of table 1 in
table1.py.
"""

from reproductions.engine import command

command.main("aim")
