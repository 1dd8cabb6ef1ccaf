"""Feeds the two parsers for long: `python -m tests.trials.fuzz --seconds 600` (for each of the two).

With atheris (`pip install atheris`) inputs are chosen by the code they reach; without it they are only random.
Inputs that break a property are kept in runs/fuzz. Then files made to cost much are read, and what they cost is measured.
"""

import argparse
import importlib.util
import json
import random
import re
import subprocess
import sys
import time
from pathlib import Path

from tests import REPOSITORY
from tests.trials.record import record

FOLDER = REPOSITORY / "runs" / "fuzz"
SECONDS_EACH, MEGABYTES = 10, 4096  # what one input may take
WIRE = ("wire", "wire_format", "wire_reader", "wire_writer", "wire_layers", "wire_modules")
OURS = [
    "autograder.course.notebooks",
    "autograder.course.blanks",
    "autograder.checks.verdict",
    *(f"autograder.sandbox.{name}" for name in WIRE),
]


def properties():
    """The module with the properties; imported late, so that atheris sees what it imports."""
    from tests.autograder.grading import test_fuzz

    return test_fuzz


class Notebooks:
    """Notebook files: the seeds, the property, and a change that keeps most of the structure."""

    def __init__(self, known):
        self.seeds = [json.dumps(document).encode() for document in (known.FEW, known.OLD, *known.FOUND.values())]
        self.property, self.dented = known.a_submission_or_a_clear_refusal, known.dented

    def change(self, data, pick):
        return json.dumps(self.dented(json.loads(data), dents(pick))).encode()


class Messages:
    """Messages of the wire."""

    def __init__(self, known):
        self.seeds = known.MESSAGES
        self.property, self.dented, self.message = known.a_value_or_a_clear_refusal, known.dented, known.message

    def change(self, data, pick):
        length = int.from_bytes(data[2:6], "little")
        return self.message(self.dented(json.loads(data[6 : 6 + length]), dents(pick)), data[6 + length :])


TARGETS = {"notebook reader": Notebooks, "wire decoder": Messages}
VALUES = (
    None,
    True,
    0,
    1,
    -1,
    2,
    7,
    1 << 62,
    1 << 63,
    1.5,
    1e308,
    "",
    "a",
    "1.2-scale",
    "# Exercise 1.2-scale\n___",
    "# Exercise 1.3-quantize",
    "code",
    "markdown",
    "exercise",
    "def f(",
    "x = 1",
    "___",
    "\ud800",
    "\0",
    "-" * 5000 + "1",
    "(" * 250,
    "a" + ".b" * 3000,
    [],
    {},
    [[]],
    "i",
    "f",
    "c",
    "u",
    "b",
    "o",
    "a",
    "s",
    "T",
    "m",
    "t",
    "d",
    "0x1",
    "f" * 16,
    "float32",
    "bfloat16",
    "bool",
    "int64",
    "Linear",
    "ReLU",
    {"i": "0x1"},
    {"a": ["float32", [0]]},
    {"T": ["bool", []]},
    {"m": {}},
    {"d": []},
    {"t": []},
    {"o": "x"},
    {"b": 0},
    {"u": 0},
)


def dents(pick):
    """One to four changes, as `dented` takes them."""
    return [
        (pick.getrandbits(16), pick.choice(["replace", "delete", "double", "wrap"]), pick.choice(VALUES)) for _ in range(pick.randint(1, 4))
    ]


def with_atheris(target, name, seconds):
    """One process of libFuzzer. It ends the process itself, so nothing comes back."""
    import atheris

    with atheris.instrument_imports(include=OURS):
        known = properties()
    kind = TARGETS[target](known)
    seeds, kept = FOLDER / name / "seeds", FOLDER / name / "found"
    for folder in (seeds, kept):
        folder.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(kind.seeds):
        (seeds / str(number)).write_bytes(data)

    def mutate(data, most, seed):
        pick = random.Random(seed)
        if pick.random() < 0.7:
            try:
                changed = kind.change(bytes(data), pick)
                return changed if len(changed) <= most else data
            except (ValueError, RecursionError):
                pass
        return atheris.Mutate(data, most)

    atheris.Setup(
        [
            sys.argv[0],
            str(kept),
            str(seeds),
            f"-max_total_time={seconds}",
            f"-timeout={SECONDS_EACH}",
            f"-rss_limit_mb={MEGABYTES}",
            "-max_len=65536",
            "-len_control=0",
            f"-artifact_prefix={FOLDER / name}/broken-",
            "-print_final_stats=1",
            "-verbosity=1",
        ],
        lambda data: kind.property(bytes(data)),
        custom_mutator=mutate,
    )
    atheris.Fuzz()


