"""The visible checks of the temperature lab. They run in the student's kernel on small inputs."""

import numpy as np
import torch

from autograder.checks import exercise, measured
from autograder.checks.expect import array, close, differentiable, equal, kind_of, letter, real_number, show, that

TEMPERATURES, SEEDS = (1, 2, 4, 8, 16), (0, 1, 2)
SIZES = ("bytes", "parameters", "macs")
FILES = tuple(f"{name}-{seed}.onnx" for name in ("alone", *(f"t{t}" for t in TEMPERATURES)) for seed in SEEDS)
# Two-sided 95 % points of Student's t, by the number of paired runs.
T95 = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78}


def parts(value, count, what):
    """The `count` values that a function returned."""
    that(isinstance(value, (tuple, list)) and len(value) == count, f"{what} should return {count} values; it returned {kind_of(value)}.")
    return value


def table(value, shape, what, on):
    """The value as a float64 array of the shape wanted, without NaN, or a plain message."""
    found = array(value, what, shape, kinds="f", on=on).astype(np.float64)
    that(not np.isnan(found).any(), f"{what} contain NaN, for {on}.")
    return found


# The definitions once more, in NumPy and float64.


def log_softened(logits, temperature):
    z = np.asarray(logits, dtype=np.float64) / temperature
    z = z - z.max(axis=1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=1, keepdims=True))


def kl_of(student_logits, teacher_logits, temperature):
    """Mean over the images of KL(teacher || student)."""
    log_q, log_p = log_softened(student_logits, temperature), log_softened(teacher_logits, temperature)
    return float((np.exp(log_p) * (log_p - log_q)).sum(axis=1).mean())


def loss_of(student_logits, teacher_logits, labels, temperature, alpha_soft):
    hard = -log_softened(student_logits, 1.0)[np.arange(len(labels)), np.asarray(labels)].mean()
    return float(alpha_soft * temperature**2 * kl_of(student_logits, teacher_logits, temperature) + (1 - alpha_soft) * hard)


def slopes_of(student_logits, teacher_logits, labels, temperature, alpha_soft):
    """The loss's gradient at the student's logits: a softmax less its target, for both parts (Hinton, Vinyals and Dean 2015, section 2.1)."""
    q, p, q_1 = (
        np.exp(log_softened(*each)) for each in ((student_logits, temperature), (teacher_logits, temperature), (student_logits, 1.0))
    )
    return (alpha_soft * temperature * (q - p) + (1 - alpha_soft) * (q_1 - np.eye(q.shape[1])[np.asarray(labels)])) / len(q)


def targets_of(logits, temperatures):
    """Softened probabilities (K, N, C) and the mean entropy for each temperature (K,), in float64."""
    log_p = np.stack([log_softened(logits, float(t)) for t in temperatures])
    p = np.exp(log_p)
    return p, -(p * log_p).sum(axis=2).mean(axis=1)


def are_targets(got, logits, temperatures, on, rel=2e-5):
    """`got`, a pair, agrees with the definitions."""
    p, entropies = parts(got, 2, "soft_targets")
    (n, c), k = logits.shape, len(temperatures)
    p = table(p, (k, n, c), "The probabilities", on)
    entropies = table(entropies, (k,), "The entropies", on)
    want_p, want_entropies = targets_of(logits, temperatures)
    close(p.sum(axis=2), np.ones((k, n)), abs=1e-6 * c, what="the sums over the classes", on=on)
    # An exponent of size 30 carries 30 * 6e-8 of rounding, and more logits than that are rounded once more by the division.
    close(p, want_p, rel=rel, abs=1e-7, what="the softened probabilities", on=on)
    close(entropies, want_entropies, abs=2e-5, what="the mean entropies", on=on)


def are_losses(student, cases):
    """cases: (student's logits, teacher's, labels, temperature, alpha_soft, the input in words). All are asked before one is judged."""
    answers = [student.gradient("kd_loss", *case[:5]) for case in cases]
    for answer, (z, v, labels, t, alpha, on) in zip(answers, cases):
        what = "The result of kd_loss"
        got = real_number(answer.value, what, on)
        that(torch.is_tensor(answer.value), f"{what} should be a tensor, so that .backward() works; it is {kind_of(answer.value)}.")
        # Terms p * ln of size up to 10, each rounded to 6e-8, times T squared.
        rounded = 2e-6 * max(1, t**2)
        close(got, loss_of(z, v, labels, t, alpha), abs=rounded, rel=1e-5, what="the loss", on=on)
        differentiable(answer, what=what)
        close(answer.grads[0], slopes_of(z, v, labels, t, alpha), abs=rounded, what="the gradient at the student's logits", on=on)


