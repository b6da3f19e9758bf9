"""Sphinx: Markdown pages (MyST), reference from docstrings, all of it offline."""

import inspect
import os
import re
import sys
from importlib.metadata import version as installed

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# This folder for the extension in it, the one above for the records' package.
DOCS = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [DOCS, os.path.dirname(DOCS)]

project = "keras_svae"
author = "the keras_svae authors"
project_copyright = "the keras_svae authors"
release = version = installed("keras-svae")

extensions = [
    # MyST for the Markdown pages, and the notebooks as pages.
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    # Copies MathJax into the pages: formulas show without a network.
    "sphinx-mathjax-offline",
    "results_table",
    "verdict_table",
]
myst_enable_extensions = ["amsmath", "colon_fence", "dollarmath", "fieldlist"]
myst_heading_anchors = 3
# A notebook is shown with the output that is stored in it. The slow tests run it.
nb_execution_mode = "off"
exclude_patterns = ["_build"]

# Servers of the reader's own.
linkcheck_ignore = [r"http://localhost"]
linkcheck_retries = 3
linkcheck_timeout = 30

html_theme = "furo"
html_title = f"keras_svae {release}"
html_copy_source = False
html_static_path = ["static"]
html_css_files = ["math.css", "notebooks.css", "verdicts.css"]

autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": True}
# Keras's own docstrings are Keras's.
autodoc_inherit_docstrings = False
autodoc_typehints_format = "short"
add_module_names = False
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
# Docstrings quote code with single backticks, as Markdown does.
default_role = "literal"


def plain_docstring(app, what, name, obj, options, lines):
    """Reads docstrings as they are written: no reStructuredText to be minded.

    A block that is indented deeper than the text before it, after a blank line, is
    shown as it stands, and so is an `Example:`; a bar outside code is a bar.
    """
    text, literal, above = [], False, ""
    for i, line in enumerate(lines):
        indented = line.startswith(" ")
        if re.fullmatch(r"Examples?:", line):
            text += ["Example::", ""]
            literal, above = True, line
            continue
        if literal and (indented or not line):
            text.append(line)
            continue
        literal = False
        begins = indented and i > 0 and not lines[i - 1] and not above.startswith(" ")
        if begins and not re.match(r"([-*]|\d+\.) ", above):
            text += [line] if above.endswith("::") else ["::", "", line]
            literal = True
            continue
        text.append(re.sub(r"(`[^`]*`)|\|", lambda m: m[1] or r"\|", line))
        above = line or above
    lines[:] = text


def own_signature(app, what, name, obj, options, signature, annotation):
    """A class's own `__init__`, not the `__new__(*args, **kwargs)` Keras gives it."""
    if what != "class" or "__init__" not in vars(obj):
        return None
    of_init = inspect.signature(obj.__init__)
    parameters = [
        p.replace(annotation=inspect.Parameter.empty)
        for p in list(of_init.parameters.values())[1:]
    ]
    short = of_init.replace(
        parameters=parameters, return_annotation=inspect.Signature.empty
    )
    return str(short), None


def skip_alias(app, what, name, obj, skip, options):
    """A named tuple's fields are in its docstring."""
    return True if (obj.__doc__ or "").startswith("Alias for field") else None


def setup(app):
    app.connect("autodoc-skip-member", skip_alias)
    app.connect("autodoc-process-signature", own_signature)
    # Before napoleon, which has priority 500.
    app.connect("autodoc-process-docstring", plain_docstring, priority=400)
