"""The bank of the temperature lab: answers that students really give, and right answers written differently.

Each function stands by itself: it uses `np`, `torch`, `F` and its own body. A wrong answer's sentence is what a
student reads when theirs behaves the same, so it says what goes wrong and why, not what to type.
"""

import numpy as np
import torch
import torch.nn.functional as F

from autograder.checks import right, right_value, wrong, wrong_value

# sweep.1-predict

wrong_value(
    "sweep.1-predict",
    "thinks that the missing factor changes the size of the loss only; it stands in front of one of the two terms",
    predict_1="a",
)
wrong_value("sweep.1-predict", "divides by T in place of T squared", predict_1="b")
wrong_value("sweep.1-predict", "divides the soft weight and forgets to bring the two weights back to a sum of 1", predict_1="d")
wrong_value("sweep.1-predict", "gives the number instead of the letter of the choice", predict_1=0.1)
right_value("sweep.1-predict", "a capital letter", predict_1="C")
right_value("sweep.1-predict", "with brackets and a space", predict_1="(c) ")

# sweep.2-targets


@wrong("sweep.2-targets", "multiplies by the temperature; a higher one must make the answers softer, so the logits are divided")
def soft_targets(teacher_logits, temperatures):
    log_p = torch.log_softmax(teacher_logits[None] * temperatures[:, None, None], dim=2)
    return log_p.exp(), -(log_p.exp() * log_p).sum(dim=2).mean(dim=1)


@wrong("sweep.2-targets", "takes the softmax over the images; it is the classes of one image that must add up to one")
def soft_targets(teacher_logits, temperatures):
    log_p = torch.log_softmax(teacher_logits[None] / temperatures[:, None, None], dim=1)
    return log_p.exp(), -(log_p.exp() * log_p).sum(dim=2).mean(dim=1)


@wrong("sweep.2-targets", "divides finished probabilities by the temperature; they then add up to 1/T")
def soft_targets(teacher_logits, temperatures):
    p = torch.softmax(teacher_logits, dim=1)[None] / temperatures[:, None, None]
    return p, -(p * p.log()).sum(dim=2).mean(dim=1)


@wrong(
    "sweep.2-targets",
    "lines the temperatures up with the classes or the images, not with an axis of their own; it fits only where the numbers happen to agree",
)
def soft_targets(teacher_logits, temperatures):
    log_p = torch.log_softmax((teacher_logits / temperatures)[None].expand(len(temperatures), -1, -1), dim=2)
    return log_p.exp(), -(log_p.exp() * log_p).sum(dim=2).mean(dim=1)


@wrong("sweep.2-targets", "takes the entropy of the mean answer; a teacher that is certain of every image would then seem to say nothing")
def soft_targets(teacher_logits, temperatures):
    p = torch.softmax(teacher_logits[None] / temperatures[:, None, None], dim=2)
    mean = p.mean(dim=1)
    return p, -torch.special.xlogy(mean, mean).sum(dim=1)


@wrong("sweep.2-targets", "averages over the classes as well; the entropy of an image is a sum over its classes")
def soft_targets(teacher_logits, temperatures):
    log_p = torch.log_softmax(teacher_logits[None] / temperatures[:, None, None], dim=2)
    return log_p.exp(), -(log_p.exp() * log_p).mean(dim=(1, 2))


@wrong("sweep.2-targets", "adds the entropies of all images up; the mean over the images is asked for")
def soft_targets(teacher_logits, temperatures):
    log_p = torch.log_softmax(teacher_logits[None] / temperatures[:, None, None], dim=2)
    return log_p.exp(), -(log_p.exp() * log_p).sum(dim=(1, 2))


@wrong("sweep.2-targets", "measures in bits, with the logarithm to the base 2; nats are asked for")
def soft_targets(teacher_logits, temperatures):
    log_p = torch.log_softmax(teacher_logits[None] / temperatures[:, None, None], dim=2)
    return log_p.exp(), -(log_p.exp() * log_p).sum(dim=2).mean(dim=1) / np.log(2)


@wrong("sweep.2-targets", "forgets the minus sign: an entropy is never below 0")
def soft_targets(teacher_logits, temperatures):
    log_p = torch.log_softmax(teacher_logits[None] / temperatures[:, None, None], dim=2)
    return log_p.exp(), (log_p.exp() * log_p).sum(dim=2).mean(dim=1)


@wrong("sweep.2-targets", "takes the logarithm of probabilities that may have underflowed to 0: 0 times minus infinity is NaN")
def soft_targets(teacher_logits, temperatures):
    p = torch.softmax(teacher_logits[None] / temperatures[:, None, None], dim=2)
    return p, -(p * p.log()).sum(dim=2).mean(dim=1)


