"""Makes the four small networks and the table in this folder: `python -m tests.files.studio.make`. Tests of grading hand them in.

They are a run of the studio on digits with narrow networks, so that the files stay small.
"""

import tempfile
from pathlib import Path

from course_labs import Recipe, Settings, Shape, Studio
from course_labs.studio.hand_in import hand_in, rows_of

HERE = Path(__file__).resolve().parent
NARROW = Settings(
    teacher=Shape((32, 32), (2, 2)),
    teacher_recipe=Recipe(30, 0.1, batch=64, shift=1),
    student=Shape((16, 32), (2, 2)),
    student_recipe=Recipe(30, 0.1, batch=64, shift=1),
    pruned_widths=(16, 16),
    recovery_recipe=Recipe(30, 0.05, batch=64, shift=1),
    importance_images=512,
    calibration=128,
    latency_calls=200,
)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        studio = Studio("digits", folder, settings=NARROW)
        results = studio.measure()
        hand_in("compression_studio", {m.path.name: m.path for m in studio.models()}, {"data": "digits", "rows": rows_of(results)}, HERE)
