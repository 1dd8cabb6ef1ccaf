"""The bank of lesson 07: answers that students really give, and right answers written differently.

Each function stands by itself: it uses `np`, `torch` and its own body. A wrong answer's sentence is what a
student reads when theirs behaves the same, so it says what goes wrong and why, not what to type.
"""

import numpy as np
import torch

from autograder.checks import right, right_value, wrong, wrong_value

# 7.1-predict

wrong_value("7.1-predict", "takes the true slope of rounding, which is 0", predict_7_1="a")
wrong_value("7.1-predict", "takes the latent weight for the rounded one", predict_7_1="b")
wrong_value("7.1-predict", "waits until the latent weight is 0", predict_7_1="d")
wrong_value("7.1-predict", "gives the number instead of the letter of the choice", predict_7_1="10")
right_value("7.1-predict", "a capital letter", predict_7_1="C")
right_value("7.1-predict", "with brackets and a space", predict_7_1="(c) ")

# 7.2-fake


def straight(value, slope, x):
    """`value` on the way forward; on the way back the gradient times `slope`."""
    moved = x * slope
    return value.detach() + moved - moved.detach()


@wrong(
    "7.2-fake",
    "gives the end codes qmin and qmax no gradient: they are inside. A `torch.clamp` after rounding does the same in new versions of PyTorch",
)
def fake_quantize(x, scale, zero_point, qmin, qmax):
    k = torch.round(x.detach() / scale) + zero_point
    return straight((k.clamp(qmin, qmax) - zero_point) * scale, ((k > qmin) & (k < qmax)).float(), x)


@wrong(
    "7.2-fake",
    "asks x / scale before rounding whether it is in the range: what lies up to half a step beyond an end is rounded to the end code, not clamped",
)
def fake_quantize(x, scale, zero_point, qmin, qmax):
    v = x.detach() / scale + zero_point
    value = (torch.round(v).clamp(qmin, qmax) - zero_point) * scale
    return straight(value, ((v >= qmin) & (v <= qmax)).float(), x)


@wrong(
    "7.2-fake",
    "lets every gradient through, also where the code was clamped: there is no mask, or it is made after clamping, when every code is in the range",
)
def fake_quantize(x, scale, zero_point, qmin, qmax):
    k = torch.round(x.detach() / scale) + zero_point
    return straight((k.clamp(qmin, qmax) - zero_point) * scale, torch.ones_like(k), x)


