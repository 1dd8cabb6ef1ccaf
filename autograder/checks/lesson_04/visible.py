"""The visible checks of lesson 04. They run in the student's kernel on small inputs."""

import copy
import math

import numpy as np
import torch
from torch import nn

from autograder.checks import exercise
from autograder.checks.expect import close, kind_of, letter, that
from autograder.checks.faults import StudentFault

FLOATS = (torch.float32, torch.float64)


def table(value, shape, what):
    """The value as a float64 array of the shape wanted, without NaN, or a plain message."""
    if torch.is_tensor(value):
        that(value.dtype in FLOATS, f"{what} should hold float32 or float64 numbers; its type is {value.dtype}.")
        value = value.detach().numpy()
    that(isinstance(value, np.ndarray), f"{what} should be a tensor; got {kind_of(value)}.")
    that(value.dtype in (np.float32, np.float64), f"{what} should hold float32 or float64 numbers; its type is {value.dtype}.")
    that(value.shape == shape, f"{what} should have the shape {shape}; it has {value.shape}.")
    that(not np.isnan(value).any(), f"{what} contains NaN.")
    return value.astype(np.float64)


def number(value, what):
    """The value as a Python float: a tensor of shape (), a float, or NumPy's. Says what is wrong with anything else."""
    if torch.is_tensor(value):
        that(value.dtype in FLOATS, f"{what} should be a float; its type is {value.dtype}.")
        value = value.detach().numpy()
    if isinstance(value, np.ndarray):
        that(value.shape == (), f"{what} should be one number; it has the shape {value.shape}.")
        value = value[()]
    if isinstance(value, (np.floating, np.integer)):
        value = value.item()
    real = isinstance(value, (float, int)) and not isinstance(value, bool)
    that(real and not abs(value) > 1e300, f"{what} should be one number; got {kind_of(value)}.")
    value = float(value)
    that(not math.isnan(value), f"{what} is NaN.")
    return value


# The definitions once more, in NumPy and float64: what the student's torch code is compared with.


def log_softened(logits, temperature):
    z = np.asarray(logits, dtype=np.float64) / temperature
    z = z - z.max(axis=1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=1, keepdims=True))


def kl_of(student_logits, teacher_logits, temperature):
    """Mean over the images of KL(teacher || student)."""
    log_q, log_p = log_softened(student_logits, temperature), log_softened(teacher_logits, temperature)
    return float((np.exp(log_p) * (log_p - log_q)).sum(axis=1).mean())


def loss_of(student_logits, teacher_logits, labels, temperature, alpha_soft):
    rows = np.arange(len(labels))
    hard = -log_softened(student_logits, 1.0)[rows, np.asarray(labels)].mean()
    return float(alpha_soft * temperature**2 * kl_of(student_logits, teacher_logits, temperature) + (1 - alpha_soft) * hard)


def slopes_of(student_logits, teacher_logits, temperature):
    """Central differences of the soft loss, entry by entry, in float64. Their own error is about (step / T)**2."""
    z = np.asarray(student_logits, dtype=np.float64)
    out, step = np.zeros_like(z), 1e-4
    for index in np.ndindex(z.shape):
        nudge = np.zeros_like(z)
        nudge[index] = step
        up, down = (kl_of(z + sign * nudge, teacher_logits, temperature) for sign in (1, -1))
        out[index] = temperature**2 * (up - down) / (2 * step)
    return out


STUDENT = torch.tensor([[1.0, 2.0, 0.5], [0.0, -1.0, 3.0]])
TEACHER = torch.tensor([[3.0, 0.0, 1.0], [-2.0, 0.5, 2.0]])
ON = "student [[1, 2, 0.5], [0, -1, 3]], teacher [[3, 0, 1], [-2, 0.5, 2]]"


# 4.1


@exercise("4.1-predict")
def test_predict_equal_probabilities(student, rng):
    chosen = letter(student.value("predict_4_1"), "predict_4_1")
    that(chosen == "b", f"({chosen}) is not it. Divide, then compare the differences between the logits.")


# 4.2


@exercise("4.2-soften")
def test_soften_worked_example(student, rng):
    logits = torch.tensor([[6.0, 3.0, 0.0], [0.0, 1.5, 1.5]])
    on = "logits [[6, 3, 0], [0, 1.5, 1.5]], temperature 3"
    got = table(student.soften(logits, 3.0), (2, 3), "The result of soften")
    that(not student.mutated, "soften changes the logits that it was given, in place (`/=`, `div_`): they belong to the caller, who will see softened ones.")
    close(got.sum(axis=1), np.ones(2), abs=1e-6, what="the sums of the rows", on=on)
    close(got, np.exp(log_softened(logits, 3.0)), rel=1e-5, what="the softened probabilities", on=on)


