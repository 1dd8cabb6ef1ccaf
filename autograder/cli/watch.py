"""`course watch`: what changes with a save is checked at once. Only printing and keys; the rest is in `autograder/learner/watching.py`."""

import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import typer
from rich.markup import escape

from autograder.cli import showing
from autograder.cli.common import CommandError, console
from autograder.cli.keys import single_keys

if TYPE_CHECKING:
    from autograder.course.catalogue import Exercise, Lesson
    from autograder.learner.watching import Begun, Event, Told, Watch

PAUSE = 0.05  # seconds between two looks at files, keys and the process that checks
KEYS = "h hint   r reset   n next exercise   l list   q quit"


def watch(
    lesson: str | None = typer.Argument(None, help="A lesson's number or name, or its notebook; all lessons if none is given."),
) -> None:
    """Check what you change, each time you save a notebook. The code runs here, unprotected: only watch your own."""
    chosen, notebooks = _notebooks(lesson)
    from autograder.course import catalogue
    from autograder.learner.watching import Watch

    def leave(*_: object) -> NoReturn:
        raise SystemExit(0)

    watched = Watch(catalogue.lessons(), notebooks, chosen)
    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM))}
    try:
        with single_keys() as pressed:
            screen = _Screen(watched, keys=pressed is not None)
            screen.show(watched.begin())
            while not (pressed and screen.key(pressed())):
                screen.show(watched.step())
                time.sleep(PAUSE)
    except KeyboardInterrupt:
        console.print()
    finally:
        watched.stop()
        for number, handler in before.items():
            signal.signal(number, handler)


def _notebooks(asked: str | None) -> "tuple[Lesson, dict[str, Path]]":
    """(the lesson to begin with, the notebooks to watch)."""
    from autograder.course import catalogue
    from autograder.course.notebooks import NotebookProblem
    from autograder.learner.own_notebook import find_notebook, open_notebook
    from autograder.learner.standing import standing

    lessons = catalogue.lessons()
    if asked is None:
        begin = next((each for each in lessons.values() if not standing(each).done), next(iter(lessons.values())))
        return begin, {name: find_notebook(each) for name, each in lessons.items()}
    if asked.endswith(".ipynb"):
        path = Path(asked)
        if not path.is_file():
            raise CommandError(f"There is no file {path} in {Path.cwd()}. Give the notebook's path from here.")
        try:
            found = open_notebook(path)
        except NotebookProblem as problem:
            raise CommandError(f"{path}: {problem}") from None
        return found.lesson, {found.lesson.name: found.path}
    try:
        name = catalogue.lesson_named(asked)
    except ValueError as problem:
        raise CommandError(f"{str(problem)[0].upper()}{str(problem)[1:]}") from None
    path = find_notebook(lessons[name])
    if not path.is_file():
        raise CommandError(f"There is no notebook {path}. Go to the course's folder, or give the notebook's path.")
    return lessons[name], {name: path}