def is_translation(got, alpha, temperature, on):
    """`got`, a pair, makes the two sides of the equation equal term by term."""
    weight, factor = (real_number(each, "What without_square returns", on) for each in parts(got, 2, "without_square"))
    close(factor * weight, alpha * temperature**2, rel=1e-6, abs=1e-9, what="factor * alpha, which must be alpha_soft * T²", on=on)
    close(
        factor * (1 - weight),
        1 - alpha,
        rel=1e-6,
        abs=1e-7 * (1 + alpha * temperature**2),
        what="factor * (1 - alpha), which must be 1 - alpha_soft",
        on=on,
    )


def statistics(got, accuracies, on):
    means, spreads = parts(got, 2, "mean_and_spread")
    rows = len(accuracies)
    means, spreads = table(means, (rows,), "The means", on), table(spreads, (rows,), "The spreads", on)
    want = np.asarray(accuracies, np.float64)
    deviations = want - want.mean(axis=1, keepdims=True)
    close(means, want.mean(axis=1), rel=1e-9, what="the means", on=on)
    close(spreads, np.sqrt((deviations**2).sum(axis=1) / (want.shape[1] - 1)), rel=1e-9, abs=1e-9, what="the spreads", on=on)


def judged(taught, alone, one_image):
    """The definition once more: (difference, margin, verdict)."""
    differences = [a - b for a, b in zip(taught, alone)]
    n = len(differences)
    mean = sum(differences) / n
    spread = max((sum((d - mean) ** 2 for d in differences) / (n - 1)) ** 0.5, one_image)
    margin = T95[n] * spread / n**0.5
    return mean, margin, "not shown" if abs(mean) <= margin else "better" if mean > 0 else "worse"


def is_verdict(got, taught, alone, one_image, on):
    difference, margin, verdict = parts(got, 3, "judge")
    want = judged(taught, alone, one_image)
    difference, margin = (
        real_number(value, f"The {name} that judge returns", on) for name, value in (("difference", difference), ("margin", margin))
    )
    that(isinstance(verdict, str), f'The verdict should be "better", "worse" or "not shown"; it is {show(verdict)}.')
    close(difference, want[0], abs=1e-9, what="the difference", on=on)
    close(margin, want[1], rel=1e-9, what="the margin", on=on)
    equal(verdict, want[2], what="the verdict", on=on)


def ask_judge(student, taught, alone, one_image):
    return student.judge(np.array(taught, np.float64), np.array(alone, np.float64), one_image)


# sweep.1


@exercise("sweep.1-predict")
def test_predict_the_balance_without_the_square(student, rng):
    chosen = letter(student.value("predict_1"), "predict_1")
    that(chosen == "c", f"({chosen}) is not it. Compare the two ratios, soft weight to hard weight.")


# sweep.2


@exercise("sweep.2-targets")
def test_targets_of_the_worked_example(student, rng):
    logits = torch.tensor([[2.0, 0.0], [0.0, 0.0], [-1.0, 3.0]])
    temperatures = torch.tensor([1.0, 2.0])
    are_targets(student.soft_targets(logits, temperatures), logits, temperatures, "logits [[2, 0], [0, 0], [-1, 3]], temperatures [1, 2]")


@exercise("sweep.2-targets")
def test_as_many_temperatures_as_images_and_classes(student, rng):
    logits, temperatures = torch.tensor([[3.0, 0.0, 1.0], [0.0, 2.0, -1.0], [-3.0, 0.0, 6.0]]), torch.tensor([0.5, 2.0, 8.0])
    are_targets(
        student.soft_targets(logits, temperatures), logits, temperatures, "three images, three classes and temperatures [0.5, 2, 8]"
    )


@exercise("sweep.2-targets")
def test_targets_of_a_very_sure_teacher(student, rng):
    logits, temperatures = torch.tensor([[10_000.0, -10_000.0], [0.0, 0.0]]), torch.tensor([1.0, 16.0])
    are_targets(student.soft_targets(logits, temperatures), logits, temperatures, "logits [[10000, -10000], [0, 0]], temperatures [1, 16]")


# sweep.3

STUDENT = torch.tensor([[1.0, 2.0, 0.5], [0.0, -1.0, 3.0]])
TEACHER = torch.tensor([[3.0, 0.0, 1.0], [-2.0, 0.5, 2.0]])
LABELS = torch.tensor([0, 1])


