"""Sphinx's settings. `docs.site.command` lays out the sources in build/site/source and calls Sphinx with this folder as its configuration."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

project = "Neural-network compression"
author = "the authors of the course"
html_title = "Neural-network compression"
language = "en"
extensions = ["myst_nb", "docs.site.mathml", "docs.site.readable", "docs.site.terms"]
templates_path = ["templates"]
html_math_renderer = "mathml"
exclude_patterns = ["notebooks"]

nb_execution_mode = "off"
nb_merge_streams = True
nb_mime_priority_overrides = [("html", "text/html", 0)]
nb_render_text_lexer = "none"
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 4
myst_url_schemes = ["http", "https", "mailto"]
suppress_warnings = ["myst.header", "mystnb.unknown_mime_type"]  # a lesson's text may go from # to ### and back

html_theme = "pydata_sphinx_theme"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_extra_path = [str(Path(__file__).resolve().parents[2] / "build" / "site" / "extra")]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_last_updated_fmt = None
html_theme_options = {
    "logo": {"text": "Compression course"},
    "navigation_with_keys": False,  # arrow keys scroll wide code; they must not turn the page
    "show_prev_next": True,
    "secondary_sidebar_items": ["page-toc"],
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_toc_level": 1,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
    "search_as_you_type": False,
}
html_sidebars = {"index": []}
copyright = "The text is under CC BY 4.0, the code under the MIT licence"  # noqa: A001 (Sphinx's name)
