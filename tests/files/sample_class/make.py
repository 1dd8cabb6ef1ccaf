"""Writes the sample class: ten students' notebooks for lesson 01, each of another kind.

Run `python -m tests.files.sample_class.make` after lesson 01 has changed. Who is who, and what each must get,
stands in expected.json; a test compares.
"""

import copy
import json
from pathlib import Path

import nbformat

from autograder.authoring.build import build
from autograder.course import paths
from course_data.files import write_whole

LESSON = "01_affine_quantization"
HERE = Path(__file__).resolve().parent
SUBMITTED = HERE / "submitted"

WRITTEN = """A ReLU output has no negative values, so a symmetric range from -m to m never uses the negative codes.
That is about half of them, one bit, and the gaps are twice as wide, so the squared error is about four times
as large. The padding must hold the code of exactly 0.0, which is the zero point. Weights lie on both sides
of zero, so they lose little, and with a zero point of 0 the integer product has fewer terms."""

# Right answers in another hand: loops, other NumPy functions, other types where the text allows them.
OTHER_HAND = {
    "1.2-scale": """# Exercise 1.2-scale
def integer_range(bits, signed):
    n = 1 << bits
    smallest = -n // 2 if signed else 0
    return np.int64(smallest), np.int64(smallest + n - 1)


def scale_and_zero_point(lo, hi, qmin, qmax):
    lo = np.float64(lo if lo < 0 else 0)
    hi = np.float64(hi if hi > 0 else 0)
    if hi - lo == 0:
        return np.float64(1.0), np.int32(0)
    s = (hi - lo) / np.float64(qmax - qmin)
    return s, np.int32(np.clip(np.rint(qmin - lo / s), qmin, qmax))
""",
    "1.3-quantize": """# Exercise 1.3-quantize
def quantize(x, scale, zero_point, qmin, qmax):
    out = np.empty(x.shape, dtype=np.int32)
    for i, v in np.ndenumerate(x):
        if v != v:
            raise ValueError("found a NaN at " + str(i))
        code = np.round(v / scale) + zero_point
        out[i] = int(max(qmin, min(qmax, code)))
    return out


def dequantize(q, scale, zero_point):
    return np.subtract(q, zero_point, dtype=np.int64) * np.float64(scale)
""",
    "1.4-bug": """# Exercise 1.4-bug
def to_int8(x, scale):
    y = np.round(x / scale)
    y = np.minimum(np.maximum(y, -128), 127)
    return y.astype("int8")
""",
    "1.6-calibrate": """# Exercise 1.6-calibrate
def min_max_range(x):
    values = x.ravel().tolist()
    if not values or any(v != v or v in (float("inf"), float("-inf")) for v in values):
        raise ValueError("no range")
    return min(values), max(values)


def best_clip(x, candidates, qmax):
    def error(c):
        s = c / qmax
        back = np.minimum(np.maximum(np.round(x / s), -qmax), qmax) * s
        return ((back - x) ** 2).mean()

    return float(min(candidates, key=error))
""",
    "1.7-channels": """# Exercise 1.7-channels
def quantize_rows(w, qmax):
    codes, scales = [], []
    for row in w:
        s = np.max(np.abs(row)) / qmax
        s = s if s > 0 else 1.0
        scales.append(s)
        codes.append(np.round(row / s).astype(int))
    return np.array(codes), np.array(scales)
""",
    "1.8-matmul": """# Exercise 1.8-matmul
def int_matmul(qa, za, qb, zb):
    return ((qa.astype(np.int64) - za) @ (qb.astype(np.int64) - zb)).astype(np.int32)


def requantize(acc, m, shift, zero_point, qmin, qmax):
    flat = [min(max(((int(a) * m + 2 ** (shift - 1)) >> shift) + zero_point, qmin), qmax) for a in acc.ravel()]
    return np.array(flat, dtype=np.int64).reshape(acc.shape)
""",
    "1.9-bytes": """# Exercise 1.9-bytes
def pack4(codes):
    out = np.zeros((len(codes) + 1) // 2, dtype=np.uint8)
    for i, c in enumerate(codes.tolist()):
        out[i // 2] |= c << (4 * (i % 2))
    return out


def unpack4(packed, n):
    both = np.stack([packed % 16, packed // 16], axis=1).astype(np.uint8)
    return both.reshape(-1)[:n]


def stored_bytes(n_codes, bits, n_scales, n_zero_points):
    return -(-n_codes * bits // 8) + 4 * n_scales + n_zero_points
""",
}


