"""The visible checks of lesson 04. They run in the student's kernel on small inputs.

A check asks all its questions before it judges the first reply, so that a mistake is named after all of them.
"""

import copy

import numpy as np
import torch
from torch import nn

from autograder.checks import exercise
from autograder.checks.expect import close, counted, differentiable, kind_of, letter, real_number, that
from autograder.checks.modules import WAVES, in_waves, waves

FLOATS = (torch.float32, torch.float64)

# What the text of 4.2 allows: probabilities, entropies, and probabilities from logits of 10000, which float32 knows to 0.001.
PROBABILITY, NATS, FROM_LARGE = 1e-5, 5e-5, 1e-3


def plain(dtype):
    return str(dtype).removeprefix("torch.")


def table(value, shape, what):
    """The value, a tensor of the shape wanted without NaN, as a float64 array; or a plain message."""
    that(torch.is_tensor(value), f"{what} should be a tensor; it is {kind_of(value)}.")
    that(value.dtype in FLOATS, f"{what} should hold float32 or float64 numbers; its type is {plain(value.dtype)}.")
    that(tuple(value.shape) == tuple(shape), f"{what} should have the shape {tuple(shape)}; it has {tuple(value.shape)}.")
    array = value.detach().numpy().astype(np.float64)
    that(not np.isnan(array).any(), f"{what} contains NaN.")
    return array


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
# One image, and a class that both think impossible: the mean is over images, the sum over classes.
ONE, ONE_TEACHER = torch.tensor([[0.5, 2.0, -1.0, -10_000.0]]), torch.tensor([[2.0, 1.0, 0.0, -10_000.0]])
ON_ONE = "student [[0.5, 2, -1, -10000]], teacher [[2, 1, 0, -10000]]"
# Any positive temperature: one with a fraction, and one that is nearly cold.
ORDINARY = tuple((STUDENT, TEACHER, temperature, ON) for temperature in (1.0, 2.0, 0.5, 2.25, 0.08))
PAIRS = *ORDINARY, (ONE, ONE_TEACHER, 3.0, ON_ONE)
# Each of the two is sure of another class: probabilities underflow, their logarithms do not.
SURE, SURE_TEACHER = torch.tensor([[300.0, 0.0], [0.0, 1.0]]), torch.tensor([[0.0, 0.0], [400.0, 0.0]])
ON_SURE = "student [[300, 0], [0, 1]], teacher [[0, 0], [400, 0]]"
LARGE, LARGE_TEACHER, ON_LARGE = (
    torch.tensor([[1e4, 0.0, 0.0]]),
    torch.tensor([[0.0, 1e4, 0.0]]),
    "student [[10000, 0, 0]], teacher [[0, 10000, 0]]",
)
UNDERFLOW = (SURE, SURE_TEACHER, 1.0, ON_SURE), (LARGE, LARGE_TEACHER, 1.0, ON_LARGE)
HOT = LARGE, LARGE_TEACHER, 1000.0, ON_LARGE  # a temperature at which even these are soft
IN_DOUBLE = STUDENT.double(), TEACHER.double(), 4.0, f"{ON} in float64"


# 4.1


@exercise("4.1-predict")
def test_predict_equal_probabilities(student, rng):
    chosen = letter(student.value("predict_4_1"), "predict_4_1")
    that(chosen == "b", f"({chosen}) is not it. Divide, then compare the differences between the logits.")


# 4.2


def softened(student, cases, what="the softened probabilities"):
    """cases: (logits, temperature, what is allowed, what stands in the message)."""
    answers = [student.soften(logits, temperature) for logits, temperature, *_ in cases]
    for (logits, temperature, allowed, on), got in zip(cases, answers):
        on = f"{on}, T = {temperature:.4g}"
        got = table(got, logits.shape, f"The result of soften for {on}")
        close(got.sum(axis=1), np.ones(len(logits)), abs=allowed, what="the sums of the rows", on=on)
        close(got, np.exp(log_softened(logits, temperature)), abs=allowed, what=what, on=on)


