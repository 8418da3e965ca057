"""How does Sphinx make the site of these pages? `make docs` asks it; nothing is fetched."""

import sys
from importlib.metadata import version as version_of
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # docs._site makes the reference from the program itself

project = "earlylearn"
author = "The earlylearn developers"
copyright = "2026, the earlylearn developers"  # Sphinx's name
version = release = version_of("earlylearn")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "docs._site"]
exclude_patterns = ["_build", "_site"]
nitpicky = True
# Annotations name NumPy, pandas and torch, whose own sites would have to be asked where they explain what.
nitpick_ignore_regex = [("py:.*", ".*")]

myst_heading_anchors = 4
myst_enable_extensions = ["deflist"]

autodoc_mock_imports = ["lightning", "transformers"]  # extras, which the site can do without
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_default_options = {"members": True, "show-inheritance": False}
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_attr_annotations = False  # `str_` would be a reference
default_role = "py:obj"
smartquotes_action = "qe"  # quotation marks and ellipses; two dashes begin an option

html_theme = "furo"
html_title = f"earlylearn {version}"
html_static_path = ["_site/static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_show_sourcelink = False
html_copy_source = False
