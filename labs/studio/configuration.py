"""`--config FILE`: what decides a run, in the form in which results.json stores it, so that a run can be repeated or changed.

    {"schema": 2, "settings": {"temperature": 2.0, "teacher_recipe": {"epochs": 5.0}, "keep": 0.7}}

What is left out stays as it was. A results.json is such a file, too. Its settings also name the networks: `model`, or `teacher_network`,
`student_network` and `teacher_weights`. `keep` is the share of the student's channels that pruning leaves; `pruned_widths` say it layer by layer.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, get_type_hints

from course_data import UserError
from course_data.specs import SPECS
from course_labs.measuring.rows import MODELS
from course_labs.methods.training import Recipe
from course_labs.networks.convnet import Shape
from course_labs.report.claims import Claims
from course_labs.report.results import SCHEMA, Results
from course_labs.report.typed_json import made, to_json, typed
from course_labs.studio.asked import Asked
from course_labs.studio.settings import Settings

NETWORKS = {"model": str, "teacher_network": str, "student_network": str, "teacher_weights": str, "keep": float}
RECIPES = Path(__file__).resolve().parent.parent / "recipes"
PRECISIONS = ("measured", "float32", "bfloat16")
SAID = ("left_whole",)  # what results say of the networks, and nobody can choose
HINTS = get_type_hints(Settings)


@dataclass(frozen=True)
class Configuration:
    """A file's settings: `given` as JSON has them; `where` is the file, `data` the data set that it was made with, if it says so."""

    where: str
    given: dict[str, Any]
    data: str | None = None
    claimed: Claims | None = None

    def completed(self, asked: Asked) -> Asked:
        """`asked`, with the file's networks and data set where no option named others."""
        found: dict[str, Any] = {}
        if not (asked.model or asked.teacher or asked.student):
            found = {
                "model": self._of("model"),
                "teacher": self._of("teacher_network"),
                "student": self._of("student_network"),
                "teacher_weights": Path(weights) if (weights := self._of("teacher_weights")) else None,
                "keep_teacher": bool(self.given.get("keep_teacher")),
            }
            student = self.given.get("student")
            if found["model"] and isinstance(student, dict) and isinstance(student.get("width"), float):
                found["width"] = student["width"]
        if asked.data is None and asked.images is None and self.data is not None:
            if self.data not in SPECS:
                raise UserError(f"{self.where} was made with images of somebody's own ({self.data}). Say with --images where they are.")
            found["data"] = self.data
        if asked.keep is None:
            found["keep"] = self._of("keep")
        return replace(asked, **{name: value for name, value in found.items() if value and not getattr(asked, name)})

    def applied(self, settings: Settings) -> Settings:
        """`settings` with what the file says. Raises UserError, in a line that names it, for a setting that does not fit."""
        try:
            changes = {key: self._changed(key, value, settings) for key, value in self.given.items() if key not in (*NETWORKS, *SAID)}
            return sensible(replace(settings, **changes), self.where)
        except ValueError as error:
            raise UserError(f"{self.where} does not fit: {error}.") from None

    def _of(self, name: str) -> Any:
        return typed(NETWORKS[name], self.given[name], self.where, f"settings.{name}") if name in self.given else None

    def _changed(self, key: str, value: Any, settings: Settings) -> Any:
        now, place = getattr(settings, key), f"settings.{key}"
        if isinstance(now, Recipe):
            return made(Recipe, {**to_json(now), **value} if isinstance(value, dict) else value, self.where, place)
        if key in ("teacher", "student"):
            if isinstance(now, Shape):
                return made(Shape, {**to_json(now), **value} if isinstance(value, dict) else value, self.where, place)
            if value != to_json(now):
                raise UserError(f"{self.where}: {place} is the shape of another network than {now}. Leave it out: the network has its own.")
            return now
        return typed(HINTS[key], value, self.where, place)


def recipe_path(name: str) -> Path:
    """The file of a recipe: one of the course's, by its name, or somebody's own. Raises UserError if there is none."""
    known = {path.stem: path for path in sorted(RECIPES.glob("*.json"))}
    if name in known:
        return known[name]
    if not Path(name).is_file():
        raise UserError(
            f"--recipe: there is no recipe or file {name!r}. The course has {', '.join(known)}; a copy of one is given by its path."
        )
    return Path(name)


