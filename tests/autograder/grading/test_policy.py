"""Late days and penalties: what a policy file means, the laws it keeps, and what a bad file is told."""

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.checks.verdict import Verdict
from autograder.grading import policy, policy_file
from autograder.grading.class_run import penalties_csv
from autograder.grading.policy import NotKnown, Policy, PolicyError, apply, shown
from autograder.grading.policy_file import read_policy
from autograder.grading.submission import Result
from autograder.grading.times import parse_time, submission_times

ONE, TWO, THREE = "01_affine_quantization", "02_magnitude_pruning", "03_structured_pruning"
BERLIN = ZoneInfo("Europe/Berlin")

FULL = """\
time_zone: Europe/Berlin
deadlines:
  01: 2026-10-12 23:59
  02_magnitude_pruning: 2026-10-26 23:59
grace_minutes: 15
penalty:
  percent_per_day: 10
  of: earned
max_days: 4
late_days: 2
extensions:
  ada:
    01: 2026-10-14 12:00
  bo:
    02: 3 days
"""


def result(student="ada", lesson=ONE, points=80.0, of=100.0, file="x.ipynb"):
    return Result(student, lesson, file, [Verdict("1.1-predict", "passed", points, of, "", {})])


@pytest.fixture
def read(tmp_path):
    def read(text):
        (tmp_path / "policy.yaml").write_text(text, encoding="utf-8")
        return read_policy(tmp_path / "policy.yaml")

    return read


def standing(rules, submitted, student="chen", lesson=ONE, points=80.0):
    given = result(student, lesson, points)
    return apply(rules, [given], {(student, lesson): parse_time(submitted, BERLIN)})[student, lesson]


@pytest.mark.parametrize(
    "submitted, final, reason",
    [
        ("2026-10-12 23:59", 80, "on time"),
        ("2026-10-13 00:14", 80, "on time (within 15 minutes of grace)"),
        ("2026-10-13 00:15", 80, "1 day late, 1 late day used"),
        ("2026-10-14 23:00", 80, "2 days late, 2 late days used"),
        ("2026-10-15 23:00", 72, "3 days late, 2 late days used: 1 day at 10 % of the points earned"),
        ("2026-10-17 00:14", 64, "4 days late, 2 late days used: 2 days at 10 % of the points earned"),
        ("2026-10-17 00:15", 0, "5 days late, 2 late days used: not accepted after 4 days"),
    ],
)
def test_a_policy_file_means_what_it_says(read, submitted, final, reason):
    got = standing(read(FULL), submitted)
    assert (got.final_points, got.reason) == (final, reason)
    assert got.points == 80 and got.penalty == 80 - final


def test_extensions_are_a_new_deadline_or_days_to_add(read):
    rules = read(FULL)
    assert standing(rules, "2026-10-14 12:00", "ada").reason == "on time; deadline extended"
    assert standing(rules, "2026-10-29 23:59", "bo", TWO).reason == "on time; deadline extended"
    moved = read(FULL.replace("02_magnitude_pruning: 2026-10-26", "02_magnitude_pruning: 2026-11-26"))
    assert standing(moved, "2026-11-29 23:59", "bo", TWO).reason == "on time; deadline extended"


def test_a_day_is_24_hours_also_when_the_clocks_change(read):
    """At 23:59 on the 24th in Berlin it is 21:59 in UTC, and on the 25th 22:59."""
    rules = read(FULL.replace("2026-10-12", "2026-10-24").replace("2026-10-14 12:00", "2026-10-24 23:59"))
    assert standing(rules, "2026-10-25 23:10").days_late == 1
    assert standing(rules, "2026-10-25 23:20").days_late == 2


def test_a_percentage_of_the_maximum_stops_at_zero(read):
    rules = read(FULL.replace("of: earned", "of: maximum"))
    assert standing(rules, "2026-10-15 23:00", points=25.0).final_points == 15
    assert standing(rules, "2026-10-15 23:00", points=5.0).final_points == 0


def test_late_days_go_to_the_earlier_deadline_first(read):
    rules = read(FULL)
    times = {("chen", ONE): parse_time("2026-10-14 20:00", BERLIN), ("chen", TWO): parse_time("2026-10-27 20:00", BERLIN)}
    got = apply(rules, [result("chen", TWO), result("chen", ONE)], times)
    assert [(got["chen", lesson].late_days_used, got["chen", lesson].final_points) for lesson in (ONE, TWO)] == [(2, 80), (0, 72)]


