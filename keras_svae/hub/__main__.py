"""Writes a trained model as a folder with a card: python -m keras_svae.hub."""

import argparse
import sys

from keras_svae.hub import push


def main(arguments: list[str] | None = None) -> None:
    """Writes the folder. Errors are one line, exit status 2."""
    made = argparse.ArgumentParser(
        prog="python -m keras_svae.hub",
        description="Writes a trained model as a folder with a model card.",
    )
    made.add_argument("model", help="a run's folder, or a .keras file")
    made.add_argument("target", help="a new folder, or hf://USER/REPO")
    made.add_argument("--name", help="the card's title [the method's name]")
    made.add_argument("--licence", help="of the weights, e.g. apache-2.0, cc-by-4.0")
    made.add_argument("--data", help="what it was trained on [a run's folder says it]")
    made.add_argument("--command", help="how [a run's folder says it]")
    given = vars(made.parse_args(arguments))
    try:
        push(given.pop("model"), given.pop("target"), **given)
    except (ValueError, OSError, ImportError) as error:
        print(f"keras_svae.hub: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
