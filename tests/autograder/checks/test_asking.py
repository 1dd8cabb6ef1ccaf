"""What a check can ask for besides a value, in a notebook and in the sandbox alike: changed arguments, shared memory, gradients."""

import contextlib
from types import SimpleNamespace

import nbformat
import numpy as np
import pytest
import torch
from torch import nn

from autograder.checks import expect
from autograder.checks.asked import arguments_in
from autograder.checks.asking import Changed, Direct, Recorder
from autograder.checks.expect import Mistake
from autograder.course.program import Program, Step
from autograder.grading.preload import FURTHER, PRELOAD, further
from autograder.grading.submission import grade
from autograder.sandbox import calling
from autograder.sandbox.box import Sandbox
from autograder.sandbox.limits import Limits
from autograder.sandbox.reply import Reply
from tests.files.notebooks import released

STUDENT = """
import collections
import numpy as np
import torch

Pair = collections.namedtuple("Pair", "low high")

def keeps(*given, **named): return None
def doubles(x, other=None): x *= 2
def grows(items): items.append(1)
def forgets(table): del table["a"]
def flattens(x): x.shape = (-1,)
def evaluates(model, x): model.eval(); return model(x)
def thaws(model): model.requires_grad_(True)
def tracks(x): x.requires_grad_(True)
def tracks_inside(items): items[1].requires_grad_(True).sum().backward()
def tracks_for_now(x):
    (x.requires_grad_(True) ** 2).sum().backward()
    slope = x.grad
    x.requires_grad_(False)
    return slope
def counts(model, x): return model(x)
def backward(model, x): model(x).sum().backward()
def moves(model):
    with torch.no_grad():
        model[0].weight += 1
def loses_bias(model): model[0].bias = None; return 1
def by_name(*, x): x += 1
def doubles_then_breaks(x):
    x *= 2
    raise ValueError("no")

def itself(x): return x
def view(x): return [x[::2]]
def copied(x): return x.copy()
def wrapped(model): return torch.nn.Sequential(model)
def number(x): return 3
def keeps_second(a, b): return b[1:]
def through_torch(x): return torch.from_numpy(x)

def loss(a, b): return ((a - b) ** 2).mean()
def item(a, b): return loss(a, b).item()
def half(a, b): return loss(a, b.detach())
def rows(a): return a * a
def pair(a): return Pair(a.sum(), [a[0] * 3])
def of_model(model, x): return model(x).sum()
def inplace(a): a += 1; return a
def flags(a): return {"kept": a, "cut": a.detach(), "n": 1}
def frozen(x): return torch.nn.Parameter(x, requires_grad=False)
def by_seed(n, seed): return np.random.default_rng(seed).random(n)
def by_truth(n, seed): return np.random.default_rng(seed or 1).random(n)
def by_luck(n): return np.random.random(n)

def switches_off(x): torch.set_grad_enabled(False); return x * 2
def switches_type(x): torch.set_default_dtype(torch.float64); return x * 2
def no_grad(x):
    with torch.no_grad():
        return x * 2

def imported_by(code):
    import sys
    before = set(sys.modules)
    exec(code, {})
    return sorted(set(sys.modules) - before)
"""


@pytest.fixture(scope="module")
def session(bubblewrap):
    with Sandbox(Limits(), "bubblewrap", PRELOAD) as sandbox, sandbox.session(seed=1) as session:
        assert session.run_cell(STUDENT, "1").status == "ok"
        session.sandbox = sandbox
        yield session


@pytest.fixture(scope="module")
def session_with_more(session):
    """One whose code speaks of what `preload.further` loads; the other does not get it by that."""
    with session.sandbox.session(seed=1, further=FURTHER) as more:
        assert more.run_cell(STUDENT, "1").status == "ok"
        yield more


@pytest.fixture(params=["notebook", "sandbox"])
def student(request):
    if request.param == "notebook":
        namespace = {}
        exec(STUDENT, namespace)
        answering = contextlib.nullcontext(Direct(namespace))
    else:
        answering = request.getfixturevalue("session").question()
    with answering as answers:
        yield Recorder(answers)


def network():
    return nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))


CHANGES = [
    ("doubles", lambda: [np.ones(3)], "`x` (its values)"),
    ("doubles", lambda: [torch.ones(3), 1], "`x` (its values)"),
    ("grows", lambda: [[1, 2]], "`items` (its length)"),
    ("forgets", lambda: [{"a": 1, "b": 2}], "`table` (its keys)"),
    ("flattens", lambda: [np.ones((2, 2))], "`x` (its shape)"),
    ("evaluates", lambda: [network(), torch.ones(4, 3)], "`model` (its mode, `train()` or `eval()`)"),
    ("counts", lambda: [network(), torch.ones(4, 3)], "`model` (the statistics of its batch norm)"),
    ("thaws", lambda: [network().requires_grad_(False)], "`model` (`requires_grad` of its parameters)"),
    ("moves", lambda: [network()], "`model` (its parameters)"),
    ("tracks", lambda: [torch.ones(3)], "`x` (its `requires_grad`)"),
    ("tracks_inside", lambda: [[1, torch.ones(3)]], "`items` (its `requires_grad`)"),
    ("loses_bias", lambda: [network()], "`model` (its parameters)"),
]


