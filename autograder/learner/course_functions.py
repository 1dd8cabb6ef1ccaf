"""Library versions of functions that earlier lessons build, for lessons that use them as parts.

They obey the laws that the exercises' checks test; see `autograder.learner.earlier`. Arguments and results are those of the exercise.
"""

import numpy as np
import torch
from torch import nn

from course_labs.methods import distillation


def quantize_rows(w, qmax):
    """Symmetric codes with one scale for each row of `w`: (codes int32 (rows, columns), scales (rows,))."""
    w = np.asarray(w)
    scales = np.linalg.norm(w, ord=np.inf, axis=1) / qmax
    scales[scales == 0] = 1.0
    return np.round(w.T / scales).T.astype(np.int32), scales


def global_masks(state, sparsity):
    """Bool masks (True: kept) for the weights in `state`, from one ranking by magnitude; ties broken by position."""
    names = [name for name, w in state.items() if w.ndim > 1]
    flat = torch.cat([state[name].detach().reshape(-1) for name in names]).abs()
    order = torch.argsort(flat, stable=True)
    flat = torch.ones_like(flat, dtype=torch.bool).index_fill_(0, order[: round(sparsity * len(order))], False)
    masks, start = {}, 0
    for name in names:
        masks[name] = flat[start : start + state[name].numel()].view(state[name].shape)
        start += state[name].numel()
    return masks


def cubic_schedule(start, end, rounds):
    """Sparsities from `start` to `end`, a list of rounds + 1: large steps first (Zhu and Gupta 2017, arXiv:1710.01878)."""
    left = np.linspace(1, 0, rounds + 1) ** 3
    return (end - (end - start) * left).tolist()


@torch.no_grad()
def prune_mlp(mlp, kept):
    """A new Sequential(Linear, ReLU, Linear) with the hidden neurons `kept`, equal to the masked `mlp`."""
    first, last = mlp[0], mlp[2]
    small = nn.Sequential(nn.Linear(first.in_features, len(kept)), nn.ReLU(), nn.Linear(len(kept), last.out_features))
    cut = {"0.weight": first.weight.index_select(0, kept), "0.bias": first.bias.index_select(0, kept)}
    small.load_state_dict({**cut, "2.weight": last.weight.index_select(1, kept), "2.bias": last.bias})
    return small


def distillation_loss(student_logits, teacher_logits, labels, temperature, alpha_soft):
    """alpha_soft * soft loss + (1 - alpha_soft) * hard loss, as the lab computes it."""
    return distillation.distillation_loss(student_logits, teacher_logits, labels, temperature, alpha_soft)


@torch.no_grad()
def cached_logits(teacher, images, batch_size):
    """The teacher's logits of all images in eval mode, float32 array (N, classes); the teacher's mode is put back."""
    was = teacher.training
    logits = [teacher.eval()(part).float() for part in images.split(batch_size)]
    teacher.train(was)
    return torch.cat(logits).numpy()


def low_rank_factors(w, rank):
    """The best pair of tables of this rank, the singular values' roots in each: (m, rank) and (rank, n)."""
    u, s, vt = np.linalg.svd(w, full_matrices=False)
    root = np.diag(np.sqrt(s[:rank]))
    return u[:, :rank] @ root, root @ vt[:rank]
