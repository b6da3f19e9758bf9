"""The error that is raised when numbers in training are no longer finite."""

import contextlib

__all__ = ["Diverged", "is_backup", "with_backups"]


class Diverged(FloatingPointError):
    """A loss or a gradient became NaN or infinite.

    It is raised at that step: before the number changes a weight, and before any
    callback. `playing.py` finds it, `logged.py` raises it.
    """


def is_backup(callback) -> bool:
    """Whether a callback is a `Backup`, which this package's `fit` calls by itself."""
    return getattr(callback, "is_backup", False) is True


@contextlib.contextmanager
def with_backups(callbacks: list):
    """Adds to a `Diverged` error which backup is the last good one.

    Afterwards, other processes may use the folders of backups.
    """
    backups = [one for one in callbacks if is_backup(one)]
    try:
        yield
    except Diverged as error:
        newest = [one.newest() for one in backups]
        named = [str(path) for path in newest if path is not None]
        if not named:
            raise
        raise Diverged(
            f"{error} The last good backup is {', '.join(named)}. To go on with lower "
            "rates: restore(..., rates='compiled')."
        ) from None
    finally:
        for one in backups:
            one.release()
