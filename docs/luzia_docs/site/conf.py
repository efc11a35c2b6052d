"""The configuration of Sphinx, which is well maintained and reads docstrings.

MyST adds support for Markdown. Furo is a theme that loads nothing from other servers.
"""

from pygments.lexers.data import JsonLexer
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
suppress_warnings = ["misc.highlighting_failure"]  # one example is deliberately invalid JSON


def setup(app: Sphinx) -> None:
    """Highlight the examples of the protocol, whose fences are `request` and `reply`."""
    app.add_lexer("request", JsonLexer)
    app.add_lexer("reply", JsonLexer)
