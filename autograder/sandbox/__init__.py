"""Runs students' notebooks where they can harm nothing, and asks them questions from outside.

::

    with Sandbox() as box, box.session(seed=1) as session:
        session.run_cell("def double(x):\\n    return 2 * x", "1")
        with session.question() as question:
            question.call("double", (21,), {}).value      # 42

Importing this is cheap and works everywhere; a `Sandbox` needs Linux (or, with weak isolation, macOS).
"""

from autograder.checks.reply import Reply
from autograder.sandbox.box import Sandbox
from autograder.sandbox.session import InPlace, Question, Session
from autograder.sandbox.terms import CellOutcome, Limits, SandboxUnavailable

__all__ = ["CellOutcome", "InPlace", "Limits", "Question", "Reply", "Sandbox", "SandboxUnavailable", "Session"]
