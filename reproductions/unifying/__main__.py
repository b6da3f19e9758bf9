"""python -m reproductions.unifying --help.

Its experiments are in images.py, adapt.py and view.py, its studies in
table.py and gain.py.
"""

from reproductions.engine import command

command.main("unifying")