@pytest.mark.parametrize("name, make, words", CHANGES, ids=[f"{name}-{i}" for i, (name, _, _) in enumerate(CHANGES)])
def test_a_call_that_changes_what_it_was_given_is_a_mistake_at_once(student, name, make, words):
    with pytest.raises(Changed) as said:
        getattr(student, name)(*make())
    assert str(said.value).startswith(f"`{name}` changes {words} in place")
    with student.may_change():
        getattr(student, name)(*make())
    assert student.mutated == [0]
    with pytest.raises(Mistake):
        getattr(student, name)(*make())


def test_what_may_happen_to_an_argument(student):
    student.keeps(np.ones(3), [1, {"a": torch.ones(2)}], network(), x=1)
    assert student.mutated == []
    student.backward(network().eval(), torch.ones(4, 3))  # `.grad` is for this
    assert student.tracks_for_now(torch.ones(3)).tolist() == [2, 2, 2]
    given = np.ones(3)
    with student.may_change():
        student.doubles(given)
    assert (given == 1).all(), "the check's own array must stay as it is"
    with pytest.raises(Changed, match="`x` .its values."):
        student.by_name(x=np.ones(3))


@pytest.mark.parametrize(
    "name, args, places",
    [
        ("itself", [np.ones(3)], [0]),
        ("itself", [[1]], [0]),
        ("itself", [3], []),
        ("itself", ["abc"], []),
        ("view", [np.ones(4)], [0]),
        ("view", [torch.ones(4)], [0]),
        ("copied", [np.ones(3)], []),
        ("through_torch", [np.ones(3)], [0]),
        ("wrapped", [nn.Linear(2, 2)], [0]),
        ("number", [np.ones(3)], []),
        ("rows", [torch.ones(3)], []),
        ("frozen", [torch.ones(3)], [0]),
    ],
)
def test_shared_memory(student, name, args, places):
    getattr(student, name)(*args)
    assert student.shared == places
    with pytest.raises(Mistake, match="shares memory") if places else contextlib.nullcontext():
        expect.new_object(student, what="The copy")


def test_a_setting_that_a_call_leaves_behind_is_said_and_put_back(student):
    for name, word in (("switches_off", "torch.no_grad"), ("switches_type", "default data type")):
        with pytest.raises(Changed, match=word):
            getattr(student, name)(torch.ones(2))
        assert student.gradient("rows", torch.ones(2)).attached and student.no_grad(torch.ones(2)).dtype == torch.float32
    assert torch.is_grad_enabled() and torch.get_default_dtype() == torch.float32


def test_of_several_arguments_one_may_be_shared(student):
    student.keeps_second([np.ones(2)], np.ones(3))
    expect.new_object(student, what="The copy", args=(0,))
    with pytest.raises(Mistake):
        expect.new_object(student, what="The copy", args=(0, 1))


def test_gradients_arrive_as_data(student):
    a, b = torch.tensor([1.0, 2.0]), torch.tensor([0.0, 4.0])
    found = student.gradient("loss", a, b, wrt=(0, 1))
    assert found.attached and found.value == 2.5 and found.grads[0].tolist() == [1.0, -2.0] and found.grads[1].tolist() == [-1.0, 2.0]
    expect.differentiable(found, what="The loss")
    assert not a.requires_grad and not found.value.requires_grad
    rows = student.gradient("rows", torch.tensor([[1.0, 2.0, 3.0]]))
    assert rows.grads[0].tolist() == (2 * torch.tensor([[1.0, 2.0, 3.0]]) * calling.weights((1, 3))).tolist() == [[2.0, 6.0, 12.0]]
    assert student.gradient("pair", torch.tensor([1.0, 1.0])).grads[0].tolist() == [4.0, 1.0]
    model = nn.Linear(2, 1)
    model.bias.requires_grad_(False)
    found = student.gradient("of_model", model, torch.tensor([[1.0, 2.0]]), wrt=(0,))
    assert found.grads[0].keys() == {"weight"} and found.grads[0]["weight"].tolist() == [[1.0, 2.0]]


def test_a_cut_graph_is_said(student):
    with pytest.raises(Mistake, match="The loss carries no gradient"):
        expect.differentiable(student.gradient("item", torch.ones(2), torch.zeros(2), wrt=(0,)), what="The loss")
    found = student.gradient("half", torch.ones(2), torch.zeros(2), wrt=(0, 1))
    assert found.attached and found.grads[1] is None
    with pytest.raises(Mistake, match="no gradient arrives"):
        expect.differentiable(found, what="The loss")


def test_requires_grad_of_a_result(student):
    found = student.gradient("flags", torch.ones(2))
    assert found.requires_grad == {"kept": True, "cut": False, "n": None}
    student.frozen(torch.ones(2))
    assert student.requires_grad is False
    student.number(1)
    assert student.requires_grad is None


