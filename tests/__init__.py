"""The project's own tests, laid out like the rooms. `files/` builds what they grade; `bench/` and `trials/` are run by hand."""

from pathlib import Path

TESTS = Path(__file__).resolve().parent
REPOSITORY = TESTS.parent
FILES = TESTS / "files"
SUBMITTED = FILES / "sample_class" / "submitted"
