"""Answers that students give to the compression studio."""

import numpy as np
import torch
import torch.nn.functional as F

from autograder.checks import right, wrong, wrong_value

wrong_value("studio.1-predict", "thinks of a mask: the tensor keeps its shape", predict_studio_1="a")
wrong_value("studio.1-predict", "adds the two cuts instead of multiplying them", predict_studio_1="b")
wrong_value("studio.1-predict", "forgets that the layer before was cut, too", predict_studio_1="c")


# studio.2


@right("studio.2-loss", "PyTorch's kl_div")
def my_loss(student_logits, teacher_logits, labels, temperature, alpha_soft):
    ours, theirs = (F.log_softmax(each / temperature, dim=1) for each in (student_logits, teacher_logits))
    soft = F.kl_div(ours, theirs, reduction="batchmean", log_target=True) * temperature**2
    return alpha_soft * soft + (1 - alpha_soft) * F.cross_entropy(student_logits, labels)


@right("studio.2-loss", "the cross-entropy of soft targets less the teacher's entropy, in float64")
def my_loss(student_logits, teacher_logits, labels, temperature, alpha_soft):
    z, t = student_logits.double() / temperature, teacher_logits.double() / temperature
    p = t.softmax(dim=1)
    soft = F.cross_entropy(z, p) + torch.special.xlogy(p, p).sum(dim=1).mean()
    hard = -student_logits.double().log_softmax(dim=1).gather(1, labels[:, None]).mean()
    return alpha_soft * temperature * temperature * soft + hard - alpha_soft * hard


@wrong("studio.2-loss", "leaves out T²: the hotter, the less the teacher has to say")
def my_loss(student_logits, teacher_logits, labels, temperature, alpha_soft):
    log_q = torch.log_softmax(student_logits / temperature, dim=1)
    log_p = torch.log_softmax(teacher_logits / temperature, dim=1)
    soft = (log_p.exp() * (log_p - log_q)).sum(dim=1).mean()
    return alpha_soft * soft + (1 - alpha_soft) * F.cross_entropy(student_logits, labels)


@wrong("studio.2-loss", "multiplies by T and not by T²: the gradient of the divergence falls with the square")
def my_loss(student_logits, teacher_logits, labels, temperature, alpha_soft):
    log_q = torch.log_softmax(student_logits / temperature, dim=1)
    log_p = torch.log_softmax(teacher_logits / temperature, dim=1)
    soft = temperature * (log_p.exp() * (log_p - log_q)).sum(dim=1).mean()
    return alpha_soft * soft + (1 - alpha_soft) * F.cross_entropy(student_logits, labels)


@wrong("studio.2-loss", "weights with the logarithms of the teacher's probabilities; the weights are the probabilities themselves")
def my_loss(student_logits, teacher_logits, labels, temperature, alpha_soft):
    log_q = torch.log_softmax(student_logits / temperature, dim=1)
    log_p = torch.log_softmax(teacher_logits / temperature, dim=1)
    soft = temperature**2 * (log_p * (log_p - log_q)).sum(dim=1).mean()
    return alpha_soft * soft + (1 - alpha_soft) * F.cross_entropy(student_logits, labels)


@wrong("studio.2-loss", "adds up over the images and averages over the classes; an image's divergence is a sum over its classes")
def my_loss(student_logits, teacher_logits, labels, temperature, alpha_soft):
    log_q = torch.log_softmax(student_logits / temperature, dim=1)
    log_p = torch.log_softmax(teacher_logits / temperature, dim=1)
    soft = temperature**2 * (log_p.exp() * (log_p - log_q)).sum(dim=0).mean()
    return alpha_soft * soft + (1 - alpha_soft) * F.cross_entropy(student_logits, labels)


