"""python -m reproductions.svae --help.

Its experiments are in toy.py (the plane) and images.py, and further studies in
table1.py (tables 1 and 2), sweep.py (figures 5 to 7) and saturation.py (4.4).
"""

from reproductions.engine import command

command.main("svae")
