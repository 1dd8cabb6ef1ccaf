"""The bank of lesson 04: answers that students really give, and right answers written differently.

Each function stands by itself: it uses `np`, `torch` and its own body. A wrong answer's sentence is what a
student reads when theirs behaves the same, so it says what goes wrong and why, not what to type.
"""

import numpy as np
import torch

from autograder.checks import right, right_value, wrong, wrong_value

# 4.1-predict

wrong_value("4.1-predict", "multiplies by the temperature instead of dividing", predict_4_1="a")
wrong_value("4.1-predict", "takes a constant added to all logits for a softening", predict_4_1="c")
wrong_value("4.1-predict", "divides by two, not by four", predict_4_1="d")
right_value("4.1-predict", "a capital letter", predict_4_1="B")
right_value("4.1-predict", "with brackets and a space", predict_4_1="(b) ")

# 4.2-soften


@wrong("4.2-soften", "divides the finished probabilities by T, so the rows add up to 1/T: divide the logits, before the softmax")
def soften(logits, temperature):
    return torch.softmax(logits, dim=1) / temperature


@wrong(
    "4.2-soften", "takes the exponential of the logits as they are; above 88 that overflows in float32, and infinity over infinity is NaN"
)
def soften(logits, temperature):
    e = torch.exp(logits / temperature)
    return e / e.sum(dim=1, keepdim=True)


@wrong("4.2-soften", "subtracts the largest logit of the whole batch; in the rows far below it every exponential becomes 0, and 0/0 is NaN")
def soften(logits, temperature):
    e = torch.exp((logits - logits.max()) / temperature)
    return e / e.sum(dim=1, keepdim=True)


@wrong("4.2-soften", "sums over the images instead of over the classes: columns add up to one, rows do not")
def soften(logits, temperature):
    return torch.softmax(logits / temperature, dim=0)


@wrong("4.2-soften", "divides by the sum over the whole batch, so only all rows together add up to one")
def soften(logits, temperature):
    z = logits / temperature
    e = torch.exp(z - z.max(dim=1, keepdim=True).values)
    return e / e.sum()


@wrong("4.2-soften", "multiplies by the temperature; that makes the answer harder, not softer")
def soften(logits, temperature):
    return torch.softmax(logits * temperature, dim=1)


@wrong(
    "4.2-soften",
    "gives the plain softmax: the temperature is left out, or divides the finished probabilities and cancels when they are normalised again",
)
def soften(logits, temperature):
    return torch.softmax(logits, dim=1)


@wrong("4.2-soften", "takes a temperature below 1 for 1: below 1 the answer becomes harder than the plain softmax")
def soften(logits, temperature):
    return torch.softmax(logits / max(temperature, 1.0), dim=1)


@wrong("4.2-soften", "limits the logits so that nothing overflows: those beyond the limit then count as equal")
def soften(logits, temperature):
    return torch.softmax((logits / temperature).clamp(-50, 50), dim=1)


@wrong("4.2-soften", "limits the logits so that nothing overflows: those beyond the limit then count as equal")
def soften(logits, temperature):
    e = torch.exp((logits / temperature).clamp(-30, 30))
    return e / e.sum(dim=1, keepdim=True)


@wrong("4.2-soften", "raises the probabilities to the power 1/T, which is right so far, and forgets to make the rows add up to one again")
def soften(logits, temperature):
    return torch.softmax(logits, dim=1) ** (1 / temperature)


# What changes its arguments replies as a right answer does: the check itself says so, in these words.
@wrong("4.2-soften", "changes the logits that it was given, in place")
def soften(logits, temperature):
    logits /= temperature
    return torch.softmax(logits, dim=1)


@wrong("4.2-soften", "computes 0 times the logarithm of 0, which is NaN for the computer: a class without probability adds nothing")
def entropy(probabilities):
    return -(probabilities * torch.log(probabilities)).sum(dim=1)


@wrong("4.2-soften", "measures in bits; nats are asked for, the natural logarithm")
def entropy(probabilities):
    return -torch.special.xlogy(probabilities, probabilities).sum(dim=1) / np.log(2)


@wrong("4.2-soften", "lacks the minus sign: logarithms of probabilities are negative, entropies are not")
def entropy(probabilities):
    return torch.special.xlogy(probabilities, probabilities).sum(dim=1)


@wrong("4.2-soften", "averages over the classes; the entropy is the sum over them")
def entropy(probabilities):
    return -torch.special.xlogy(probabilities, probabilities).mean(dim=1)


@wrong("4.2-soften", "sums the logarithms without their probabilities in front")
def entropy(probabilities):
    return -torch.log(probabilities.clamp(min=1e-12)).sum(dim=1)


@wrong("4.2-soften", "averages over the images; one number for each row is asked for")
def entropy(probabilities):
    return -torch.special.xlogy(probabilities, probabilities).sum(dim=1).mean()


@wrong("4.2-soften", "adds 1e-5 to the denominator; the rows then add up to less than 1")
def soften(logits, temperature):
    z = logits / temperature
    e = torch.exp(z - z.max(dim=1, keepdim=True).values)
    return e / (e.sum(dim=1, keepdim=True) + 1e-5)


@wrong("4.2-soften", "subtracts the largest logit as it was before the division by T: the exponentials can still overflow")
def soften(logits, temperature):
    e = torch.exp(logits / temperature - logits.max(dim=1, keepdim=True).values)
    return e / e.sum(dim=1, keepdim=True)


@wrong("4.2-soften", "divides by T squared")
def soften(logits, temperature):
    return torch.softmax(logits / temperature**2, dim=1)


@wrong("4.2-soften", "drops every axis of length one, so a single image loses its row")
def soften(logits, temperature):
    return torch.softmax(logits / temperature, dim=1).squeeze()


@wrong("4.2-soften", "has too large a constant inside the logarithm: it counts once for every class")
def entropy(probabilities):
    return -(probabilities * torch.log(probabilities + 1e-5)).sum(dim=1)


@wrong("4.2-soften", "has too large a constant inside the logarithm: it counts once for every class")
def entropy(probabilities):
    return -(probabilities * torch.log(probabilities + 1e-4)).sum(dim=1)


@wrong("4.2-soften", "adds a constant to the probabilities, which gives something to classes that have nothing")
def entropy(probabilities):
    p = probabilities + 1e-6
    return -(p * p.log()).sum(dim=1)


@wrong("4.2-soften", "divides by the logarithm of the number of classes, so the largest entropy is always 1")
def entropy(probabilities):
    return -torch.special.xlogy(probabilities, probabilities).sum(dim=1) / np.log(probabilities.shape[1])


@wrong("4.2-soften", "takes a very small temperature for a larger one, as a guard; any positive temperature is meant")
def soften(logits, temperature):
    return torch.softmax(logits / max(temperature, 0.1), dim=1)


@right("4.2-soften", "a logsumexp in float32")
def soften(logits, temperature):
    z = logits / temperature
    return torch.exp(z - torch.logsumexp(z, dim=1, keepdim=True))


@right("4.2-soften", "a tiny constant in the denominator")
def soften(logits, temperature):
    z = logits / temperature
    e = torch.exp(z - z.amax(dim=1, keepdim=True))
    return e / (e.sum(dim=1, keepdim=True) + 1e-8)


@right("4.2-soften", "the largest constant inside the logarithm that does no harm")
def entropy(probabilities):
    return -(probabilities * torch.log(probabilities + 1e-6)).sum(dim=1)


@right("4.2-soften", "the library's softmax")
def soften(logits, temperature):
    return torch.nn.functional.softmax(logits / temperature, dim=-1)


@right("4.2-soften", "exponential of a difference, in float64")
def soften(logits, temperature):
    z = logits.double() / temperature
    return torch.exp(z - torch.logsumexp(z, dim=1, keepdim=True))


