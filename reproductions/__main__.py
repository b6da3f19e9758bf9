"""python -m reproductions: all experiments and their cost; verdicts on the claims."""

import sys

from reproductions.engine import command
from reproductions.verdicts import report


def main(arguments: list[str] | None = None) -> None:
    """Lists the experiments of all papers, or of the papers that are named.

    `verdicts` prints the verdicts on the papers' claims instead.
    """
    words = sys.argv[1:] if arguments is None else arguments
    if words[:1] == ["verdicts"]:
        return report.main(words[1:])
    if unknown := set(words) - {*command.PAPERS}:
        raise ValueError(
            f"Expected papers, among {', '.join(command.PAPERS)}, or verdicts; "
            f"received: {', '.join(sorted(unknown))}"
        )
    print("\n\n".join(command.listing(paper) for paper in words or command.PAPERS))


if __name__ == "__main__":
    with command.guarded("reproductions"):
        main()