def entropies(student, cases):
    """cases: (float32 probabilities, what stands in the message)."""
    answers = [student.entropy(p) for p, _ in cases]
    for (p, on), got in zip(cases, answers):
        exact = p.double().numpy()
        want = -(exact * np.log(np.where(exact > 0, exact, 1))).sum(axis=1) + 0.0  # never -0
        close(table(got, (len(p),), f"The result of entropy for {on}"), want, abs=NATS, what="the entropies", on=on)


@exercise("4.2-soften")
def test_soften_worked_example(student, rng):
    softened(
        student,
        [
            (torch.tensor([[6.0, 3.0, 0.0], [0.0, 1.3, 1.4]]), 3.0, PROBABILITY, "logits [[6, 3, 0], [0, 1.3, 1.4]]"),
            (torch.tensor([[20.0, 0.0]]), 1.0, PROBABILITY, "logits [[20, 0]]"),
            (torch.tensor([[1.0], [2.0]]), 0.5, PROBABILITY, "logits [[1], [2]]"),
            *((torch.tensor([[1.0, 2.0, 0.5]]), temperature, PROBABILITY, "logits [[1, 2, 0.5]]") for temperature in (0.5, 2.25)),
            # Nearly cold, where 1.4 and 1.3 are ten apart; and so hot that all are alike.
            *((torch.tensor([[1.3, 1.4, 1.33]]), temperature, PROBABILITY, "logits [[1.3, 1.4, 1.33]]") for temperature in (0.01, 1e6)),
        ],
    )


@exercise("4.2-soften")
def test_soften_large_logits(student, rng):
    softened(
        student,
        [
            (torch.tensor([[1e4, 0.0], [-1e4, -1e4]]), 2.0, FROM_LARGE, "logits [[10000, 0], [-10000, -10000]]"),
            (torch.tensor([[-1e4, 50.0, 49.0], [9999.0, 1e4, 0.0]]), 1.0, FROM_LARGE, "logits [[-10000, 50, 49], [9999, 10000, 0]]"),
            (torch.tensor([[1e4, 9e3, 0.0]]), 1000.0, FROM_LARGE, "logits [[10000, 9000, 0]]"),
        ],
    )


@exercise("4.2-soften")
def test_entropy_of_a_coin_and_of_certainty(student, rng):
    coins = torch.tensor([[0.5, 0.5, 0.0, 0.0], [0.25, 0.25, 0.25, 0.25], [0.0, 1.0, 0.0, 0.0]])
    # With 16 classes a small constant inside the logarithm, or added to the probabilities, counts 16 times.
    many = torch.stack([torch.full((16,), 1 / 16), torch.eye(16)[3]])
    entropies(
        student,
        [
            (coins, "rows [½, ½, 0, 0], [¼, ¼, ¼, ¼], [0, 1, 0, 0]"),
            (coins[:1], "one row [½, ½, 0, 0]"),
            (many, "two rows of 16 classes, one even and one certain of class 3"),
        ],
    )


# 4.3. Logarithms of size up to 16 are rounded to 1e-6, some four times on the way, and count with their probabilities: 5e-6. Of large
# divergences the share: logits of 10000 are rounded to 1e-7 of themselves.


def divergences(student, cases, what="the divergence"):
    """cases: (student's logits, teacher's logits, temperature, what stands in the message)."""
    answers = [student.mean_kl(*each[:3]) for each in cases]
    for (z, v, temperature, on), got in zip(cases, answers):
        on = f"{on}, T = {temperature:.4g}"
        got = real_number(got, f"The result of mean_kl for {on}")
        close(got, kl_of(z, v, temperature), abs=5e-6, rel=1e-5, what=what, on=on)


@exercise("4.3-kl")
def test_kl_of_two_small_images(student, rng):
    divergences(student, [*PAIRS, IN_DOUBLE])


@exercise("4.3-kl")
def test_kl_with_itself_is_zero(student, rng):
    divergences(student, [(TEACHER, TEACHER, 2.0, "student = teacher = [[3, 0, 1], [-2, 0.5, 2]]")])


@exercise("4.3-kl")
def test_kl_where_probabilities_underflow(student, rng):
    divergences(student, [*UNDERFLOW, HOT])


# 4.4