@right("4.2-soften", "row by row, subtracting before dividing")
def soften(logits, temperature):
    rows = []
    for row in logits:
        e = ((row - row.max()) / temperature).exp()
        rows.append(e / sum(e))
    return torch.stack(rows)


@right("4.2-soften", "a small constant inside the logarithm")
def entropy(probabilities):
    return -(probabilities * (probabilities + 1e-12).log()).sum(-1)


@right("4.2-soften", "the library's entr, for each entry")
def entropy(probabilities):
    return torch.special.entr(probabilities).sum(dim=1)


@right("4.2-soften", "zeros left out by torch.where")
def entropy(probabilities):
    safe = torch.where(probabilities > 0, probabilities, torch.ones_like(probabilities))
    return (probabilities * -safe.log()).sum(1)


# 4.3-kl


@wrong("4.3-kl", "is KL(student || teacher), the reversed direction: the teacher's probabilities must be the weights")
def mean_kl(student_logits, teacher_logits, temperature):
    log_q = torch.log_softmax(student_logits / temperature, dim=1)
    log_p = torch.log_softmax(teacher_logits / temperature, dim=1)
    return (log_q.exp() * (log_q - log_p)).sum(dim=1).mean()


@wrong(
    "4.3-kl",
    "averages over the classes, too: the sum over classes, then the mean over images, else it is too small by the number of classes",
)
def mean_kl(student_logits, teacher_logits, temperature):
    log_q = torch.log_softmax(student_logits / temperature, dim=1)
    log_p = torch.log_softmax(teacher_logits / temperature, dim=1)
    return (log_p.exp() * (log_p - log_q)).mean()


@wrong("4.3-kl", "sums over the images: twice the batch gives twice the loss; take the mean")
def mean_kl(student_logits, teacher_logits, temperature):
    log_q = torch.log_softmax(student_logits / temperature, dim=1)
    log_p = torch.log_softmax(teacher_logits / temperature, dim=1)
    return (log_p.exp() * (log_p - log_q)).sum()


@wrong("4.3-kl", "is the cross-entropy; the teacher's own entropy is still in it, so it does not become 0 when student and teacher agree")
def mean_kl(student_logits, teacher_logits, temperature):
    log_q = torch.log_softmax(student_logits / temperature, dim=1)
    p = torch.softmax(teacher_logits / temperature, dim=1)
    return -(p * log_q).sum(dim=1).mean()


@wrong("4.3-kl", "softens the student only; both must have the same temperature, or they can never agree")
def mean_kl(student_logits, teacher_logits, temperature):
    log_q = torch.log_softmax(student_logits / temperature, dim=1)
    log_p = torch.log_softmax(teacher_logits, dim=1)
    return (log_p.exp() * (log_p - log_q)).sum(dim=1).mean()


@wrong("4.3-kl", "softens the teacher only; both must have the same temperature, or they can never agree")
def mean_kl(student_logits, teacher_logits, temperature):
    log_q = torch.log_softmax(student_logits, dim=1)
    log_p = torch.log_softmax(teacher_logits / temperature, dim=1)
    return (log_p.exp() * (log_p - log_q)).sum(dim=1).mean()


@wrong("4.3-kl", "takes no notice of the temperature")
def mean_kl(student_logits, teacher_logits, temperature):
    log_q = torch.log_softmax(student_logits, dim=1)
    log_p = torch.log_softmax(teacher_logits, dim=1)
    return (log_p.exp() * (log_p - log_q)).sum(dim=1).mean()


@wrong("4.3-kl", "has the wrong sign: ln q - ln p makes it negative, and training would drive the two apart")
def mean_kl(student_logits, teacher_logits, temperature):
    log_q = torch.log_softmax(student_logits / temperature, dim=1)
    log_p = torch.log_softmax(teacher_logits / temperature, dim=1)
    return (log_p.exp() * (log_q - log_p)).sum(dim=1).mean()


@wrong("4.3-kl", "leaves the weights out: each difference of logarithms must be weighted with the teacher's probability")
def mean_kl(student_logits, teacher_logits, temperature):
    log_q = torch.log_softmax(student_logits / temperature, dim=1)
    log_p = torch.log_softmax(teacher_logits / temperature, dim=1)
    return (log_p - log_q).sum(dim=1).mean()


@wrong("4.3-kl", "weights with logarithms; the weights are probabilities, so undo the logarithm first")
def mean_kl(student_logits, teacher_logits, temperature):
    log_q = torch.log_softmax(student_logits / temperature, dim=1)
    log_p = torch.log_softmax(teacher_logits / temperature, dim=1)
    return (log_p * (log_p - log_q)).sum(dim=1).mean()


@wrong("4.3-kl", "takes the logarithm of finished probabilities; one that has underflowed to 0 gives minus infinity, and the loss is NaN")
def mean_kl(student_logits, teacher_logits, temperature):
    q = torch.softmax(student_logits / temperature, dim=1)
    p = torch.softmax(teacher_logits / temperature, dim=1)
    return (p * (p.log() - q.log())).sum(dim=1).mean()


@wrong("4.3-kl", "softens over the images instead of over the classes")
def mean_kl(student_logits, teacher_logits, temperature):
    log_q = torch.log_softmax(student_logits / temperature, dim=0)
    log_p = torch.log_softmax(teacher_logits / temperature, dim=0)
    return (log_p.exp() * (log_p - log_q)).sum(dim=1).mean()


@wrong("4.3-kl", "has T squared in it already; that belongs to the soft loss, not to the divergence")
def mean_kl(student_logits, teacher_logits, temperature):
    log_q = torch.log_softmax(student_logits / temperature, dim=1)
    log_p = torch.log_softmax(teacher_logits / temperature, dim=1)
    return temperature**2 * (log_p.exp() * (log_p - log_q)).sum(dim=1).mean()


@wrong("4.3-kl", "adds a constant inside the logarithms; where the student's probability has underflowed, the constant decides")
def mean_kl(student_logits, teacher_logits, temperature):
    q, p = torch.softmax(student_logits / temperature, dim=1), torch.softmax(teacher_logits / temperature, dim=1)
    return (p * ((p + 1e-10).log() - (q + 1e-10).log())).sum(dim=1).mean()


@wrong("4.3-kl", "adds a constant inside the logarithms; where the student's probability has underflowed, the constant decides")
def mean_kl(student_logits, teacher_logits, temperature):
    q, p = torch.softmax(student_logits / temperature, dim=1), torch.softmax(teacher_logits / temperature, dim=1)
    return (p * ((p + 1e-8).log() - (q + 1e-8).log())).sum(dim=1).mean()


@wrong("4.3-kl", "adds a constant inside the logarithms; where the student's probability has underflowed, the constant decides")
def mean_kl(student_logits, teacher_logits, temperature):
    q, p = torch.softmax(student_logits / temperature, dim=1), torch.softmax(teacher_logits / temperature, dim=1)
    return (p * ((p + 1e-12).log() - (q + 1e-12).log())).sum(dim=1).mean()


@wrong(
    "4.3-kl",
    "leaves it to torch.distributions, which says infinity where the student's probability has underflowed to 0; the logarithm is finite",
)
def mean_kl(student_logits, teacher_logits, temperature):
    p = torch.distributions.Categorical(logits=teacher_logits / temperature)
    q = torch.distributions.Categorical(logits=student_logits / temperature)
    return torch.distributions.kl_divergence(p, q).mean()


@wrong("4.3-kl", "is the mean of both directions; only the teacher's probabilities are weights")
def mean_kl(student_logits, teacher_logits, temperature):
    log_q = torch.log_softmax(student_logits / temperature, dim=1)
    log_p = torch.log_softmax(teacher_logits / temperature, dim=1)
    return 0.5 * ((log_p.exp() - log_q.exp()) * (log_p - log_q)).sum(dim=1).mean()


