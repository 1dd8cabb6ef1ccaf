"""Whose course this is: the GitHub repository that Colab and Binder open it from, and the cell that installs it there."""

import functools
import os
import re
from dataclasses import dataclass
from importlib.metadata import packages_distributions
from urllib.parse import quote

from course_data.errors import UserError

PAGES = "gh-pages"  # the branch that .github/workflows/site.yml publishes, with the notebooks that Colab opens
INSTALL = """\
# For Colab, where the course is not there yet: brings what this notebook needs. Anywhere else, and the second time, it does nothing.
import importlib.util
import subprocess
import sys

if "google.colab" in sys.modules or importlib.util.find_spec("google") and importlib.util.find_spec("google.colab"):
    wanted = {wanted}
    missing = [package for module, package in wanted.items() if importlib.util.find_spec(module) is None]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if missing:
        subprocess.run([*pip, *missing], check=True)
    if importlib.util.find_spec("autograder") is None:
        subprocess.run([*pip, "--no-deps", "{source}"], check=True)
    importlib.invalidate_caches()
"""


@dataclass(frozen=True)
class Fork:
    """A GitHub repository, "owner/name", and its branch; "" where nobody said which: then there are no buttons that need one."""

    repository: str = ""
    branch: str = "main"

    def colab(self, path: str) -> str:
        """Address that opens a notebook of the published site in Colab."""
        return f"https://colab.research.google.com/github/{self.repository}/blob/{PAGES}/{quote(path)}"

    def binder(self, path: str) -> str:
        """Address that opens a notebook of the repository in Binder, which makes environment.yml first."""
        return f"https://mybinder.org/v2/gh/{self.repository}/{quote(self.branch, safe='')}?labpath={quote(path, safe='')}"

    def file(self, path: str) -> str:
        """Address of a file of the repository, to read."""
        return f"https://github.com/{self.repository}/blob/{self.branch}/{quote(path)}"

    def install(self, needs: list[str]) -> str:
        """The first cell of a notebook that may be opened away from the course; `needs` are the names on PyPI of what it imports."""
        wanted = {module_of(name): name for name in needs}
        return INSTALL.format(wanted=repr(wanted).replace("'", '"'), source=f"git+https://github.com/{self.repository}@{self.branch}")


@functools.cache
def _modules() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for module, packages in packages_distributions().items():
        for package in packages:
            found.setdefault(package.lower(), []).append(module)
    return found


def module_of(package: str) -> str:
    """The name by which a package on PyPI is imported: scikit-learn as sklearn."""
    own = package.replace("-", "_")
    modules = [module for module in _modules().get(package, ()) if not module.startswith("_")]
    return own if own in modules or not modules else min(modules, key=len)


def fork_of(repository: str | None, branch: str | None) -> Fork:
    """The `Fork` that was asked for, else the one whose workflow this is (GITHUB_REPOSITORY), else none. Raises `UserError` for what is no "owner/name"."""
    asked = repository if repository is not None else os.environ.get("COURSE_REPOSITORY") or os.environ.get("GITHUB_REPOSITORY", "")
    if asked and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+", asked):
        raise UserError(f"--repository wants owner/name, as in the address of the repository on GitHub, and got {asked!r}.")
    return Fork(asked, branch or "main")