def main():
    built = build(paths.source_of(LESSON))
    released = nbformat.reads(built.notebook, as_version=4)
    solved = nbformat.reads(built.instructor, as_version=4)
    answers = {c.metadata.course.exercise: c.source for c in solved.cells if c.metadata.course.role == "exercise"}
    answers["1.5-written"] = released_source(released, "1.5-written").replace("*Write your answer here.*", WRITTEN)
    right = dict(answers)

    def changed(exercise, old, new):
        assert old in right[exercise], (exercise, old)
        return {**right, exercise: right[exercise].replace(old, new)}

    class_ = {
        "ada": fill(released, right),
        "bo": fill(released, {**right, **OTHER_HAND}),
        "chen": fill(released, {k: right[k] for k in ("1.1-predict", "1.2-scale", "1.3-quantize", "1.4-bug")}),
        "dana": released,
        "emil": fill(released, changed("1.3-quantize", "np.rint(x / scale)", "np.floor(x / scale)")),
        "fay": fill(released, {**right, "1.4-bug": CLIP_AFTER_CAST}),
        "gus": fill(
            released, changed("1.6-calibrate", "    best, best_mse = None", "    while True:\n        pass\n    best, best_mse = None")
        ),
        "hana": fill(released, {**right, "1.7-channels": right["1.7-channels"] + "\n\nimport os\nos._exit(0)"}),
        "ivo": shuffled(fill(released, right), released),
    }
    for student, notebook in class_.items():
        write(student, nbformat.writes(with_outputs(notebook)) + "\n")
    write("june", "Dear instructor,\n\nmy notebook is on my other laptop, I will send it tomorrow.\n\nJune\n")


CLIP_AFTER_CAST = '''# Exercise 1.4-bug: repair the wrong line
def to_int8(x, scale):
    """Quantise symmetrically (zero point 0) to int8."""
    codes = np.rint(x / scale).astype(np.int64).astype(np.int8)
    return np.clip(codes, -128, 127)'''


def released_source(notebook, exercise):
    return next(c.source for c in notebook.cells if c.metadata.course.get("exercise") == exercise and c.metadata.course.role == "exercise")


def fill(notebook, answers):
    """A copy with some exercise cells replaced."""
    notebook = copy.deepcopy(notebook)
    for cell in notebook.cells:
        if cell.metadata.course.role == "exercise" and cell.metadata.course.exercise in answers:
            cell.source = answers[cell.metadata.course.exercise]
    return notebook


def shuffled(notebook, released):
    """The untouched cell of 1.2 pasted again below the right one, 1.9 and the NumPy import deleted."""
    cells = [
        c
        for c in notebook.cells
        if not c.source.startswith("import numpy as np")
        and not (c.metadata.course.role == "exercise" and c.metadata.course.exercise == "1.9-bytes")
    ]
    at = next(i for i, c in enumerate(cells) if c.metadata.course.get("exercise") == "1.2-scale")
    again = next(c for c in released.cells if c.metadata.course.get("exercise") == "1.2-scale" and c.metadata.course.role == "exercise")
    again = copy.deepcopy(again)
    again.id = "pasted-again"
    notebook.cells = [*cells[: at + 1], again, *cells[at + 1 :]]
    return notebook


def with_outputs(notebook):
    """As a notebook comes back: run, with numbers beside the cells and something printed."""
    notebook = copy.deepcopy(notebook)
    code = [c for c in notebook.cells if c.cell_type == "code"]
    for number, cell in enumerate(code, 1):
        cell.execution_count = number
    code[0].outputs = [nbformat.v4.new_output("stream", name="stderr", text="UserWarning: something was deprecated\n")]
    return notebook


def write(student, text):
    write_whole(SUBMITTED / student / LESSON / f"{LESSON}.ipynb", text)


if __name__ == "__main__":
    main()
    print(json.dumps(sorted(p.name for p in SUBMITTED.iterdir())))