@wrong("4.3-kl", "takes the absolute value of each difference; negative terms belong to the sum")
def mean_kl(student_logits, teacher_logits, temperature):
    log_q = torch.log_softmax(student_logits / temperature, dim=1)
    log_p = torch.log_softmax(teacher_logits / temperature, dim=1)
    return (log_p.exp() * (log_p - log_q).abs()).sum(dim=1).mean()


@wrong("4.3-kl", "measures in bits; nats are asked for, the natural logarithm")
def mean_kl(student_logits, teacher_logits, temperature):
    log_q = torch.log_softmax(student_logits / temperature, dim=1)
    log_p = torch.log_softmax(teacher_logits / temperature, dim=1)
    return (log_p.exp() * (log_p - log_q)).sum(dim=1).mean() / np.log(2)


@wrong("4.3-kl", "multiplies the logits by the temperature; that makes both harder, not softer")
def mean_kl(student_logits, teacher_logits, temperature):
    log_q = torch.log_softmax(student_logits * temperature, dim=1)
    log_p = torch.log_softmax(teacher_logits * temperature, dim=1)
    return (log_p.exp() * (log_p - log_q)).sum(dim=1).mean()


@wrong("4.3-kl", "returns a number for each image; their mean is asked for")
def mean_kl(student_logits, teacher_logits, temperature):
    log_q = torch.log_softmax(student_logits / temperature, dim=1)
    log_p = torch.log_softmax(teacher_logits / temperature, dim=1)
    return (log_p.exp() * (log_p - log_q)).sum(dim=1)


@wrong("4.3-kl", "takes a very small temperature for a larger one, as a guard; any positive temperature is meant")
def mean_kl(student_logits, teacher_logits, temperature):
    temperature = max(temperature, 0.1)
    log_q = torch.log_softmax(student_logits / temperature, dim=1)
    log_p = torch.log_softmax(teacher_logits / temperature, dim=1)
    return (log_p.exp() * (log_p - log_q)).sum(dim=1).mean()


@right("4.3-kl", "cross-entropy less entropy")
def mean_kl(student_logits, teacher_logits, temperature):
    v = teacher_logits / temperature
    p = torch.softmax(v, dim=1)
    return torch.nn.functional.cross_entropy(student_logits / temperature, p) - torch.nn.functional.cross_entropy(v, p)


@right("4.3-kl", "the library's kl_div with probabilities")
def mean_kl(student_logits, teacher_logits, temperature):
    log_q = torch.nn.functional.log_softmax(student_logits / temperature, dim=1)
    p = torch.nn.functional.softmax(teacher_logits / temperature, dim=1)
    return torch.nn.functional.kl_div(log_q, p, reduction="batchmean")


@right("4.3-kl", "the library's kl_div with logarithms on both sides, as a Python float")
def mean_kl(student_logits, teacher_logits, temperature):
    log_q = torch.nn.functional.log_softmax(student_logits / temperature, dim=-1)
    log_p = torch.nn.functional.log_softmax(teacher_logits / temperature, dim=-1)
    return torch.nn.functional.kl_div(log_q, log_p, reduction="sum", log_target=True).item() / len(log_p)


@right("4.3-kl", "image by image, in float64, with logsumexp")
def mean_kl(student_logits, teacher_logits, temperature):
    total = 0.0
    for z, v in zip(student_logits.double() / temperature, teacher_logits.double() / temperature):
        p = torch.softmax(v, dim=0)
        total += float((p * (v - z)).sum() - torch.logsumexp(v, 0) + torch.logsumexp(z, 0))
    return total / len(student_logits)


# 4.4-bug


@wrong("4.4-bug", 'still divides by the number of images and the number of classes: reduction="mean" averages over all entries')
def soft_loss(student_logits, teacher_logits, temperature):
    log_q = torch.log_softmax(student_logits / temperature, dim=1)
    p = torch.softmax(teacher_logits / temperature, dim=1)
    return temperature**2 * torch.nn.functional.kl_div(log_q, p, reduction="mean")


@wrong("4.4-bug", 'divides by nothing: reduction="sum" makes the loss grow with the batch')
def soft_loss(student_logits, teacher_logits, temperature):
    log_q = torch.log_softmax(student_logits / temperature, dim=1)
    p = torch.softmax(teacher_logits / temperature, dim=1)
    return temperature**2 * torch.nn.functional.kl_div(log_q, p, reduction="sum")


@wrong(
    "4.4-bug",
    "divides by the number of classes in place of the number of images, or multiplies the mean of all entries by the wrong one of the two",
)
def soft_loss(student_logits, teacher_logits, temperature):
    log_q = torch.log_softmax(student_logits / temperature, dim=1)
    p = torch.softmax(teacher_logits / temperature, dim=1)
    return temperature**2 * torch.nn.functional.kl_div(log_q, p, reduction="mean") * len(p)


@wrong("4.4-bug", "takes the divergence of the first image alone; the mean over all of them is asked for")
def soft_loss(student_logits, teacher_logits, temperature):
    log_q = torch.log_softmax(student_logits / temperature, dim=1)
    p = torch.softmax(teacher_logits / temperature, dim=1)
    return temperature**2 * torch.nn.functional.kl_div(log_q, p, reduction="none").sum(dim=1)[0]


@wrong("4.4-bug", "softens over the images instead of over the classes")
def soft_loss(student_logits, teacher_logits, temperature):
    log_q = torch.log_softmax(student_logits / temperature, dim=0)
    p = torch.softmax(teacher_logits / temperature, dim=0)
    return temperature**2 * torch.nn.functional.kl_div(log_q, p, reduction="batchmean")


@wrong("4.4-bug", "multiplies by ten, whatever the number of classes is")
def soft_loss(student_logits, teacher_logits, temperature):
    log_q = torch.log_softmax(student_logits / temperature, dim=1)
    p = torch.softmax(teacher_logits / temperature, dim=1)
    return temperature**2 * torch.nn.functional.kl_div(log_q, p, reduction="mean") * 10


@wrong("4.4-bug", "turns the direction round: the order in the call looked wrong, but it was right")
def soft_loss(student_logits, teacher_logits, temperature):
    q = torch.softmax(student_logits / temperature, dim=1)
    log_p = torch.log_softmax(teacher_logits / temperature, dim=1)
    return temperature**2 * torch.nn.functional.kl_div(log_p, q, reduction="batchmean")


@wrong("4.4-bug", "turns the direction round and keeps the average over the classes: the order in the call was right")
def soft_loss(student_logits, teacher_logits, temperature):
    q = torch.softmax(student_logits / temperature, dim=1)
    log_p = torch.log_softmax(teacher_logits / temperature, dim=1)
    return temperature**2 * torch.nn.functional.kl_div(log_p, q, reduction="mean")


@wrong(
    "4.4-bug",
    "gives kl_div logarithms in the second place, where it takes the logarithm itself; logarithms come first, probabilities second",
)
def soft_loss(student_logits, teacher_logits, temperature):
    log_q = torch.log_softmax(student_logits / temperature, dim=1)
    p = torch.softmax(teacher_logits / temperature, dim=1)
    return temperature**2 * torch.nn.functional.kl_div(p, log_q, reduction="batchmean")


@wrong("4.4-bug", "hands over the student's plain probabilities; kl_div wants their logarithms")
def soft_loss(student_logits, teacher_logits, temperature):
    q = torch.softmax(student_logits / temperature, dim=1)
    p = torch.softmax(teacher_logits / temperature, dim=1)
    return temperature**2 * torch.nn.functional.kl_div(q, p, reduction="batchmean")


@wrong("4.4-bug", "repairs the average and loses T squared on the way")
def soft_loss(student_logits, teacher_logits, temperature):
    log_q = torch.log_softmax(student_logits / temperature, dim=1)
    p = torch.softmax(teacher_logits / temperature, dim=1)
    return torch.nn.functional.kl_div(log_q, p, reduction="batchmean")


