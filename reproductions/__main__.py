"""python -m reproductions: all experiments, the time they took; verdicts on claims."""

import ast
import pathlib
import sys
from collections.abc import Iterator

from reproductions.engine import command
from reproductions.engine.costs import time_taken
from reproductions.verdicts import report

HERE = pathlib.Path(__file__).parent
ELSE = """Further commands; --help shows their options:
  python -m reproductions verdicts
      Verdicts on the papers' claims, from what is in reproductions/results."""


def further() -> Iterator[pathlib.Path]:
    """The modules that are commands and belong to no paper."""
    yield from (HERE / f"{name}.py" for name in ("demo", "unified_view", "real_scores"))
    for path in sorted((HERE / "benchmarks").glob("*.py")):
        by_another = path.stem.endswith("_worker")  # its benchmark starts it
        if not by_another and "__main__" in path.read_text(encoding="utf-8"):
            yield path


def line_of(path: pathlib.Path) -> str:
    """A command, what it does, and the time that it took; nothing is imported."""
    name = ".".join(("reproductions", *path.relative_to(HERE).with_suffix("").parts))
    title = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    title = title.splitlines()[0]
    return f"  python -m {name}\n      {title}\n      {time_taken(name)}"


def main(arguments: list[str] | None = None) -> None:
    """Lists all experiments, or those of the papers that are named.

    `verdicts` prints the verdicts on the papers' claims instead.
    """
    words = sys.argv[1:] if arguments is None else arguments
    if words[:1] == ["verdicts"]:
        return report.main(words[1:])
    words = [word for word in words if word not in ("-h", "--help")]
    known = *command.PAPERS, *command.OTHERS
    if unknown := sorted(set(words) - {*known}):
        others = [path.stem for path in further()]
        hint = f". python -m reproductions.{unknown[0]} is a command of its own"
        raise ValueError(
            f"Expected papers, among {', '.join(known)}, or verdicts; "
            f"received: {', '.join(unknown)}{hint * (unknown[0] in others)}"
        )
    print("\n\n".join(command.listing(paper) for paper in words or known))
    if not words:
        print("", ELSE, *map(line_of, further()), sep="\n")


if __name__ == "__main__":
    with command.guarded("reproductions"):
        main()
