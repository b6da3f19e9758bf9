"""Writes a page with sliders for a model's code: python -m keras_svae.page."""

import argparse
import sys

from keras_svae import hub, page


def main(arguments: list[str] | None = None) -> None:
    """Writes the folder. Errors are one line, exit status 2."""
    made = argparse.ArgumentParser(
        prog="python -m keras_svae.page",
        description="Writes a static page: sliders move the code, and the decoder, an "
        "ONNX file that runs in the browser, draws the picture.",
        epilog="Then: python -m http.server --directory FOLDER",
    )
    made.add_argument("model", help="a run's folder, a .keras file or hf://USER/REPO")
    made.add_argument("folder", help="a new folder, for index.html and model.onnx")
    made.add_argument("--title", help="the page's title [the method's name]")
    made.add_argument(
        "--runtime",
        default=page.RUNTIME,
        help="where ONNX Runtime Web is: a URL, or a folder that is copied, "
        "node_modules/onnxruntime-web/dist [%(default)s]",
    )
    given = vars(made.parse_args(arguments))
    try:
        page.build(hub.load(given.pop("model")), **given)
    except (ValueError, OSError, ImportError) as error:
        print(f"keras_svae.page: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
