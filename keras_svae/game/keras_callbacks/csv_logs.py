"""The columns of `keras.callbacks.CSVLogger`: all that is ever logged."""

import csv
import io

import keras
import tensorflow as tf

from keras_svae import files

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

    def _rows(self) -> list[list[str]]:
        if not files.exists(self.logger.filename):
            return []
        text = files.read(self.logger.filename).decode(errors="replace")
        return list(csv.reader(io.StringIO(text), delimiter=self.logger.sep))

    def _header(self) -> list[str]:
        return next(iter(self._rows()), [])

    def _widen(self) -> None:
        """Writes the file anew with all columns, and lets the logger go on with it."""
        logger, (head, *rows) = self.logger, self._rows()
        head = [head[0], *logger.keys]
        made = io.StringIO(newline="")
        writer = csv.writer(made, delimiter=logger.sep, lineterminator="\n")
        writer.writerow(head)
        writer.writerows([*row, *["NA"] * (len(head) - len(row))] for row in rows)
        logger.csv_file.close()
        files.write(logger.filename, made.getvalue().encode())
        logger.csv_file = tf.io.gfile.GFile(logger.filename, "a")
        logger.csv_file.closed = False  # Keras asks
        logger.writer, logger.append_header = None, False
