"""The files that set the course up say the same thing, and nothing local."""

import json
import re
import subprocess
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement
from typer.main import get_command

from autograder.authoring import packing
from autograder.cli.main import app
from autograder.course import catalogue
from autograder.course.paths import is_lab, name_of
from course_labs.report.markers import names
from tests import FILES
from tests import REPOSITORY as ROOT
from tests.bench import page as figures
from tests.bench.submissions import lesson_sources

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PINS = {
    line.partition("==")[0].lower().replace("_", "-"): line.partition("==")[2]
    for line in (ROOT / "constraints.txt").read_text().splitlines()
    if "==" in line
}


def test_every_dependency_is_a_range_and_its_tested_version_is_in_it():
    project = PROJECT["project"]
    for text in [*project["dependencies"], *(each for extra in project["optional-dependencies"].values() for each in extra)]:
        requirement = Requirement(text)
        assert [s.operator for s in requirement.specifier] == [">="], text
        assert requirement.specifier.contains(PINS[requirement.name.lower()]), text


def test_constraints_hold_names_and_numbers_only():
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        assert line.startswith("#") or re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][0-9A-Za-z.]*", line), line


def test_the_conda_environment_adds_nothing_but_python_and_pip():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    *conda, pip = environment["dependencies"]
    assert [name.partition("=")[0] for name in conda] == ["python", "pip"]
    assert pip == {"pip": ["--constraint constraints.txt", "--editable ."]}
    python = conda[0].partition("=")[2]
    assert Requirement(f"python{PROJECT['project']['requires-python']}").specifier.contains(python)


def test_every_folder_with_modules_is_a_package():
    """setup.py finds what has an __init__.py; what is reached by its path alone is listed here."""
    homes, apart = PROJECT["tool"]["setuptools"]["package-dir"].values(), {"data/cache"}
    modules = [path for home in homes for path in (ROOT / home).rglob("*.py")]
    folders = {path.parent.relative_to(ROOT).as_posix() for path in modules if not (path.parent / "__init__.py").exists()}
    assert {folder for folder in folders if not folder.startswith(tuple(apart))} == set()


@pytest.mark.parametrize("page", ["README.md", "autograder/README.md", "CONTRIBUTING.md"])
def test_a_page_names_real_commands_and_targets(page):
    readme = (ROOT / page).read_text()
    commands = set(re.findall(r"course (\w+)", " ".join(re.findall(r"```sh\n(.*?)```", readme, re.DOTALL))))
    assert commands <= set(get_command(app).commands)
    targets = set(re.findall(r"^make (\w+)", readme, re.MULTILINE))
    assert targets <= set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_the_readme_shows_the_sample_class_as_it_is_graded():
    readme = (ROOT / "README.md").read_text()
    expected = json.loads((FILES / "sample_class" / "expected.json").read_text())
    shown = dict(re.findall(r"^│ (\w+) +│ 01 +│ +(\d+) │ 100 │", readme, re.MULTILINE))
    assert shown == {name: str(entry["points"]) for name, entry in expected.items()}


@pytest.mark.parametrize(
    "text, status",
    [
        ("Short\n", 0),
        ("Short\n\nBody\n", 0),
        ("x" * 72, 0),
        ("x" * 73, 1),
        ("ü" * 72, 0),
        ("Short\nBody\n", 1),
        ("Merge branch " + "x" * 80, 0),
    ],
)
def test_a_commits_subject_is_short_and_stands_alone(tmp_path, text, status):
    message = tmp_path / "message"
    message.write_text(text, encoding="utf-8")
    done = subprocess.run(["bash", ROOT / ".ci" / "subject", message], capture_output=True)
    assert done.returncode == status, done.stderr


def test_the_hooks_call_what_make_lint_calls():
    hooks = [hook for repo in yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"] for hook in repo["hooks"]]
    steps = set(re.search(r"^ALL=\((.*)\)", (ROOT / ".ci" / "lint").read_text(), re.MULTILINE)[1].split())
    assert steps - {"format"} == {hook["entry"].split()[-1] for hook in hooks if hook["entry"].startswith("bash .ci/lint ")} - {"format"}
    assert "make lint" in (ROOT / ".ci" / "run").read_text()
    workflow = (ROOT / ".github" / "workflows" / "check.yml").read_text()
    assert "bash .ci/run" in workflow and "python -m tests.trials.promised" in workflow


def test_what_runs_on_every_system_starts_no_process_that_only_linux_has():
    workflow = (ROOT / ".github" / "workflows" / "check.yml").read_text()
    named = re.findall(r"\btests/[\w/.]+", workflow)
    files = [
        file.relative_to(ROOT).as_posix()
        for name in named
        for file in ([ROOT / name] if name.endswith(".py") else (ROOT / name).rglob("test_*.py"))
    ]
    for file in ["tests/trials/promised.py", "tests/conftest.py", *files]:
        assert (ROOT / file).exists()
        assert {"autograder/sandbox/session.py", "autograder/sandbox/launch.py", "autograder/sandbox/box.py"} & packing.modules_needed(
            [(ROOT / file).read_text(encoding="utf-8")]
        ).keys() == set(), file


def test_the_benches_grade_every_lesson_but_the_first():
    numbered = [name for name in catalogue.lessons() if not is_lab(name)]
    assert [name_of(path.parent.name) for path in lesson_sources()] == numbered[1:]


def test_the_readme_lists_every_lesson_and_lab_with_its_minutes_and_points():
    readme = (ROOT / "README.md").read_text()
    rows = re.findall(r"^\| \[(\d\d|\w+_\w+)[^|\]]*\]\([^|)]+\.ipynb\) \| [^|]+\| (\d+) \| (\d+) \|$", readme, re.MULTILINE)
    assert rows == [(catalogue.short(lesson.name), str(lesson.minutes), f"{lesson.points:g}") for lesson in catalogue.lessons().values()]


def test_the_instructors_page_shows_the_committed_results():
    assert figures.update(check=True) == []
    assert names(figures.PAGE, "figures") == ["trust", "bench"], "none of them was lost"