@wrong("sweep.2-targets", "gives the entropy of each image; one number for each temperature is asked for")
def soft_targets(teacher_logits, temperatures):
    log_p = torch.log_softmax(teacher_logits[None] / temperatures[:, None, None], dim=2)
    return log_p.exp(), -(log_p.exp() * log_p).sum(dim=2)


@right("sweep.2-targets", "a loop over the temperatures, entropies from torch.special.entr")
def soft_targets(teacher_logits, temperatures):
    p = torch.stack([torch.softmax(teacher_logits / t, dim=1) for t in temperatures])
    return p, torch.stack([torch.special.entr(each).sum(dim=1).mean() for each in p])


@right("sweep.2-targets", "NumPy in float64, the largest logit subtracted by hand")
def soft_targets(teacher_logits, temperatures):
    z = teacher_logits.double().numpy()[None] / temperatures.double().numpy().reshape(-1, 1, 1)
    z = z - z.max(axis=-1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
    p = np.exp(log_p)
    return [p, -np.einsum("knc,knc->k", p, log_p) / p.shape[1]]


# sweep.3-loss


@wrong("sweep.3-loss", "forgets the square of the temperature: at a high one the teacher is hardly heard")
def kd_loss(student_logits, teacher_logits, labels, temperature, alpha_soft):
    log_q, log_p = F.log_softmax(student_logits / temperature, 1), F.log_softmax(teacher_logits / temperature, 1)
    kl = (log_p.exp() * (log_p - log_q)).sum(1).mean()
    return alpha_soft * kl + (1 - alpha_soft) * F.cross_entropy(student_logits, labels)


@wrong("sweep.3-loss", "multiplies by T in place of T squared: one factor comes from the chain rule and one from the flatter answers")
def kd_loss(student_logits, teacher_logits, labels, temperature, alpha_soft):
    log_q, log_p = F.log_softmax(student_logits / temperature, 1), F.log_softmax(teacher_logits / temperature, 1)
    kl = (log_p.exp() * (log_p - log_q)).sum(1).mean()
    return alpha_soft * temperature * kl + (1 - alpha_soft) * F.cross_entropy(student_logits, labels)


@wrong("sweep.3-loss", "multiplies both terms by T squared; then the labels get louder with the temperature, too")
def kd_loss(student_logits, teacher_logits, labels, temperature, alpha_soft):
    log_q, log_p = F.log_softmax(student_logits / temperature, 1), F.log_softmax(teacher_logits / temperature, 1)
    kl = (log_p.exp() * (log_p - log_q)).sum(1).mean()
    return temperature**2 * (alpha_soft * kl + (1 - alpha_soft) * F.cross_entropy(student_logits, labels))


@wrong("sweep.3-loss", "puts alpha on the labels' term; here it is the weight of the soft loss")
def kd_loss(student_logits, teacher_logits, labels, temperature, alpha_soft):
    log_q, log_p = F.log_softmax(student_logits / temperature, 1), F.log_softmax(teacher_logits / temperature, 1)
    kl = (log_p.exp() * (log_p - log_q)).sum(1).mean()
    return (1 - alpha_soft) * temperature**2 * kl + alpha_soft * F.cross_entropy(student_logits, labels)


@wrong("sweep.3-loss", "reverses the divergence: the teacher's probabilities must be the weights")
def kd_loss(student_logits, teacher_logits, labels, temperature, alpha_soft):
    log_q, log_p = F.log_softmax(student_logits / temperature, 1), F.log_softmax(teacher_logits / temperature, 1)
    kl = (log_q.exp() * (log_q - log_p)).sum(1).mean()
    return alpha_soft * temperature**2 * kl + (1 - alpha_soft) * F.cross_entropy(student_logits, labels)


@wrong("sweep.3-loss", "averages over the classes as well as over the images: the soft loss is too small by the number of classes")
def kd_loss(student_logits, teacher_logits, labels, temperature, alpha_soft):
    log_q, log_p = F.log_softmax(student_logits / temperature, 1), F.log_softmax(teacher_logits / temperature, 1)
    kl = (log_p.exp() * (log_p - log_q)).mean()
    return alpha_soft * temperature**2 * kl + (1 - alpha_soft) * F.cross_entropy(student_logits, labels)


@wrong("sweep.3-loss", "adds over the images in place of averaging them: the soft loss grows with the batch")
def kd_loss(student_logits, teacher_logits, labels, temperature, alpha_soft):
    log_q, log_p = F.log_softmax(student_logits / temperature, 1), F.log_softmax(teacher_logits / temperature, 1)
    kl = (log_p.exp() * (log_p - log_q)).sum()
    return alpha_soft * temperature**2 * kl + (1 - alpha_soft) * F.cross_entropy(student_logits, labels)


@wrong("sweep.3-loss", "softens the teacher only; student and teacher are compared at the same temperature")
def kd_loss(student_logits, teacher_logits, labels, temperature, alpha_soft):
    log_q, log_p = F.log_softmax(student_logits, 1), F.log_softmax(teacher_logits / temperature, 1)
    kl = (log_p.exp() * (log_p - log_q)).sum(1).mean()
    return alpha_soft * temperature**2 * kl + (1 - alpha_soft) * F.cross_entropy(student_logits, labels)


@wrong("sweep.3-loss", "softens the hard loss, too; the student is used at temperature 1")
def kd_loss(student_logits, teacher_logits, labels, temperature, alpha_soft):
    log_q, log_p = F.log_softmax(student_logits / temperature, 1), F.log_softmax(teacher_logits / temperature, 1)
    kl = (log_p.exp() * (log_p - log_q)).sum(1).mean()
    return alpha_soft * temperature**2 * kl + (1 - alpha_soft) * F.cross_entropy(student_logits / temperature, labels)


@wrong("sweep.3-loss", "gives the labels their full weight, whatever alpha is")
def kd_loss(student_logits, teacher_logits, labels, temperature, alpha_soft):
    log_q, log_p = F.log_softmax(student_logits / temperature, 1), F.log_softmax(teacher_logits / temperature, 1)
    kl = (log_p.exp() * (log_p - log_q)).sum(1).mean()
    return alpha_soft * temperature**2 * kl + F.cross_entropy(student_logits, labels)


@wrong("sweep.3-loss", "takes cross-entropy with the teacher in place of the divergence: the teacher's own entropy is still in it")
def kd_loss(student_logits, teacher_logits, labels, temperature, alpha_soft):
    log_q, log_p = F.log_softmax(student_logits / temperature, 1), F.log_softmax(teacher_logits / temperature, 1)
    soft = -(log_p.exp() * log_q).sum(1).mean()
    return alpha_soft * temperature**2 * soft + (1 - alpha_soft) * F.cross_entropy(student_logits, labels)


@wrong("sweep.3-loss", "translates the other way round, from a loss without the square to one with it")
def without_square(alpha_soft, temperature):
    soft, hard = alpha_soft / temperature**2, 1 - alpha_soft
    return soft / (soft + hard), soft + hard


@wrong("sweep.3-loss", "multiplies with T, not with its square")
def without_square(alpha_soft, temperature):
    factor = alpha_soft * temperature + 1 - alpha_soft
    return alpha_soft * temperature / factor, factor


@wrong("sweep.3-loss", "leaves alpha as it is and takes T squared for the factor; that would make the labels louder, too")
def without_square(alpha_soft, temperature):
    return alpha_soft, temperature**2


@wrong("sweep.3-loss", "does not bring the two weights to a sum of 1: alpha is then above 1")
def without_square(alpha_soft, temperature):
    return alpha_soft * temperature**2, 1.0


@wrong("sweep.3-loss", "returns the weight of the labels; alpha belongs to the soft loss")
def without_square(alpha_soft, temperature):
    factor = alpha_soft * temperature**2 + 1 - alpha_soft
    return (1 - alpha_soft) / factor, factor


@wrong("sweep.3-loss", "returns the factor first; alpha comes first")
def without_square(alpha_soft, temperature):
    factor = alpha_soft * temperature**2 + 1 - alpha_soft
    return factor, alpha_soft * temperature**2 / factor


@right("sweep.3-loss", "PyTorch's kl_div with targets as logarithms")
def kd_loss(student_logits, teacher_logits, labels, temperature, alpha_soft):
    log_q, log_p = F.log_softmax(student_logits / temperature, 1), F.log_softmax(teacher_logits / temperature, 1)
    soft = F.kl_div(log_q, log_p, reduction="batchmean", log_target=True) * temperature * temperature
    return torch.lerp(F.cross_entropy(student_logits, labels), soft, alpha_soft)


@right("sweep.3-loss", "float64, cross-entropy minus entropy, the hard loss by picking")
def kd_loss(student_logits, teacher_logits, labels, temperature, alpha_soft):
    z, v = student_logits.double(), teacher_logits.double()
    p = torch.softmax(v / temperature, dim=-1)
    soft = F.cross_entropy(z / temperature, p) - torch.special.entr(p).sum(-1).mean()
    hard = -F.log_softmax(z, -1).gather(1, labels[:, None]).mean()
    return soft * alpha_soft * temperature**2 + hard - alpha_soft * hard


@right("sweep.3-loss", "from the odds, as NumPy numbers")
def without_square(alpha_soft, temperature):
    factor = np.float64(1 + alpha_soft * (temperature**2 - 1))
    return 1 - (1 - alpha_soft) / factor, factor


@right("sweep.3-loss", "a list of two tensors")
def without_square(alpha_soft, temperature):
    weights = torch.tensor([alpha_soft * temperature**2, 1 - alpha_soft], dtype=torch.float64)
    return [weights[0] / weights.sum(), weights.sum()]


# sweep.4-spread


@wrong("sweep.4-spread", "divides by the number of seeds, NumPy's default; the sample standard deviation divides by one less")
def mean_and_spread(accuracies):
    return accuracies.mean(axis=1), accuracies.std(axis=1)


@wrong("sweep.4-spread", "gives the variance; the standard deviation is its square root")
def mean_and_spread(accuracies):
    return accuracies.mean(axis=1), accuracies.var(axis=1, ddof=1)


@wrong("sweep.4-spread", "spreads over the settings, column by column; a row holds the seeds of one setting")
def mean_and_spread(accuracies):
    return accuracies.mean(axis=1), accuracies.std(axis=0, ddof=1)


@wrong("sweep.4-spread", "divides by the number of seeds plus one: the delta is subtracted, so a negative one adds")
def mean_and_spread(accuracies):
    return accuracies.mean(axis=1), accuracies.std(axis=1, ddof=-1)


@wrong("sweep.4-spread", "gives the standard error of the mean; the spread of single runs is asked for")
def mean_and_spread(accuracies):
    return accuracies.mean(axis=1), accuracies.std(axis=1, ddof=1) / np.sqrt(accuracies.shape[1])


@wrong("sweep.4-spread", "gives the distance from the smallest to the largest seed")
def mean_and_spread(accuracies):
    return accuracies.mean(axis=1), accuracies.max(axis=1) - accuracies.min(axis=1)


@wrong("sweep.4-spread", "makes up for three seeds, however many there are: it is the number of seeds less one that divides")
def mean_and_spread(accuracies):
    return accuracies.mean(axis=1), accuracies.std(axis=1) * 1.5**0.5


@right("sweep.4-spread", "the sum of squares by hand")
def mean_and_spread(accuracies):
    means = accuracies.mean(axis=1)
    squares = ((accuracies - means[:, None]) ** 2).sum(axis=1)
    return means, np.sqrt(squares / (accuracies.shape[1] - 1))


@right("sweep.4-spread", "torch's std, which is the sample's by default")
def mean_and_spread(accuracies):
    rows = torch.from_numpy(accuracies)
    return [rows.mean(dim=1), rows.std(dim=1)]


@right("sweep.4-spread", "Python's statistics, row by row")
def mean_and_spread(accuracies):
    import statistics

    rows = accuracies.tolist()
    return np.array([statistics.fmean(row) for row in rows]), np.array([statistics.stdev(row) for row in rows])


# sweep.5-judge


@wrong("sweep.5-judge", "calls every positive difference better; with three seeds chance alone gives that half of the time")
def judge(taught, alone, one_image):
    d = taught - alone
    margin = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78}[len(d)] * max(d.std(ddof=1), one_image) / np.sqrt(len(d))
    return d.mean(), margin, "better" if d.mean() > 0 else "worse" if d.mean() < 0 else "not shown"


