"""Inception scores of real test images, under the classifiers trained here.

    python -m reproductions.real_scores mnist

What samples of the data's own law would get, to hold generated ones against. Those of
Hu et al. (On unifying deep generative models, 2018) are 9.09 (MNIST), 6.55 (SVHN) and
8.77 (CIFAR-10), under their own classifiers. Each data set has its part of
results/real_scores.json.
"""

import argparse
import pathlib

import keras_svae as ks
from reproductions.files import add_json
from reproductions.results import ROOT, record

RESULT = ROOT / "reproductions" / "results" / "real_scores.json"
# What Hu et al. report of real images, under their classifiers.
PUBLISHED = {"mnist": 9.09, "svhn_cropped": 6.55, "cifar10": 8.77}


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m reproductions.real_scores",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("data", help="a data set's name, or a folder or .npz of images")
    parser.add_argument(
        "--classifier", help="its name in the cache, or a .keras file [as the data]"
    )
    parser.add_argument("--data-dir", help="where TensorFlow Datasets keeps files")
    parser.add_argument("--manual-dir", help="the data set's original files")
    parser.add_argument("--no-download", dest="download", action="store_false")
    parser.add_argument("--output", type=pathlib.Path, default=RESULT)
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    """Measures, prints, and writes its part of the file."""
    given = arguments(argv)
    name = pathlib.Path(given.data).stem
    backbone = ks.evaluation.classifier(given.classifier or name)
    # Shuffled: a folder's images are sorted by class, and the splits follow the order.
    images = ks.data.load(
        given.data,
        "test",
        250,
        shuffle=True,
        data_dir=given.data_dir,
        manual_dir=given.manual_dir,
        download=given.download,
    )
    scores = {
        f"{splits} splits" if splits > 1 else "1 split": ks.evaluation.inception_score(
            images, splits, backbone
        )
        for splits in (10, 1)
    }
    paper = next((s for known, s in PUBLISHED.items() if name.startswith(known)), None)
    for score in scores.values():
        print(score)
    print(f"Hu et al.'s, under their own classifier: {paper or 'none'}")
    found = {title: score.asdict() for title, score in scores.items()}
    about = {"Hu et al.'s, under their own classifier": paper}
    add_json(given.output, name, record(scores=found, **about))
    print(f"Written: {given.output}")


if __name__ == "__main__":
    main()