@wrong("studio.2-loss", "averages over the classes as well: the soft part is too small by their number")
def my_loss(student_logits, teacher_logits, labels, temperature, alpha_soft):
    log_q = torch.log_softmax(student_logits / temperature, dim=1)
    log_p = torch.log_softmax(teacher_logits / temperature, dim=1)
    soft = temperature**2 * (log_p.exp() * (log_p - log_q)).mean()
    return alpha_soft * soft + (1 - alpha_soft) * F.cross_entropy(student_logits, labels)


@wrong("studio.2-loss", "weights with the student's probabilities: the divergence runs in the other direction")
def my_loss(student_logits, teacher_logits, labels, temperature, alpha_soft):
    log_q = torch.log_softmax(student_logits / temperature, dim=1)
    log_p = torch.log_softmax(teacher_logits / temperature, dim=1)
    soft = temperature**2 * (log_q.exp() * (log_q - log_p)).sum(dim=1).mean()
    return alpha_soft * soft + (1 - alpha_soft) * F.cross_entropy(student_logits, labels)


@wrong("studio.2-loss", "has the weights on the wrong terms: alpha_soft belongs to the soft one")
def my_loss(student_logits, teacher_logits, labels, temperature, alpha_soft):
    log_q = torch.log_softmax(student_logits / temperature, dim=1)
    log_p = torch.log_softmax(teacher_logits / temperature, dim=1)
    soft = temperature**2 * (log_p.exp() * (log_p - log_q)).sum(dim=1).mean()
    return (1 - alpha_soft) * soft + alpha_soft * F.cross_entropy(student_logits, labels)


@wrong("studio.2-loss", "softens the hard part, too: the cross-entropy takes the student's logits at temperature 1")
def my_loss(student_logits, teacher_logits, labels, temperature, alpha_soft):
    log_q = torch.log_softmax(student_logits / temperature, dim=1)
    log_p = torch.log_softmax(teacher_logits / temperature, dim=1)
    soft = temperature**2 * (log_p.exp() * (log_p - log_q)).sum(dim=1).mean()
    return alpha_soft * soft + (1 - alpha_soft) * F.cross_entropy(student_logits / temperature, labels)


@wrong("studio.2-loss", "softens the student only: the two can never agree")
def my_loss(student_logits, teacher_logits, labels, temperature, alpha_soft):
    log_q = torch.log_softmax(student_logits / temperature, dim=1)
    log_p = torch.log_softmax(teacher_logits, dim=1)
    soft = temperature**2 * (log_p.exp() * (log_p - log_q)).sum(dim=1).mean()
    return alpha_soft * soft + (1 - alpha_soft) * F.cross_entropy(student_logits, labels)


# studio.3


@right("studio.3-rebuild", "index_select, and a loop over every name")
def my_rebuild(state, kept):
    small = {}
    for name, tensor in state.items():
        part, _, rest = name.partition(".")
        if part == "convs":
            i = int(rest.split(".")[0])
            tensor = tensor.index_select(0, kept[i])
            small[name] = tensor.index_select(1, kept[i - 1]) if i else tensor
        elif part == "norms" and tensor.ndim:
            small[name] = tensor.index_select(0, kept[int(rest.split(".")[0])])
        else:
            small[name] = tensor.index_select(1, kept[-1]) if name == "head.weight" else tensor.clone()
    return small


@right("studio.3-rebuild", "boolean masks")
def my_rebuild(state, kept):
    small, before = dict(state), torch.ones(state["convs.0.weight"].shape[1], dtype=torch.bool)
    for i in range(len(kept)):
        stays = torch.zeros(state[f"convs.{i}.weight"].shape[0], dtype=torch.bool)
        stays[kept[i]] = True
        small[f"convs.{i}.weight"] = state[f"convs.{i}.weight"][stays][:, before].clone()
        for each in ["weight", "bias", "running_var", "running_mean"]:
            small[f"norms.{i}.{each}"] = state[f"norms.{i}.{each}"][stays].clone()
        before = stays
    return {**small, "head.weight": state["head.weight"][:, before].clone()}


