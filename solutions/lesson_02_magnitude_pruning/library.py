"""What later lessons take from this one where a student's own does not pass: the course's functions. They obey the laws of the checks."""

import numpy as np
import torch


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
