"""TinyImageNet for TensorFlow Datasets, from its publisher's zip or unpacked folder.

An import of this module registers it: then `tfds.builder("tiny_imagenet")` finds it.
"""

import hashlib
import pathlib
import zipfile
from collections.abc import Iterator, Mapping

import tensorflow_datasets as tfds

from keras_svae.data.folder import ANNOTATIONS, annotated
from keras_svae.telling import warn

_URL = "http://cs231n.stanford.edu/tiny-imagenet-200.zip"
_FOLDER = "tiny-imagenet-200"
_PICTURES = {"train": 100_000, "validation": 10_000, "test": 10_000}


class TinyImagenet(tfds.core.GeneratorBasedBuilder):
    """TinyImageNet: 200 classes of ImageNet at 64 x 64 pixels (CS231n, Stanford).

    Splits are `train` (500 pictures a class), `validation` (50 a class) and, if the
    original has it, `test` (10,000). The classes of `test` were never published: -1.
    Classes are WordNet ids, numbered in alphabetical order. Pictures are the JPEG files
    as published; the grey ones among them are read in three channels.

    The original is `tiny-imagenet-200.zip` or its unpacked folder, in `manual_dir` or
    from the network. A zip is verified by its MD5. This is the only checksum of it in
    wide use, so TFDS has no checksum of its own.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "Train, validation and unlabelled test."}
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        f"Not needed with a network; else {_FOLDER}.zip, or the folder {_FOLDER} that "
        f"it unpacks to, from {_URL}"
    )
    PUBLISHED = {_URL: f"{_FOLDER}.zip"}
    MD5 = "90528d7ca1a48142e341f4ef8d21d0de"

    @classmethod
    def find_original(cls, manual_dir: pathlib.Path) -> pathlib.Path | None:
        """The zip in a folder, or the unpacked folder in it, or the folder itself."""
        zipped = manual_dir / f"{_FOLDER}.zip"
        if zipped.is_file():
            return zipped
        places = (manual_dir / _FOLDER, manual_dir)
        return next((p for p in places if (p / "wnids.txt").is_file()), None)

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description=(
                "200 classes of ImageNet at 64 x 64 pixels: 100,000 pictures for "
                "training, 10,000 for validation, 10,000 without classes for test."
            ),
            homepage="http://cs231n.stanford.edu/",
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(
                        shape=(64, 64, 3), encoding_format="jpeg"
                    ),
                    "label": tfds.features.ClassLabel(num_classes=200),
                    "file_name": tfds.features.Text(),
                }
            ),
            supervised_keys=("image", "label"),
            citation=(
                "@misc{le2015tiny, title={Tiny ImageNet Visual Recognition Challenge}, "
                "author={Le, Ya and Yang, Xuan}, note={CS231n, Stanford}, year={2015}}"
            ),
        )

    def _split_generators(self, dl_manager) -> dict[str, Iterator]:
        original = _Original(self._fetch(dl_manager))
        self.info.features["label"].names = original.classes
        found = {split: original.pictures(split) for split in _PICTURES}
        short = {
            split: len(names)
            for split, names in found.items()
            if len(names) != _PICTURES[split]
        }
        if short:
            warn(
                f"Expected as many pictures as published, {_PICTURES}; received: "
                f"{short} in {original.path}. The data set is prepared from these."
            )
        return {
            split: self._generate_examples(original, names)
            for split, names in found.items()
            if names
        }

    def _generate_examples(self, original, pictures):
        for name, label in pictures.items():
            file_name = name.rsplit("/", 1)[1]
            yield (
                file_name,
                {
                    "image": original.read(name),
                    "label": label,
                    "file_name": file_name,
                },
            )

    def _fetch(self, dl_manager) -> pathlib.Path:
        """The original. A zip is verified."""
        try:
            path = self.find_original(pathlib.Path(dl_manager.manual_dir))
        except AssertionError:  # there is no such folder
            path = None
        path = path or pathlib.Path(dl_manager.download(_URL))
        if path.is_file():
            with open(path, "rb") as file:
                digest = hashlib.file_digest(file, "md5").hexdigest()
            if digest != self.MD5:
                raise ValueError(
                    f"Expected the original {_FOLDER}.zip, with MD5 {self.MD5}; "
                    f"received: {path} with {digest}. The file is damaged or is "
                    "another file: fetch it again."
                )
        return path


class _Original:
    """The publisher's files, packed or not. Names start at the topmost folder."""

    def __init__(self, path: pathlib.Path):
        self.path = path
        if path.is_file():
            packed, top = zipfile.ZipFile(path), f"{_FOLDER}/"
            names = [n for n in packed.namelist() if n.startswith(top) and n[-1] != "/"]
            self.names = sorted(name.removeprefix(top) for name in names)
            self.read = lambda name: packed.read(top + name)
        else:
            files = (p for p in path.rglob("*") if p.is_file())
            self.names = sorted(p.relative_to(path).as_posix() for p in files)
            self.read = lambda name: (path / name).read_bytes()
        self.classes = sorted(self._text("wnids.txt").split())
        if len(set(self.classes)) != 200:
            raise ValueError(
                f"Expected 200 classes in wnids.txt; received: "
                f"{len(set(self.classes))} in {path}"
            )

    def _text(self, name: str) -> str:
        if name not in self.names:
            raise ValueError(
                f"Expected TinyImageNet as it was published, with {name}; received: "
                f"{self.path}, which has no such file"
            )
        return self.read(name).decode()

    def _in(self, folder: str) -> list[str]:
        return [
            name
            for name in self.names
            if name.startswith(folder) and name.endswith(".JPEG")
        ]

    def pictures(self, split: str) -> Mapping[str, str | int]:
        """Names of a split's pictures, each with its class."""
        if split == "test":
            return {name: -1 for name in self._in("test/images/")}
        if split == "train":
            owner = {name: name.split("/")[1] for name in self._in("train/")}
        else:
            files = self._in("val/images/")
            of_file = annotated(self._text(f"val/{ANNOTATIONS}"), files, self.path)
            owner = dict(zip(files, of_file, strict=True))
        if unknown := set(owner.values()) - set(self.classes):
            raise ValueError(
                f"Expected classes that are in wnids.txt; received: {sorted(unknown)} "
                f"in split {split!r} of {self.path}"
            )
        return owner