@wrong("7.2-fake", "passes on the 0 or 1 alone; the chain rule wants the arriving gradient times it")
def fake_quantize(x, scale, zero_point, qmin, qmax):
    class Mask(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            k = torch.round(x / scale) + zero_point
            ctx.save_for_backward((k >= qmin) & (k <= qmax))
            return (k.clamp(qmin, qmax) - zero_point) * scale

        @staticmethod
        def backward(ctx, grad):
            (inside,) = ctx.saved_tensors
            return inside.to(grad.dtype)

    return Mask.apply(x)


@wrong("7.2-fake", "passes the gradient on where the code was clamped, and stops it inside: the mask is turned round")
def fake_quantize(x, scale, zero_point, qmin, qmax):
    k = torch.round(x.detach() / scale) + zero_point
    return straight((k.clamp(qmin, qmax) - zero_point) * scale, ((k < qmin) | (k > qmax)).float(), x)


@wrong("7.2-fake", "carries no gradient, so `.backward()` cannot be called: rounding alone has no slope, and it was cut off")
def fake_quantize(x, scale, zero_point, qmin, qmax):
    k = torch.round(x.detach() / scale) + zero_point
    return (k.clamp(qmin, qmax) - zero_point) * scale


@wrong("7.2-fake", "rounds without a straight-through rule: the slope of torch.round is 0 everywhere, and nothing learns")
def fake_quantize(x, scale, zero_point, qmin, qmax):
    k = torch.round(x / scale) + zero_point
    return (k.clamp(qmin, qmax) - zero_point) * scale


@wrong("7.2-fake", "divides the gradient by the scale, too: the slope of the value against x is 1, the scale cancels")
def fake_quantize(x, scale, zero_point, qmin, qmax):
    k = torch.round(x.detach() / scale) + zero_point
    slope = ((k >= qmin) & (k <= qmax)).float() / scale
    return straight((k.clamp(qmin, qmax) - zero_point) * scale, slope, x)


@wrong("7.2-fake", "returns the codes; the result should be numbers of the size of x again")
def fake_quantize(x, scale, zero_point, qmin, qmax):
    k = torch.round(x.detach() / scale) + zero_point
    return straight(k.clamp(qmin, qmax), ((k >= qmin) & (k <= qmax)).float(), x)


@wrong("7.2-fake", "leaves the zero point in: it must be taken off before the code is multiplied by the scale")
def fake_quantize(x, scale, zero_point, qmin, qmax):
    k = torch.round(x.detach() / scale) + zero_point
    return straight(k.clamp(qmin, qmax) * scale, ((k >= qmin) & (k <= qmax)).float(), x)


@wrong("7.2-fake", "leaves the zero point out: the codes are clamped to the wrong part of the range")
def fake_quantize(x, scale, zero_point, qmin, qmax):
    k = torch.round(x.detach() / scale)
    return straight(k.clamp(qmin, qmax) * scale, ((k >= qmin) & (k <= qmax)).float(), x)


@wrong("7.2-fake", "does not clamp: numbers beyond the range get codes that do not exist")
def fake_quantize(x, scale, zero_point, qmin, qmax):
    k = torch.round(x.detach() / scale) + zero_point
    return straight((k - zero_point) * scale, ((k >= qmin) & (k <= qmax)).float(), x)


@wrong("7.2-fake", "rounds down instead of to the nearest code")
def fake_quantize(x, scale, zero_point, qmin, qmax):
    k = torch.floor(x.detach() / scale) + zero_point
    return straight((k.clamp(qmin, qmax) - zero_point) * scale, ((k >= qmin) & (k <= qmax)).float(), x)


@wrong("7.2-fake", "rounds half-steps up; torch.round takes the even neighbour")
def fake_quantize(x, scale, zero_point, qmin, qmax):
    k = torch.floor(x.detach() / scale + 0.5) + zero_point
    return straight((k.clamp(qmin, qmax) - zero_point) * scale, ((k >= qmin) & (k <= qmax)).float(), x)


@wrong("7.2-fake", "adds the zero point before it rounds: with an odd one, half-steps go to the other side")
def fake_quantize(x, scale, zero_point, qmin, qmax):
    k = torch.round(x.detach() / scale + zero_point)
    return straight((k.clamp(qmin, qmax) - zero_point) * scale, ((k >= qmin) & (k <= qmax)).float(), x)


@wrong("7.2-fake", "multiplies by the scale where it should divide, and divides where it should multiply")
def fake_quantize(x, scale, zero_point, qmin, qmax):
    k = torch.round(x.detach() * scale) + zero_point
    return straight((k.clamp(qmin, qmax) - zero_point) / scale, ((k >= qmin) & (k <= qmax)).float(), x)


@right("7.2-fake", "PyTorch operations and a detached difference, no class")
def fake_quantize(x, scale, zero_point, qmin, qmax):
    k = torch.round(x / scale).detach() + zero_point
    value = scale * (torch.minimum(torch.maximum(k, torch.tensor(float(qmin))), torch.tensor(float(qmax))) - zero_point)
    kept = torch.where((k >= qmin) & (k <= qmax), x, x.detach())
    return value + (kept - kept.detach())


@right("7.2-fake", "a class of its own; the scale multiplied in before the zero point is taken off")
def fake_quantize(x, scale, zero_point, qmin, qmax):
    class Steps(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            k = torch.round(x / scale)
            low, high = qmin - zero_point, qmax - zero_point
            ctx.outside = (k < low) | (k > high)
            return torch.clamp(k, low, high) * scale

        @staticmethod
        def backward(ctx, grad):
            return grad.masked_fill(ctx.outside, 0.0)

    return Steps.apply(x)


@right("7.2-fake", "clamps x to half a step beyond the ends before it rounds")
def fake_quantize(x, scale, zero_point, qmin, qmax):
    low, high = (qmin - zero_point - 0.5) * scale, (qmax - zero_point + 0.5) * scale
    cut = torch.where((x > low) & (x < high), x, x.detach())
    value = (torch.round(x.detach() / scale).clamp(qmin - zero_point, qmax - zero_point)) * scale
    return value + (cut - cut.detach())


# 7.3-observers


@wrong("7.3-observers", "forgets what was seen before: a range holds everything so far")
def min_max(seen, x):
    return float(x.min()), float(x.max())


@wrong("7.3-observers", "swaps smaller and larger: the range shrinks to what both have in common")
def min_max(seen, x):
    lo, hi = float(x.min()), float(x.max())
    return (lo, hi) if seen is None else (max(seen[0], lo), min(seen[1], hi))


@wrong("7.3-observers", "starts from the range (0, 0), so a batch that is all positive or all negative gets a range it never had")
def min_max(seen, x):
    seen = (0.0, 0.0) if seen is None else seen
    return min(seen[0], float(x.min())), max(seen[1], float(x.max()))


@wrong("7.3-observers", "takes the largest magnitude to both sides; the two ends are watched separately")
def min_max(seen, x):
    top = float(np.abs(x).max()) if seen is None else max(float(np.abs(x).max()), -seen[0], seen[1])
    return -top, top


@wrong("7.3-observers", "keeps the old upper end, whatever the batch holds")
def min_max(seen, x):
    lo, hi = float(x.min()), float(x.max())
    return (lo, hi) if seen is None else (min(seen[0], lo), seen[1])


@wrong("7.3-observers", "widens the range to hold 0; an observer keeps the range that was seen")
def min_max(seen, x):
    lo, hi = float(x.min()), float(x.max())
    return (lo, hi) if seen is None else (min(seen[0], lo, 0.0), max(seen[1], hi, 0.0))


@wrong("7.3-observers", "widens the average to hold 0; an observer keeps the range that was seen")
def moving_average(seen, x, c):
    lo, hi = float(x.min()), float(x.max())
    if seen is None:
        return lo, hi
    return min((1 - c) * seen[0] + c * lo, 0.0), max((1 - c) * seen[1] + c * hi, 0.0)


@wrong("7.3-observers", "starts the average at 0: the first batch should set the range")
def moving_average(seen, x, c):
    seen = (0.0, 0.0) if seen is None else seen
    return (1 - c) * seen[0] + c * float(x.min()), (1 - c) * seen[1] + c * float(x.max())


@wrong("7.3-observers", "gives the share c to the old range and the rest to the new batch; it is the other way round")
def moving_average(seen, x, c):
    lo, hi = float(x.min()), float(x.max())
    return (lo, hi) if seen is None else (c * seen[0] + (1 - c) * lo, c * seen[1] + (1 - c) * hi)


@wrong("7.3-observers", "adds c times the batch without shrinking the old range: the average grows with every batch")
def moving_average(seen, x, c):
    lo, hi = float(x.min()), float(x.max())
    return (lo, hi) if seen is None else (seen[0] + c * lo, seen[1] + c * hi)


@wrong("7.3-observers", "takes the plain mean of old and new, whatever c is")
def moving_average(seen, x, c):
    lo, hi = float(x.min()), float(x.max())
    return (lo, hi) if seen is None else ((seen[0] + lo) / 2, (seen[1] + hi) / 2)


@wrong("7.3-observers", "never lets the range shrink: an average can move in both directions")
def moving_average(seen, x, c):
    lo, hi = float(x.min()), float(x.max())
    if seen is None:
        return lo, hi
    return min(seen[0], (1 - c) * seen[0] + c * lo), max(seen[1], (1 - c) * seen[1] + c * hi)


@wrong("7.3-observers", "averages the numbers of the batch instead of its two ends")
def moving_average(seen, x, c):
    mean = float(x.mean())
    if seen is None:
        return float(x.min()), float(x.max())
    return (1 - c) * seen[0] + c * mean, (1 - c) * seen[1] + c * mean


@wrong("7.3-observers", "cuts off half of the tail at each end; `tail` per cent are meant for each")
def percentile_range(x, tail):
    return float(np.percentile(x, tail / 2)), float(np.percentile(x, 100 - tail / 2))


@wrong("7.3-observers", "takes the tail for a share between 0 and 1; it is given in per cent")
def percentile_range(x, tail):
    return float(np.quantile(x, min(tail, 1.0))), float(np.quantile(x, max(1 - tail, 0.0)))


@wrong("7.3-observers", "cuts off the upper end only")
def percentile_range(x, tail):
    return float(x.min()), float(np.percentile(x, 100 - tail))


@wrong("7.3-observers", "cuts the span of the numbers, not their count: a percentile counts how many numbers lie below")
def percentile_range(x, tail):
    span = float(x.max()) - float(x.min())
    return float(x.min()) + span * tail / 100, float(x.max()) - span * tail / 100


@wrong("7.3-observers", "returns the upper end first")
def percentile_range(x, tail):
    return float(np.percentile(x, 100 - tail)), float(np.percentile(x, tail))


@right("7.3-observers", "everything in one sorted list, NumPy floats")
def min_max(seen, x):
    ordered = np.sort(np.append(np.asarray(x, dtype=np.float64).ravel(), [] if seen is None else seen))
    return [ordered[0], ordered[-1]]


@right("7.3-observers", "moves the old range towards the new one")
def moving_average(seen, x, c):
    new = np.array([x.min(), x.max()], dtype=np.float64)
    old = new if seen is None else np.array(seen)
    return tuple(old + c * (new - old))


@right("7.3-observers", "both quantiles in one call, in a list")
def percentile_range(x, tail):
    return np.quantile(np.asarray(x, dtype=np.float64), [tail / 100, 1 - tail / 100]).tolist()


# 7.4-fold


def folded_with(conv, weight, bias):
    made = torch.nn.Conv2d(
        conv.in_channels, conv.out_channels, conv.kernel_size, stride=conv.stride, padding=conv.padding, dilation=conv.dilation
    )
    with torch.no_grad():
        made.weight.copy_(weight)
        made.bias.copy_(bias)
    return made


def bias_of(conv):
    return torch.zeros(conv.out_channels) if conv.bias is None else conv.bias.detach()


def factor_of(bn):
    return (bn.weight / torch.sqrt(bn.running_var + bn.eps)).detach()


def wide(factor):
    return factor[:, None, None, None]


def rescaled(size, qmax):
    return torch.where(size > 0, size / qmax, 1.0)


def from_folded(fold):
    """The scales of what `fold` makes: a mistake in its weights shows in them."""

    def folded_scales(conv, bn, qmax):
        return rescaled(fold(conv, bn).weight.detach().abs().amax(dim=(1, 2, 3)), qmax)

    return folded_scales


@wrong("7.4-fold", "leaves eps out: the factor is wrong, and infinite for a channel without variance", folded_scales=from_folded)
def fold(conv, bn):
    factor = (bn.weight / torch.sqrt(bn.running_var)).detach()
    return folded_with(conv, conv.weight * wide(factor), (bias_of(conv) - bn.running_mean) * factor + bn.bias)


@wrong("7.4-fold", "adds eps after the root; it belongs under it", folded_scales=from_folded)
def fold(conv, bn):
    factor = (bn.weight / (torch.sqrt(bn.running_var) + bn.eps)).detach()
    return folded_with(conv, conv.weight * wide(factor), (bias_of(conv) - bn.running_mean) * factor + bn.bias)


@wrong("7.4-fold", "divides by the variance instead of its root", folded_scales=from_folded)
def fold(conv, bn):
    factor = (bn.weight / (bn.running_var + bn.eps)).detach()
    return folded_with(conv, conv.weight * wide(factor), (bias_of(conv) - bn.running_mean) * factor + bn.bias)


@wrong("7.4-fold", "leaves gamma out of the factor", folded_scales=from_folded)
def fold(conv, bn):
    factor = (1 / torch.sqrt(bn.running_var + bn.eps)).detach()
    return folded_with(conv, conv.weight * wide(factor), (bias_of(conv) - bn.running_mean) * factor + bn.bias)


@wrong("7.4-fold", "takes the magnitude of gamma; it may be negative, and then the filter changes its sign")
def fold(conv, bn):
    factor = factor_of(bn).abs()
    return folded_with(conv, conv.weight * wide(factor), (bias_of(conv) - bn.running_mean) * factor + bn.bias)


@wrong("7.4-fold", "forgets the running mean: the bias lacks a part")
def fold(conv, bn):
    factor = factor_of(bn)
    return folded_with(conv, conv.weight * wide(factor), bias_of(conv) * factor + bn.bias)


@wrong("7.4-fold", "adds the running mean where it must be subtracted")
def fold(conv, bn):
    factor = factor_of(bn)
    return folded_with(conv, conv.weight * wide(factor), (bias_of(conv) + bn.running_mean) * factor + bn.bias)


@wrong("7.4-fold", "subtracts the mean after multiplying; the mean is in the old units and must be multiplied, too")
def fold(conv, bn):
    factor = factor_of(bn)
    return folded_with(conv, conv.weight * wide(factor), bias_of(conv) * factor - bn.running_mean + bn.bias)


@wrong("7.4-fold", "forgets beta: it is added at the very end")
def fold(conv, bn):
    factor = factor_of(bn)
    return folded_with(conv, conv.weight * wide(factor), (bias_of(conv) - bn.running_mean) * factor)


@wrong("7.4-fold", "multiplies beta by the factor; beta is added at the very end")
def fold(conv, bn):
    factor = factor_of(bn)
    return folded_with(conv, conv.weight * wide(factor), (bias_of(conv) - bn.running_mean + bn.bias) * factor)


@wrong("7.4-fold", "drops the convolution's own bias; only where there is none, b is 0")
def fold(conv, bn):
    factor = factor_of(bn)
    return folded_with(conv, conv.weight * wide(factor), -bn.running_mean * factor + bn.bias)


@wrong("7.4-fold", "leaves the convolution's bias as it was: the factor and the batch norm's own shift act on it, too")
def fold(conv, bn):
    factor = factor_of(bn)
    return folded_with(conv, conv.weight * wide(factor), bias_of(conv))


@wrong("7.4-fold", "fails on a convolution without a bias: `conv.bias` is None there", folded_scales=from_folded)
def fold(conv, bn):
    factor = factor_of(bn)
    return folded_with(conv, conv.weight * wide(factor), (conv.bias - bn.running_mean) * factor + bn.bias)


@wrong("7.4-fold", "gives a convolution without a bias no bias after folding: the batch norm's shift is lost")
def fold(conv, bn):
    factor = factor_of(bn)
    made = folded_with(conv, conv.weight * wide(factor), (bias_of(conv) - bn.running_mean) * factor + bn.bias)
    if conv.bias is None:
        made.bias = None
    return made


@wrong("7.4-fold", "multiplies along the last axis of the weight: each factor belongs to an output channel, the first axis")
def fold(conv, bn):
    factor = factor_of(bn)
    return folded_with(conv, conv.weight * factor, (bias_of(conv) - bn.running_mean) * factor + bn.bias)


@wrong("7.4-fold", "loses the convolution's settings: stride, padding and dilation are those of a new layer")
def fold(conv, bn):
    factor = factor_of(bn)
    made = torch.nn.Conv2d(conv.in_channels, conv.out_channels, conv.kernel_size)
    with torch.no_grad():
        made.weight.copy_(conv.weight * wide(factor))
        made.bias.copy_((bias_of(conv) - bn.running_mean) * factor + bn.bias)
    return made


@wrong("7.4-fold", "returns a layer that cannot be trained: its parameters have requires_grad=False")
def fold(conv, bn):
    factor = factor_of(bn)
    return folded_with(conv, conv.weight * wide(factor), (bias_of(conv) - bn.running_mean) * factor + bn.bias).requires_grad_(False)


@wrong("7.4-fold", "returns weight and bias as tensors; a layer was asked for")
def fold(conv, bn):
    factor = factor_of(bn)
    return (conv.weight * wide(factor)).detach(), ((bias_of(conv) - bn.running_mean) * factor + bn.bias).detach()


@wrong("7.4-fold", "takes the scales from the old weights: what will be rounded are the folded ones")
def folded_scales(conv, bn, qmax):
    return rescaled(conv.weight.detach().abs().amax(dim=(1, 2, 3)), qmax)


@wrong("7.4-fold", "makes one scale for all filters; each filter has its own")
def folded_scales(conv, bn, qmax):
    largest = (conv.weight * wide(factor_of(bn))).detach().abs().max()
    return rescaled(largest, qmax).repeat(conv.out_channels)


@wrong("7.4-fold", "takes the largest weight instead of the largest magnitude: negative weights need a code, too")
def folded_scales(conv, bn, qmax):
    return rescaled((conv.weight * wide(factor_of(bn))).detach().amax(dim=(1, 2, 3)).clamp(min=0), qmax)


@wrong("7.4-fold", "gives a filter of zeros the scale 0: dividing by it gives NaN")
def folded_scales(conv, bn, qmax):
    return (conv.weight * wide(factor_of(bn))).detach().abs().amax(dim=(1, 2, 3)) / qmax


@wrong("7.4-fold", "gives filters of small weights the scale 1; that is for filters of zeros only")
def folded_scales(conv, bn, qmax):
    largest = (conv.weight * wide(factor_of(bn))).detach().abs().amax(dim=(1, 2, 3))
    return torch.where(largest > 1e-2, largest / qmax, 1.0)


@wrong("7.4-fold", "returns the largest magnitudes themselves; the scale is a part of them, one step")
def folded_scales(conv, bn, qmax):
    return rescaled((conv.weight * wide(factor_of(bn))).detach().abs().amax(dim=(1, 2, 3)), 1)


@wrong("7.4-fold", "multiplies the old scales by gamma over the root, sign and all: a scale is never negative")
def folded_scales(conv, bn, qmax):
    found = conv.weight.detach().abs().amax(dim=(1, 2, 3)) * factor_of(bn) / qmax
    return torch.where(found != 0, found, 1.0)


@right("7.4-fold", "in float64, through views, with a loop over the channels")
def fold(conv, bn):
    made = torch.nn.Conv2d(conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride, conv.padding, conv.dilation, bias=True)
    with torch.no_grad():
        for i in range(conv.out_channels):
            factor = bn.weight[i].double() * (bn.running_var[i].double() + bn.eps) ** -0.5
            made.weight[i] = conv.weight[i].double() * factor
            old = 0.0 if conv.bias is None else conv.bias[i].double()
            made.bias[i] = old * factor + (bn.bias[i] - bn.running_mean[i].double() * factor)
    return made


@right("7.4-fold", "einsum, and rsqrt")
def fold(conv, bn):
    scale = bn.weight.detach() * torch.rsqrt(bn.running_var + bn.eps)
    weight = torch.einsum("o,oihw->oihw", scale, conv.weight.detach())
    shift = bn.bias.detach() - scale * (bn.running_mean - (conv.bias.detach() if conv.bias is not None else 0))
    made = torch.nn.Conv2d(
        conv.in_channels, conv.out_channels, conv.kernel_size, stride=conv.stride, padding=conv.padding, dilation=conv.dilation
    )
    made.weight, made.bias = torch.nn.Parameter(weight), torch.nn.Parameter(shift)
    return made


@right("7.4-fold", "old magnitudes times the magnitude of the factor")
def folded_scales(conv, bn, qmax):
    factor = (bn.weight / (bn.running_var + bn.eps).sqrt()).abs().detach()
    found = conv.weight.detach().flatten(1).abs().max(dim=1).values * factor / qmax
    found[found == 0] = 1.0
    return found


@right("7.4-fold", "norms of flat filters in NumPy, as a tensor")
def folded_scales(conv, bn, qmax):
    w = conv.weight.detach().double().numpy()
    factor = bn.weight.detach().double().numpy() / np.sqrt(bn.running_var.double().numpy() + bn.eps)
    found = np.linalg.norm((w * factor[:, None, None, None]).reshape(len(w), -1), ord=np.inf, axis=1) / qmax
    return torch.tensor(np.where(found == 0, 1.0, found), dtype=torch.float32)


# 7.5-lsq


def slopes_of(w, step, qn, qp):
    v = w / step
    return torch.where(v <= -qn, torch.full_like(v, -qn), torch.where(v >= qp, torch.full_like(v, qp), torch.round(v) - v))


def down(w, qp):
    return 1 / (w.numel() * qp) ** 0.5


@wrong("7.5-lsq", "takes the mean of the weights, not of their magnitudes: positive and negative ones cancel")
def start_step(w, qp):
    return float(2 * w.mean() / qp**0.5)


@wrong("7.5-lsq", "divides by qp instead of its root")
def start_step(w, qp):
    return float(2 * w.abs().mean() / qp)


@wrong("7.5-lsq", "leaves out the 2")
def start_step(w, qp):
    return float(w.abs().mean() / qp**0.5)


@wrong("7.5-lsq", "starts from the largest magnitude over qp, as in lesson 01; LSQ starts from the mean magnitude")
def start_step(w, qp):
    return float(w.abs().max() / qp)


@wrong("7.5-lsq", "takes the sum of the magnitudes; LSQ starts from their mean")
def start_step(w, qp):
    return float(2 * w.abs().sum() / qp**0.5)


@wrong("7.5-lsq", "has the sign of the middle branch turned round: it is round(v) - v")
def step_gradient(w, step, grad, qn, qp):
    v = w / step
    slope = torch.where(v <= -qn, -qn, torch.where(v >= qp, qp, v - torch.round(v)))
    return float(down(w, qp) * (grad * slope).sum())


@wrong("7.5-lsq", "takes the code itself for the middle branch, the slope of the stairs at a fixed code; LSQ takes round(v) - v")
def step_gradient(w, step, grad, qn, qp):
    return float(down(w, qp) * (grad * torch.round(w / step).clamp(-qn, qp)).sum())


@wrong("7.5-lsq", "has slope 0 where a weight is clamped: there it moves with the end of the range, by -qn or qp")
def step_gradient(w, step, grad, qn, qp):
    v = w / step
    slope = torch.where((v <= -qn) | (v >= qp), 0.0, torch.round(v) - v)
    return float(down(w, qp) * (grad * slope).sum())


@wrong("7.5-lsq", "uses round(v) - v everywhere: a weight far beyond the range gets no slope of its own")
def step_gradient(w, step, grad, qn, qp):
    v = w / step
    return float(down(w, qp) * (grad * (torch.round(v) - v)).sum())


@wrong("7.5-lsq", "forgets the minus at the lower end: there the slope is -qn")
def step_gradient(w, step, grad, qn, qp):
    v = w / step
    slope = torch.where(v <= -qn, qn, torch.where(v >= qp, qp, torch.round(v) - v))
    return float(down(w, qp) * (grad * slope).sum())


@wrong("7.5-lsq", "takes 1 and -1 for the slopes at the ends; they are qp and -qn")
def step_gradient(w, step, grad, qn, qp):
    v = w / step
    slope = torch.where(v <= -qn, -1.0 if qn else 0.0, torch.where(v >= qp, 1.0, torch.round(v) - v))
    return float(down(w, qp) * (grad * slope).sum())


@wrong("7.5-lsq", "leaves the ends themselves to the middle branch: at v = -qn and v = qp the slope is -qn and qp")
def step_gradient(w, step, grad, qn, qp):
    v = w / step
    slope = torch.where(v < -qn, -qn, torch.where(v > qp, qp, torch.round(v) - v))
    return float(down(w, qp) * (grad * slope).sum())


@wrong("7.5-lsq", "leaves out the factor: the sum over many weights is far too large for one step")
def step_gradient(w, step, grad, qn, qp):
    return float((grad * slopes_of(w, step, qn, qp)).sum())


@wrong("7.5-lsq", "takes the mean over the weights; LSQ takes the sum and its own factor")
def step_gradient(w, step, grad, qn, qp):
    return float((grad * slopes_of(w, step, qn, qp)).mean())


@wrong("7.5-lsq", "takes the mean over the weights and the factor on top; LSQ multiplies the sum by the factor")
def step_gradient(w, step, grad, qn, qp):
    return float(down(w, qp) * (grad * slopes_of(w, step, qn, qp)).mean())


@wrong("7.5-lsq", "forgets the root in the factor")
def step_gradient(w, step, grad, qn, qp):
    return float((grad * slopes_of(w, step, qn, qp)).sum() / (w.numel() * qp))


@wrong("7.5-lsq", "multiplies by the root of N times qp instead of dividing by it")
def step_gradient(w, step, grad, qn, qp):
    return float((grad * slopes_of(w, step, qn, qp)).sum() * (w.numel() * qp) ** 0.5)


@wrong("7.5-lsq", "leaves qp out of the factor")
def step_gradient(w, step, grad, qn, qp):
    return float((grad * slopes_of(w, step, qn, qp)).sum() / w.numel() ** 0.5)


@wrong("7.5-lsq", "counts the rows instead of all weights in the factor")
def step_gradient(w, step, grad, qn, qp):
    return float((grad * slopes_of(w, step, qn, qp)).sum() / (len(w) * qp) ** 0.5)


@wrong("7.5-lsq", "adds up the slopes without the gradients that arrive: the chain rule multiplies each slope by its gradient")
def step_gradient(w, step, grad, qn, qp):
    return float(down(w, qp) * slopes_of(w, step, qn, qp).sum())


@wrong("7.5-lsq", "compares the weights themselves with -qn and qp: the ends count in steps, v = w / step")
def step_gradient(w, step, grad, qn, qp):
    v = w / step
    slope = torch.where(w <= -qn, -qn, torch.where(w >= qp, qp, torch.round(v) - v))
    return float(down(w, qp) * (grad * slope).sum())


@right("7.5-lsq", "a norm over the number of weights, a NumPy float")
def start_step(w, qp):
    return 2.0 * np.abs(w.numpy().astype(np.float64)).mean() / np.sqrt(qp)


@right("7.5-lsq", "clamped code minus v where inside, in NumPy")
def step_gradient(w, step, grad, qn, qp):
    v = w.numpy().astype(np.float64) / step
    inside = (v > -qn) & (v < qp)
    slope = np.clip(np.rint(v), -qn, qp) - np.where(inside, v, 0.0)
    slope = np.where(v <= -qn, -float(qn), slope)
    slope = np.where(v >= qp, float(qp), slope)
    return np.dot(grad.numpy().astype(np.float64).ravel(), slope.ravel()) / np.sqrt(w.numel() * qp)


@right("7.5-lsq", "autograd through the usual idiom of detached differences")
def step_gradient(w, step, grad, qn, qp):
    with torch.enable_grad():
        s = torch.tensor(step, dtype=torch.float64, requires_grad=True)
        v = w.double() / s
        cut = torch.where(v <= -qn, torch.tensor(-float(qn), dtype=torch.float64), v)
        cut = torch.where(v >= qp, torch.tensor(float(qp), dtype=torch.float64), cut)
        value = (cut + (torch.round(cut) - cut).detach()) * s
        (found,) = torch.autograd.grad((value * grad.double()).sum(), s)
    return found.item() * (w.numel() * qp) ** -0.5


# 7.6-bug


def sent(batches, training, c, qmax, moves, start=None):
    """Codes and scale, with an observer that moves where `moves(number of the batch, is training, batches moved so far)` says so."""
    largest, moved, codes = start, 0, []
    for number, (x, train) in enumerate(zip(batches, training)):
        if moves(number, train, moved):
            largest = x.max() if largest is None else (1 - c) * largest + c * x.max()
            moved += 1
        scale = largest / qmax
        codes.append(np.clip(np.rint(x / scale), 0, qmax).astype(np.uint8))
    return codes, float(scale)


@wrong("7.6-bug", "still moves the observer in every training batch: after `freeze_at` of them it must stand still")
def codes_of_batches(batches, training, c, freeze_at, qmax):
    return sent(batches, training, c, qmax, lambda number, train, moved: train is True)


@wrong("7.6-bug", "freezes, but lets validation batches move the observer, too")
def codes_of_batches(batches, training, c, freeze_at, qmax):
    return sent(batches, training, c, qmax, lambda number, train, moved: moved < freeze_at)


@wrong("7.6-bug", "counts validation batches, too: `freeze_at` is a number of training batches")
def codes_of_batches(batches, training, c, freeze_at, qmax):
    return sent(batches, training, c, qmax, lambda number, train, moved: train and number < freeze_at)


@wrong("7.6-bug", "freezes one batch too late")
def codes_of_batches(batches, training, c, freeze_at, qmax):
    return sent(batches, training, c, qmax, lambda number, train, moved: train and moved <= freeze_at)


@wrong("7.6-bug", "freezes one batch too early")
def codes_of_batches(batches, training, c, freeze_at, qmax):
    return sent(batches, training, c, qmax, lambda number, train, moved: train and moved < max(freeze_at - 1, 1))


@wrong("7.6-bug", "joins the two conditions with `or`: either of them is then enough to move the observer")
def codes_of_batches(batches, training, c, freeze_at, qmax):
    return sent(batches, training, c, qmax, lambda number, train, moved: train or moved < freeze_at)


@wrong("7.6-bug", "lets validation batches move the observer, and never freezes it")
def codes_of_batches(batches, training, c, freeze_at, qmax):
    return sent(batches, training, c, qmax, lambda number, train, moved: True)


@wrong("7.6-bug", "moves the observer only after it should be frozen: the comparison is turned round")
def codes_of_batches(batches, training, c, freeze_at, qmax):
    return sent(batches, training, c, qmax, lambda number, train, moved: number == 0 or train and number >= freeze_at)


@wrong("7.6-bug", "takes the first batch alone, whatever `freeze_at` is")
def codes_of_batches(batches, training, c, freeze_at, qmax):
    return sent(batches, training, c, qmax, lambda number, train, moved: number == 0)


@wrong("7.6-bug", "makes the codes of all batches with the last scale: in training each batch is rounded with the scale of its own moment")
def codes_of_batches(batches, training, c, freeze_at, qmax):
    _, scale = sent(batches, training, c, qmax, lambda number, train, moved: train and moved < freeze_at)
    return [np.clip(np.rint(x / scale), 0, qmax).astype(np.uint8) for x in batches], scale


@right("7.6-bug", "a running count of training batches")
def codes_of_batches(batches, training, c, freeze_at, qmax):
    largest, codes, so_far = None, [], 0
    for x, train in zip(batches, training):
        so_far += bool(train)
        if train and so_far <= freeze_at:
            top = float(np.max(x))
            largest = top if largest is None else largest + c * (top - largest)
        scale = largest / qmax
        codes.append(np.minimum(np.rint(x / scale), qmax).astype(np.uint8))
    return codes, scale


@right("7.6-bug", "the places of the batches that count, found first")
def codes_of_batches(batches, training, c, freeze_at, qmax):
    counting = set([i for i, train in enumerate(training) if train][:freeze_at])
    largest, codes = 0.0, []
    for i, x in enumerate(batches):
        if i in counting:
            largest = x.max() * (c if i else 1.0) + largest * (1 - c)
        codes.append(np.clip((x * qmax / largest).round(), 0, qmax).astype(np.uint8))
    return codes, np.float64(largest / qmax)


@right("7.6-bug", "leaves the condition early where the observer is frozen")
def codes_of_batches(batches, training, c, freeze_at, qmax):
    largest, left, codes = None, freeze_at, []
    for x, train in zip(batches, training):
        if not train or left == 0:
            pass
        else:
            largest = x.max() if largest is None else (1 - c) * largest + c * x.max()
            left -= 1
        codes.append(np.clip(np.rint(x / (largest / qmax)), 0, qmax).astype(np.uint8))
    return codes, float(largest / qmax)


# 7.7-mix


def exact(losses, sizes, fits, sign=1.0):
    """The least sum of sign * losses among the ways whose bytes pass `fits`; None if there is none."""
    best = {0: (0.0, [])}
    for loss, size in zip(losses, sizes):
        longer = {}
        for used, (total, taken) in best.items():
            for option in range(len(loss)):
                now, sum_ = used + int(size[option]), total + sign * float(loss[option])
                if fits(now) and (now not in longer or sum_ < longer[now][0]):
                    longer[now] = sum_, [*taken, option]
        best = longer
    return min(best.values())[1] if best else None


def notches(losses, sizes, budget):
    """Greedy from the most bytes down; None if nothing fits."""
    taken = [len(losses[0]) - 1] * len(losses)
    while sum(int(sizes[i, o]) for i, o in enumerate(taken)) > budget:
        steps = [((losses[i, o - 1] - losses[i, o]) / max(int(sizes[i, o] - sizes[i, o - 1]), 1), i) for i, o in enumerate(taken) if o > 0]
        if not steps:
            return None
        taken[min(steps)[1]] -= 1
    return taken


@wrong("7.7-mix", "lowers one layer at a time where a saved byte costs the least: that is greedy, and not always the best")
def best_mix(losses, sizes, budget):
    return notches(losses, sizes, budget)


@wrong("7.7-mix", "refuses a budget that is hit exactly; that still fits")
def best_mix(losses, sizes, budget):
    return exact(losses, sizes, lambda used: used < budget)


@wrong("7.7-mix", "ignores the budget: every layer takes its best option")
def best_mix(losses, sizes, budget):
    return [int(o) for o in np.argmin(losses, axis=1)]


@wrong("7.7-mix", "looks for the largest sum of losses instead of the least")
def best_mix(losses, sizes, budget):
    return exact(losses, sizes, lambda used: used <= budget, sign=-1.0)


@wrong("7.7-mix", "compares each layer with the whole budget: the layers share it")
def best_mix(losses, sizes, budget):
    taken = []
    for loss, size in zip(losses, sizes):
        options = [o for o in range(len(loss)) if size[o] <= budget]
        if not options:
            return None
        taken.append(min(options, key=lambda o: loss[o]))
    return taken


@wrong("7.7-mix", "keeps the first way that uses a number of bytes, also where a later one has a smaller loss")
def best_mix(losses, sizes, budget):
    best = {0: (0.0, [])}
    for loss, size in zip(losses, sizes):
        longer = {}
        for used, (total, taken) in best.items():
            for option in range(len(loss)):
                now = used + int(size[option])
                if now <= budget and now not in longer:
                    longer[now] = total + float(loss[option]), [*taken, option]
        best = longer
    return min(best.values())[1] if best else None


@wrong("7.7-mix", "keeps the worst way for each number of bytes: the comparison is turned round")
def best_mix(losses, sizes, budget):
    best = {0: (0.0, [])}
    for loss, size in zip(losses, sizes):
        longer = {}
        for used, (total, taken) in best.items():
            for option in range(len(loss)):
                now, sum_ = used + int(size[option]), total + float(loss[option])
                if now <= budget and (now not in longer or sum_ > longer[now][0]):
                    longer[now] = sum_, [*taken, option]
        best = longer
    return min(best.values())[1] if best else None


@wrong("7.7-mix", "takes the way that uses the most bytes; more bytes need not mean less loss")
def best_mix(losses, sizes, budget):
    best = {0: (0.0, [])}
    for loss, size in zip(losses, sizes):
        longer = {}
        for used, (total, taken) in best.items():
            for option in range(len(loss)):
                now, sum_ = used + int(size[option]), total + float(loss[option])
                if now <= budget and (now not in longer or sum_ < longer[now][0]):
                    longer[now] = sum_, [*taken, option]
        best = longer
    return best[max(best)][1] if best else None


@wrong("7.7-mix", "takes the way that uses the fewest bytes; the budget may be used for less loss")
def best_mix(losses, sizes, budget):
    best = {0: (0.0, [])}
    for loss, size in zip(losses, sizes):
        longer = {}
        for used, (total, taken) in best.items():
            for option in range(len(loss)):
                now, sum_ = used + int(size[option]), total + float(loss[option])
                if now <= budget and (now not in longer or sum_ < longer[now][0]):
                    longer[now] = sum_, [*taken, option]
        best = longer
    return best[min(best)][1] if best else None


@wrong("7.7-mix", "counts a loss below 0 as 0; such an option makes the sum smaller")
def best_mix(losses, sizes, budget):
    return exact(np.maximum(losses, 0.0), sizes, lambda used: used <= budget)


@wrong("7.7-mix", "gives all layers the same option")
def best_mix(losses, sizes, budget):
    options = [o for o in range(losses.shape[1]) if sizes[:, o].sum() <= budget]
    return [min(options, key=lambda o: losses[:, o].sum())] * len(losses) if options else None


@wrong("7.7-mix", "returns an empty list where nothing fits, not None")
def best_mix(losses, sizes, budget):
    found = exact(losses, sizes, lambda used: used <= budget)
    return [] if found is None else found


@wrong("7.7-mix", "fails where nothing fits: the least of nothing does not exist")
def best_mix(losses, sizes, budget):
    best = {0: (0.0, [])}
    for loss, size in zip(losses, sizes):
        longer = {}
        for used, (total, taken) in best.items():
            for option in range(len(loss)):
                now, sum_ = used + int(size[option]), total + float(loss[option])
                if now <= budget and (now not in longer or sum_ < longer[now][0]):
                    longer[now] = sum_, [*taken, option]
        best = longer
    return min(best.values())[1]


@right("7.7-mix", "keeps only ways that nothing dominates, from the last layer to the first")
def best_mix(losses, sizes, budget):
    ways = [(0, 0.0, ())]
    for i in range(len(losses) - 1, -1, -1):
        longer = sorted(
            (used + int(sizes[i, o]), total + float(losses[i, o]), (o, *taken))
            for used, total, taken in ways
            for o in range(losses.shape[1])
            if used + int(sizes[i, o]) <= budget
        )
        ways = []
        for way in longer:
            if not ways or way[1] < ways[-1][1]:
                ways.append(way)
    return list(ways[-1][2]) if ways else None


@right("7.7-mix", "a table of budgets, filled upwards, and traced back")
def best_mix(losses, sizes, budget):
    layers, options = losses.shape
    top = min(int(budget), int(sizes.max(axis=1).sum()))
    if top < 0:
        return None
    least = np.full((layers + 1, top + 1), np.inf)
    least[0] = 0.0
    choice = np.zeros((layers, top + 1), dtype=int)
    for i in range(layers):
        for room in range(top + 1):
            for o in range(options):
                if sizes[i, o] <= room and least[i, room - sizes[i, o]] + losses[i, o] < least[i + 1, room]:
                    least[i + 1, room], choice[i, room] = least[i, room - sizes[i, o]] + losses[i, o], o
    if not np.isfinite(least[layers, top]):
        return None
    taken, room = [], top
    for i in range(layers - 1, -1, -1):
        taken.append(np.int64(choice[i, room]))
        room -= int(sizes[i, choice[i, room]])
    return taken[::-1]


@right("7.7-mix", "recursion with a memory")
def best_mix(losses, sizes, budget):
    memory = {}

    def rest(layer, room):
        if layer == len(losses):
            return 0.0, ()
        if (layer, room) not in memory:
            found = None
            for o in range(len(losses[layer])):
                left = room - int(sizes[layer][o])
                after = rest(layer + 1, left) if left >= 0 else None
                if after is not None:
                    way = (float(losses[layer][o]) + after[0], (o, *after[1]))
                    found = way if found is None or way < found else found
            memory[layer, room] = found
        return memory[layer, room]

    found = rest(0, int(budget)) if budget >= 0 else None
    return None if found is None else list(found[1])


# 7.8-integer


@wrong("7.8-integer", "divides the bias by the scale of the inputs only; its unit is the product of both scales")
def bias_codes(bias, x_scale, w_scales):
    return np.rint(bias / x_scale).astype(np.int32)


@wrong("7.8-integer", "divides the bias by the scales of the weights only; its unit is the product of both scales")
def bias_codes(bias, x_scale, w_scales):
    return np.rint(bias / w_scales).astype(np.int32)


@wrong("7.8-integer", "multiplies the bias by the scales instead of dividing")
def bias_codes(bias, x_scale, w_scales):
    return np.rint(bias * (x_scale * w_scales)).astype(np.int32)


@wrong("7.8-integer", "cuts off the fraction of the bias instead of rounding")
def bias_codes(bias, x_scale, w_scales):
    return (bias / (x_scale * w_scales)).astype(np.int32)


@wrong("7.8-integer", "rounds half-steps of the bias up; np.rint takes the even neighbour")
def bias_codes(bias, x_scale, w_scales):
    return np.floor(bias / (x_scale * w_scales) + 0.5).astype(np.int32)


@wrong("7.8-integer", "squeezes the bias into 8 bits: it needs the 32 of the sums")
def bias_codes(bias, x_scale, w_scales):
    return np.clip(np.rint(bias / (x_scale * w_scales)), -128, 127).astype(np.int32)


@wrong("7.8-integer", "returns floats; the sums are integers, so the bias must be one, too")
def bias_codes(bias, x_scale, w_scales):
    return np.rint(bias / (x_scale * w_scales))


@wrong("7.8-integer", "subtracts the zero point while the codes are uint8: below 0 they start again at 255")
def accumulate(qx, x_zero, qw, qb):
    return (qx - np.uint8(x_zero)).astype(np.int32) @ qw.astype(np.int32).T + qb


@wrong("7.8-integer", "forgets the zero point of the inputs")
def accumulate(qx, x_zero, qw, qb):
    return qx.astype(np.int32) @ qw.astype(np.int32).T + qb


@wrong("7.8-integer", "adds the zero point where it must be taken off")
def accumulate(qx, x_zero, qw, qb):
    return (qx.astype(np.int32) + x_zero) @ qw.astype(np.int32).T + qb


@wrong("7.8-integer", "forgets the bias")
def accumulate(qx, x_zero, qw, qb):
    return (qx.astype(np.int32) - x_zero) @ qw.astype(np.int32).T


@wrong("7.8-integer", "squeezes inputs into int8 before it multiplies: codes above 127 become negative")
def accumulate(qx, x_zero, qw, qb):
    return (qx.astype(np.int8).astype(np.int32) - x_zero) @ qw.astype(np.int32).T + qb


@wrong("7.8-integer", "adds up in 16 bits: the sums do not fit and start again at the other end")
def accumulate(qx, x_zero, qw, qb):
    return (((qx.astype(np.int16) - x_zero).astype(np.int16) @ qw.astype(np.int16).T) + qb).astype(np.int32)


@wrong("7.8-integer", "adds up in float32, which holds not every whole number above 2 ** 24")
def accumulate(qx, x_zero, qw, qb):
    sums = (qx.astype(np.float32) - x_zero) @ qw.astype(np.float32).T
    return sums.astype(np.int32) + qb


@wrong("7.8-integer", "takes the zero point off the weights: theirs is 0, it belongs to the inputs")
def accumulate(qx, x_zero, qw, qb):
    return qx.astype(np.int32) @ (qw.astype(np.int32) - x_zero).T + qb


@wrong("7.8-integer", "returns int64; the sums are asked for in int32, as on the device")
def accumulate(qx, x_zero, qw, qb):
    return (qx.astype(np.int64) - x_zero) @ qw.astype(np.int64).T + qb


@wrong("7.8-integer", "narrows to uint8 before it clamps: codes above 255 or below 0 start again at the other end")
def rescale(sums, x_scale, w_scales, y_scale, y_zero, qmax):
    codes = np.rint(sums * (x_scale * w_scales / y_scale)) + y_zero
    return np.clip(codes.astype(np.int64).astype(np.uint8), 0, qmax)


@wrong("7.8-integer", "forgets the zero point of the next layer")
def rescale(sums, x_scale, w_scales, y_scale, y_zero, qmax):
    return np.clip(np.rint(sums * (x_scale * w_scales / y_scale)), 0, qmax).astype(np.uint8)


@wrong("7.8-integer", "clamps before it adds the zero point")
def rescale(sums, x_scale, w_scales, y_scale, y_zero, qmax):
    codes = np.clip(np.rint(sums * (x_scale * w_scales / y_scale)), 0, qmax) + y_zero
    return (codes.astype(np.int64) % 256).astype(np.uint8)


@wrong("7.8-integer", "clamps to 255 whatever qmax is")
def rescale(sums, x_scale, w_scales, y_scale, y_zero, qmax):
    return np.clip(np.rint(sums * (x_scale * w_scales / y_scale)) + y_zero, 0, 255).astype(np.uint8)


@wrong("7.8-integer", "leaves out the scale of the next layer: its codes count in steps of y_scale")
def rescale(sums, x_scale, w_scales, y_scale, y_zero, qmax):
    return np.clip(np.rint(sums * (x_scale * w_scales)) + y_zero, 0, qmax).astype(np.uint8)


@wrong("7.8-integer", "leaves out the scale of the inputs")
def rescale(sums, x_scale, w_scales, y_scale, y_zero, qmax):
    return np.clip(np.rint(sums * (w_scales / y_scale)) + y_zero, 0, qmax).astype(np.uint8)


@wrong("7.8-integer", "leaves out the scales of the weights")
def rescale(sums, x_scale, w_scales, y_scale, y_zero, qmax):
    return np.clip(np.rint(sums * (x_scale / y_scale)) + y_zero, 0, qmax).astype(np.uint8)


@wrong("7.8-integer", "multiplies by the scale of the next layer instead of dividing by it")
def rescale(sums, x_scale, w_scales, y_scale, y_zero, qmax):
    return np.clip(np.rint(sums * (x_scale * w_scales * y_scale)) + y_zero, 0, qmax).astype(np.uint8)


@wrong("7.8-integer", "cuts off the fraction instead of rounding to the nearest code")
def rescale(sums, x_scale, w_scales, y_scale, y_zero, qmax):
    return np.clip(sums * (x_scale * w_scales / y_scale) + y_zero, 0, qmax).astype(np.uint8)


@wrong("7.8-integer", "rounds half-steps of the sums up; np.rint takes the even neighbour")
def rescale(sums, x_scale, w_scales, y_scale, y_zero, qmax):
    return np.clip(np.floor(sums * (x_scale * w_scales / y_scale) + 0.5) + y_zero, 0, qmax).astype(np.uint8)


@wrong("7.8-integer", "adds the zero point before it rounds: with an odd one, half-steps go to the other side")
def rescale(sums, x_scale, w_scales, y_scale, y_zero, qmax):
    return np.clip(np.rint(sums * (x_scale * w_scales / y_scale) + y_zero), 0, qmax).astype(np.uint8)


@wrong("7.8-integer", "uses one scale for all rows; each has its own")
def rescale(sums, x_scale, w_scales, y_scale, y_zero, qmax):
    return np.clip(np.rint(sums * (x_scale * w_scales.max() / y_scale)) + y_zero, 0, qmax).astype(np.uint8)


@right("7.8-integer", "one division after the other, row by row")
def bias_codes(bias, x_scale, w_scales):
    return np.array([round(float(b) / x_scale / float(s)) for b, s in zip(bias, w_scales)], dtype=np.int32)


@right("7.8-integer", "the zero point taken out as a correction of the bias, in einsum")
def accumulate(qx, x_zero, qw, qb):
    products = np.einsum("sn,rn->sr", qx.astype(np.int64), qw.astype(np.int64))
    return (products + qb - x_zero * qw.astype(np.int64).sum(axis=1)).astype(np.int32)


@right("7.8-integer", "real numbers first, then the next layer's codes; minimum and maximum")
def rescale(sums, x_scale, w_scales, y_scale, y_zero, qmax):
    real = sums.astype(np.float64) * x_scale * w_scales
    return np.minimum(np.maximum(np.rint(real / y_scale) + y_zero, 0), qmax).astype(np.uint8)
