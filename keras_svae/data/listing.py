"""Which files of a folder are pictures, and why the others are left out."""

import os
import stat

from keras_svae.data import picture_files
from keras_svae.data.picture_files import printable
from keras_svae.paths import AnyPath, Remote
from keras_svae.telling import warn

__all__ = ["Listing"]

# What warnings have said already; a second split has the same to say.
_TOLD: set[str] = set()
# How many names of each reason are shown.
_SHOWN = 5
_KINDS = {
    stat.S_IFIFO: "named pipes",
    stat.S_IFSOCK: "sockets",
    stat.S_IFCHR: "devices",
    stat.S_IFBLK: "devices",
}
HIDDEN = "hidden"
NO_PICTURES = "no pictures"
LINKED_FOLDERS = "links to folders"


class Listing:
    """Lists pictures, and keeps what it leaves out. It never waits for a named pipe.

    Args:
        root: The folder that the user named.
        links: Whether links may lead out of it.
    """

    def __init__(self, root: AnyPath, links: bool):
        self._shown, self._root = root, os.path.realpath(root)
        self._links = links
        self._left_out: dict[str, list[str]] = {}

    def leave_out(self, why: str, path: str | os.PathLike) -> None:
        """Notes a file or folder that is not read, under a reason in the plural."""
        names = self._left_out.setdefault(why, [])
        names.append(os.path.basename(path))

    def __str__(self) -> str:
        """What was left out, by reason; empty if nothing was."""
        parts = []
        for why, names in self._left_out.items():
            shown = ", ".join(map(printable, names[:_SHOWN]))
            more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
            parts.append(f"as {why}: {shown}{more}")
        return "; ".join(parts)

    def _named(self) -> str | os.PathLike:
        return self._shown if isinstance(self._shown, Remote) else self._root

    def warn(self) -> None:
        """Says once what was left out and why, if anything was."""
        text = f"Left out of {printable(self._named())}, {self}"
        if self._left_out and text not in _TOLD:
            _TOLD.add(text)
            warn(text)  # the line that calls `load`

    def folders(self, where: AnyPath) -> list[AnyPath]:
        """The subfolders, in the order of their names. They may be links.

        Raises:
            ValueError: If one is a link that leads out of the folder, and this is not
                allowed.
        """
        real, found, seen = os.path.realpath(where), [], set()
        entries = [one for one in where.iterdir() if one.is_dir()]
        # A link is a second name of what is there without it.
        for one in sorted(entries, key=lambda one: (one.is_symlink(), one.name)):
            target = os.path.realpath(one)
            if one.name.startswith(".") or one.name == "__MACOSX":
                self.leave_out(HIDDEN, one)
            elif _within(real, target):
                self.leave_out("links to a folder above them", one)
            elif target in seen:
                self.leave_out("second names of a folder", one)
            else:
                self._check(one, target)
                seen.add(target)
                found.append(one)
        return sorted(found)

    def pictures(
        self, folder: AnyPath, deep: bool, but: tuple[str, ...] = ()
    ) -> list[str]:
        """The picture files, in the order of their names.

        Args:
            folder: The folder.
            deep: Whether to include pictures of its subfolders.
            but: Endings of files that are read as something else.

        Raises:
            ValueError: If one is a link that leads out of the folder, and this is not
                allowed.
        """
        found: list[str] = []
        walked = folder.walk() if isinstance(folder, Remote) else os.walk(folder)
        for where, folders, files in walked:
            for name in folders if deep else ():
                path = os.path.join(where, name)
                if name.startswith("."):
                    self.leave_out(HIDDEN, path)
                elif os.path.islink(path):
                    self.leave_out(LINKED_FOLDERS, path)
            shown = sorted(one for one in folders if not one.startswith("."))
            folders[:] = shown if deep else []
            for name in sorted(files):
                path = os.path.join(where, name)
                if not name.endswith(but) and self._is_picture(path):
                    found.append(path)
        return self._once(found)

    def _is_picture(self, path: str) -> bool:
        if os.path.basename(path).startswith("."):
            self.leave_out(HIDDEN, path)
            return False
        try:
            kind = _KINDS.get(stat.S_IFMT(os.stat(path).st_mode))
        except OSError:  # a link to nothing: its name decides
            kind = None
        if kind is not None:
            self.leave_out(kind, path)
            return False
        if not picture_files.is_picture(path):
            self.leave_out(NO_PICTURES, path)
            return False
        if os.path.islink(path):
            self._check(path, os.path.realpath(path))
        return True

    def _once(self, paths: list[str]) -> list[str]:
        """Leaves out links to pictures that are in the list already."""
        links = {path for path in paths if os.path.islink(path)}
        if not links:
            return paths
        seen = {os.path.realpath(path) for path in paths if path not in links}
        kept = []
        for path in paths:
            target = os.path.realpath(path) if path in links else None
            if target in seen:
                self.leave_out("second names of a picture", path)
                continue
            seen.add(target or path)
            kept.append(path)
        return kept

    def _check(self, path, target: str) -> None:
        if not self._links and not _within(target, self._root):
            raise ValueError(
                f"Expected files inside {printable(self._root)}; received: "
                f"{printable(os.fspath(path))}, a link to {printable(target)}. If you "
                "trust it, give links=True"
            )


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)