@wrong("4.4-bug", "multiplies by T instead of T squared")
def soft_loss(student_logits, teacher_logits, temperature):
    log_q = torch.log_softmax(student_logits / temperature, dim=1)
    p = torch.softmax(teacher_logits / temperature, dim=1)
    return temperature * torch.nn.functional.kl_div(log_q, p, reduction="batchmean")


@wrong("4.4-bug", "divides by the number of images once more; batchmean has done that already")
def soft_loss(student_logits, teacher_logits, temperature):
    log_q = torch.log_softmax(student_logits / temperature, dim=1)
    p = torch.softmax(teacher_logits / temperature, dim=1)
    return temperature**2 * torch.nn.functional.kl_div(log_q, p, reduction="batchmean") / len(p)


@wrong("4.4-bug", "hands over the plain logits of the student; they must be softened like the teacher's")
def soft_loss(student_logits, teacher_logits, temperature):
    log_q, p = torch.log_softmax(student_logits, dim=1), torch.softmax(teacher_logits / temperature, dim=1)
    return temperature**2 * torch.nn.functional.kl_div(log_q, p, reduction="batchmean")


@wrong("4.4-bug", "takes the cross-entropy in place of the divergence: with student = teacher it is not 0")
def soft_loss(student_logits, teacher_logits, temperature):
    p = torch.softmax(teacher_logits / temperature, dim=1)
    return temperature**2 * torch.nn.functional.cross_entropy(student_logits / temperature, p)


@wrong("4.4-bug", "takes a very small temperature for a larger one, as a guard; any positive temperature is meant")
def soft_loss(student_logits, teacher_logits, temperature):
    temperature = max(temperature, 0.1)
    log_q = torch.log_softmax(student_logits / temperature, dim=1)
    p = torch.softmax(teacher_logits / temperature, dim=1)
    return temperature**2 * torch.nn.functional.kl_div(log_q, p, reduction="batchmean")


@right("4.4-bug", "the sum, divided by the number of images")
def soft_loss(student_logits, teacher_logits, temperature):
    log_q = torch.log_softmax(student_logits / temperature, dim=1)
    p = torch.softmax(teacher_logits / temperature, dim=1)
    return temperature**2 * torch.nn.functional.kl_div(log_q, p, reduction="sum") / len(p)


@right("4.4-bug", "the mean, times the number of classes")
def soft_loss(student_logits, teacher_logits, temperature):
    log_q = torch.log_softmax(student_logits / temperature, dim=1)
    p = torch.softmax(teacher_logits / temperature, dim=1)
    return temperature**2 * torch.nn.functional.kl_div(log_q, p, reduction="mean") * p.shape[1]


@right("4.4-bug", "no reduction; summed and averaged by hand, as a float")
def soft_loss(student_logits, teacher_logits, temperature):
    log_q = torch.log_softmax(student_logits / temperature, dim=1)
    p = torch.softmax(teacher_logits / temperature, dim=1)
    return float(temperature * temperature * torch.nn.functional.kl_div(log_q, p, reduction="none").sum(-1).mean())


@wrong("4.4-bug", "adds a constant inside the logarithm; where the student's probability has underflowed, the constant decides")
def soft_loss(student_logits, teacher_logits, temperature):
    log_q = torch.log(torch.softmax(student_logits / temperature, dim=1) + 1e-12)
    p = torch.softmax(teacher_logits / temperature, dim=1)
    return temperature**2 * torch.nn.functional.kl_div(log_q, p, reduction="batchmean")


# 4.5-loss


@wrong("4.5-loss", "puts alpha on the hard loss: that is the other convention; here alpha_soft weighs the soft loss")
def distillation_loss(student_logits, teacher_logits, labels, temperature, alpha_soft):
    log_q = torch.log_softmax(student_logits / temperature, dim=1)
    p = torch.softmax(teacher_logits / temperature, dim=1)
    soft = temperature**2 * torch.nn.functional.kl_div(log_q, p, reduction="batchmean")
    hard = torch.nn.functional.cross_entropy(student_logits, labels)
    return (1 - alpha_soft) * soft + alpha_soft * hard


@wrong("4.5-loss", "lacks T squared: the soft loss fades as the temperature rises")
def distillation_loss(student_logits, teacher_logits, labels, temperature, alpha_soft):
    log_q = torch.log_softmax(student_logits / temperature, dim=1)
    p = torch.softmax(teacher_logits / temperature, dim=1)
    soft = torch.nn.functional.kl_div(log_q, p, reduction="batchmean")
    hard = torch.nn.functional.cross_entropy(student_logits, labels)
    return alpha_soft * soft + (1 - alpha_soft) * hard


@wrong("4.5-loss", "multiplies by T instead of T squared")
def distillation_loss(student_logits, teacher_logits, labels, temperature, alpha_soft):
    log_q = torch.log_softmax(student_logits / temperature, dim=1)
    p = torch.softmax(teacher_logits / temperature, dim=1)
    soft = temperature * torch.nn.functional.kl_div(log_q, p, reduction="batchmean")
    hard = torch.nn.functional.cross_entropy(student_logits, labels)
    return alpha_soft * soft + (1 - alpha_soft) * hard


@wrong("4.5-loss", "multiplies the hard loss by T squared, too; it is taken at temperature 1 and needs no correction")
def distillation_loss(student_logits, teacher_logits, labels, temperature, alpha_soft):
    log_q = torch.log_softmax(student_logits / temperature, dim=1)
    p = torch.softmax(teacher_logits / temperature, dim=1)
    soft = torch.nn.functional.kl_div(log_q, p, reduction="batchmean")
    hard = torch.nn.functional.cross_entropy(student_logits, labels)
    return temperature**2 * (alpha_soft * soft + (1 - alpha_soft) * hard)


@wrong("4.5-loss", "averages the divergence over the classes, too, so the teacher counts too little by the number of classes")
def distillation_loss(student_logits, teacher_logits, labels, temperature, alpha_soft):
    log_q = torch.log_softmax(student_logits / temperature, dim=1)
    p = torch.softmax(teacher_logits / temperature, dim=1)
    soft = temperature**2 * torch.nn.functional.kl_div(log_q, p, reduction="mean")
    hard = torch.nn.functional.cross_entropy(student_logits, labels)
    return alpha_soft * soft + (1 - alpha_soft) * hard


@wrong("4.5-loss", "takes the divergence from the student to the teacher, the reversed direction")
def distillation_loss(student_logits, teacher_logits, labels, temperature, alpha_soft):
    q = torch.softmax(student_logits / temperature, dim=1)
    log_p = torch.log_softmax(teacher_logits / temperature, dim=1)
    soft = temperature**2 * torch.nn.functional.kl_div(log_p, q, reduction="batchmean")
    hard = torch.nn.functional.cross_entropy(student_logits, labels)
    return alpha_soft * soft + (1 - alpha_soft) * hard


@wrong("4.5-loss", "softens the logits of the hard loss; the student will be used at temperature 1")
def distillation_loss(student_logits, teacher_logits, labels, temperature, alpha_soft):
    log_q = torch.log_softmax(student_logits / temperature, dim=1)
    p = torch.softmax(teacher_logits / temperature, dim=1)
    soft = temperature**2 * torch.nn.functional.kl_div(log_q, p, reduction="batchmean")
    hard = torch.nn.functional.cross_entropy(student_logits / temperature, labels)
    return alpha_soft * soft + (1 - alpha_soft) * hard


@wrong("4.5-loss", "gives probabilities to cross_entropy, which does the softmax itself: the softmax is taken twice")
def distillation_loss(student_logits, teacher_logits, labels, temperature, alpha_soft):
    log_q = torch.log_softmax(student_logits / temperature, dim=1)
    p = torch.softmax(teacher_logits / temperature, dim=1)
    soft = temperature**2 * torch.nn.functional.kl_div(log_q, p, reduction="batchmean")
    hard = torch.nn.functional.cross_entropy(torch.softmax(student_logits, dim=1), labels)
    return alpha_soft * soft + (1 - alpha_soft) * hard