@wrong("studio.3-rebuild", "cuts the filters but not the inputs of the next convolution")
def my_rebuild(state, kept):
    small = dict(state)
    for i, keep in enumerate(kept):
        small[f"convs.{i}.weight"] = state[f"convs.{i}.weight"][keep]
        for name in ("running_mean", "running_var", "weight", "bias"):
            small[f"norms.{i}.{name}"] = state[f"norms.{i}.{name}"][keep]
    small["head.weight"] = state["head.weight"][:, kept[-1]]
    return small


@wrong(
    "studio.3-rebuild", "cuts a convolution's inputs with its own list; its inputs are the channels of the layer before, and of the image"
)
def my_rebuild(state, kept):
    small = dict(state)
    for i, keep in enumerate(kept):
        small[f"convs.{i}.weight"] = state[f"convs.{i}.weight"][keep][:, keep]
        for name in ("running_mean", "running_var", "weight", "bias"):
            small[f"norms.{i}.{name}"] = state[f"norms.{i}.{name}"][keep]
    small["head.weight"] = state["head.weight"][:, kept[-1]]
    return small


@wrong("studio.3-rebuild", "forgets the running mean and variance of the batch norm: they belong to the channel as well")
def my_rebuild(state, kept):
    small, inputs = dict(state), torch.arange(state["convs.0.weight"].shape[1])
    for i, keep in enumerate(kept):
        small[f"convs.{i}.weight"] = state[f"convs.{i}.weight"][keep][:, inputs]
        for name in ("weight", "bias"):
            small[f"norms.{i}.{name}"] = state[f"norms.{i}.{name}"][keep]
        inputs = keep
    small["head.weight"] = state["head.weight"][:, inputs]
    return small


@wrong("studio.3-rebuild", "forgets the linear layer: its columns are the last convolution's channels")
def my_rebuild(state, kept):
    small, inputs = dict(state), torch.arange(state["convs.0.weight"].shape[1])
    for i, keep in enumerate(kept):
        small[f"convs.{i}.weight"] = state[f"convs.{i}.weight"][keep][:, inputs]
        for name in ("running_mean", "running_var", "weight", "bias"):
            small[f"norms.{i}.{name}"] = state[f"norms.{i}.{name}"][keep]
        inputs = keep
    return small


@wrong("studio.3-rebuild", "gives the next layer the first inputs, as many as are kept, instead of those that are kept")
def my_rebuild(state, kept):
    small, inputs = dict(state), state["convs.0.weight"].shape[1]
    for i, keep in enumerate(kept):
        small[f"convs.{i}.weight"] = state[f"convs.{i}.weight"][keep][:, :inputs]
        for name in ("running_mean", "running_var", "weight", "bias"):
            small[f"norms.{i}.{name}"] = state[f"norms.{i}.{name}"][keep]
        inputs = len(keep)
    small["head.weight"] = state["head.weight"][:, :inputs]
    return small


@wrong("studio.3-rebuild", "cuts the batch norm to its first entries, not to those of the kept channels")
def my_rebuild(state, kept):
    small, inputs = dict(state), torch.arange(state["convs.0.weight"].shape[1])
    for i, keep in enumerate(kept):
        small[f"convs.{i}.weight"] = state[f"convs.{i}.weight"][keep][:, inputs]
        for name in ("running_mean", "running_var", "weight", "bias"):
            small[f"norms.{i}.{name}"] = state[f"norms.{i}.{name}"][: len(keep)]
        inputs = keep
    small["head.weight"] = state["head.weight"][:, inputs]
    return small


@wrong("studio.3-rebuild", "sets the other channels to zero and keeps every shape: that is a mask, and nothing gets smaller")
def my_rebuild(state, kept):
    small = dict(state)
    for i, keep in enumerate(kept):
        for name in ("weight", "bias"):
            masked = torch.zeros_like(state[f"norms.{i}.{name}"])
            masked[keep] = state[f"norms.{i}.{name}"][keep]
            small[f"norms.{i}.{name}"] = masked
    return small