def soft_losses(student, cases, what="the soft loss"):
    """cases: (student's logits, teacher's logits, temperature, what stands in the message). The divergence as in 4.3, times T squared."""
    answers = [student.soft_loss(*each[:3]) for each in cases]
    for (z, v, temperature, on), got in zip(cases, answers):
        on = f"{on}, T = {temperature:.4g}"
        got, want = real_number(got, f"The result of soft_loss for {on}"), temperature**2 * kl_of(z, v, temperature)
        close(got, want, abs=5e-6 * temperature**2, rel=1e-5, what=what, on=on)


@exercise("4.4-bug")
def test_soft_loss_of_two_small_images(student, rng):
    soft_losses(student, [*PAIRS, IN_DOUBLE])


@exercise("4.4-bug")
def test_soft_loss_where_probabilities_underflow(student, rng):
    soft_losses(student, [*UNDERFLOW, HOT])


# 4.5


def slope_of(z, v, labels, temperature, alpha_soft):
    """The gradient of the whole loss with respect to the student's logits, in closed form and float64."""
    right = np.eye(z.shape[1])[np.asarray(labels)]
    soft = temperature * (np.exp(log_softened(z, temperature)) - np.exp(log_softened(v, temperature)))
    return (alpha_soft * soft + (1 - alpha_soft) * (np.exp(log_softened(z, 1.0)) - right)) / len(z)


def losses(student, cases, what="the loss"):
    """cases: (student's logits, teacher's logits, labels, temperature, alpha_soft, what stands in the message).

    The divergence as in 4.3, times T squared; a cross-entropy of size 10 is rounded to 1e-6.
    """
    answers = [student.distillation_loss(*each[:5]) for each in cases]
    for (*asked, on), got in zip(cases, answers):
        temperature, alpha = asked[3:]
        on = f"{on}, T = {temperature:.4g}, alpha_soft = {alpha:.4g}"
        that(
            torch.is_tensor(got),
            f"The result of distillation_loss should be a tensor, so that .backward() works; it is {kind_of(got)}; for {on}.",
        )
        got = real_number(got, f"The result of distillation_loss for {on}")
        close(got, loss_of(*asked), abs=5e-6 * max(1, temperature**2), rel=1e-5, what=what, on=on)


def gradients(student, cases):
    """cases: as for `losses`. The gradient is asked for in the student's own process, as `.backward()` gives it."""
    answers = [student.gradient("distillation_loss", *each[:5]) for each in cases]
    for (*asked, on), got in zip(cases, answers):
        on = f"{on}, T = {asked[3]:.4g}, alpha_soft = {asked[4]:.4g}"
        differentiable(got, what=f"the result of distillation_loss for {on}")
        (grad,) = got.grads
        # Probabilities are rounded to some 1e-7 of themselves, times T.
        grad = table(grad, asked[0].shape, "The gradient of the loss")
        close(
            grad, slope_of(*asked), abs=2e-6 * max(1, asked[3]), what="the gradient of the loss with respect to the student's logits", on=on
        )


LABELS = torch.tensor([1, 2])
WITH_LABELS = f"{ON}, labels [1, 2]"


@exercise("4.5-loss")
def test_loss_at_its_limits(student, rng):
    # The cross-entropy; and nothing.
    losses(
        student,
        [
            (STUDENT, TEACHER, LABELS, 2.0, 0.0, WITH_LABELS),
            (TEACHER, TEACHER, LABELS, 2.0, 1.0, "student = teacher = [[3, 0, 1], [-2, 0.5, 2]], labels [1, 2]"),
        ],
    )


@exercise("4.5-loss")
def test_loss_of_a_mixture(student, rng):
    settings = (2.0, 0.75), (4.0, 1.0), (0.5, 0.5), (2.25, 0.125), (0.05, 0.5)
    cases = [(STUDENT, TEACHER, LABELS, temperature, alpha, WITH_LABELS) for temperature, alpha in settings]
    cases.append((ONE, ONE_TEACHER, torch.tensor([0]), 3.0, 0.25, f"{ON_ONE}, labels [0]"))
    losses(student, [*cases, (STUDENT.double(), TEACHER.double(), LABELS, 3.0, 0.25, f"{WITH_LABELS}, logits in float64")])


