"""What somebody asked `course lab` for: the folder that it goes into, and the command that asks for it again."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from course_labs.studio.budget import Budget

WIDTH = 0.5  # of the student of --model, the teacher's being 1.0


@dataclass(frozen=True)
class Asked:
    """The options of `course lab`, as given; None or False where an option was not."""

    data: str | None = None
    out: Path | None = None
    seed: int = 0
    seeds: int = 1
    minutes: float | None = None
    controls: bool = False
    model: str | None = None
    width: float | None = None
    teacher: str | None = None
    student: str | None = None
    teacher_weights: Path | None = None
    keep_teacher: bool = False
    keep: float | None = None
    temperature: float | None = None
    alpha: float | None = None
    precision: str | None = None
    recipe: str | None = None
    config: Path | None = None
    images: Path | None = None
    size: int | None = None
    strict: bool = False
    budget: Budget = Budget()

    @property
    def folder(self) -> Path:
        """Where the results go unless --out says so: what trains other networks gets a folder of its own, and overwrites nothing."""
        if self.out:
            return self.out
        names = [f"images-{self.images.resolve().name}" if self.images else self.data or "digits"]
        if self.model:
            names = [_label(self.model), *names, *([f"width-{self.width:g}"] if self.width not in (None, WIDTH) else [])]
        if self.teacher or self.student:
            names = [_label(self.teacher), _label(self.student), *names]
        if self.keep_teacher:
            names.append("kept-teacher")
        if self.recipe:
            names.append(Path(self.recipe).stem)
        if self.config:
            names.append(self.config.stem)
        names += [f"{name}-{value:g}" for name in ("keep", "temperature", "alpha") if (value := getattr(self, name)) is not None]
        if self.precision:
            names.append(self.precision)
        if self.seed:
            names.append(f"seed-{self.seed}")
        if self.seeds > 1:
            names.append(f"{self.seeds}-seeds")
        if self.minutes is not None:
            names.append(f"{self.minutes:g}-minutes")
        return Path("runs") / "-".join(names)

    @property
    def again(self) -> str:
        """The command, whole: the folder is said, too, so that a run goes on where it was."""
        return " ".join(["course lab", *self._words()])

    def _words(self) -> Iterator[str]:
        given = {
            "--data": (self.data or "digits") if self.images is None else None,
            "--model": self.model,
            "--width": f"{WIDTH if self.width is None else self.width:g}" if self.model else None,
            "--teacher": self.teacher,
            "--student": self.student,
            "--teacher-weights": self.teacher_weights,
            "--keep": _number(self.keep),
            "--temperature": _number(self.temperature),
            "--alpha": _number(self.alpha),
            "--precision": self.precision,
            "--recipe": self.recipe,
            "--config": self.config,
            "--images": self.images,
            "--size": self.size,
            "--out": self.folder,
            "--seed": self.seed,
            "--seeds": self.seeds if self.seeds > 1 else None,
            "--minutes": _number(self.minutes),
            "--max-drop": _number(self.budget.max_drop),
            "--max-mb": _number(self.budget.max_mb),
            "--max-ms": _number(self.budget.max_ms),
        }
        yield from (f"{key} {shlex.quote(str(value))}" for key, value in given.items() if value is not None)
        yield from (
            flag for flag, set_ in (("--keep-teacher", self.keep_teacher), ("--strict", self.strict), ("--controls", self.controls)) if set_
        )


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:g}"


def _label(network: str | None) -> str:
    """A network in a folder's name: file and function, or torchvision's name; without one, the course's own."""
    if network is None:
        return "course"
    path, _, factory = network.rpartition(":")
    return factory if path == "torchvision" else f"{Path(path).stem}-{factory}"