@exercise("4.2-soften")
def test_soften_large_logits(student, rng):
    logits = torch.tensor([[1e4, 0.0], [-1e4, -1e4]])
    got = table(student.soften(logits, 1.0), (2, 2), "The result of soften for logits of 10000")
    close(got, np.array([[1.0, 0.0], [0.5, 0.5]]), abs=1e-6, what="the probabilities", on="logits [[10000, 0], [-10000, -10000]], T = 1")


@exercise("4.2-soften")
def test_entropy_of_a_coin_and_of_certainty(student, rng):
    p = torch.tensor([[0.5, 0.5, 0.0, 0.0], [0.25, 0.25, 0.25, 0.25], [0.0, 1.0, 0.0, 0.0]])
    got = table(student.entropy(p), (3,), "The result of entropy")
    want = np.array([math.log(2), math.log(4), 0.0])
    # A few float32 roundings of numbers up to 1.4; a tiny constant inside the logarithm is no mistake either.
    close(got, want, abs=1e-5, what="the entropies", on="rows [½, ½, 0, 0], [¼, ¼, ¼, ¼], [0, 1, 0, 0]")


# 4.3


@exercise("4.3-kl")
def test_kl_of_two_small_images(student, rng):
    for temperature in (1.0, 2.0):
        got = number(student.mean_kl(STUDENT, TEACHER, temperature), "The result of mean_kl")
        close(got, kl_of(STUDENT, TEACHER, temperature), abs=1e-6, rel=1e-5, what="the divergence", on=f"{ON}, T = {temperature:g}")


@exercise("4.3-kl")
def test_kl_with_itself_is_zero(student, rng):
    got = number(student.mean_kl(TEACHER, TEACHER, 2.0), "The result of mean_kl")
    close(got, 0.0, abs=1e-6, what="the divergence", on="student = teacher")


@exercise("4.3-kl")
def test_kl_where_probabilities_underflow(student, rng):
    sure, teacher = torch.tensor([[300.0, 0.0], [0.0, 1.0]]), torch.tensor([[0.0, 0.0], [400.0, 0.0]])
    got = number(student.mean_kl(sure, teacher, 1.0), "The result of mean_kl")
    on = "student [[300, 0], [0, 1]], teacher [[0, 0], [400, 0]], T = 1"
    close(got, kl_of(sure, teacher, 1.0), rel=1e-5, what="the divergence", on=on)


# 4.4


@exercise("4.4-bug")
def test_soft_loss_of_two_small_images(student, rng):
    for temperature in (1.0, 2.0):
        got = number(student.soft_loss(STUDENT, TEACHER, temperature), "The result of soft_loss")
        want = temperature**2 * kl_of(STUDENT, TEACHER, temperature)
        close(got, want, abs=5e-6, rel=1e-5, what="the soft loss", on=f"{ON}, T = {temperature:g}")


# 4.5


@exercise("4.5-loss")
def test_loss_at_its_limits(student, rng):
    labels = torch.tensor([1, 2])
    hard = number(student.distillation_loss(STUDENT, TEACHER, labels, 2.0, 0.0), "The result of distillation_loss")
    same = number(student.distillation_loss(TEACHER, TEACHER, labels, 2.0, 1.0), "The result of distillation_loss")
    close(hard, loss_of(STUDENT, TEACHER, labels, 2.0, 0.0), abs=1e-6, rel=1e-5, what="with alpha_soft = 0 the loss is the cross-entropy", on=ON)
    close(same, 0.0, abs=5e-6, what="with alpha_soft = 1 and student = teacher the loss", on="T = 2")


@exercise("4.5-loss")
def test_loss_of_a_mixture(student, rng):
    labels = torch.tensor([1, 2])
    for temperature, alpha in ((2.0, 0.75), (4.0, 1.0)):
        got = number(student.distillation_loss(STUDENT, TEACHER, labels, temperature, alpha), "The result of distillation_loss")
        want = loss_of(STUDENT, TEACHER, labels, temperature, alpha)
        on = f"{ON}, labels [1, 2], T = {temperature:g}, alpha_soft = {alpha}"
        close(got, want, abs=2e-5, rel=1e-5, what="the loss", on=on)


# 4.6


@exercise("4.6-gradient")
def test_gradient_against_small_nudges(student, rng):
    for temperature in (1.0, 3.0):
        got = table(student.soft_gradient(STUDENT, TEACHER, temperature), (2, 3), "The result of soft_gradient")
        # Roundings of probabilities in float32, times T; central differences add less than 1e-8.
        want, allowed = slopes_of(STUDENT, TEACHER, temperature), 1e-6 * temperature
        close(got, want, abs=allowed, rel=1e-5, what="the gradient (finite differences of the loss)", on=f"{ON}, T = {temperature:g}")


# 4.7


