"""Files that are complete or are not there, and folders that one process uses alone.

A path is local, or one that TensorFlow's file systems know ("gs://...").
"""

import contextlib
import errno
import glob
import io
import itertools
import os
import pathlib
import platform
import shutil
import stat
import tempfile
from collections.abc import Iterator

import psutil
import tensorflow as tf

from keras_svae.paths import Remote, any_path, is_device, is_local

try:
    import fcntl
except ImportError:  # Windows has none
    fcntl = None  # type: ignore[assignment]

__all__ = [
    "Memory",
    "local_copy",
    "lock",
    "make_folder",
    "new_folder",
    "put_folder",
    "read",
    "remove",
    "remove_all",
    "remove_leftovers",
    "target",
    "unlock",
    "write",
]

# Locks that this process holds, by folder.
_HELD: dict[str, io.IOBase] = {}
_NUMBERS = itertools.count()
LOCK = ".lock"
# What a loader of a SavedModel looks for.
LAST = "saved_model.pb"


class Memory(io.BytesIO):
    """A file in memory. Keras looks at its name, for the format.

    HDF5 ends the process when a disk is full. So it writes to memory, and Python writes
    to the disk.
    """

    def __init__(self, name: str, content: bytes = b""):
        super().__init__(content)
        # Not `name`: Keras would write beside it. No folder: it would look there.
        self._called = os.path.basename(name)

    def __str__(self):
        return self._called


def beside(path: str | os.PathLike) -> str:
    """Where to write before a file is put in place: the same disk, this call alone."""
    path = os.fspath(path)
    name = os.path.basename(path)
    folder = path[: len(path) - len(name)]
    # Threads of a process may write to one path. `remove_leftovers` reads the process.
    number = f"{os.getpid()}.{next(_NUMBERS)}"
    return f"{folder}.{name}.writing-{platform.node()}-{number}"


def target(path: str | os.PathLike) -> str:
    """The file or folder itself, where a local path is a link or the current folder."""
    return os.path.realpath(path) if is_local(path) else os.fspath(path)


def write(path: str | os.PathLike, content: bytes | memoryview) -> None:
    """Writes a file in one step: a kill leaves the old file or the new one.

    A link stays; the file that it leads to is written, with its old permissions. One
    that must not be written is not replaced. What is no file, as /dev/null, and an
    empty file, which its maker may hold open, are written themselves, not in one step.

    Raises:
        OSError: If it cannot be written. The old file and nothing else is left.
    """
    place = target(path)
    if is_local(path) and is_device(place):
        pathlib.Path(place).write_bytes(content)
        return
    empty = is_local(path) and os.path.isfile(place) and not os.path.getsize(place)
    temporary = place if empty else beside(place)
    try:
        if is_local(path):
            mode = _mode(place)
            with open(temporary, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            if mode not in (None, _mode(temporary)):
                os.chmod(temporary, mode)
            os.replace(temporary, place)
        else:
            with tf.io.gfile.GFile(temporary, "wb") as file:
                file.write(bytes(content))
            tf.io.gfile.rename(temporary, place, overwrite=True)
    except BaseException as error:
        with contextlib.suppress(OSError, tf.errors.OpError):
            os.truncate(place, 0) if empty else remove(temporary)
        if isinstance(error, (OSError, tf.errors.OpError)):
            why = getattr(error, "strerror", None) or error
            number = getattr(error, "errno", 0)
            text = f"Expected room and permission for {len(content) / 1e6:.1f} MB in "
            text += f"{path}; received: {why}. What was there is kept"
            if number == errno.ENOENT:
                text = f"Expected a path in a folder that is there; received: {path}"
            raise (OSError(number, text) if number else OSError(text)) from error
        raise


def _mode(path: str) -> int | None:
    """The permissions of an old file; None if there is none.

    Raises:
        PermissionError: If it must not be written, as `open` has it.
    """
    if not os.path.isfile(path):
        return None
    if not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
    return stat.S_IMODE(os.stat(path).st_mode)


@contextlib.contextmanager
def new_folder(path: str | os.PathLike) -> Iterator[str]:
    """Gives a folder to fill, which then stands at the path at once, or not at all.

    Into an empty folder that is there, files move one by one, what a loader looks for
    last; and other file systems than local ones cannot rename a folder at once. There
    a process that is killed leaves a part.

    Args:
        path: A folder that is not there, or empty; or a link to such a one.
    """
    here, place = is_local(path), target(path)
    temporary, name = beside(place) if here else place, os.path.basename(place)
    if here:
        remove_leftovers(os.path.dirname(place), name)
        if os.path.isdir(place) and not os.listdir(place):
            # It may be all that can be written, as a disk that a container is given.
            temporary = os.path.join(place, os.path.basename(temporary))
    try:
        make_folder(temporary)
        yield temporary
        if here:
            put_folder(temporary, place)
    except BaseException:
        remove_all(temporary)
        raise


def put_folder(written: str | os.PathLike, path: str | os.PathLike) -> None:
    """Renames a local folder, at once. If one is there, it takes in the content.

    That one stays, with its owner and permissions, and as the process's current folder.
    It takes in one by one, and what a loader looks for last.

    Args:
        written: The folder; it may be in the other one, which holds nothing else.
        path: Where to put it.

    Raises:
        OSError: If another folder with something in it is there.
    """
    if not os.path.isdir(path):
        os.replace(written, path)
        return
    if set(os.listdir(path)) - {os.path.basename(written)}:
        raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), os.fspath(path))
    for name in sorted(os.listdir(written), key=lambda name: name == LAST):
        shutil.move(os.path.join(written, name), os.path.join(path, name))
    os.rmdir(written)