def test_seeds(student):
    expect.reproducible(lambda: student.by_seed(5, 0), what="by_seed")
    assert len(expect.seed_matters(lambda seed: student.by_seed(5, seed), what="by_seed")) == 8
    with pytest.raises(Mistake, match="the seeds 0 and 1 give the same answer"):
        expect.seed_matters(lambda seed: student.by_truth(5, seed), what="by_truth")
    with pytest.raises(Mistake, match="two calls with the same arguments"):
        expect.reproducible(lambda: student.by_luck(5), what="by_luck")


def test_a_reply_believes_nothing_that_is_not_as_it_should_be():
    """The facts come from the student's process, which can say anything."""
    forged = {
        "changed": [[0, "x\n" * 99, "no such"], [7, "y", "values"], "ab", [0], [True, "x", "mode"]],
        "shared": [0, 9, [], "z"],
        "grads": 5,
        "attached": 1,
    }
    reply = Reply.read(forged, (1,), {}, wrt=(0,))
    assert (
        reply.mutated == [0]
        and str(reply.changed[0]) == "argument 1"
        and reply.shared == (0,)
        and reply.grads == [None]
        and reply.attached is False
    )
    assert Reply.read({"changed": 3, "shared": {}}, (1,), {}) == Reply(None)


USES = {
    "optimisers": """import torch
w = torch.ones(2, requires_grad=True)
for kind in (torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW):
    optimizer = kind([w], lr=0.1)
    (w * w).sum().backward()
    optimizer.step()
torch.optim.lr_scheduler.StepLR(optimizer, 1).step()""",
    "function transforms": """import torch
from torch.func import functional_call, grad, hessian, jacrev, vmap
f = lambda x: (x * x).sum()
grad(f)(torch.ones(2)), jacrev(f)(torch.ones(2)), hessian(f)(torch.ones(2)), vmap(f)(torch.ones(2, 2))
functional_call(torch.nn.Linear(2, 2), {}, (torch.ones(1, 2),))""",
    "utilities of layers": """import torch
from torch.nn.utils import clip_grad_norm_, parameters_to_vector, parametrizations, prune
prune.l1_unstructured(torch.nn.Linear(3, 3), "weight", 1)
parametrizations.weight_norm(torch.nn.Linear(3, 3))
torch.nn.init.kaiming_uniform_(torch.ones(2, 2)); repr(torch.ones(2))""",
    "data loaders": "import torch.utils.data as d, torch\nlist(d.DataLoader(d.TensorDataset(torch.ones(4)), 2))",
    "scipy": """import numpy as np, scipy.linalg, scipy.optimize, scipy.special, scipy.stats
from scipy.cluster.vq import kmeans2
scipy.linalg.svd(np.eye(2)); scipy.special.softmax([1.0, 2.0]); scipy.stats.entropy([0.5, 0.5]); kmeans2(np.arange(4.0), 2, seed=1)""",
    "scikit-learn": """import numpy as np
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.metrics import accuracy_score, confusion_matrix
accuracy_score([0, 1], [0, 1]); PCA(1).fit(np.eye(3))""",
    "the standard library": "import bisect, collections, copy, decimal, fractions, functools, heapq, itertools, math, operator, random, statistics, struct, zlib",
    "tests": "import numpy as np\nnp.testing.assert_allclose(1, 1)",
}


@pytest.mark.parametrize("code", USES.values(), ids=USES.keys())
def test_what_answers_reach_for_is_imported_before_they_are_asked(session, session_with_more, code):
    """A first import of a thousand modules would be counted as the call's own work."""
    more = further(Program([Step("x = 1", "cell 1"), Step(code, "cell 2")]))
    assert more in ((), FURTHER)
    with (session_with_more if more else session).question() as question:
        assert question.call("imported_by", (code,)).value == []


@pytest.mark.parametrize("line, wanted", [("x = 1", ()), ("from torch import optim", FURTHER)], ids=["nothing", "an optimiser"])
def test_grading_loads_more_where_a_submission_speaks_of_it(line, wanted):
    class Stop(Exception):
        pass

    class Spy:
        preload, isolation, limits = PRELOAD, {}, Limits()

        def session(self, seed, further):
            raise Stop(further)

    name = "01_affine_quantization"
    notebook = released(name)
    for cell in notebook.cells:
        if cell.metadata.course.get("exercise") == "1.4-bug" and cell.metadata.course.role == "exercise":
            cell.source = f"# Exercise 1.4-bug\n{line}"
    with pytest.raises(Stop) as asked:
        grade(nbformat.writes(notebook).encode(), "ada", name, Spy(), seed=1, exercises=["1.4-bug"])
    assert asked.value.args == (wanted,)


def test_a_class_is_no_function_whose_arguments_checks_must_vary():
    """It does not cross to the checks: they ask the functions that use it."""

    class Rounding(torch.autograd.Function):
        pass

    asked_about = SimpleNamespace(id="9.9-mine", names=("Rounding", "rounds"))
    found = arguments_in([], asked_about, {"Rounding": Rounding, "rounds": lambda x: x})
    assert list(found) == ["rounds.x"]