@exercise("sweep.3-loss")
def test_loss_of_two_images(student, rng):
    words = "student [[1, 2, 0.5], [0, -1, 3]], teacher [[3, 0, 1], [-2, 0.5, 2]], labels [0, 1]"
    cases = [(2.0, 0.25), (4.0, 0.7), (3.0, 0.0), (3.0, 1.0)]
    are_losses(student, [(STUDENT, TEACHER, LABELS, t, alpha, f"{words}, T = {t:g}, alpha_soft = {alpha:g}") for t, alpha in cases])


@exercise("sweep.3-loss")
def test_translation_of_the_worked_example(student, rng):
    cases = [(0.5, 3.0), (0.7, 1.0), (0.25, 2.0)]
    answers = [student.without_square(alpha, t) for alpha, t in cases]
    for got, (alpha, t) in zip(answers, cases):
        is_translation(got, alpha, t, f"alpha_soft = {alpha:g}, T = {t:g}")


# sweep.4


@exercise("sweep.4-spread")
def test_spread_of_the_worked_example(student, rng):
    accuracies = np.array([[94.0, 95.0, 99.0], [90.0, 96.0, 99.0]])
    statistics(student.mean_and_spread(accuracies), accuracies, "rows [94, 95, 99] and [90, 96, 99]")
    accuracies = np.array([[90.0, 92.0, 94.0, 96.0], [95.0, 95.0, 96.0, 98.0]])
    statistics(student.mean_and_spread(accuracies), accuracies, "rows of four seeds, [90, 92, 94, 96] and [95, 95, 96, 98]")


# sweep.5


@exercise("sweep.5-judge")
def test_verdicts_on_three_seeds(student, rng):
    cases = [
        ((95, 96, 97), (93, 93, 96), 0.5),  # the worked example: three positive differences, not shown
        ((95, 96, 97), (90, 92, 92), 0.5),  # differences 5, 4, 5
        ((90, 92, 92), (95, 96, 97), 0.5),
        ((95, 96, 97), (94, 95, 96), 0.5),  # differences 1, 1, 1: no spread at all
        ((99, 90, 94), (97, 88, 91.5), 0.25),  # seeds that scatter widely, and in step
        ((90, 91, 95), (94, 93, 95.5), 0.5),
    ]
    answers = [ask_judge(student, *case) for case in cases]  # all are asked before one is judged
    for got, (taught, alone, one_image) in zip(answers, cases):
        is_verdict(got, taught, alone, one_image, f"taught {list(taught)}, alone {list(alone)}, one image {one_image} points")


@exercise("sweep.5-judge")
def test_verdicts_on_other_numbers_of_seeds(student, rng):
    cases = [((95, 96), (94, 94), 0.5), ((95, 96, 97, 98), (93, 93, 96, 95), 0.5), ((95, 96, 97, 98, 94), (93, 93, 96, 95, 92), 0.5)]
    answers = [ask_judge(student, *case) for case in cases]
    for got, (taught, alone, one_image) in zip(answers, cases):
        is_verdict(got, taught, alone, one_image, f"taught {list(taught)}, alone {list(alone)}, one image {one_image} points")


# sweep.6


def file_table(artefacts):
    """The rows of all files, in their order, each with the numbers that can be measured again."""
    found = measured.rows(artefacts.results(), FILES)
    for each in found:
        for cell in ("accuracy_percent", *SIZES):
            measured.number(each, cell)
    return found


def summary(artefacts):
    """The table of the sweep: one row without a teacher and one for each temperature, with "mean" and "spread"."""
    rows = artefacts.results().get("sweep")
    wanted = (None, *TEMPERATURES)
    fits = (
        isinstance(rows, list)
        and all(isinstance(each, dict) for each in rows)
        and [each.get("temperature", 0) for each in rows] == list(wanted)
    )
    that(fits, 'The results should have "sweep", one row for each temperature: null (no teacher), 1, 2, 4, 8, 16, in this order.')
    for each in rows:
        for cell in ("mean", "spread"):
            measured.number({"file": f"temperature {each['temperature']}"} | each, cell)
    return rows


@exercise("sweep.6-files")
def test_the_files_are_those_of_the_table(artefacts):
    measured.data_of(artefacts.results())
    for name in FILES:
        artefacts.model(name)
    measured.different_files(artefacts, FILES)
    measured.same_table(artefacts, file_table(artefacts), cells=SIZES)
    summary(artefacts)
