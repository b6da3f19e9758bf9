"""Prints torch-fidelity's scores beside ours, of the same pictures.

    python -m reproductions.benchmarks.scores REAL SAMPLES --name "my pictures"

REAL and SAMPLES are what `ks.data.load` reads: folders of pictures, `.npz` files, names
of data sets. n pictures of each are written as PNG, and both programs read these files
and one file of weights: torch-fidelity's published one, or, where you give none, a file
of random weights that PyTorch writes. torch-fidelity runs in an environment of its own,
which is made where there is none.

Most rows are the same number, computed twice. Two rows are what each program does by
default: torch-fidelity shuffles samples before it splits them for the inception score,
and draws other subsets for the kernel distance.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
import PIL.Image

import keras_svae as ks
from reproductions.benchmarks import random_inception
from reproductions.benchmarks.sides import ROOT, torch_python
from reproductions.engine.files import add_json
from reproductions.engine.results import FOLDER, record

RESULT = FOLDER / "scores_torch_fidelity.json"
PACKAGES = ("torch==2.13.0", "torchvision==0.28.0", "torch-fidelity==0.4.0")
# torch-fidelity's own defaults: of its shuffle, and how often it splits and draws.
SEED, SPLITS, SUBSETS = 2020, 10, 100
BATCH = 50
MEAN, SPREAD = "inception_score_mean", "inception_score_std"
KERNEL = "kernel_inception_distance"
# By row: torch-fidelity's call and what it calls the number.
ROWS = {
    "Fréchet distance": ("whole", "frechet_inception_distance"),
    "kernel distance, all pictures": ("whole", f"{KERNEL}_mean"),
    "inception score, 1 split": ("whole", MEAN),
    "inception score, 10 splits, torch-fidelity's order": ("default", MEAN),
    "its deviation": ("default", SPREAD),
    "precision, k = 3": ("whole", "precision"),
    "recall, k = 3": ("whole", "recall"),
    "inception score, 10 splits, each its own order": ("default", MEAN),
    "kernel distance, each its own 100 subsets": ("default", f"{KERNEL}_mean"),
    "its deviation over the subsets": ("default", f"{KERNEL}_std"),
}


def write_pictures(
    source: str, split: str, folder: pathlib.Path, given: argparse.Namespace
) -> str:
    """Writes n pictures as PNG; what they are.

    Raises:
        ValueError: If there are fewer, or no pictures at all.
    """
    framing = {"size": given.size, "crop": given.crop, "data_dir": given.data_dir}
    data = ks.data.load(
        source,
        split,
        BATCH,
        shuffle=True,
        seed=given.seed,
        drop_remainder=False,
        **{name: value for name, value in framing.items() if value is not None},
    )
    images = np.concatenate([*data.take(-(-given.n // BATCH)).as_numpy_iterator()])
    if len(images) < given.n or images.ndim != 4:
        raise ValueError(
            f"Expected at least {given.n} pictures (--n); received: {source}, split "
            f"{split}, of shape {images.shape}"
        )
    folder.mkdir(parents=True)
    images = np.rint(255 * images[: given.n]).astype(np.uint8)
    for i, image in enumerate(np.broadcast_to(images, (*images.shape[:3], 3))):
        PIL.Image.fromarray(image).save(folder / f"{i:06}.png")
    height, width = images.shape[1:3]
    return f"{pathlib.Path(source).name}, split {split}, {height} x {width}"


def seen(net: ks.evaluation.Backbone, folder: pathlib.Path):
    """Features and probabilities of all pictures, in the order of their names."""
    # A folder `train` is a split: nothing of it is held out.
    data = ks.data.load(
        folder.parent, "train", BATCH, shuffle=False, drop_remainder=False
    )
    return map(np.concatenate, zip(*net.both(data), strict=True))


def of_ours(real: pathlib.Path, samples: pathlib.Path, weights: str) -> list[float]:
    """Our numbers, in the order of `ROWS`."""
    scores = ks.evaluation
    net = scores.inception_2015(weights)
    (one, _), (other, p) = (seen(net, folder) for folder in (real, samples))
    n = len(other)
    shuffled = p[np.random.RandomState(SEED).permutation(n)]
    split = scores.inception_score(shuffled, SPLITS)
    precise = scores.precision_recall(one, other)
    subsets = {"subsets": SUBSETS, "subset_size": n // 2}
    drawn = scores.kernel_distance(one, other, **subsets)
    found = (
        scores.frechet_distance(one, other),
        scores.kernel_distance(one, other, subset_size=n),
        scores.inception_score(p, 1),
        split,
        split.deviation,
        precise.precision,
        precise.recall,
        scores.inception_score(p, SPLITS),
        drawn,
        drawn.deviation,
    )
    return [float(number) for number in found]


def of_theirs(
    real: pathlib.Path, samples: pathlib.Path, weights: str, tensors: str | None, given
) -> dict:
    """torch-fidelity's numbers by call, and the versions of its environment."""
    inputs = {"input1": str(samples), "input2": str(real), "batch_size": BATCH}
    # Its cache, so that the second call sees the pictures through the network no more.
    names = {"input1_cache_name": "samples", "input2_cache_name": "real"}
    shared = {**inputs, **names, "cache_root": str(real.parents[1] / "cache")}
    # To save memory is to read pictures without processes beside this one.
    shared |= {"isc": True, "kid": True, "save_cpu_ram": True}
    whole = {"isc_splits": 1, "kid_subsets": 1, "kid_subset_size": given.n}
    default = {"isc_splits": SPLITS, "kid_subsets": SUBSETS}
    asked = {
        "threads": given.threads,
        "weights": weights,
        "tensors": tensors,
        "calls": {
            "whole": {**shared, **whole, "fid": True, "prc": True},
            "default": {**shared, **default, "kid_subset_size": given.n // 2},
        },
    }
    python = given.torch_python or torch_python(ROOT / ".venv-torch-fidelity", PACKAGES)
    done = subprocess.run(
        [python, "-m", "reproductions.benchmarks.fidelity_worker"],
        input=json.dumps(asked),
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    if done.returncode:
        raise RuntimeError(
            f"Expected torch-fidelity's scores from {python}; received: exit status "
            f"{done.returncode}. Its own message is above"
        )
    return json.loads(done.stdout)


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m reproductions.benchmarks.scores",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("real", help="pictures, as ks.data.load takes them")
    add("samples", help="the other pictures, which take the place of samples")
    add("--name", help="of this comparison in the record [REAL, SAMPLES]")
    add("--real-split", default="train", metavar="SPLIT", help="[%(default)s]")
    add("--samples-split", default="train", metavar="SPLIT", help="[%(default)s]")
    add("--data-dir", help="where TensorFlow Datasets keeps data sets")
    add("--size", type=int, help="side that pictures are resized to")
    add("--crop", choices=("square",), help="cut out the largest square before")
    add("--n", type=int, default=300, help="pictures of each [%(default)s]")
    add("--seed", type=int, default=0, help="of the choice of pictures [%(default)s]")
    add("--weights", metavar="FILE", help="torch-fidelity's file [random weights]")
    add("--threads", type=int, default=2, help="of PyTorch [%(default)s]")
    add(
        "--torch-python",
        metavar="PYTHON",
        help=f"of an environment with {', '.join(PACKAGES)} [it is made in "
        ".venv-torch-fidelity]",
    )
    add("--output", type=pathlib.Path, default=RESULT, metavar="FILE")
    given = parser.parse_args(argv)
    if given.n < 2 * SPLITS:
        parser.error(f"Expected --n >= {2 * SPLITS}; received: {given.n}")
    if given.weights and not pathlib.Path(given.weights).is_file():
        parser.error(f"Expected --weights as a file; received: {given.weights}")
    return given


def compare(given: argparse.Namespace, folder: pathlib.Path) -> dict:
    """Both programs' numbers by row, and where they come from."""
    real, samples = folder / "real" / "train", folder / "samples" / "train"
    about = {
        "real": write_pictures(given.real, given.real_split, real, given),
        "samples": write_pictures(given.samples, given.samples_split, samples, given),
    }
    weights, tensors = given.weights, None
    if weights is None:
        weights, tensors = str(folder / "random.pth"), str(folder / "random.npz")
        np.savez(tensors, **random_inception.inception())
    start = time.perf_counter()
    theirs = of_theirs(real, samples, weights, tensors, given)
    middle = time.perf_counter()
    mine = of_ours(real, samples, weights)
    seconds = {
        "torch-fidelity": round(middle - start, 1),
        "ours": round(time.perf_counter() - middle, 1),
    }
    rows = []
    for (row, (call, key)), our in zip(ROWS.items(), mine, strict=True):
        their = theirs["scores"][call][key]
        apart = abs(our - their) / max(abs(their), 1e-12)
        numbers = {"torch-fidelity": their, "ours": our, "relative difference": apart}
        rows.append({"score": row, **numbers})
    known = given.weights and pathlib.Path(given.weights).name
    return {
        "data": about,
        "N": given.n,
        "seed": given.seed,
        "weights": known or "random, of the published shapes",
        "backbone": "inception_2015, tf1_bilinear, 8 bits",
        "versions": theirs["versions"],
        "seconds": seconds,
        "rows": rows,
    }


def main(argv: list[str] | None = None) -> None:
    """Compares, prints, and writes its part of the record."""
    given = arguments(argv)
    try:
        with tempfile.TemporaryDirectory() as folder:
            found = compare(given, pathlib.Path(folder))
    except (ValueError, OSError, RuntimeError) as error:
        sys.exit(f"reproductions.benchmarks.scores: {error}")
    print(f"{'score':52}{'torch-fidelity':>16}{'ours':>16}{'difference':>12}")
    for row in found["rows"]:
        name, their, our, apart = row.values()
        print(f"{name:52}{their:16.8g}{our:16.8g}{apart:12.1e}")
    name = given.name or f"{given.real}, {given.samples}"
    add_json(given.output, name, record(**found))
    print(f"Written: {given.output}")


if __name__ == "__main__":
    main()
