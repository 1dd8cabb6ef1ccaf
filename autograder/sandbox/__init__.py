"""Runs students' notebooks where they can harm nothing, and asks them questions from outside.

::

    from autograder.sandbox.box import Sandbox

    with Sandbox() as box, box.session(seed=1) as session:
        session.run_cell("def double(x):\\n    return 2 * x", "1")
        with session.question() as question:
            question.call("double", (21,), {}).value      # 42

`box` makes a sandbox, `session` talks to one submission in it. The notebook asks with `calling` and `reply`, too, in its own process,
so these, and `wire` with its parts (`wire_...`), import nothing else of this room.
A `Sandbox` needs Linux (or, with weak isolation, macOS).
"""
