"""What Sphinx reads: the pages of the course, laid out in build/site/source as in the repository, so that links between them hold.

Nothing is written here that stands elsewhere: lessons come from their sources, the pages of text from the repository, tables from the code that makes them.
"""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

import nbformat

from autograder.authoring.build import Built
from autograder.course import paths
from autograder.course.catalogue import heading
from course_data.files import write_whole
from course_labs.report import tables
from course_labs.report.results import read as read_results
from docs.site import glossary, pages
from docs.site.fork import Fork
from docs.site.runs import Run

TEXTS = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "autograder/README.md", "labs/README.md", "docs/decision_guide.md")
PICTURES = ("docs/sandbox.png", "labs/results/tradeoff.png")
RESULTS = ("mnist", "cifar10", "controls/mnist", "controls/cifar10")
LINK = re.compile(r"(?<!!)\[((?:[^\]\[]|\[[^\]]*\])*)\]\((?!\w+:|#)([^)\s]+)\)")


def sources(built: Mapping[str, Built], runs: Mapping[str, Run], fork: Fork) -> dict[str, str | bytes]:
    """Name in build/site/source -> content of every file that Sphinx reads."""
    files: dict[str, str | bytes] = {}
    for name, one in built.items():
        where = _where(name)
        files[where] = pages.page(one, runs[name], fork)
    cards = [path.relative_to(paths.REPOSITORY).as_posix() for path in sorted((paths.REPOSITORY / "data" / "cards").glob("*.md"))]
    for text in (*TEXTS, *cards):
        files[text] = (paths.REPOSITORY / text).read_text(encoding="utf-8")
    lessons, labs = ([name for name in built if paths.is_lab(name) is lab] for lab in (False, True))
    files["docs/glossary.md"] = glossary.page()
    files["lessons/index.md"] = _list("Lessons", "Take them in this order. Each ends with what it did not show.", lessons, built)
    files["labs/index.md"] = _list("Labs", "Larger pieces of work after the lessons, on the compression studio.", labs, built, ["README"])
    files["docs/results.md"] = results_page()
    files["teaching.md"] = _section(
        "For instructors", {"Grading a class": "autograder/README", "Writing lessons, changing the code": "CONTRIBUTING"}
    )
    files["reference.md"] = _section(
        "Look up",
        {
            "Which technique for which situation": "docs/decision_guide",
            "Glossary": "docs/glossary",
            "What was measured": "docs/results",
            "Set-up and commands": "README",
            **{f"Data: {card.partition('cards/')[2][:-3]}": card[:-3] for card in cards},
            "What has changed": "CHANGELOG",
        },
    )
    files["index.md"] = index(built)
    known = {*files, *PICTURES}
    for file in files:
        if file.endswith(".md"):
            files[file] = relinked(str(files[file]), file, known, fork)
        else:
            files[file] = _relinked_cells(str(files[file]), file, known, fork)
    files.update({picture: (paths.REPOSITORY / picture).read_bytes() for picture in PICTURES})
    return files


def _where(name: str) -> str:
    return paths.notebook_of(name).relative_to(paths.REPOSITORY).as_posix()


def relinked(text: str, file: str, known: Iterable[str], fork: Fork) -> str:
    """The text of `file` with links that hold on the site: to its own pages, else to the repository on GitHub; where nobody said which that is, just the words."""
    known = set(known)

    def link(found: re.Match[str]) -> str:
        words, target = found.groups()
        path, _, place = target.partition("#")
        wanted = _normal(PurePosixPath(file).parent / path)
        if wanted in known or not path:
            return found[0]
        return f"[{words}]({fork.file(wanted)}{'#' + place if place else ''})" if fork.repository else words

    return LINK.sub(link, text)


