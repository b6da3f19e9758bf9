"""The columns of `keras.callbacks.CSVLogger`: all that is ever logged."""

import keras
import tensorflow as tf

from keras_svae import files
from keras_svae.csv_files import read_rows, write_rows

__all__ = ["Columns"]


class Columns(keras.callbacks.Callback):
    """Gives `CSVLogger` all columns. It stands before the logger, after all others.

    Keras uses the columns of the first epoch, and assumes that validation has the same
    columns as training. But a game has others there, the first epoch may have no
    validation, and callbacks add columns. A file that lacks a column is written anew.

    Args:
        logger: The logger.
        columns: The columns that are known before training.
    """

    may_fail = first_worker_only = True

    def __init__(self, logger: keras.callbacks.CSVLogger, columns: list[str]):
        super().__init__()
        self.logger, self.columns = logger, columns

    def on_train_begin(self, logs=None):
        """Looks at a log that goes on.

        Raises:
            ValueError: If it is none of Keras's, or has another separator. Its columns
                could not be found, and numbers would stand under the wrong ones.
        """
        logger = self.logger
        # A logger of the user's own may begin with other columns.
        if not logger.append or type(logger) is not keras.callbacks.CSVLogger:
            return
        path = logger.filename
        rows = read_rows(path, logger.sep) if files.exists(path) else []
        first = "".join(rows[0][:1]) if rows else "epoch"
        if first.removeprefix("\ufeff") != "epoch":
            raise ValueError(
                "Expected a file of CSVLogger to append to, with the first column "
                f"'epoch' and the separator {logger.sep!r}; received: {path}, which "
                f"begins with {first!r}"
            )

    def on_epoch_end(self, epoch, logs=None):
        logger = self.logger
        known = logger.keys
        if known is None:  # the first epoch of this training
            known = self._header()[1:] if logger.append else []
        new = {*self.columns, *(logs or {})}.difference(known)
        logger.keys = [*known, *sorted(new)]
        if new and known:
            self._widen()

    def on_train_end(self, logs=None):
        file = self.logger.csv_file
        # Keras asks this at the end, also of TensorFlow's files, which do not know it.
        if file is not None and not hasattr(file, "closed"):
            file.closed = False

    def _header(self) -> list[str]:
        path = self.logger.filename
        rows = read_rows(path, self.logger.sep) if files.exists(path) else []
        return rows[0] if rows else []

    def _widen(self) -> None:
        """Writes the file anew with all columns, and lets the logger go on with it."""
        logger = self.logger
        head, *rows = read_rows(logger.filename, logger.sep)
        head = [head[0], *logger.keys]
        wide = [[*row, *["NA"] * (len(head) - len(row))] for row in rows]
        logger.csv_file.close()
        write_rows(logger.filename, [head, *wide], logger.sep)
        logger.csv_file = tf.io.gfile.GFile(logger.filename, "a")
        logger.csv_file.closed = False  # Keras asks
        logger.writer, logger.append_header = None, False