@wrong("4.5-loss", "takes the teacher's cross-entropy with the labels as the hard loss; it is the student who learns")
def distillation_loss(student_logits, teacher_logits, labels, temperature, alpha_soft):
    log_q = torch.log_softmax(student_logits / temperature, dim=1)
    p = torch.softmax(teacher_logits / temperature, dim=1)
    soft = temperature**2 * torch.nn.functional.kl_div(log_q, p, reduction="batchmean")
    hard = torch.nn.functional.cross_entropy(teacher_logits, labels)
    return alpha_soft * soft + (1 - alpha_soft) * hard


@wrong("4.5-loss", "adds the whole hard loss whatever alpha is; its weight is what the soft loss leaves over")
def distillation_loss(student_logits, teacher_logits, labels, temperature, alpha_soft):
    log_q = torch.log_softmax(student_logits / temperature, dim=1)
    p = torch.softmax(teacher_logits / temperature, dim=1)
    soft = temperature**2 * torch.nn.functional.kl_div(log_q, p, reduction="batchmean")
    hard = torch.nn.functional.cross_entropy(student_logits, labels)
    return alpha_soft * soft + hard


@wrong("4.5-loss", "uses the softened cross-entropy in place of the divergence: with teacher = student the soft loss is then not 0")
def distillation_loss(student_logits, teacher_logits, labels, temperature, alpha_soft):
    log_q = torch.log_softmax(student_logits / temperature, dim=1)
    p = torch.softmax(teacher_logits / temperature, dim=1)
    soft = temperature**2 * -(p * log_q).sum(dim=1).mean()
    hard = torch.nn.functional.cross_entropy(student_logits, labels)
    return alpha_soft * soft + (1 - alpha_soft) * hard


@wrong("4.5-loss", "ignores the teacher: it is the hard loss alone")
def distillation_loss(student_logits, teacher_logits, labels, temperature, alpha_soft):
    return torch.nn.functional.cross_entropy(student_logits, labels)


@wrong("4.5-loss", "turns the loss into a plain number; there is nothing left that could be differentiated")
def distillation_loss(student_logits, teacher_logits, labels, temperature, alpha_soft):
    log_q = torch.log_softmax(student_logits / temperature, dim=1)
    p = torch.softmax(teacher_logits / temperature, dim=1)
    soft = temperature**2 * torch.nn.functional.kl_div(log_q, p, reduction="batchmean")
    return (alpha_soft * soft + (1 - alpha_soft) * torch.nn.functional.cross_entropy(student_logits, labels)).item()


@wrong("4.5-loss", "cuts the gradient off: the value is right, and no training step would change anything")
def distillation_loss(student_logits, teacher_logits, labels, temperature, alpha_soft):
    log_q = torch.log_softmax(student_logits / temperature, dim=1)
    p = torch.softmax(teacher_logits / temperature, dim=1)
    soft = temperature**2 * torch.nn.functional.kl_div(log_q, p, reduction="batchmean")
    return (alpha_soft * soft + (1 - alpha_soft) * torch.nn.functional.cross_entropy(student_logits, labels)).detach()


@wrong("4.5-loss", "makes a new tensor from the finished number: it asks for gradients, but none reaches the student's logits")
def distillation_loss(student_logits, teacher_logits, labels, temperature, alpha_soft):
    log_q = torch.log_softmax(student_logits / temperature, dim=1)
    p = torch.softmax(teacher_logits / temperature, dim=1)
    soft = temperature**2 * torch.nn.functional.kl_div(log_q, p, reduction="batchmean")
    return torch.tensor(
        float(alpha_soft * soft + (1 - alpha_soft) * torch.nn.functional.cross_entropy(student_logits, labels)), requires_grad=True
    )


@wrong("4.5-loss", "detaches the student in the soft loss: the value is right, and the student learns from the labels only")
def distillation_loss(student_logits, teacher_logits, labels, temperature, alpha_soft):
    log_q = torch.log_softmax(student_logits.detach() / temperature, dim=1)
    p = torch.softmax(teacher_logits / temperature, dim=1)
    soft = temperature**2 * torch.nn.functional.kl_div(log_q, p, reduction="batchmean")
    hard = torch.nn.functional.cross_entropy(student_logits, labels)
    return alpha_soft * soft + (1 - alpha_soft) * hard


@wrong("4.5-loss", "detaches the student in the hard loss: the value is right, and the student learns from the teacher only")
def distillation_loss(student_logits, teacher_logits, labels, temperature, alpha_soft):
    log_q = torch.log_softmax(student_logits / temperature, dim=1)
    p = torch.softmax(teacher_logits / temperature, dim=1)
    soft = temperature**2 * torch.nn.functional.kl_div(log_q, p, reduction="batchmean")
    hard = torch.nn.functional.cross_entropy(student_logits.detach(), labels)
    return alpha_soft * soft + (1 - alpha_soft) * hard


@wrong("4.5-loss", "adds the cross-entropy up over the images; the mean is asked for")
def distillation_loss(student_logits, teacher_logits, labels, temperature, alpha_soft):
    log_q = torch.log_softmax(student_logits / temperature, dim=1)
    p = torch.softmax(teacher_logits / temperature, dim=1)
    soft = temperature**2 * torch.nn.functional.kl_div(log_q, p, reduction="batchmean")
    hard = torch.nn.functional.cross_entropy(student_logits, labels, reduction="sum")
    return alpha_soft * soft + (1 - alpha_soft) * hard


@wrong("4.5-loss", "leaves the teacher at temperature 1; both must be softened")
def distillation_loss(student_logits, teacher_logits, labels, temperature, alpha_soft):
    log_q = torch.log_softmax(student_logits / temperature, dim=1)
    p = torch.softmax(teacher_logits, dim=1)
    soft = temperature**2 * torch.nn.functional.kl_div(log_q, p, reduction="batchmean")
    hard = torch.nn.functional.cross_entropy(student_logits, labels)
    return alpha_soft * soft + (1 - alpha_soft) * hard


@wrong("4.5-loss", "takes the teacher's favourite class for the label in the hard loss; the labels are given")
def distillation_loss(student_logits, teacher_logits, labels, temperature, alpha_soft):
    log_q = torch.log_softmax(student_logits / temperature, dim=1)
    p = torch.softmax(teacher_logits / temperature, dim=1)
    soft = temperature**2 * torch.nn.functional.kl_div(log_q, p, reduction="batchmean")
    hard = torch.nn.functional.cross_entropy(student_logits, teacher_logits.argmax(dim=1))
    return alpha_soft * soft + (1 - alpha_soft) * hard


@wrong(
    "4.5-loss",
    "adds a constant inside the logarithm of the hard loss; where the student's probability has underflowed, the constant decides",
)
def distillation_loss(student_logits, teacher_logits, labels, temperature, alpha_soft):
    log_q = torch.log_softmax(student_logits / temperature, dim=1)
    p = torch.softmax(teacher_logits / temperature, dim=1)
    soft = temperature**2 * torch.nn.functional.kl_div(log_q, p, reduction="batchmean")
    hard = torch.nn.functional.nll_loss(torch.log(torch.softmax(student_logits, dim=1) + 1e-12), labels)
    return alpha_soft * soft + (1 - alpha_soft) * hard


@wrong(
    "4.5-loss",
    "adds a constant inside the logarithm of the soft loss; where the student's probability has underflowed, the constant decides",
)
def distillation_loss(student_logits, teacher_logits, labels, temperature, alpha_soft):
    log_q = torch.log(torch.softmax(student_logits / temperature, dim=1) + 1e-12)
    p = torch.softmax(teacher_logits / temperature, dim=1)
    soft = temperature**2 * torch.nn.functional.kl_div(log_q, p, reduction="batchmean")
    hard = torch.nn.functional.cross_entropy(student_logits, labels)
    return alpha_soft * soft + (1 - alpha_soft) * hard