# studio.4


@right("studio.4-calibration", "a NumPy generator, channel by channel")
def my_calibration(images, count, mean, std, seed):
    chosen = np.random.default_rng(seed).choice(len(images["train"]), count, replace=False)
    out = images["train"].numpy()[chosen].astype(np.float64) / 255
    for channel, (m, s) in enumerate(zip(mean, std)):
        out[:, channel] = (out[:, channel] - m) / s
    return torch.from_numpy(out.astype(np.float32))


@right("studio.4-calibration", "one factor and one offset")
def my_calibration(images, count, mean, std, seed):
    torch.manual_seed(seed)
    some = images["train"][torch.randperm(images["train"].shape[0])][-count:]
    scale = 1 / (255 * torch.tensor(std))
    return some * scale[:, None, None] - (torch.tensor(mean) / torch.tensor(std))[:, None, None]


@wrong("studio.4-calibration", "calibrates on test images: what is measured on them afterwards is not honest any more")
def my_calibration(images, count, mean, std, seed):
    pool, draw = images["test"], torch.Generator().manual_seed(seed)
    chosen = torch.randperm(len(pool), generator=draw)[:count]
    return (pool[chosen].float() / 255 - torch.tensor(mean).view(-1, 1, 1)) / torch.tensor(std).view(-1, 1, 1)


@wrong("studio.4-calibration", "calibrates on validation images, which are there for choosing between models")
def my_calibration(images, count, mean, std, seed):
    pool, draw = images["val"], torch.Generator().manual_seed(seed)
    chosen = torch.randperm(len(pool), generator=draw)[:count]
    return (pool[chosen].float() / 255 - torch.tensor(mean).view(-1, 1, 1)) / torch.tensor(std).view(-1, 1, 1)


@wrong("studio.4-calibration", "takes the first images of the file: if it is sorted, they all show one class")
def my_calibration(images, count, mean, std, seed):
    return (images["train"][:count].float() / 255 - torch.tensor(mean).view(-1, 1, 1)) / torch.tensor(std).view(-1, 1, 1)


@wrong("studio.4-calibration", "takes one block of the file: in a sorted file neighbours show the same class")
def my_calibration(images, count, mean, std, seed):
    pool = images["train"]
    start = int(torch.randint(len(pool) - count + 1, (1,), generator=torch.Generator().manual_seed(seed)))
    mean, std = torch.tensor(mean).view(-1, 1, 1), torch.tensor(std).view(-1, 1, 1)
    return (pool[start : start + count].float() / 255 - mean) / std


@wrong("studio.4-calibration", "draws with replacement: some images come twice, so fewer are seen than you think")
def my_calibration(images, count, mean, std, seed):
    pool, draw = images["train"], torch.Generator().manual_seed(seed)
    chosen = torch.randint(len(pool), (count,), generator=draw)
    return (pool[chosen].float() / 255 - torch.tensor(mean).view(-1, 1, 1)) / torch.tensor(std).view(-1, 1, 1)


@wrong("studio.4-calibration", "does not divide by 255: the ranges are measured on images far brighter than any that comes")
def my_calibration(images, count, mean, std, seed):
    pool, draw = images["train"], torch.Generator().manual_seed(seed)
    chosen = torch.randperm(len(pool), generator=draw)[:count]
    return (pool[chosen].float() - torch.tensor(mean).view(-1, 1, 1)) / torch.tensor(std).view(-1, 1, 1)


@wrong("studio.4-calibration", "stops at pixels from 0 to 1: the network was trained on normalised images")
def my_calibration(images, count, mean, std, seed):
    pool, draw = images["train"], torch.Generator().manual_seed(seed)
    chosen = torch.randperm(len(pool), generator=draw)[:count]
    return pool[chosen].float() / 255