class _Screen:
    """Prints what happens and does what keys say. `current` is the exercise that the keys are about."""

    def __init__(self, watched: "Watch", keys: bool) -> None:
        self._watch, self._keys = watched, keys
        self._current: Exercise | None = None
        self._sure = ""  # the exercise that a second r puts back
        self._finished: set[str] = set()  # lessons whose end was shown
        self._other: Lesson | None = None  # where n goes from the end of a lesson

    def show(self, events: "list[Event]") -> None:
        from autograder.learner.watching import Begun, Saved, Told

        for event in events:
            self._sure = ""
            if isinstance(event, Begun):
                self._begun(event)
            elif isinstance(event, Saved):
                console.print(f"[dim]{time.strftime('%H:%M:%S')}  saved: {', '.join(event.exercises) or 'no exercise has changed'}[/]")
            elif isinstance(event, Told):
                self._told(event)
            else:
                console.print(f"[yellow]{'note':<{showing.INDENT}}[/]{escape(event.message)}")

    def key(self, key: str) -> bool:
        """Do what a key says; True: leave."""
        if key and key != "r":
            self._sure = ""
        if key in ("q", "\x04"):
            return True
        if key == "h":
            self._hint()
        elif key == "r":
            self._reset()
        elif key == "n":
            self._next()
        elif key == "l":
            showing.exercises(self._watch.lesson)
        elif key.strip():
            console.print(KEYS)
        return False

    # What happens

    def _begun(self, event: "Begun") -> None:
        from autograder.course.catalogue import heading

        self._current = self._other = None
        console.print(f"[bold]{escape(heading(event.lesson))}[/]")
        console.print(f"Watching {escape(str(event.path))}: save it, and what you have changed is checked.", soft_wrap=True)

    def _told(self, event: "Told") -> None:
        from autograder.learner.standing import earned, next_exercise, standing

        for line in event.notes:
            console.print(f"{'note':<{showing.INDENT}}{escape(line)}")
        standings = standing(event.lesson)
        failing = None
        for verdict in event.verdicts:
            exercise = event.lesson.exercise(verdict.exercise)
            begins = not event.asked and not self._current  # of what was there at the start, only what wants something
            if begins and verdict.status in ("passed", "blank"):
                continue
            showing.verdict(exercise, verdict)
            if verdict.exercise in event.first_passes and not begins:
                showing.below(earned(exercise))
            if verdict.status != "passed":
                failing = failing or exercise
        showing.progress_line(standings)
        if standings.done and event.lesson.name not in self._finished:
            self._end(event.lesson)
            return
        last = event.lesson.exercise(event.verdicts[-1].exercise) if event.verdicts and event.asked else None
        self._current = failing or next_exercise(event.lesson, last) or self._current
        self._say_current()

    def _say_current(self) -> None:
        here = self._current
        if here is not None:
            what = "Read by a person" if here.by_hand else f"{here.points:g} points"
            console.print(f"[bold]{escape(here.id)}[/]  {escape(here.title)}  ({what}, {here.minutes} minutes)")
        if self._keys:
            console.print(f"[dim]{KEYS}[/]")

    def _end(self, lesson: "Lesson") -> None:
        """All passes: what the student now has, and where it goes on."""
        from autograder.course import catalogue
        from autograder.learner import progress
        from autograder.learner.standing import borrowed, challenge, standing

        self._finished.add(lesson.name)
        self._current = None
        entries = progress.load()
        mine = [entries.get(each.id, {}) for each in lesson.exercises]
        tries, hints = (sum(each.get(word, 0) for each in mine) for word in ("tries", "hints"))
        console.rule(escape(f"{lesson.name}: every exercise that is checked passes"), align="left")
        console.print(f"{tries} tries and {hints} hints.")
        written = [name for each in lesson.exercises if each.kind in ("code", "bug") for name in each.names]
        if written:
            console.print(f"You wrote {escape(', '.join(written))}.")
        for line in borrowed(lesson.exercises):
            console.print(escape(line))
        by_hand = [each.id for each in lesson.exercises if each.by_hand]
        if by_hand:
            console.print(f"A person reads {', '.join(by_hand)}: have you written it?")
        if text := challenge(lesson):
            from rich.markdown import Markdown

            console.print(Markdown(text))
        lessons = list(catalogue.lessons().values())
        at = lessons.index(lesson)
        self._other = next((each for each in lessons[at + 1 :] + lessons[:at] if not standing(each).done), None)
        if self._other:
            console.print(f"Next: {escape(catalogue.heading(self._other))}")
        if self._keys:
            console.print(f"[dim]{KEYS.replace('next exercise', 'next lesson')}[/]")

    # Keys

    def _hint(self) -> None:
        from autograder.learner.progress import next_hint

        here = self._current
        if here is None:
            console.print("All exercises pass: there is nothing to hint at. n goes on.")
        elif not here.hints:
            console.print(f"{here.id} has no hints.")
        else:
            number, text = next_hint(here)
            console.print(f"{here.id}  Hint {number} of {len(here.hints)}: {escape(text)}")

    def _next(self) -> None:
        from autograder.learner.own_notebook import find_notebook
        from autograder.learner.standing import next_exercise

        if self._current is None and self._other is not None:
            self._watch.notebooks.setdefault(self._other.name, find_notebook(self._other))
            self.show(self._watch.go_to(self._other))
            return
        self._current = next_exercise(self._watch.lesson, self._current)
        if self._current is None:
            console.print("All exercises of this lesson pass.")
        else:
            self._say_current()

    def _reset(self) -> None:
        from autograder.course.notebooks import NotebookProblem
        from autograder.learner.own_notebook import reset_exercise

        here = self._current
        if here is None:
            console.print("Which exercise? n chooses one.")
        elif self._sure != here.id:
            self._sure = here.id
            console.print(f"Put {here.id} back as it was handed out? Press r again. Save the notebook before.")
        else:
            self._sure = ""
            try:
                path, backup = reset_exercise(self._watch.lesson, here, self._watch.path)
            except (NotebookProblem, OSError) as problem:
                console.print(f"[red]{escape(str(problem))}[/]")
                return
            self._watch.reread()
            console.print(f"{here.id} is as it was handed out. What stood there before is in {escape(backup.name)}.")
            console.print(
                f"Now reload {escape(path.name)} in your editor (in Jupyter: File > Reload Notebook from Disk) before you save it."
            )
