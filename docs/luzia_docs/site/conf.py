"""Sphinx's configuration of the site. Sphinx, because it has been kept well for long and reads docstrings itself.

MyST lets it read the Markdown that the tree is written in; Furo is a theme that works without scripts of others.
"""

from pygments.lexers.data import JsonLexer  # type: ignore[import-untyped]
from sphinx.application import Sphinx

from luzia_protocol.version import VERSION

project = "luzia"
author = "the luzia authors"
version = release = VERSION
extensions = ["myst_parser", "sphinx.ext.autodoc"]
html_theme = "furo"
html_title = f"luzia {VERSION}"
html_show_sourcelink = False
html_copy_source = False
html_show_copyright = False
myst_heading_anchors = 4
myst_links_external_new_tab = False
autodoc_typehints = "description"
autodoc_member_order = "bysource"
autodoc_class_signature = "mixed"
suppress_warnings = ["misc.highlighting_failure"]  # an example of what is no JSON


def setup(app: Sphinx) -> None:
    """Colour the examples of the protocol, whose fences tell which side says it."""
    app.add_lexer("request", JsonLexer)
    app.add_lexer("reply", JsonLexer)