@wrong("sweep.5-judge", "takes the difference the wrong way round: it is the teacher's runs minus the others")
def judge(taught, alone, one_image):
    d = alone - taught
    margin = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78}[len(d)] * max(d.std(ddof=1), one_image) / np.sqrt(len(d))
    return d.mean(), margin, "not shown" if abs(d.mean()) <= margin else "better" if d.mean() > 0 else "worse"


@wrong(
    "sweep.5-judge",
    "takes the spread of the taught runs; what scatters in both groups alike cancels in the paired differences, and it is their spread that counts",
)
def judge(taught, alone, one_image):
    d = taught - alone
    margin = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78}[len(d)] * max(taught.std(ddof=1), one_image) / np.sqrt(len(d))
    return d.mean(), margin, "not shown" if abs(d.mean()) <= margin else "better" if d.mean() > 0 else "worse"


@wrong(
    "sweep.5-judge", "adds the spreads of the two groups as if they were independent; the runs are paired, and the shared scatter cancels"
)
def judge(taught, alone, one_image):
    d = taught - alone
    spread = max(np.sqrt(taught.var(ddof=1) + alone.var(ddof=1)), one_image)
    margin = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78}[len(d)] * spread / np.sqrt(len(d))
    return d.mean(), margin, "not shown" if abs(d.mean()) <= margin else "better" if d.mean() > 0 else "worse"


