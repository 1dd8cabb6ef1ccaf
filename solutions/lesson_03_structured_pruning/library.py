"""What later lessons take from this one where a student's own does not pass: the course's functions. They obey the laws of the checks."""

import torch
from torch import nn


@torch.no_grad()
def prune_mlp(mlp, kept):
    """A new Sequential(Linear, ReLU, Linear) with the hidden neurons `kept`, equal to the masked `mlp`."""
    first, last = mlp[0], mlp[2]
    small = nn.Sequential(nn.Linear(first.in_features, len(kept)), nn.ReLU(), nn.Linear(len(kept), last.out_features))
    cut = {"0.weight": first.weight.index_select(0, kept), "0.bias": first.bias.index_select(0, kept)}
    small.load_state_dict({**cut, "2.weight": last.weight.index_select(1, kept), "2.bias": last.bias})
    return small