@wrong("4.5-loss", "takes a very small temperature for a larger one, as a guard; any positive temperature is meant")
def distillation_loss(student_logits, teacher_logits, labels, temperature, alpha_soft):
    temperature = max(temperature, 0.1)
    log_q = torch.log_softmax(student_logits / temperature, dim=1)
    p = torch.softmax(teacher_logits / temperature, dim=1)
    soft = temperature**2 * torch.nn.functional.kl_div(log_q, p, reduction="batchmean")
    return alpha_soft * soft + (1 - alpha_soft) * torch.nn.functional.cross_entropy(student_logits, labels)


@right("4.5-loss", "image by image, the teacher without gradients")
def distillation_loss(student_logits, teacher_logits, labels, temperature, alpha_soft):
    total = 0
    for z, v, label in zip(student_logits, teacher_logits.detach(), labels):
        log_q, log_p = (z / temperature).log_softmax(0), (v / temperature).log_softmax(0)
        soft = temperature**2 * (log_p.exp() * (log_p - log_q)).sum()
        total = total + alpha_soft * soft - (1 - alpha_soft) * z.log_softmax(0)[label]
    return total / len(labels)


@right("4.5-loss", "each limit by itself")
def distillation_loss(student_logits, teacher_logits, labels, temperature, alpha_soft):
    hard = torch.nn.functional.cross_entropy(student_logits, labels)
    if alpha_soft == 0:
        return hard
    log_q = torch.log_softmax(student_logits / temperature, dim=1)
    p = torch.softmax(teacher_logits / temperature, dim=1)
    soft = temperature**2 * torch.nn.functional.kl_div(log_q, p, reduction="batchmean")
    return soft if alpha_soft == 1 else alpha_soft * soft + (1 - alpha_soft) * hard


@right("4.5-loss", "written out with logarithms, float64")
def distillation_loss(student_logits, teacher_logits, labels, temperature, alpha_soft):
    z, v = student_logits.double(), teacher_logits.double()
    log_q, log_p = (z / temperature).log_softmax(-1), (v / temperature).log_softmax(-1)
    kl = (log_p.exp() * (log_p - log_q)).sum() / len(z)
    hard = -z.log_softmax(-1)[torch.arange(len(z)), labels].mean()
    return hard + alpha_soft * (temperature * temperature * kl - hard)


@right("4.5-loss", "the library's loss classes")
def distillation_loss(student_logits, teacher_logits, labels, temperature, alpha_soft):
    divergence = torch.nn.KLDivLoss(reduction="batchmean", log_target=True)
    soft = divergence(torch.log_softmax(student_logits / temperature, 1), torch.log_softmax(teacher_logits / temperature, 1))
    hard = torch.nn.NLLLoss()(torch.log_softmax(student_logits, 1), labels)
    return torch.lerp(hard, soft * temperature**2, alpha_soft)


# 4.6-gradient


@wrong("4.6-gradient", "leaves out the chain rule: the student's logits are divided by T on their way in, which takes one factor T away")
def soft_gradient(student_logits, teacher_logits, temperature):
    q, p = torch.softmax(student_logits / temperature, dim=1), torch.softmax(teacher_logits / temperature, dim=1)
    return temperature**2 * (q - p) / len(q)


@wrong("4.6-gradient", "is the gradient of the divergence without T squared; it shrinks as the temperature rises")
def soft_gradient(student_logits, teacher_logits, temperature):
    q, p = torch.softmax(student_logits / temperature, dim=1), torch.softmax(teacher_logits / temperature, dim=1)
    return (q - p) / (temperature * len(q))


@wrong("4.6-gradient", "has no factor T: T squared times 1/T from the chain rule leaves one")
def soft_gradient(student_logits, teacher_logits, temperature):
    q, p = torch.softmax(student_logits / temperature, dim=1), torch.softmax(teacher_logits / temperature, dim=1)
    return (q - p) / len(q)


@wrong("4.6-gradient", "has the wrong sign: where the student gives too much, the loss rises with the logit")
def soft_gradient(student_logits, teacher_logits, temperature):
    q, p = torch.softmax(student_logits / temperature, dim=1), torch.softmax(teacher_logits / temperature, dim=1)
    return temperature * (p - q) / len(q)


@wrong("4.6-gradient", "does not divide by the number of images; the loss is a mean over them")
def soft_gradient(student_logits, teacher_logits, temperature):
    q, p = torch.softmax(student_logits / temperature, dim=1), torch.softmax(teacher_logits / temperature, dim=1)
    return temperature * (q - p)


@wrong("4.6-gradient", "divides by the number of all entries; the loss is a mean over the images only")
def soft_gradient(student_logits, teacher_logits, temperature):
    q, p = torch.softmax(student_logits / temperature, dim=1), torch.softmax(teacher_logits / temperature, dim=1)
    return temperature * (q - p) / q.numel()


@wrong("4.6-gradient", "divides by the number of classes instead of the number of images")
def soft_gradient(student_logits, teacher_logits, temperature):
    q, p = torch.softmax(student_logits / temperature, dim=1), torch.softmax(teacher_logits / temperature, dim=1)
    return temperature * (q - p) / q.shape[1]


@wrong("4.6-gradient", "takes the probabilities at temperature 1; both must be softened")
def soft_gradient(student_logits, teacher_logits, temperature):
    q, p = torch.softmax(student_logits, dim=1), torch.softmax(teacher_logits, dim=1)
    return temperature * (q - p) / len(q)


@wrong("4.6-gradient", "subtracts the logits; that is its limit at high temperature only, and here not even with the right factor")
def soft_gradient(student_logits, teacher_logits, temperature):
    return (student_logits - teacher_logits) / student_logits.numel()


@wrong("4.6-gradient", "matches centred logits, which is the limit at high temperature only")
def soft_gradient(student_logits, teacher_logits, temperature):
    z, v = (each - each.mean(dim=1, keepdim=True) for each in (student_logits, teacher_logits))
    return (z - v) / z.numel()


@wrong("4.6-gradient", "is the gradient of KL(student || teacher), the reversed direction")
def soft_gradient(student_logits, teacher_logits, temperature):
    log_q, log_p = torch.log_softmax(student_logits / temperature, dim=1), torch.log_softmax(teacher_logits / temperature, dim=1)
    q, off = log_q.exp(), log_q - log_p
    return temperature * q * (off - (q * off).sum(dim=1, keepdim=True)) / len(q)


@wrong(
    "4.6-gradient",
    "multiplies by the student's probabilities once more: the derivative with respect to u is q - p alone, and each row must add up to 0",
)
def soft_gradient(student_logits, teacher_logits, temperature):
    q, p = torch.softmax(student_logits / temperature, dim=1), torch.softmax(teacher_logits / temperature, dim=1)
    return temperature * q * (q - p) / len(q)


@wrong("4.6-gradient", "adds the images up; the derivative has an entry for each logit of each image")
def soft_gradient(student_logits, teacher_logits, temperature):
    q, p = torch.softmax(student_logits / temperature, dim=1), torch.softmax(teacher_logits / temperature, dim=1)
    return (temperature * (q - p) / len(q)).sum(dim=0)


@wrong("4.6-gradient", "subtracts logarithms; the derivative is a difference of probabilities")
def soft_gradient(student_logits, teacher_logits, temperature):
    log_q, log_p = torch.log_softmax(student_logits / temperature, dim=1), torch.log_softmax(teacher_logits / temperature, dim=1)
    return temperature * (log_q - log_p) / len(log_q)


@wrong("4.6-gradient", "subtracts the teacher's favourite class in place of its probabilities: that is the gradient of the hard loss")
def soft_gradient(student_logits, teacher_logits, temperature):
    q = torch.softmax(student_logits / temperature, dim=1)
    return temperature * (q - torch.nn.functional.one_hot(teacher_logits.argmax(dim=1), q.shape[1])) / len(q)


