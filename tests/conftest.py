"""How `--dist loadfile` shares the tests among processes.

The tests of one file stay in one process, for what they set up together; only those of the banks are split, by lesson. What takes
long comes first, so that it is not left over at the end.
"""

import re

import pytest

# In the order of what they took, each alone; files that are not here take less than half a minute.
LONG = (
    "test_hostile.py", "test_submission.py", "test_receiver.py", "test_measured.py", "test_nbgrader.py", "test_sandbox.py", "test_commands.py", "test_doors.py",
    "test_time.py", "test_regrade.py", "test_policy.py", "test_trust.py", "test_bank.py", "test_exercise_labs.py", "test_studio.py", "test_students_copy.py",
    "test_graded_lab.py",
)  # fmt: skip
LESSON = re.compile(r"test_bank\.py::\w+\[(\w+_\w+)")


def pytest_collection_modifyitems(items):
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