@wrong("sweep.5-judge", "divides the squares by the number of seeds, NumPy's default, so the margin is too small")
def judge(taught, alone, one_image):
    d = taught - alone
    margin = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78}[len(d)] * max(d.std(), one_image) / np.sqrt(len(d))
    return d.mean(), margin, "not shown" if abs(d.mean()) <= margin else "better" if d.mean() > 0 else "worse"


@wrong("sweep.5-judge", "believes a spread of 0: accuracies go in steps of an image, so at least one image is taken")
def judge(taught, alone, one_image):
    d = taught - alone
    margin = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78}[len(d)] * d.std(ddof=1) / np.sqrt(len(d))
    return d.mean(), margin, "not shown" if abs(d.mean()) <= margin else "better" if d.mean() > 0 else "worse"


@wrong("sweep.5-judge", "adds one image to the spread; it is the least that is believed, so the larger of the two counts")
def judge(taught, alone, one_image):
    d = taught - alone
    margin = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78}[len(d)] * (d.std(ddof=1) + one_image) / np.sqrt(len(d))
    return d.mean(), margin, "not shown" if abs(d.mean()) <= margin else "better" if d.mean() > 0 else "worse"


@wrong("sweep.5-judge", "leaves t out: one standard error is not a margin of 95 %, least of all with three seeds")
def judge(taught, alone, one_image):
    d = taught - alone
    margin = max(d.std(ddof=1), one_image) / np.sqrt(len(d))
    return d.mean(), margin, "not shown" if abs(d.mean()) <= margin else "better" if d.mean() > 0 else "worse"


