"""Sphinx configuration of the manual; `make docs` builds it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
os.environ["PATH"] = (
    f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # of notebooks
)
os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")  # a warning of the kernel's debugger

from cleartract import __version__  # noqa: E402
from generators import links, mathml, reference, streams  # noqa: E402

project = "ClearTract"
author = "The ClearTract developers"
copyright = author
version = release = __version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build", "generators"]
language = "en"
smartquotes = False  # options begin with two hyphens
default_role = "literal"
nitpicky = False
suppress_warnings = ["myst-nb.lexer"]  # where notebooks are not run, as for linkcheck

myst_enable_extensions = ["dollarmath", "colon_fence", "deflist", "attrs_inline"]
myst_heading_anchors = 4
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 600
nb_execution_show_tb = True
nb_execution_in_temp = True
nb_merge_streams = True

autodoc_member_order = "bysource"
autodoc_typehints = "none"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True

html_theme = "furo"
html_title = f"ClearTract {release}"
html_static_path = ["static"]
html_css_files = ["manual.css"]
html_show_sourcelink = False
html_copy_source = False
html_show_copyright = False


def setup(app):
    """Add what is made from the code, links to files of the repository, formulas and outputs."""
    reference.setup(app)
    links.setup(app)
    mathml.setup(app)
    streams.setup(app)
