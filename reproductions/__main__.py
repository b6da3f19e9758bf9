"""python -m reproductions: all experiments and their cost."""

import sys

from reproductions.engine import command


def main(arguments: list[str] | None = None) -> None:
    """Lists the experiments of all papers, or of the papers that are named."""
    words = sys.argv[1:] if arguments is None else arguments
    if unknown := set(words) - {*command.PAPERS}:
        raise ValueError(
            f"Expected papers, among {', '.join(command.PAPERS)}; received: "
            f"{', '.join(sorted(unknown))}"
        )
    print("\n\n".join(command.listing(paper) for paper in words or command.PAPERS))


if __name__ == "__main__":
    with command.guarded("reproductions"):
        main()
