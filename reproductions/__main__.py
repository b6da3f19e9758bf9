"""python -m reproductions: all experiments and their cost; verdicts on the claims."""

import sys

from reproductions.engine import command
from reproductions.verdicts import report

ELSE = """
Further commands; --help shows their options:
  python -m reproductions.demo            a run on digits, in minutes
  python -m reproductions.unified_view    the same as unifying view
  python -m reproductions.real_scores     scores of real images
  python -m reproductions.benchmarks.NAME training, scaling, inference, measures, ..."""


def main(arguments: list[str] | None = None) -> None:
    """Lists all experiments, or those of the papers that are named.

    `verdicts` prints the verdicts on the papers' claims instead.
    """
    words = sys.argv[1:] if arguments is None else arguments
    if words[:1] == ["verdicts"]:
        return report.main(words[1:])
    known = *command.PAPERS, *command.OTHERS
    if unknown := set(words) - {*known}:
        raise ValueError(
            f"Expected papers, among {', '.join(known)}, or verdicts; "
            f"received: {', '.join(sorted(unknown))}"
        )
    print("\n\n".join(command.listing(paper) for paper in words or known))
    if not words:
        print(ELSE)


if __name__ == "__main__":
    with command.guarded("reproductions"):
        main()