@exercise("4.5-loss")
def test_loss_of_logits_up_to_ten_thousand(student, rng):
    """The label is a class to which the student gives no probability at all: the hard loss is what its logit lacks."""
    pairs = (SURE, SURE_TEACHER, torch.tensor([1, 0]), ON_SURE), (LARGE, LARGE_TEACHER, torch.tensor([2]), ON_LARGE)
    cases = [(z, v, labels, 1.0, alpha, f"{on}, labels {labels.tolist()}") for z, v, labels, on in pairs for alpha in (0.0, 0.5)]
    z, v, temperature, on = HOT
    cases.append((z, v, torch.tensor([2]), temperature, 0.5, f"{on}, labels [2]"))
    losses(student, cases)
    gradients(student, cases)


@exercise("4.5-loss")
def test_gradient_of_the_loss(student, rng):
    gradients(
        student,
        [(STUDENT, TEACHER, LABELS, temperature, alpha, WITH_LABELS) for temperature, alpha in ((2.0, 0.75), (3.0, 1.0), (2.0, 0.0))],
    )


# 4.6


def soft_gradients(student, cases, what="the gradient (finite differences of the loss)"):
    """cases: (student's logits, teacher's logits, temperature, what stands in the message).

    Probabilities are rounded to 6e-8 of themselves, exponents of size up to 8 / T carry as much again, and all is multiplied by T.
    """
    answers = [student.soft_gradient(*each[:3]) for each in cases]
    for (z, v, temperature, on), got in zip(cases, answers):
        on = f"{on}, T = {temperature:.4g}"
        got = table(got, z.shape, f"The result of soft_gradient for {on}")
        close(got, slopes_of(z, v, temperature), abs=1e-6 * max(temperature, 1 / temperature), rel=2e-5, what=what, on=on)


@exercise("4.6-gradient")
def test_gradient_against_small_nudges(student, rng):
    first = STUDENT[:1], TEACHER[:1], 3.0, "student [[1, 2, 0.5]], teacher [[3, 0, 1]]"
    soft_gradients(student, [*ORDINARY, (STUDENT, TEACHER, 200.0, ON), IN_DOUBLE, first])


# 4.7