def read(path: str | os.PathLike) -> bytes:
    """A file's content."""
    with tf.io.gfile.GFile(os.fspath(path), "rb") as file:
        return file.read()


@contextlib.contextmanager
def local_copy(path: str | os.PathLike) -> Iterator[pathlib.Path]:
    """A local path with the same file, for libraries that read no others."""
    if is_local(path):
        yield pathlib.Path(path)
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder) / any_path(path).name
        copy.write_bytes(read(path))
        yield copy


def remove_all(folder: str | os.PathLike) -> None:
    """Removes a folder with all that is in it, as far as that is possible."""
    with contextlib.suppress(OSError):
        if is_local(folder):
            shutil.rmtree(folder, ignore_errors=True)
        else:
            Remote(folder).remove_all()


def make_folder(path: str | os.PathLike) -> None:
    """Makes a folder, with those above it, if it is not there.

    Raises:
        OSError: If it cannot be made.
    """
    if is_local(path):
        os.makedirs(path, exist_ok=True)
    else:
        tf.io.gfile.makedirs(os.fspath(path))


def exists(path: str | os.PathLike) -> bool:
    """Whether there is such a file or folder."""
    return tf.io.gfile.exists(os.fspath(path))


def remove(path: str | os.PathLike) -> None:
    """Removes a file, if it is there."""
    with contextlib.suppress(tf.errors.NotFoundError):
        tf.io.gfile.remove(os.fspath(path))


def remove_leftovers(folder: str | os.PathLike, name: str | None = None) -> None:
    """Removes what killed processes of this computer left half written.

    Args:
        folder: A local folder.
        name: The file that they wrote; None for all.
    """
    name = "*" if name is None else glob.escape(name)
    host = glob.escape(platform.node())
    for left in pathlib.Path(folder).glob(f".{name}.writing-{host}-*"):
        number = left.name.split("-")[-1].split(".")[0]
        if number.isdigit() and not psutil.pid_exists(int(number)):
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)


def lock(folder: str | os.PathLike) -> None:
    """Keeps other processes out of a folder until `unlock`, or the process's end.

    Nothing is kept out on Windows, and where the file system has no locks or is not
    local.

    Raises:
        FileExistsError: If another process has the lock.
    """
    key = os.path.realpath(folder)
    if fcntl is None or not is_local(folder) or key in _HELD:
        return
    path = pathlib.Path(folder) / LOCK
    while True:
        file = open(path, "wb")  # noqa: SIM115
        try:
            # Unlike `flock`, children of the process do not inherit it.
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.close()
            if error.errno in (errno.EACCES, errno.EAGAIN):
                raise FileExistsError(
                    "Expected a folder that no other process works in; received: "
                    f"{folder}"
                ) from None
            return
        # Whoever had the lock removes the file, perhaps between the two lines above.
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), os.stat(path)):
                break
        file.close()
    _HELD[key] = file


def unlock(folder: str | os.PathLike) -> None:
    """Gives up the lock, if this process has it."""
    file = _HELD.pop(os.path.realpath(folder), None)
    if file is not None:
        with contextlib.suppress(OSError):
            (pathlib.Path(folder) / LOCK).unlink(missing_ok=True)
        file.close()