def test_what_was_not_handed_in_needs_no_time_and_what_has_no_deadline_neither(read):
    got = apply(read(FULL), [result("chen", ONE, 0, file=""), result("chen", THREE)], {})
    assert [s.reason for s in got.values()] == ["not handed in", "no deadline"]
    with pytest.raises(PolicyError, match=r"no time for chen 01.*--times.*--file-times"):
        apply(read(FULL), [result("chen", ONE)], {})


def test_an_unknown_time_is_not_missed_where_there_is_no_deadline(read):
    """A class graded with --nbgrader-times, one notebook without a timestamp, of a lesson that the policy does not name."""
    given = result("chen", THREE)
    got = apply(read(FULL), [given], {("chen", THREE): NotKnown("there is no timestamp.txt.")})["chen", THREE]
    assert (got.final_points, got.reason, shown(got)[0]) == (80, "no deadline", "")
    assert "no deadline" in penalties_csv([got])


# Laws, on random policies and classes

minutes = st.integers(-20_000, 20_000).map(lambda n: timedelta(minutes=n))
START = datetime(2026, 10, 12, 21, 59, tzinfo=UTC)
STUDENTS, LESSONS = ("ada", "bo"), (ONE, TWO, THREE)
policies = st.builds(
    Policy,
    zone=st.just(BERLIN),
    deadlines=st.dictionaries(st.sampled_from(LESSONS), minutes.map(lambda m: START + m), min_size=1),
    grace=st.integers(0, 3000).map(lambda n: timedelta(minutes=n)),
    percent=st.floats(0, 100),
    of=st.sampled_from(("earned", "maximum")),
    max_days=st.none() | st.integers(0, 8),
    late_days=st.integers(0, 6),
    extensions=st.dictionaries(
        st.tuples(st.sampled_from(STUDENTS), st.sampled_from(LESSONS)),
        minutes.map(lambda m: START + m) | st.integers(0, 9).map(lambda n: timedelta(days=n)),
        max_size=3,
    ),
)
keys = [(student, lesson) for student in STUDENTS for lesson in LESSONS]
raw_points = st.fixed_dictionaries({key: st.floats(0, 100) for key in keys})
times_in = st.fixed_dictionaries({key: minutes.map(lambda m: START + m) for key in keys})


def class_of(points):
    return [result(*key, points[key]) for key in keys]


@settings(max_examples=100)
@given(policies, raw_points, times_in, st.randoms())
def test_never_negative_never_more_than_raw_whatever_the_order(rules, points, times, random):
    got = apply(rules, class_of(points), times)
    for key, each in got.items():
        assert 0 <= each.final_points <= points[key] == each.points
        assert 0 <= each.late_days_used <= each.days_late
    for student in STUDENTS:
        assert sum(got[student, lesson].late_days_used for lesson in LESSONS) <= rules.late_days
    mixed = class_of(points)
    random.shuffle(mixed)
    assert apply(rules, mixed, times) == got


@settings(max_examples=100)
@given(policies, raw_points, times_in, st.sampled_from(keys), st.integers(0, 20_000))
def test_later_is_never_better_in_any_lesson(rules, points, times, key, delay):
    before = apply(rules, class_of(points), times)
    after = apply(rules, class_of(points), {**times, key: times[key] + timedelta(minutes=delay)})
    assert all(after[each].final_points <= before[each].final_points for each in keys)


@settings(max_examples=100)
@given(policies, raw_points, times_in, st.sampled_from(keys), minutes | st.integers(0, 9))
def test_an_extension_lowers_nobodys_points(rules, points, times, key, more):
    without = replace(rules, extensions={k: v for k, v in rules.extensions.items() if k != key})
    own = timedelta(days=more) if isinstance(more, int) else START + more
    with_it = replace(rules, extensions={**without.extensions, key: own})
    before, after = apply(without, class_of(points), times), apply(with_it, class_of(points), times)
    assert all(after[each].final_points >= before[each].final_points for each in keys)


@settings(max_examples=100)
@given(policies, raw_points, times_in, st.integers(0, 6))
def test_more_late_days_lower_nobodys_points(rules, points, times, more):
    generous = replace(rules, late_days=rules.late_days + more)
    before, after = apply(rules, class_of(points), times), apply(generous, class_of(points), times)
    assert all(after[each].final_points >= before[each].final_points for each in keys)


# Bad files

