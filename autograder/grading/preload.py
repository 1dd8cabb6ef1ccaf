"""Which libraries are loaded before a submission's code runs, so that importing them is not its work.

PyTorch's first optimiser alone makes it load 900 modules, a second of processor time. Most submissions never need them, so they are
loaded for the first one that speaks of anything that could.
"""

import re

from autograder.course.program import Program

PRELOAD = ("numpy", "torch", "matplotlib.pyplot", "statistics")  # for every submission
FURTHER = (
    "torch._dynamo",
    "torch._decomp.decompositions_for_jvp",
    "torch._subclasses.schema_check_mode",
    "torch.nn.utils.prune",
    "torch.utils.serialization",
    "torch.utils.flop_counter",
    "numpy.testing",
    "scipy.linalg",
    "scipy.special",
    "scipy.stats",
    "scipy.optimize",
    "scipy.cluster.vq",
    "sklearn.cluster",
    "sklearn.decomposition",
    "sklearn.metrics",
)
# Wider than what is known to load them: a word too many costs two seconds once, a word too few costs a student's call one.
WORDS = re.compile(
    r"optim|Adam|SGD|LBFGS|RMSprop|dynamo|compile|inductor|func\b|functional_call|functorch|forward_ad|jvp|vjp|vmap|jac(?:rev|fwd|obian)|hessian|"
    r"\butils\b.*(?:prune|parametriz)|import prune|serializ|flop_|testing|scipy|sklearn|\bsp\b|checkpoint|export|\bjit\b|\bfx\b|\bao\b|swa_|"
    r"exec\(|(?<!\.)\beval\(|__import__|importlib|import_module|getattr|import[ \t]*\*"
)


def further(program: Program) -> tuple[str, ...]:
    """The libraries beside `PRELOAD` to load before `program` (a `program.Program`) runs."""
    return FURTHER if any(WORDS.search(step.source) for step in program.steps) else ()
