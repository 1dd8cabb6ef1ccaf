"""Writes the table of docs/decision_guide.md from the labs' results: `python docs/decision_guide.py`. A test sees that it is done.

Only the words stand here; every figure comes from a file in `labs/results/`.
"""

from pathlib import Path

from course_labs.report import results
from course_labs.report.markers import refill
from course_labs.report.numbers import times_faster
from course_labs.report.summary import spread

HERE = Path(__file__).resolve().parent
PAGE = HERE / "decision_guide.md"
FOLDER = HERE.parent / "labs" / "results"
MAIN, CONTROLS = ("labs/results/{}.json", "labs/results/controls/{}.json")


def smaller(ratio):
    """Bytes before over bytes after, in words."""
    return "no smaller" if 0.95 < ratio < 1.05 else f"{ratio:.1f} times smaller"


def faster(ratio):
    """Time before over time after, in words."""
    return times_faster(spread([ratio]))


def points(difference):
    """A difference in percentage points, with its sign."""
    said = f"{difference:+.2f}".replace("-", "−")
    return "0.00 points" if said[1:] == "0.00" else f"{said} points"


class Rows:
    """The rows of a results file: means over its runs, and what only the first run tells."""

    def __init__(self, path):
        self._results = results.read(path)

    def accuracy(self, name):
        return self._results.summary[name].accuracy.mean

    def bytes(self, name):
        return self._results.summary[name].bytes.mean

    def milliseconds(self, name):
        return self._results.summary[name].latency_ms.mean

    def gzipped(self, name):
        return self._results.first.row(name).gzip_bytes

    def times_of(self, name, clock):
        return self._results.first.row(name).times(clock).median_ms

    def wrong(self, name):
        return next(each.accuracy for each in self._results.first.wrong_calibration if each.name == name)

    def points(self, before, after):
        return points(100 * (self.accuracy(after) - self.accuracy(before)))

    def step(self, before, after):
        """Smaller, faster, points: what a step from one row to another gave."""
        return (
            f"{smaller(self.bytes(before) / self.bytes(after))}, {faster(self.milliseconds(before) / self.milliseconds(after))}, "
            f"{self.points(before, after)}"
        )

    def from_teacher(self, name):
        """The same from the teacher to a row, each run's taken to its own teacher first, as in the README."""
        ratios = self._results.summary[name].ratios
        return f"{smaller(ratios.bytes.mean)}, {faster(ratios.latency.mean)}, {points(ratios.accuracy_points.mean)}"


# Situation, technique, what to expect, what was measured (of the rows of a data set), which file, where the course does it.
GUIDE = (
    (
        "Nobody has a number yet",
        "Measure first: bytes, accuracy by class, median latency on the target",
        "Nothing becomes better, and every later step can be judged",
        lambda r: f"{r.bytes('teacher') / 1000:,.0f} kB, {r.milliseconds('teacher'):.2f} ms, {100 * r.accuracy('teacher'):.1f} %",
        MAIN,
        "lesson 09",
    ),
    (
        "Far too large; you have the training data and time",
        "Distil into a smaller architecture",
        "Large factors in bytes and time, for some accuracy",
        lambda r: r.from_teacher("student"),
        MAIN,
        "lesson 04",
    ),
    (
        "Is it the teacher that helps, or the smaller network?",
        "Train the same small network without a teacher",
        "On an easy task hardly any difference",
        lambda r: f"with teacher against without: {r.points('no_teacher', 'student')}",
        CONTROLS,
        "lessons 04 and 06",
    ),
    (
        "Too slow on any hardware",
        "Cut whole channels, rebuild the network, tune",
        "Smaller and faster",
        lambda r: r.step("student", "pruned"),
        MAIN,
        "lesson 03",
    ),
    (
        "Channels were set to zero, and nothing became faster",
        "Rebuild: a mask changes no shape",
        "A silenced network is as large and as slow as before",
        lambda r: "silenced: " + r.step("student", "silenced"),
        CONTROLS,
        "lessons 02 and 03",
    ),
    (
        "The download is too big, the speed is fine",
        "Prune scattered weights, then compress the file",
        "Smaller after gzip only; no faster",
        lambda r: (
            f"file as it is {smaller(r.bytes('student') / r.bytes('unstructured'))}, gzipped "
            f"{smaller(r.gzipped('student') / r.gzipped('unstructured'))}; "
            f"{faster(r.milliseconds('student') / r.milliseconds('unstructured'))}, {r.points('student', 'unstructured')}"
        ),
        CONTROLS,
        "lessons 02 and 06",
    ),
    (
        "The target has int8 arithmetic; you have some images",
        "Static int8, calibrated on training images",
        "Up to 4 times smaller; faster where the layers are wide enough",
        lambda r: r.step("pruned", "int8"),
        MAIN,
        "lessons 01, 07 and 09",
    ),
    (
        "Int8, but no calibration images",
        "Dynamic int8, if the network is made of linear layers; not for convolutions",
        "As small as static; convolutions become slower",
        lambda r: "all layers: " + r.step("pruned", "dynamic"),
        CONTROLS,
        "lessons 07 and 09",
    ),
    (
        "It is called int8, and the file has hardly shrunk",
        "Count which layers were quantised",
        "Convolutions left in float keep their bytes",
        lambda r: "dynamic, linear layers only: " + r.step("pruned", "dynamic_linear"),
        CONTROLS,
        "lesson 09",
    ),
    (
        "Accuracy collapsed after static int8",
        "Look at the calibration images: are they prepared as in use?",
        "Wrong ranges, and no error is raised",
        lambda r: (
            f"right {100 * r.accuracy('int8'):.1f} %, normalisation forgotten {100 * r.wrong('raw'):.1f} %, grey images {100 * r.wrong('grey'):.1f} %"
        ),
        CONTROLS,
        "lesson 09",
    ),
    (
        "It runs in the training framework",
        "Export to ONNX, run it in a runtime",
        "Faster, most of all for small networks; the same answers",
        lambda r: (
            f"pruned network, PyTorch against ONNX Runtime: {faster(r.times_of('pruned', 'pytorch_eager') / r.times_of('pruned', 'onnx_runtime'))}"
        ),
        CONTROLS,
        "lesson 09",
    ),
    (
        "All of it is needed",
        "Distil, then cut, then quantise; measure after each",
        "Large factors; on a tiny network the last step gives bytes and no time",
        lambda r: r.from_teacher("int8"),
        MAIN,
        "lesson 06 and the compression studio",
    ),
)

DATA = {"mnist": "MNIST", "cifar10": "CIFAR-10 (JPEG)"}


def table(_):
    """The guide as a Markdown table."""
    rows = {(file, name): Rows(FOLDER.parent.parent / file.format(name)) for file in (MAIN, CONTROLS) for name in DATA}
    lines = [
        f"| situation | technique | what to expect | {' | '.join(f'measured on {title}' for title in DATA.values())} | from | in the course |",
        "|---" * 7 + "|",
    ]
    for situation, technique, expect, measured, file, where in GUIDE:
        found = " | ".join(measured(rows[file, name]) for name in DATA)
        lines.append(f"| {situation} | {technique} | {expect} | {found} | {'controls' if file == CONTROLS else 'main'} | {where} |")
    return "\n" + "\n".join(lines) + "\n\n"


def update(check=False):
    """Write the table of today into the page. Returns what was out of step; with `check`, writes nothing."""
    return refill(PAGE, {"guide": table}, check)


if __name__ == "__main__":
    print(f"Written: {', '.join(update()) or 'nothing, the page is in step'}")