BAD = [
    ("", "the file is empty"),
    ("- a\n- b\n", "line 1: expected `name: value` lines below it, found a list"),
    ("time_zone: [\n", "this is not YAML"),
    ("deadlines:\n  01: 2026-10-12 23:59\n", "time_zone is missing"),
    (FULL.replace("Europe/Berlin", "Europe/Belrin"), "line 1, time_zone: 'Europe/Belrin' is not a time zone"),
    (FULL.replace("Europe/Berlin", "../../etc"), "line 1, time_zone: '../../etc' is not a time zone"),
    (
        FULL.replace("  01: 2026-10-12 23:59", "  77: 2026-10-12 23:59"),
        "line 3, deadlines: there is no lesson '77'. The lessons are 00_start",
    ),
    (FULL.replace("2026-10-12 23:59", "2026-10-12"), "line 3, deadlines.01: '2026-10-12' needs a time of day, e.g. 2026-10-12 23:59"),
    (FULL.replace("2026-10-12 23:59", "2026-13-12 23:59"), "line 3, deadlines.01: '2026-13-12 23:59' is not a date and a time that exist"),
    (FULL.replace("2026-10-12 23:59", "tomorrow"), "line 3, deadlines.01: 'tomorrow' is not a date and a time"),
    (FULL.replace("grace_minutes: 15", "grace_minutes: a bit"), "line 5, grace_minutes: expected a number of 0 or more, found 'a bit'"),
    (
        FULL.replace("percent_per_day: 10", "percent_per_day: 110"),
        "line 7, penalty.percent_per_day: expected a number from 0 to 100, found '110'",
    ),
    (FULL.replace("percent_per_day", "percent_a_day"), "line 7, penalty: there is no key percent_a_day. Did you mean percent_per_day?"),
    (FULL.replace("of: earned", "of: it"), "line 8, penalty.of: expected `earned` or `maximum`, found 'it'"),
    (FULL.replace("max_days: 4", "max_days: 4.5"), "line 9, max_days: expected a whole number of 0 or more, found '4.5'"),
    (FULL.replace("late_days: 2", "late_days: -2"), "line 10, late_days: expected a whole number of 0 or more, found '-2'"),
    (FULL.replace("late_days: 2", "late_days: 2\nlate_days: 3"), "line 11: late_days stands here twice, first in line 10"),
    (FULL.replace("    02: 3 days", "    02: three days"), "line 15, extensions.bo.02: 'three days' is not a date and a time"),
    (FULL.replace("    02: 3 days", "    03: 3 days"), "line 15, extensions.bo: 03 has no deadline that could be extended"),
    (
        FULL.replace("  bo:\n    02: 3 days", "  bo: 3 days"),
        "line 14, extensions.bo: expected `name: value` lines below it, found '3 days'",
    ),
    (FULL.replace("late_days: 2", "late_days: [2]"), "line 10, late_days: expected one value, found a list"),
]


@pytest.mark.parametrize("text, message", BAD, ids=[message[:40] for _, message in BAD])
def test_a_bad_file_is_told_line_key_and_what_to_do(read, text, message):
    with pytest.raises(PolicyError) as told:
        read(text)
    assert message in str(told.value)


# Times of submission


def test_where_times_come_from(tmp_path, read):
    rules = read(FULL)
    results = []
    for student in ("ada", "bo", "chen", "dana"):
        folder = tmp_path / student / ONE
        folder.mkdir(parents=True)
        (folder / "n.ipynb").write_text("{}")
        results.append(result(student, file=str(folder / "n.ipynb")))
    (tmp_path / "ada" / ONE / "timestamp.txt").write_text("2026-10-12 21:58:03.123456 UTC\n")
    (tmp_path / "bo" / ONE / "timestamp.txt").write_text("2026-10-12 21:58:03 America/New_York")
    table = tmp_path / "times.csv"
    table.write_text("Student,lesson,submitted\nbo,01,2026-10-12 20:00\nchen,01_affine_quantization,2026-10-13 20:00+0000\n")

    def shown(**how):
        got = submission_times(results, rules, **how)
        return {
            student: f"{time.astimezone(UTC):%d %H:%M}" if isinstance(time, datetime) else time.why for (student, _), time in got.items()
        }

    # A file in the student's folder is the student's word, until the instructor says that nbgrader has written it.
    assert shown(table=table) == {"bo": "12 18:00", "chen": "13 20:00"}
    os.utime(tmp_path / "ada" / ONE / "n.ipynb", (0, datetime(2026, 10, 20, 10, tzinfo=UTC).timestamp()))
    assert shown(table=table, file_times=True)["ada"] == "20 10:00"
    told = shown(table=table, stamps=True)
    assert (told["ada"], told["bo"], told["chen"]) == ("12 21:58", "12 18:00", "13 20:00") and "there is no" in told["dana"]
    assert shown(stamps=True)["bo"] == "13 01:58" and shown(stamps=True, file_times=True)["ada"] == "12 21:58"
    assert len(submission_times(results, rules, table, file_times=True)) == 4


