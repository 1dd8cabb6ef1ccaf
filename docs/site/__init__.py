"""The course as a site to read: `make site`, or `python -m docs.site` in the repository's top folder.

`command` reads the options and calls the rest; `runs` runs each notebook with its answers and keeps the outputs; `pages` puts them into
the released notebooks; `staged` lays out what Sphinx reads; `conf.py` holds Sphinx's settings; `given_away` proves that no page tells an answer.
"""