def read(path: Path, option: str = "--config") -> Configuration:
    """The configuration in the file at `path`, which `option` gave. Raises UserError if it is none: the line names the key that is at fault."""
    try:
        content = json.loads(Path(path).read_bytes())
    except OSError as error:
        raise UserError(f"{option}: {path} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise UserError(f"{option}: {path} is not JSON: {error}.") from None
    where = str(path)
    if not isinstance(content, dict) or "settings" not in content:
        raise UserError(f'{where} is not a configuration: it should be {{"schema": {SCHEMA}, "settings": {{...}}}}, or a results.json.')
    if content.get("schema") != SCHEMA:
        raise UserError(f"{where}: schema is {json.dumps(content.get('schema'))[:40]}, and this version of the course reads {SCHEMA}.")
    known = {part.name for part in fields(Results)} | {"about", "version", "claimed"}
    if unknown := [key for key in content if key not in known]:
        raise UserError(f"{where} has a key that this version of the course does not know: {unknown[0]}.")
    given = content["settings"]
    if not isinstance(given, dict):
        raise UserError(f"{where} is broken: settings should be an object, not {json.dumps(given)[:60]}.")
    if unknown := [key for key in given if key not in (*HINTS, *NETWORKS, *SAID)]:
        raise UserError(f"{where} has a setting that this version of the course does not know: settings.{unknown[0]}.")
    data = content.get("data")
    claimed = made(Claims, content["claimed"], where, "claimed") if "claimed" in content else None
    if claimed and (unknown := [row.name for row in claimed.rows if row.name not in {label.name for label in MODELS}]):
        raise UserError(f"{where}: claimed.rows names {unknown[0]!r}, which is none of the four rows.")
    return Configuration(where, given, data.get("name") if isinstance(data, dict) else None, claimed)


def sensible(settings: Settings, where: str) -> Settings:
    """`settings`. Raises UserError, `where` being what set them, for a number that no training can use."""

    def refuse(place: str, value: float, rule: str) -> UserError:
        return UserError(f"{where}: {place} is {value:g}; it must be {rule}.")

    if not (math.isfinite(settings.temperature) and settings.temperature > 0):
        raise refuse("temperature", settings.temperature, "a number above 0")
    if not 0 <= settings.alpha <= 1:
        raise refuse("alpha", settings.alpha, "between 0 and 1, the share of the teacher's answers in the loss")
    if not 0 <= settings.teacher_smoothing < 1:
        raise refuse("teacher_smoothing", settings.teacher_smoothing, "at least 0 and below 1")
    if settings.precision not in PRECISIONS:
        raise UserError(f"{where}: precision is {settings.precision!r}; it must be {', '.join(PRECISIONS[:-1])} or {PRECISIONS[-1]}.")
    for name in ("views", "importance_images", "calibration", "latency_calls"):
        if getattr(settings, name) < 1:
            raise refuse(name, getattr(settings, name), "1 or more")
    for name in ("teacher_recipe", "student_recipe", "recovery_recipe"):
        recipe: Recipe = getattr(settings, name)
        for part in fields(Recipe):
            value = getattr(recipe, part.name)
            above = part.name in ("epochs", "peak_lr", "batch", "bias_rate")
            if not math.isfinite(value) or value < 0 or (above and value == 0):
                raise refuse(f"{name}.{part.name}", value, "a number above 0" if above else "0 or more")
        for part_name in ("momentum", "sit_out"):
            if getattr(recipe, part_name) >= 1:
                raise refuse(f"{name}.{part_name}", getattr(recipe, part_name), "below 1")
        if recipe.warm_up > 1:
            raise refuse(f"{name}.warm_up", recipe.warm_up, "a share, at most 1")
    widths = settings.student.widths
    if len(settings.pruned_widths) != len(widths):
        raise UserError(
            f"{where}: pruned_widths has {len(settings.pruned_widths)} numbers, and the student {len(widths)} groups of channels."
        )
    for number, (kept, whole) in enumerate(zip(settings.pruned_widths, widths)):
        if not 0 < kept <= whole:
            raise refuse(f"pruned_widths[{number}]", kept, f"from 1 to {whole}, the student's channels there")
    return settings


def chosen(settings: Settings, asked: Asked, files: Sequence[Configuration]) -> Settings:
    """`settings` with what the files, in turn, and then the options say. Raises UserError for what no training can use."""
    for file in files:
        settings = file.applied(settings)
    if asked.keep is not None:
        if not 0 < asked.keep <= 1:
            raise UserError(f"--keep {asked.keep:g}: the share of the student's channels that pruning leaves, above 0 and at most 1.")
        settings = replace(settings, pruned_widths=tuple(nearest_kept(width, asked.keep) for width in settings.student.widths))
    given = {name: value for name in ("temperature", "alpha", "precision") if (value := getattr(asked, name)) is not None}
    return sensible(
        replace(settings, **given), f"the option{'s' if len(given) > 1 else ''} --{', --'.join(given)}" if given else "these settings"
    )


def nearest_kept(width: int, share: float) -> int:
    """About `share` of `width` channels, to the nearest 8, or 4 of fewer than 64, or 1 of fewer than 16: nearer to what was asked for than
    the course's own choice, which minds the processor's vectors first.
    """
    step = 8 if width >= 64 else 4 if width >= 16 else 1
    return width if share == 1 else min(width, max(step, step * round(share * width / step)))
