"""Which tests run, and where: `--lesson 03`, and how `--dist loadfile` shares the tests among processes.

The tests of one file stay in one process, for what they set up together; only those of the banks are split, by lesson. What takes
long comes first, so that it is not left over at the end.
"""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from autograder.course import catalogue

# A busy machine is slow; that is no fault of what is tested.
settings.register_profile("course", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("course")

# In the order of what they took, each alone; files that are not here take less than half a minute.
LONG = (
    "test_hostile.py",
    "test_submission.py",
    "test_receiver.py",
    "test_measured.py",
    "test_nbgrader.py",
    "test_sandbox.py",
    "test_commands.py",
    "test_doors.py",
    "test_time.py",
    "test_regrade.py",
    "test_policy.py",
    "test_trust.py",
    "test_bank.py",
    "test_exercise_labs.py",
    "test_studio.py",
    "test_students_copy.py",
    "test_graded_lab.py",
)
LESSON = re.compile(r"test_bank\.py::\w+\[(\w+_\w+)")


@pytest.fixture(scope="session")
def bubblewrap():
    """For tests that need the sandbox. Asked of bubblewrap itself: a fault of ours must fail these tests, not skip them."""
    probe = ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "true"]
    if shutil.which("bwrap") is None or subprocess.run(probe, capture_output=True).returncode:
        pytest.skip("bubblewrap is not installed or does not work: what needs the sandbox is NOT TESTED here")


def pytest_addoption(parser):
    parser.addoption(
        "--lesson",
        action="append",
        default=[],
        metavar="NAME",
        type=_lesson_named,
        help="only the tests of this lesson or lab, such as 03 or temperature_sweep; may be repeated",
    )


def _lesson_named(text):
    found = [name for name in catalogue.lessons() if text in (name, catalogue.short(name)) or text.zfill(2) == catalogue.short(name)]
    if not found:
        raise pytest.UsageError(
            f"--lesson: there is no lesson {text!r}. The lessons are {', '.join(map(catalogue.short, catalogue.lessons()))}."
        )
    return found[0]


def lessons_of(parameters):
    """The names of the lessons that a test's parameters speak of: by name, by notebook or source, by exercise, by known answer."""
    lessons = catalogue.lessons()
    homes = {exercise.id: name for name, lesson in lessons.items() for exercise in lesson.exercises}
    found = set()
    for value in parameters:
        if isinstance(value, Path):
            found |= {value.stem, *(name for name in lessons if value.parent.name.endswith(f"_{name}"))}
        elif isinstance(value, str):
            found |= {value, homes.get(value)}
        else:  # a `Lesson` has a name, an `Exercise` a lesson, an `Answer` an exercise
            found |= {each if each in lessons else homes.get(each) for each in _words(value)}
    return found & lessons.keys()


def _words(value):
    return [each for each in (getattr(value, name, None) for name in ("name", "lesson", "exercise")) if isinstance(each, str)]


def pytest_collection_modifyitems(config, items):
    wanted = set(config.getoption("lesson"))
    if wanted:
        asked = [hasattr(item, "callspec") and bool(lessons_of(item.callspec.params.values()) & wanted) for item in items]
        config.hook.pytest_deselected(items=[item for item, kept in zip(items, asked) if not kept])
        items[:] = [item for item, kept in zip(items, asked) if kept]
    items.sort(key=lambda item: LONG.index(item.path.name) if item.path.name in LONG else len(LONG))


@pytest.hookimpl(optionalhook=True)  # xdist's, where there are several processes
def pytest_xdist_make_scheduler(config, log):
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid):
            lesson = LESSON.search(nodeid)
            return super()._split_scope(nodeid) + (f" {lesson[1]}" if lesson else "")

    config.option.loadscopereorder = False  # else the file with the most tests comes first
    return Scheduling(config, log)
