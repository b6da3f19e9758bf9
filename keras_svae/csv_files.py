"""CSV files: rows of texts, read and written as a whole."""

import csv
import io
import os
from collections.abc import Iterable, Sequence

from keras_svae import files

__all__ = ["read_rows", "write_rows"]


def read_rows(
    path: str | os.PathLike, separator: str = ",", half: bool = True
) -> list[list[str]]:
    """The rows of a file.

    Args:
        path: The file.
        separator: What stands between cells.
        half: Whether a last row without the end of a line is one, which a process may
            have left that was killed.
    """
    text = files.read(path).decode(errors="replace")
    text = text if half else text[: text.rfind("\n") + 1]
    return list(csv.reader(io.StringIO(text), delimiter=separator))


def write_rows(
    path: str | os.PathLike, rows: Iterable[Sequence[str]], separator: str = ","
) -> None:
    """Writes a file of these rows, completely or not at all.

    Args:
        path: The file.
        rows: The cells of each row.
        separator: What stands between cells.
    """
    made = io.StringIO(newline="")
    csv.writer(made, delimiter=separator, lineterminator="\n").writerows(rows)
    files.write(path, made.getvalue().encode())
