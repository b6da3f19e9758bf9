"""`python -m tests.faults COMMAND`: kills, or another fault; `--help` after each."""

import json
import sys


def main() -> None:
    """The command line."""
    command, *arguments = sys.argv[1:] or ["--help"]
    if command == "session":  # one process of `kills --fresh`
        from tests.faults import session

        session.run(**json.loads(arguments[0]))
    elif command == "kills":
        from tests.faults import kills

        kills.main(arguments)
    else:
        sys.exit("Expected one of kills; received: " + command)


if __name__ == "__main__":
    main()