def _normal(path: PurePosixPath) -> str:
    parts: list[str] = []
    for part in path.parts:
        if part == ".." and parts:
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def _relinked_cells(notebook: str, file: str, known: set[str], fork: Fork) -> str:
    content = json.loads(notebook)
    for cell in content["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = relinked(cell["source"], file, known, fork)
    return json.dumps(content, ensure_ascii=False)


def index(built: Mapping[str, Built]) -> str:
    """The first page: what this is, in the README's own words, and the way in."""
    readme = (paths.REPOSITORY / "README.md").read_text(encoding="utf-8")
    title, about = readme.split("\n\n")[:2]
    rows = "\n".join(
        f"| [{heading(one.lesson)}]({_where(name)}) | {one.lesson.minutes} | {one.lesson.points:g} |" for name, one in built.items()
    )
    first = next(iter(built))
    return (
        f"{title}\n\n{about}\n\nThese pages show every lesson with its text, its blanks and what its demonstrations print and draw. Read them anywhere; "
        f"to fill the blanks and have them checked, get the notebook with the button on its page.\n\n**[Start here]({_where(first)})**\n\n"
        f"| lesson or lab | minutes | points |\n|---|---:|---:|\n{rows}\n\n"
        "```{toctree}\n:hidden:\n\nlessons/index\nlabs/index\nreference\nteaching\n```\n"
    )


def _list(title: str, about: str, names: Iterable[str], built: Mapping[str, Built], more: Iterable[str] = ()) -> str:
    names = list(names)
    rows = "\n".join(
        f"| [{heading(built[name].lesson)}]({name}.ipynb) | {built[name].lesson.minutes} | {built[name].lesson.points:g} |"
        for name in names
    )
    tree = "\n".join([*(f"{heading(built[name].lesson)} <{name}>" for name in names), *more])
    return f"# {title}\n\n{about}\n\n| notebook | minutes | points |\n|---|---:|---:|\n{rows}\n\n```{{toctree}}\n:hidden:\n\n{tree}\n```\n"


def _section(title: str, pages_in_it: Mapping[str, str]) -> str:
    links = "\n".join(f"- [{words}]({page}.md)" for words, page in pages_in_it.items())
    tree = "\n".join(f"{words} <{page}>" for words, page in pages_in_it.items())
    return f"# {title}\n\n{links}\n\n```{{toctree}}\n:hidden:\n\n{tree}\n```\n"


def results_page() -> str:
    """Every committed result of the studio, as the studio's own tables."""
    parts = ["# What was measured\n", "Made from the files in `labs/results`, by the code that measured them.\n"]
    for name in RESULTS:
        results = read_results(paths.LABS / "results" / f"{name}.json")
        controls = name.startswith("controls/")
        parts.append(f"## {results.data.title}{', with control rows' if controls else ''}\n")
        parts.append(tables.markdown(results))
        if controls:
            parts.append(tables.controls_markdown(results).replace("## Control rows", "### Control rows"))
    picture = "Test accuracy against file size and against latency, one point for each row of the tables"
    parts.insert(2, f"![{picture}](../labs/results/tradeoff.png)\n")
    return "\n".join(parts)


def downloads(built: Mapping[str, Built], runs: Mapping[str, Run], fork: Fork) -> dict[str, str]:
    """Name below the site -> text of each notebook to get: as released; where the repository is known, with a first cell that brings the course to Colab."""
    made = {}
    for name, one in built.items():
        notebook = nbformat.reads(one.notebook, as_version=4)
        if fork.repository:
            notebook.cells.insert(0, nbformat.v4.new_code_cell(fork.install(runs[name].needs).rstrip(), id="install-the-course"))
        made[f"notebooks/{name}.ipynb"] = nbformat.writes(notebook) + "\n"
    return made


def write(folder: Path, files: Mapping[str, str | bytes]) -> None:
    """Write the files that changed, and take away what is no longer one of them: Sphinx reads again only what is newer."""
    for name, content in files.items():
        data = content.encode("utf-8") if isinstance(content, str) else content
        path = folder / name
        if not path.exists() or path.read_bytes() != data:
            write_whole(path, data)
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        if path.relative_to(folder).as_posix() not in files:
            path.unlink()
