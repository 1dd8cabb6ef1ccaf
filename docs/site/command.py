"""`python -m docs.site`: the whole site, or some lessons of it, into build/site/html."""

import argparse
import importlib.util
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from autograder.authoring.build import BuildError, Built, build
from autograder.authoring.source import sources
from autograder.course import paths
from autograder.course.catalogue import short
from course_data.errors import UserError

HERE = Path(__file__).resolve().parent
HOME = paths.BUILD / "site"
NEEDED = ("sphinx", "myst_nb", "pydata_sphinx_theme")
INSTALL = ".venv/bin/python -m pip install -c constraints.txt -e '.[site]'"


class NoExtra(UserError):
    """The libraries of the `site` extra are not installed."""


def found(library: str) -> bool:
    """Whether a library is installed."""
    return importlib.util.find_spec(library) is not None


def need_extra() -> None:
    """Raise `NoExtra` where a library of the `site` extra is missing."""
    missing = [name for name in NEEDED if not found(name)]
    if missing:
        raise NoExtra(f"The site needs {', '.join(missing)}. `make site` installs them; or: {INSTALL}")


def site(home: Path, built: dict[str, Built], repository: str | None, branch: str | None, again: bool = False) -> Path:
    """Make the site of these lessons in the folder `home`. Returns the folder with its pages. Raises `UserError`."""
    from docs.site import fork, given_away, runs, staged

    chosen = fork.fork_of(repository, branch)
    done = {name: runs.outputs_of(one, HOME / "runs", lambda words: print(f"  {words}", flush=True), again) for name, one in built.items()}
    html = home / "html"
    staged.write(home / "source", staged.sources(built, done, chosen))
    downloads = staged.downloads(built, done, chosen)
    staged.write(home / "extra", {**downloads, ".nojekyll": ""})
    print(f"  {len(built)} notebooks and the other pages to HTML ...", flush=True)
    _sphinx(home / "source", html, home / "doctrees", home / "extra")
    if told := given_away.in_site(html):
        raise UserError("The site would give answers away:\n" + "\n".join(told[:10]) + f"\nDo not publish {html}.")
    return html


def _sphinx(source: Path, html: Path, doctrees: Path, extra: Path) -> None:
    from sphinx.application import Sphinx
    from sphinx.errors import SphinxError
    from sphinx.util.docutils import docutils_namespace, patch_docutils

    try:
        with patch_docutils(str(HERE)), docutils_namespace():
            settings = {"html_extra_path": [str(extra)]}
            app = Sphinx(str(source), str(HERE), str(html), str(doctrees), "html", settings, status=None, warning=sys.stderr, parallel=2)
            app.build()
    except SphinxError as error:
        raise UserError(f"Sphinx could not build the site: {error}") from None
    if app.statuscode or app._warncount:
        raise UserError("Sphinx warned, see above; a site with broken links or pages is not finished.")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m docs.site", description="Make the course's site in build/site/html.")
    parser.add_argument("lessons", nargs="*", help="numbers and names, such as 02 or temperature_sweep; all if none is given")
    parser.add_argument(
        "--repository", metavar="OWNER/NAME", help="the GitHub repository, for Colab, Binder and links to files; else $COURSE_REPOSITORY"
    )
    parser.add_argument("--branch", metavar="NAME", help="its branch that Binder opens (main)")
    parser.add_argument("--again", action="store_true", help="run every notebook again, changed or not")
    asked = parser.parse_args(arguments)
    begin = time.perf_counter()
    try:
        need_extra()
        every = {str(paths.name_of(path.parent.name)): path for path in sources()}
        unknown = [name for name in asked.lessons if name not in {*every, *map(short, every)}]
        if unknown:
            raise UserError(f"There is no lesson {unknown[0]!r}. The lessons are {', '.join(map(short, every))}.")
        chosen = {name: path for name, path in every.items() if not asked.lessons or name in asked.lessons or short(name) in asked.lessons}
        home = HOME if not asked.lessons else HOME / "part"
        html = site(home, {name: build(path) for name, path in chosen.items()}, asked.repository, asked.branch, asked.again)
    except (UserError, BuildError) as error:
        print(error, file=sys.stderr)
        return 2
    print(f"Written in {time.perf_counter() - begin:.0f} s: {html.relative_to(paths.REPOSITORY)}/index.html")
    return 0