def at_random(target, seconds):
    """The same inputs without guidance: (inputs tried, inputs that broke the property)."""
    kind = TARGETS[target](properties())
    pick, tried, broken = random.Random(), 0, 0
    end = time.monotonic() + seconds
    pool = list(kind.seeds)
    while time.monotonic() < end:
        data = pick.choice(pool)
        try:
            data = kind.change(data, pick)
        except (ValueError, RecursionError):
            at = pick.randrange(len(data) + 1)
            data = data[:at] + pick.randbytes(pick.randint(0, 3)) + data[at + pick.randint(0, 3) :]
        tried += 1
        try:
            kind.property(data)
        except Exception as error:
            broken += 1
            FOLDER.mkdir(parents=True, exist_ok=True)
            (FOLDER / f"broken-{target.split()[0]}-{broken}").write_bytes(data)
            print(f"{target}: {type(error).__name__}: {error}", file=sys.stderr)
        if len(pool) < 2000 and len(data) < 1 << 16:
            pool.append(data)
    return tried, broken


def fuzz(target, seconds):
    """The figures of one target."""
    name = target.split()[0]
    if importlib.util.find_spec("atheris") is None:
        tried, broken = at_random(target, seconds)
        return {"engine": "random changes", "seconds": seconds, "inputs": tried, "broke_the_property": broken}
    command = [sys.executable, "-m", "tests.trials.fuzz", "--only", target, "--seconds", str(seconds)]
    process = subprocess.run(command, capture_output=True, text=True)
    tried = re.search(r"stat::number_of_executed_units: *(\d+)", process.stderr)
    covered = re.findall(r"cov: (\d+)", process.stderr)
    broken = len(list((FOLDER / name).glob("broken-*")))
    if process.returncode or broken or not tried:
        print(process.stderr[-6000:], file=sys.stderr)
    return {
        "engine": "atheris",
        "seconds": seconds,
        "inputs": int(tried.group(1)) if tried else 0,
        "branches_reached": int(covered[-1]) if covered else None,
        "broke_the_property": broken,
        "limits_for_one_input": f"{SECONDS_EACH} s, {MEGABYTES} MB",
    }


# Files made to cost much: each is as large as the reader accepts.


def dear(size):
    """{name: bytes of about `size`}"""

    def filled(before, unit, after):
        return (before + unit * ((size - len(before) - len(after)) // len(unit)) + after).encode()

    code = 1 << 20
    return {
        "empty lists": filled('{"cells":[{"outputs":[', "[],", "0]}]}"),
        "empty objects": filled('{"cells":[{"outputs":[', '{"":{}},', "0]}]}"),
        "ever new keys": ('{"cells":[{"metadata":{' + ",".join(f'"{n:x}":0' for n in range(size // 12)) + "}}]}").encode(),
        "numbers": filled('{"cells":[{"outputs":[', "1.5,", "0]}]}"),
        "printed text": filled('{"cells":[{"outputs":[{"text":"', "hello, [world] ", '"}]}]}'),
        "wide characters": filled('{"cells":[{"outputs":[{"text":"', "\\ud83d\\ude00", '"}]}]}'),
        "one cell of numbers": json.dumps({"cells": [{"cell_type": "code", "source": "x=[" + "1," * (code // 2 - 9) + "]"}]}).encode(),
        "many cells of code": json.dumps(
            {"cells": [{"cell_type": "code", "source": "# Exercise 1.2-scale\n" + "x=1\n" * 46}] * 5000}
        ).encode(),
        "one exercise, long": json.dumps(
            {"cells": [{"cell_type": "code", "source": "# Exercise 1.2-scale\n" + "a=" * (code // 2 - 20) + "1"}]}
        ).encode(),
    }


def cost(path):
    """Read one dear file in this process; print seconds and megabytes."""
    known = properties()
    data = Path(path).read_bytes()
    Path("/proc/self/clear_refs").write_text("5")  # the peak of memory starts anew
    before, started = memory_mb(), time.monotonic()
    known.a_submission_or_a_clear_refusal(data)
    took = time.monotonic() - started
    print(json.dumps({"file_mb": round(len(data) / 1e6, 1), "seconds": round(took, 1), "memory_mb": memory_mb() - before}))


def memory_mb():
    """The peak of this process."""
    return int(re.search(r"VmHWM:\s*(\d+)", Path("/proc/self/status").read_text()).group(1)) >> 10


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=int, default=600)
    options.add_argument("--only", choices=TARGETS, help=argparse.SUPPRESS)
    options.add_argument("--cost", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.only:
        return with_atheris(chosen.only, chosen.only.split()[0], chosen.seconds)
    if chosen.cost:
        return cost(chosen.cost)
    from autograder.course import notebooks

    figures = {target: fuzz(target, chosen.seconds) for target in TARGETS}
    costs = {}
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, data in dear(notebooks.MAX_BYTES).items():
        file = FOLDER / "dear.ipynb"
        file.write_bytes(data)
        process = subprocess.run([sys.executable, "-m", "tests.trials.fuzz", "--cost", file], capture_output=True, text=True)
        costs[name] = json.loads(process.stdout) if process.returncode == 0 else {"failed": process.stderr[-300:]}
        file.unlink()
    record("fuzzing", {"parsers": figures, "files_made_to_cost_much": costs})
    return (
        1 if any(f["broke_the_property"] or not f["inputs"] for f in figures.values()) or any("failed" in c for c in costs.values()) else 0
    )


if __name__ == "__main__":
    sys.exit(main())