def small_teacher(rng, dropout=0.0):
    """Linear, batch norm, ReLU, dropout, linear; statistics as after some training. Its logits in evaluation mode are of order 1."""
    teacher = nn.Sequential(nn.Linear(5, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(dropout), nn.Linear(8, 3))
    fill(teacher, rng)
    return teacher


def fill(teacher, rng):
    """Random weights and statistics from the check's own generator."""
    for name, tensor in teacher.state_dict().items():
        if "num_batches" in name:
            tensor.fill_(7)
        else:
            low, high = (0.5, 2.0) if "running_var" in name else (-1.0, 1.0)
            tensor.copy_(torch.from_numpy(rng.uniform(low, high, tuple(tensor.shape))))


def logits_of(teacher, images):
    """Evaluation-mode logits, in float64, from a copy."""
    with torch.no_grad():
        return copy.deepcopy(teacher).double().eval()(images.double()).numpy()


def cache_is_right(student, teacher, images, batch_size, on):
    """Ask, and compare with the evaluation mode. The reply must be a float32 NumPy array."""
    want = logits_of(teacher, images)
    with student.may_change():  # `comes_back_unchanged` says what was changed
        got = student.cached_logits(teacher, images, batch_size)
    that(isinstance(got, np.ndarray), f"cached_logits should return a NumPy array; got {kind_of(got)}.")
    that(got.dtype == np.float32, f"The cache should be float32; its type is {got.dtype}.")
    that(got.shape == want.shape, f"The cache should have the shape {want.shape}; it has {got.shape}; {on}.")
    # Sums of at most some dozen float32 products of numbers up to about 10.
    close(got, want, abs=1e-5 * (1 + np.abs(want).max()), what="the cached logits", on=on)


def comes_back_unchanged(student, images, on):
    """After a question: if the teacher was changed, ask about teachers on which only one thing can change, and say which it was."""
    if not student.mutated:
        return
    that(0 in student.mutated, f"cached_logits changes the images that it was given; {on}.")
    plain = nn.Sequential(nn.Flatten(), nn.Linear(images[0].numel(), 3)).requires_grad_(False)
    normed = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(images[0].numel(), affine=False))

    def changes(teacher, mode):
        try:
            with student.may_change():
                student.cached_logits(teacher.train(mode), images, len(images))
        except StudentFault:
            return False
        return 0 in student.mutated

    by_mode = [mode for mode in (True, False) if changes(plain, mode)]
    changed = [f"the mode (found in {'training' if mode else 'evaluation'} mode, it comes back in the other one)" for mode in by_mode[:1]]
    held = next((mode for mode in (False, True) if mode not in by_mode), None)
    if held is not None:
        changed += ["the statistics of its batch norm"] if changes(normed, held) else []
        changed += ["requires_grad of its weights"] if changes(plain.requires_grad_(True), held) else []
    which = " and ".join(changed) or "its weights, statistics, mode or requires_grad"
    that(False, f"cached_logits does not give the teacher back as it found it. What changed: {which}; {on}.")


@exercise("4.7-teacher")
def test_cache_of_a_small_teacher(student, rng):
    # Dropout of everything is a caricature, but the same in every run: in training mode only the last bias would be left.
    for training in (False, True):
        teacher = small_teacher(rng, dropout=1.0).train(training)
        images = torch.from_numpy(rng.uniform(-1, 1, (7, 5)).astype(np.float32))
        on = f"7 images in batches of 3, a teacher found in {'training' if training else 'evaluation'} mode"
        cache_is_right(student, teacher, images, 3, on)
        comes_back_unchanged(student, images, on)


# 4.8


@exercise("4.8-hint")
def test_hint_loss_worked_example(student, rng):
    features, weight, bias = torch.tensor([[1.0, 2.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]), torch.tensor([0.0, 0.0, 1.0])
    # The last case has two images and errors of both signs: 1, 0, 3 and 0, 0, -2.
    cases = (
        (features, torch.tensor([[1.0, 2.0, 4.0]]), 0.0), (features, torch.tensor([[1.0, 2.0, 1.0]]), 3.0),
        (torch.tensor([[1.0, 2.0], [0.0, 1.0]]), torch.tensor([[0.0, 2.0, 1.0], [0.0, 1.0, 4.0]]), 14 / 6),
    )  # fmt: skip
    answers = [student.hint_loss(features, target, weight, bias) for features, target, _ in cases]  # all, before one is judged
    for got, (features, target, want) in zip(answers, cases):
        got = number(got, "The result of hint_loss")
        on = f"student features {features.int().tolist()}, W = [[1, 0], [0, 1], [1, 1]], b = [0, 0, 1], teacher features {target.int().tolist()}"
        close(got, want, abs=1e-6, rel=1e-6, what="the hint loss", on=on)