def small_teacher(dropout=0.0):
    """Linear, batch norm, ReLU, dropout, linear, for images of shape (5,)."""
    return nn.Sequential(nn.Linear(5, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(dropout), nn.Linear(8, 3))


def nested_teacher(dropout=0.0):
    """Layers within layers, for images of shape (5,): setting a mode only at the top does not reach the innermost."""
    block = nn.Sequential(nn.Linear(5, 4), nn.Sequential(nn.BatchNorm1d(4), nn.Dropout(dropout)))
    return nn.Sequential(block, nn.ReLU(), nn.Linear(4, 3))


def image_teacher():
    """Convolution, batch norm, flatten, linear, for images of shape (1, 3, 4): channels, rows, columns."""
    return nn.Sequential(nn.Conv2d(1, 3, 2), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(18, 4))


def logits_of(teacher, images):
    """Evaluation-mode logits, in float64, from a copy."""
    with torch.no_grad():
        return copy.deepcopy(teacher).double().eval()(images.double()).numpy()


def caches(student, cases):
    """cases: (teacher, images, batch size, what stands in the message). The reply must be a float32 NumPy array.

    That the teacher comes back as it went is asked of every call, as of all arguments of all functions.
    """
    answers = [student.cached_logits(teacher, images, batch_size) for teacher, images, batch_size, _ in cases]
    for (teacher, images, batch_size, on), got in zip(cases, answers):
        on, want = f"{counted(len(images), 'image', 'images')}, batch_size = {batch_size}, {on}", logits_of(teacher, images)
        that(isinstance(got, np.ndarray), f"cached_logits should return a NumPy array; it returned {kind_of(got)}.")
        that(got.dtype == np.float32, f"The cache should be float32; its type is {got.dtype}.")
        that(got.shape == want.shape, f"The cache should have the shape {want.shape}; it has {got.shape}; for {on}.")
        # Sums of at most some dozen float32 products of numbers up to about 10.
        close(got, want, abs=1e-5 * (1 + np.abs(want).max()), what="the cached logits", on=on)


def found_in(teacher, training):
    """The teacher in a mode, and that in words."""
    return teacher.train(training), f"a teacher found in {'training' if training else 'evaluation'} mode"


def some_frozen(teacher):
    """Only the first layer's weight can still be trained."""
    teacher.requires_grad_(False)
    next(teacher.parameters()).requires_grad_(True)
    return teacher


@exercise("4.7-teacher")
def test_cache_of_a_small_teacher(student, rng):
    images, cases = waves(7, 5), []
    made = f"of Linear(5, 8), BatchNorm1d(8), ReLU, Dropout and Linear(8, 3); the images and the tensors of each layer {WAVES}, variances plus 2"
    # Dropout of everything is a caricature, but the same in every run: in training mode only the last bias would be left.
    for training in (False, True):
        teacher, on = found_in(in_waves(small_teacher(dropout=1.0)), training)
        cases += [(teacher, images, batch_size, f"{on}, {made}") for batch_size in (3, 1, 20)]
        cases.append((teacher, images[:1], 3, f"{on}, {made}"))
    shapes = "Conv2d(1, 3, 2), BatchNorm2d(3), ReLU, Flatten and Linear(18, 4) for images of shape (1, 3, 4)"
    for training in (False, True):
        teacher, on = found_in(in_waves(image_teacher()), training)
        cases.append((teacher, waves(3, 1, 3, 4), 2, f"{on}, of {shapes}; {WAVES}, variances plus 2"))
        teacher, on = found_in(in_waves(nested_teacher(dropout=1.0)), training)
        cases.append((teacher, images, 3, f"{on}, whose first part is a Sequential that holds another; {WAVES}, variances plus 2"))
    frozen, partly = in_waves(small_teacher()).requires_grad_(False), some_frozen(in_waves(small_teacher()))
    cases += [(frozen, images, 3, f"a frozen teacher {made}"), (partly, images, 3, f"a partly frozen teacher {made}")]
    caches(student, cases)


# 4.8


def hint_losses(student, cases):
    """cases: (student's features, teacher's features, weight, bias, loss wanted, what stands in the message)."""
    answers = [student.hint_loss(*each[:4]) for each in cases]
    for (*_, want, on), got in zip(cases, answers):
        # Whole numbers, or means of squares that are rounded some dozen times.
        close(real_number(got, f"The result of hint_loss for {on}"), want, abs=1e-6, rel=1e-5, what="the hint loss", on=on)


@exercise("4.8-hint")
def test_hint_loss_worked_example(student, rng):
    weight, bias = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]), torch.tensor([0.0, 0.0, 1.0])
    square, shift = torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([0.0, 1.0])
    one, two = torch.tensor([[1.0, 2.0]]), torch.tensor([[1.0, 2.0], [0.0, 1.0]])
    # The third case has two images and errors of both signs, 1, 0, 3 and 0, 0, -2; in the fourth, weight and its transpose both fit.
    cases = (
        (one, torch.tensor([[1.0, 2.0, 4.0]]), weight, bias, 0.0),
        (one, torch.tensor([[1.0, 2.0, 1.0]]), weight, bias, 3.0),
        (two, torch.tensor([[0.0, 2.0, 1.0], [0.0, 1.0, 4.0]]), weight, bias, 14 / 6),
        (one, torch.tensor([[5.0, 10.0]]), square, shift, 2.0),
        # Predicted are 1, -2, 0, all below or at 0; the last error is 60: a square of 3600.
        (torch.tensor([[1.0, -2.0]]), torch.tensor([[1.0, -2.0, 60.0]]), weight, bias, 1200.0),
    )

    def whole(tensor):
        return tensor.int().tolist()

    hint_losses(
        student,
        [
            (
                *asked,
                want,
                f"student features {whole(asked[0])}, teacher features {whole(asked[1])}, W = {whole(asked[2])}, b = {whole(asked[3])}",
            )
            for *asked, want in cases
        ],
    )
