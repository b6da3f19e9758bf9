"""Inception scores of real test images, under the classifiers trained here.

    python -m reproductions.real_scores mnist

These are the scores that samples of the data's own law would get, to compare generated
ones with. The program prints those of Hu et al. (On unifying deep generative models,
2018) beside them, under their own classifiers. Each data set has its part of
results/real_scores.json.
"""

import dataclasses
import pathlib
import sys

import keras_svae as ks
from reproductions.engine import command, parsing, published
from reproductions.engine.files import add_json, record_file
from reproductions.engine.results import FOLDER, record


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """Inception scores of real test images, under the classifiers trained here.

    Args:
        classifier: Its name in the cache, or a .keras file; unset, as the data.
        data_dir: Where TensorFlow Datasets keeps files.
        manual_dir: The data set's original files.
        download: Whether missing files may be downloaded.
        output: The file that the scores are added to.
    """

    classifier: str | None = None
    data_dir: str | None = None
    manual_dir: str | None = None
    download: bool = True
    output: str = str(FOLDER / "real_scores.json")


def main(argv: list[str] | None = None) -> None:
    """Measures, prints, and writes its part of the file."""
    words = sys.argv[1:] if argv is None else argv
    helped = [word for word in words if word in ("-h", "--help")]
    if not helped and (not words or words[0].startswith("-")):
        raise ValueError(
            "Expected a data set's name, a folder or an .npz; received: "
            f"{words[0] if words else 'none'}"
        )
    given = parsing.read(Options, "real_scores DATA", helped or words[1:])
    output = record_file(given.output)
    data = words[0]
    name = pathlib.Path(data).stem
    backbone = ks.evaluation.classifier(given.classifier or name)
    # It shuffles: a folder's images are sorted by class, and the splits follow the
    # order.
    images = ks.data.load(
        data,
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
    theirs = published(paper="unifying", data=name.split("_")[0], row="test set")
    paper = theirs[0]["value"] if theirs else None
    for score in scores.values():
        print(score)
    print(f"Hu et al.'s, under their own classifier: {paper or 'none'}")
    found = {title: score.asdict() for title, score in scores.items()}
    about = {"Hu et al.'s, under their own classifier": paper}
    add_json(output, name, record(scores=found, **about))
    print(f"Written: {output}")


if __name__ == "__main__":
    with command.guarded("reproductions.real_scores"):
        main()