@wrong("4.6-gradient", "softens the student only")
def soft_gradient(student_logits, teacher_logits, temperature):
    q, p = torch.softmax(student_logits / temperature, dim=1), torch.softmax(teacher_logits, dim=1)
    return temperature * (q - p) / len(q)


@wrong("4.6-gradient", "`soft_gradient` changes `student_logits` (its `requires_grad`) in place")
def soft_gradient(student_logits, teacher_logits, temperature):
    z = student_logits.requires_grad_()
    log_q = torch.log_softmax(z / temperature, dim=1)
    p = torch.softmax(teacher_logits / temperature, dim=1)
    (temperature**2 * torch.nn.functional.kl_div(log_q, p, reduction="batchmean")).backward()
    return z.grad


@wrong("4.6-gradient", "takes a very small temperature for a larger one, as a guard; any positive temperature is meant")
def soft_gradient(student_logits, teacher_logits, temperature):
    temperature = max(temperature, 0.1)
    q = torch.softmax(student_logits / temperature, dim=1)
    p = torch.softmax(teacher_logits / temperature, dim=1)
    return temperature * (q - p) / len(student_logits)


@right("4.6-gradient", "the derivative of softmax as a matrix, image by image")
def soft_gradient(student_logits, teacher_logits, temperature):
    rows = []
    for z, v in zip(student_logits / temperature, teacher_logits / temperature):
        q, p = torch.softmax(z, 0), torch.softmax(v, 0)
        slope = torch.diag(q) - torch.outer(q, q)
        rows.append(temperature / len(student_logits) * slope @ (-p / q))
    return torch.stack(rows)


@right("4.6-gradient", "PyTorch's own differentiation")
def soft_gradient(student_logits, teacher_logits, temperature):
    z = student_logits.clone().requires_grad_()
    log_q = torch.log_softmax(z / temperature, dim=1)
    p = torch.softmax(teacher_logits / temperature, dim=1)
    (temperature**2 * torch.nn.functional.kl_div(log_q, p, reduction="batchmean")).backward()
    return z.grad


@right("4.6-gradient", "factor by factor, in float64, row by row")
def soft_gradient(student_logits, teacher_logits, temperature):
    rows = []
    for z, v in zip(student_logits.double(), teacher_logits.double()):
        by_u = torch.softmax(z / temperature, 0) - torch.softmax(v / temperature, 0)
        rows.append(temperature**2 * by_u / temperature / student_logits.shape[0])
    return torch.stack(rows)


# 4.7-teacher


@wrong(
    "4.7-teacher",
    "asks the teacher in training mode: batch norm then uses each batch's own mean, dropout drops, and stored statistics change",
)
def cached_logits(teacher, images, batch_size):
    mode = teacher.training
    teacher.train(True)
    parts = []
    with torch.no_grad():
        for start in range(0, len(images), batch_size):
            parts.append(teacher(images[start : start + batch_size]))
    teacher.train(mode)
    return torch.cat(parts).numpy()


@wrong(
    "4.7-teacher",
    "leaves the teacher, or its parts, in the mode it was found in: under no_grad, too, batch norm and dropout still behave as in training",
)
def cached_logits(teacher, images, batch_size):
    parts = []
    with torch.no_grad():
        for start in range(0, len(images), batch_size):
            parts.append(teacher(images[start : start + batch_size]))
    return torch.cat(parts).numpy()


@wrong("4.7-teacher", "keeps the gradients' book-keeping: a tensor with gradients attached does not become a NumPy array")
def cached_logits(teacher, images, batch_size):
    mode = teacher.training
    teacher.eval()
    parts = []
    with torch.enable_grad():
        for start in range(0, len(images), batch_size):
            parts.append(teacher(images[start : start + batch_size]))
    teacher.train(mode)
    return torch.cat(parts).numpy()


@wrong("4.7-teacher", "does not give the teacher back as it found it")
def cached_logits(teacher, images, batch_size):
    teacher.eval()
    parts = []
    with torch.no_grad():
        for start in range(0, len(images), batch_size):
            parts.append(teacher(images[start : start + batch_size]))
    return torch.cat(parts).numpy()


