"""Finds the packages, so that a new folder needs no new line. Everything else stands in pyproject.toml."""

import tomllib
from pathlib import Path

from setuptools import find_packages, setup

homes = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["package-dir"]
setup(packages=[name for top, home in homes.items() for name in [top, *(f"{top}.{inner}" for inner in find_packages(home))]])
