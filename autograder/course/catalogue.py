"""The catalogue: what the tools know of each lesson. `course build` writes it from the lesson's source.

It holds everything a student's copy needs (exercises, hints, the cells as released) and no answer.
"""

import functools
import json
from dataclasses import asdict, dataclass, fields

from autograder.course.paths import CATALOGUE, is_lab


@dataclass(frozen=True)
class Check:
    """One check of an exercise: the pytest function's name, and the points of a hidden one."""

    name: str
    visible: bool
    points: float


@dataclass(frozen=True)
class Exercise:
    """One graded exercise. `names` are the functions or variables its cell must define."""

    id: str
    lesson: str
    kind: str  # code, choice, bug, written or artefact
    title: str
    points: float
    minutes: int
    difficulty: int
    names: tuple[str, ...]
    hints: tuple[str, ...]
    choices: dict[str, str]  # choice -> explanation, for kind "choice"
    checks: tuple[Check, ...]
    files: tuple[str, ...] = ()  # for kind "artefact": names of the files that are handed in

    @property
    def by_hand(self) -> bool:
        """Whether a person grades it."""
        return self.kind == "written"


@dataclass(frozen=True)
class Cell:
    """One cell of the released notebook. `role`: text, setup, plain, demo, exercise or check."""

    id: str
    type: str
    role: str
    exercise: str
    source: str


@dataclass(frozen=True)
class Lesson:
    """One lesson: its exercises in order, and its cells as released."""

    name: str
    title: str
    minutes: int
    exercises: tuple[Exercise, ...]
    cells: tuple[Cell, ...]

    @property
    def points(self) -> float:
        return sum(exercise.points for exercise in self.exercises)

    @property
    def files(self) -> tuple[str, ...]:
        """Names of the files that are handed in beside the notebook."""
        return tuple(dict.fromkeys(name for exercise in self.exercises for name in exercise.files))

    def exercise(self, exercise_id: str) -> Exercise:
        """The exercise with that id; KeyError if there is none."""
        for exercise in self.exercises:
            if exercise.id == exercise_id:
                return exercise
        raise KeyError(exercise_id)

    def cell_of(self, exercise_id: str) -> Cell:
        """The released cell of an exercise."""
        return next(c for c in self.cells if c.role == "exercise" and c.exercise == exercise_id)

    def heading_of(self, exercise_id: str) -> str:
        """The id of the cell with the heading of an exercise; of its own cell where there is none."""
        heading = f"## {exercise_id} "
        return next((c.id for c in self.cells if c.type == "markdown" and heading in c.source), self.cell_of(exercise_id).id)


def to_json(lesson: Lesson) -> str:
    """The catalogue file of a lesson, as text."""
    return json.dumps(asdict(lesson), indent=1, ensure_ascii=False) + "\n"


def from_json(text: str) -> Lesson:
    """The `Lesson` in a catalogue file."""
    data = json.loads(text)
    data["exercises"] = tuple(
        Exercise(
            **{
                **e,
                "names": tuple(e["names"]),
                "hints": tuple(e["hints"]),
                "checks": tuple(Check(**c) for c in e["checks"]),
                "files": tuple(e.get("files", ())),
            }
        )
        for e in data["exercises"]
    )
    data["cells"] = tuple(Cell(**c) for c in data["cells"])
    return Lesson(**{f.name: data[f.name] for f in fields(Lesson)})


@functools.cache
def lessons() -> dict[str, Lesson]:
    """Every lesson, in order, by name."""
    return {path.stem: from_json(path.read_text(encoding="utf-8")) for path in sorted(CATALOGUE.glob("*.json"))}


def short(name: str) -> str:
    """What tables call a lesson or lab: its number, or its whole name where it has none."""
    return name if is_lab(name) else name[:2]


def heading(lesson: Lesson) -> str:
    """How a page calls a `Lesson`: "01 Affine quantisation ..."; a lab has no number."""
    return lesson.title if is_lab(lesson.name) else f"{lesson.name[:2]} {lesson.title}"


def lesson_of(exercise_id: str) -> Lesson:
    """The lesson that has the exercise `exercise_id`; KeyError if none has."""
    for lesson in lessons().values():
        if any(exercise.id == exercise_id for exercise in lesson.exercises):
            return lesson
    raise KeyError(exercise_id)


def lesson_named(text: str) -> str:
    """The lesson's full name for `01` or `01_affine_quantization`. ValueError if there is none."""
    names = list(lessons())
    number = text.zfill(2) if text.isdigit() else None
    found = [name for name in names if name == text or number and name.startswith(f"{number}_")]
    if not found:
        raise ValueError(f"there is no lesson {text!r}. The lessons are {', '.join(names)}; the number alone will do.")
    return found[0]