@wrong("4.7-teacher", "loses the last batch when the batch size does not divide the number of images")
def cached_logits(teacher, images, batch_size):
    mode = teacher.training
    teacher.eval()
    parts = []
    with torch.no_grad():
        for i in range(len(images) // batch_size):
            parts.append(teacher(images[i * batch_size : (i + 1) * batch_size]))
    teacher.train(mode)
    return torch.cat(parts).numpy()


@wrong("4.7-teacher", "loses the last batch when the batch size does not divide the number of images")
def cached_logits(teacher, images, batch_size):
    mode = teacher.training
    teacher.eval()
    parts = []
    with torch.no_grad():
        for i in range(max(1, len(images) // batch_size)):
            parts.append(teacher(images[i * batch_size : (i + 1) * batch_size]))
    teacher.train(mode)
    return torch.cat(parts).numpy()


@wrong("4.7-teacher", "takes every batch from the start of the images up to its own end, so early images come several times")
def cached_logits(teacher, images, batch_size):
    mode = teacher.training
    teacher.eval()
    parts = []
    with torch.no_grad():
        for start in range(0, len(images), batch_size):
            parts.append(teacher(images[: start + batch_size]))
    teacher.train(mode)
    return torch.cat(parts).numpy()


@wrong("4.7-teacher", "takes the same first batch every time")
def cached_logits(teacher, images, batch_size):
    mode = teacher.training
    teacher.eval()
    parts = []
    with torch.no_grad():
        for start in range(0, len(images), batch_size):
            parts.append(teacher(images[:batch_size]))
    teacher.train(mode)
    return torch.cat(parts).numpy()


@wrong("4.7-teacher", "stores probabilities; with logits you can still choose the temperature later")
def cached_logits(teacher, images, batch_size):
    mode = teacher.training
    teacher.eval()
    with torch.no_grad():
        out = torch.softmax(teacher(images), dim=1)
    teacher.train(mode)
    return out.numpy()


@wrong("4.7-teacher", "returns a tensor; a float32 NumPy array is asked for")
def cached_logits(teacher, images, batch_size):
    mode = teacher.training
    teacher.eval()
    with torch.no_grad():
        out = teacher(images)
    teacher.train(mode)
    return out


@wrong("4.7-teacher", "calls eval() after the first batch, so that one was still answered in training mode")
def cached_logits(teacher, images, batch_size):
    mode = teacher.training
    parts = []
    with torch.no_grad():
        for start in range(0, len(images), batch_size):
            parts.append(teacher(images[start : start + batch_size]))
            teacher.eval()
    teacher.train(mode)
    return torch.cat(parts).numpy()


@wrong("4.7-teacher", "`cached_logits` changes `teacher` (`requires_grad` of its parameters) in place")
def cached_logits(teacher, images, batch_size):
    mode = teacher.training
    teacher.eval().requires_grad_(False)
    parts = [teacher(part) for part in images.split(batch_size)]
    teacher.train(mode).requires_grad_(True)  # thaws a teacher that was frozen
    return torch.cat(parts).numpy()


@wrong("4.7-teacher", "`cached_logits` changes `teacher` (its mode, `train()` or `eval()`) in place")
def cached_logits(teacher, images, batch_size):
    teacher.eval()
    with torch.no_grad():
        parts = [teacher(part) for part in images.split(batch_size)]
    teacher.train()
    return torch.cat(parts).numpy()


@wrong("4.7-teacher", "leaves the logits in a list of batches; one table is asked for")
def cached_logits(teacher, images, batch_size):
    mode = teacher.training
    teacher.eval()
    with torch.no_grad():
        parts = [teacher(part) for part in images.split(batch_size)]
    teacher.train(mode)
    return [part.numpy() for part in parts]


@wrong("4.7-teacher", "drops every axis of length one, so a single image loses its row")
def cached_logits(teacher, images, batch_size):
    mode = teacher.training
    teacher.eval()
    with torch.no_grad():
        parts = [teacher(part) for part in images.split(batch_size)]
    teacher.train(mode)
    return torch.cat(parts).squeeze().numpy()


@wrong("4.7-teacher", "puts the batches in the reverse order")
def cached_logits(teacher, images, batch_size):
    mode = teacher.training
    teacher.eval()
    with torch.no_grad():
        parts = [teacher(part) for part in images.split(batch_size)]
    teacher.train(mode)
    return torch.cat(parts[::-1]).numpy()


@wrong("4.7-teacher", "stores logarithms of probabilities; the logits themselves are asked for")
def cached_logits(teacher, images, batch_size):
    mode = teacher.training
    teacher.eval()
    with torch.no_grad():
        parts = [teacher(part) for part in images.split(batch_size)]
    teacher.train(mode)
    return torch.cat(parts).log_softmax(dim=1).numpy()


@wrong("4.7-teacher", "makes a row of each image; a teacher with convolutions needs the images in their own shape")
def cached_logits(teacher, images, batch_size):
    mode = teacher.training
    teacher.eval()
    with torch.no_grad():
        parts = [teacher(part.flatten(1)) for part in images.split(batch_size)]
    teacher.train(mode)
    return torch.cat(parts).numpy()


@wrong("4.7-teacher", "`cached_logits` changes `teacher` (its mode, `train()` or `eval()`) in place")
def cached_logits(teacher, images, batch_size):
    parts = [teacher, *teacher.children()]  # what the children hold is forgotten
    modes = [part.training for part in parts]
    teacher.eval()
    with torch.no_grad():
        logits = [teacher(part) for part in images.split(batch_size)]
    for part, mode in zip(parts, modes):
        part.training = mode
    return torch.cat(logits).numpy()


@right("4.7-teacher", "every flag put back one by one")
def cached_logits(teacher, images, batch_size):
    modes, flags = [m.training for m in teacher.modules()], [p.requires_grad for p in teacher.parameters()]
    teacher.eval().requires_grad_(False)
    out = np.concatenate([teacher(part).numpy() for part in images.split(batch_size)])
    for module, mode in zip(teacher.modules(), modes):
        module.training = mode
    for parameter, flag in zip(teacher.parameters(), flags):
        parameter.requires_grad_(flag)
    return out


@right("4.7-teacher", "a deep copy in evaluation mode; split; detach")
def cached_logits(teacher, images, batch_size):
    import copy

    frozen = copy.deepcopy(teacher).eval()
    return np.concatenate([frozen(part).detach().numpy() for part in images.split(batch_size)])


@right("4.7-teacher", "inference_mode, try and finally, an array that is filled")
def cached_logits(teacher, images, batch_size):
    before, out = teacher.training, None
    try:
        teacher.eval()
        with torch.inference_mode():
            for i in range(0, images.shape[0], batch_size):
                part = teacher(images[i : i + batch_size]).cpu().numpy()
                out = np.zeros((len(images), part.shape[1]), np.float32) if out is None else out
                out[i : i + len(part)] = part
    finally:
        teacher.train(before)
    return out


@right("4.7-teacher", "all images at once, in evaluation mode")
@torch.no_grad()
def cached_logits(teacher, images, batch_size):
    mode = teacher.training
    logits = teacher.train(False)(images).numpy()
    teacher.train(mode)
    return logits


# 4.8-hint


@wrong("4.8-hint", "sums over the teacher's features; the mean over all entries is asked for")
def hint_loss(student_features, teacher_features, weight, bias):
    return ((student_features @ weight.T + bias - teacher_features) ** 2).sum(dim=1).mean()


@wrong("4.8-hint", "sums over everything: a larger batch gives a larger loss")
def hint_loss(student_features, teacher_features, weight, bias):
    return ((student_features @ weight.T + bias - teacher_features) ** 2).sum()


@wrong("4.8-hint", "takes absolute errors; squares are asked for")
def hint_loss(student_features, teacher_features, weight, bias):
    return (student_features @ weight.T + bias - teacher_features).abs().mean()


@wrong("4.8-hint", "forgets the bias of the regressor")
def hint_loss(student_features, teacher_features, weight, bias):
    return ((student_features @ weight.T - teacher_features) ** 2).mean()


@wrong("4.8-hint", "does not square: positive and negative errors cancel")
def hint_loss(student_features, teacher_features, weight, bias):
    return (student_features @ weight.T + bias - teacher_features).mean()


@wrong(
    "4.8-hint",
    "multiplies two tables whose shapes do not fit: the student's features, (N, S), meet the weights, which nn.Linear keeps as (F, S)",
)
def hint_loss(student_features, teacher_features, weight, bias):
    return ((student_features @ weight + bias - teacher_features) ** 2).mean()


@wrong("4.8-hint", "leaves out the transpose where the weights are square: nn.Linear keeps them as (F, S), so they are transposed always")
def hint_loss(student_features, teacher_features, weight, bias):
    turned = weight if weight.shape[0] == weight.shape[1] else weight.T
    return ((student_features @ turned + bias - teacher_features) ** 2).mean()


@wrong("4.8-hint", "lets the regressor act on the teacher's features; it translates from the student to the teacher")
def hint_loss(student_features, teacher_features, weight, bias):
    return ((teacher_features @ weight + bias @ weight - student_features) ** 2).mean()


@wrong("4.8-hint", "takes the root of the mean square; the loss is the mean square itself")
def hint_loss(student_features, teacher_features, weight, bias):
    return ((student_features @ weight.T + bias - teacher_features) ** 2).mean().sqrt()


@wrong("4.8-hint", "takes half of the mean square")
def hint_loss(student_features, teacher_features, weight, bias):
    return 0.5 * ((student_features @ weight.T + bias - teacher_features) ** 2).mean()


@wrong("4.8-hint", "averages over the features and adds up the images: a larger batch gives a larger loss")
def hint_loss(student_features, teacher_features, weight, bias):
    return ((student_features @ weight.T + bias - teacher_features) ** 2).mean(dim=1).sum()


@wrong("4.8-hint", "squares after the mean, so errors of both signs cancel first")
def hint_loss(student_features, teacher_features, weight, bias):
    return (student_features @ weight.T + bias - teacher_features).mean() ** 2


@wrong("4.8-hint", "divides by the student's features; the mean is over the teacher's")
def hint_loss(student_features, teacher_features, weight, bias):
    return ((student_features @ weight.T + bias - teacher_features) ** 2).sum() / student_features.numel()


@wrong("4.8-hint", "subtracts the bias; a linear layer adds it")
def hint_loss(student_features, teacher_features, weight, bias):
    return ((student_features @ weight.T - bias - teacher_features) ** 2).mean()


@wrong("4.8-hint", "counts large errors less than their squares, as the Huber loss does; the mean of the squares is asked for")
def hint_loss(student_features, teacher_features, weight, bias):
    predicted = student_features @ weight.T + bias
    return 2 * torch.nn.functional.huber_loss(predicted, teacher_features, delta=5.0)


@right("4.8-hint", "an einsum, squared and divided by hand")
def hint_loss(student_features, teacher_features, weight, bias):
    difference = torch.einsum("ns,fs->nf", student_features, weight) + bias - teacher_features
    return (difference * difference).sum() / difference.numel()


@right("4.8-hint", "the library's linear and mse_loss")
def hint_loss(student_features, teacher_features, weight, bias):
    return torch.nn.functional.mse_loss(torch.nn.functional.linear(student_features, weight, bias), teacher_features)


@right("4.8-hint", "NumPy and a loop")
def hint_loss(student_features, teacher_features, weight, bias):
    total, count = 0.0, 0
    for s, t in zip(student_features.numpy(), teacher_features.numpy()):
        total += float(np.square(weight.numpy() @ s + bias.numpy() - t).sum())
        count += t.size
    return total / count