def test_a_lab_is_as_late_as_its_last_file(tmp_path, read):
    lab = tmp_path / "ada" / "compression_studio"
    (lab / "compression_studio_artefacts").mkdir(parents=True)
    for name, hour in (("compression_studio.ipynb", 10), ("compression_studio_artefacts/int8.onnx", 12)):
        (lab / name).write_bytes(b"x")
        os.utime(lab / name, (0, datetime(2026, 10, 12, hour, tzinfo=UTC).timestamp()))
    handed = result("ada", "compression_studio", file=str(lab / "compression_studio.ipynb"))
    (time,) = submission_times([handed], read(FULL), file_times=True).values()
    assert time.hour == 12


BAD_STAMPS = [
    b"",
    b"yesterday",
    b"\xff\xfe\x00",
    b"2026-13-40 99:99 UTC",
    b"9999-12-31 23:59:59 UTC",
    b"0001-01-01 00:00:00 UTC",
    b"x" * 10**6,
    "a folder",
    "a pipe",
    "a link",
    "nothing",
]


@pytest.mark.parametrize("kind", BAD_STAMPS, ids=[str(kind)[:12] for kind in BAD_STAMPS])
def test_a_bad_timestamp_costs_its_own_entry(tmp_path, read, kind):
    results = []
    for student in ("ada", "eve"):
        (tmp_path / student / ONE).mkdir(parents=True)
        (tmp_path / student / ONE / "n.ipynb").write_text("{}")
        (tmp_path / student / ONE / "timestamp.txt").write_text("2026-10-12 20:00:00 UTC")
        results.append(result(student, file=str(tmp_path / student / ONE / "n.ipynb")))
    stamp = tmp_path / "eve" / ONE / "timestamp.txt"
    stamp.unlink()
    if isinstance(kind, bytes):
        stamp.write_bytes(kind)
    elif kind != "nothing":
        {
            "a folder": stamp.mkdir,
            "a pipe": lambda: os.mkfifo(stamp),
            "a link": lambda: stamp.symlink_to(tmp_path / "ada" / ONE / "timestamp.txt"),
        }[kind]()
    rules = read(FULL)
    got = apply(rules, results, submission_times(results, rules, stamps=True))
    assert got["ada", ONE].final_points == 80
    assert got["eve", ONE].final_points == 0 and "not known" in got["eve", ONE].reason and len(got["eve", ONE].reason) < 500
    policy.shown(got["eve", ONE])


def test_names_in_other_forms_and_files_as_spreadsheets_save_them(tmp_path, read):
    """An accent as a character of its own, a byte-order mark, semicolons."""
    rules = read("\ufeff" + FULL.replace("  ada:", "  Jose\u0301:"))
    assert rules.extensions.keys() == {("José", ONE), ("bo", TWO)}
    (tmp_path / "times.csv").write_text(
        "\ufeffstudent;lesson;submitted\nJose\u0301;01;2026-10-12 20:00\n'=x;01;2026-10-12 20:00\n", encoding="utf-8"
    )
    assert submission_times([result("José"), result("=x")], rules, tmp_path / "times.csv").keys() == {("José", ONE), ("=x", ONE)}


@pytest.mark.parametrize(
    "table, message",
    [
        ("name,lesson\n", "line 1: there is no column student"),
        ("student,lesson,submitted\nada,01,soon\n", "line 2: 'soon' is not a date and a time"),
        ("student,lesson,submitted\n\nada,77,2026-10-12 20:00\n", "line 3: there is no lesson '77'"),
        ("student,lesson,submitted\nada,01\n", "line 2: there is no submitted in this line"),
        ("student,lesson,submitted\nada,01,2026-10-12 20:00 Mars\n", "line 2: 'Mars' is not a time zone"),
    ],
)
def test_a_bad_table_of_times_is_told_the_line(tmp_path, read, table, message):
    (tmp_path / "times.csv").write_text(table)
    with pytest.raises(PolicyError, match=message):
        submission_times([], read(FULL), tmp_path / "times.csv")


def test_the_example_in_the_documentation_is_a_policy(read):
    example = policy_file.__doc__.partition("::\n")[2]
    assert read(example).late_days == 3
