"""What later lessons take from this one where a student's own does not pass: the course's functions. They obey the laws of the checks."""

import copy

import torch
from torch import nn


def fake_quantize(x, scale, zero_point, qmin, qmax):
    """x on the grid, a tensor; the gradient reaches x where the code before clamping is one of qmin to qmax."""
    low, high = qmin - zero_point, qmax - zero_point
    with torch.no_grad():
        steps = (x / scale).round_()
        outside = steps.lt(low) | steps.gt(high)
        value = scale * steps.clip(low, high)
    kept = x.masked_fill(outside, 0.0)
    return value + (kept - kept.detach())


@torch.no_grad()
def fold(conv, bn):
    """A new convolution with a bias that computes bn(conv(x)) of eval mode."""
    shift = bn.bias.clone()
    gain = bn.weight * torch.rsqrt(bn.running_var + bn.eps)
    shift -= gain * bn.running_mean
    if conv.bias is not None:
        shift += gain * conv.bias
    made = copy.deepcopy(conv)
    made.weight, made.bias = nn.Parameter(torch.einsum("oihw,o->oihw", conv.weight, gain)), nn.Parameter(shift)
    return made