@wrong("sweep.5-judge", "does not divide by the root of the number of seeds: that is the margin for a single run, not for the mean")
def judge(taught, alone, one_image):
    d = taught - alone
    margin = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78}[len(d)] * max(d.std(ddof=1), one_image)
    return d.mean(), margin, "not shown" if abs(d.mean()) <= margin else "better" if d.mean() > 0 else "worse"


@wrong("sweep.5-judge", "divides by the number of seeds; the standard error divides by its root")
def judge(taught, alone, one_image):
    d = taught - alone
    margin = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78}[len(d)] * max(d.std(ddof=1), one_image) / len(d)
    return d.mean(), margin, "not shown" if abs(d.mean()) <= margin else "better" if d.mean() > 0 else "worse"


@wrong("sweep.5-judge", "compares the best seeds of the two groups; the mean over all pairs counts")
def judge(taught, alone, one_image):
    d, difference = taught - alone, taught.max() - alone.max()
    margin = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78}[len(d)] * max(d.std(ddof=1), one_image) / np.sqrt(len(d))
    return difference, margin, "not shown" if abs(difference) <= margin else "better" if difference > 0 else "worse"


@wrong("sweep.5-judge", "looks at one side only: a large loss is not shown to be a gain, but it is shown")
def judge(taught, alone, one_image):
    d = taught - alone
    margin = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78}[len(d)] * max(d.std(ddof=1), one_image) / np.sqrt(len(d))
    return d.mean(), margin, "not shown" if d.mean() <= margin else "better"


@wrong("sweep.5-judge", "takes the t of three seeds, however many there are")
def judge(taught, alone, one_image):
    d = taught - alone
    difference, margin = d.mean(), 4.30 * max(d.std(ddof=1), one_image) / len(d) ** 0.5
    return difference, margin, "not shown" if abs(difference) <= margin else "better" if difference > 0 else "worse"


@right("sweep.5-judge", "Python's statistics, a list")
def judge(taught, alone, one_image):
    import math
    import statistics

    d = [float(a - b) for a, b in zip(taught, alone)]
    mean = statistics.fmean(d)
    margin = (None, None, 12.71, 4.30, 3.18, 2.78)[len(d)] * max(one_image, statistics.stdev(d)) / math.sqrt(len(d))
    return [mean, margin, "better" if mean > margin else "worse" if mean < -margin else "not shown"]


@right("sweep.5-judge", "the interval's two ends against 0; difference of the means")
def judge(taught, alone, one_image):
    centre = taught.mean() - alone.mean()
    error = np.maximum(np.std(np.subtract(taught, alone), ddof=1), one_image) * len(taught) ** -0.5
    half = error * {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78}[taught.size]
    low, high = centre - half, centre + half
    return float(centre), float(half), ("better" if low > 0 else "worse" if high < 0 else "not shown")
