"""python -m reproductions.unified_view: the study `view` of `unifying`."""

import sys

from reproductions.engine import command

if __name__ == "__main__":
    command.main("unifying", ["view", *sys.argv[1:]])
