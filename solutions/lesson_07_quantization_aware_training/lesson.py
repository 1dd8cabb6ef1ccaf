# ---
# course:
#   lesson: 07_quantization_aware_training
#   title: Quantisation-aware training, learn with the rounding in place
#   writes: fake quantisation and its gradient, observers, batch-norm folding, LSQ's step, mixed precision, an integer layer
#   minutes: 110
#   points: 100
# ---

# %% [markdown]
# # 07 Quantisation-aware training: learn with the rounding in place
#
# In lesson 01 you rounded the weights of a finished network. With 8 bits nobody notices; with 2 bits the network falls apart. The cure
# is to round *while* it learns: each step uses rounded weights, and the network gets used to them. That is
# **quantisation-aware training** (QAT). Rounding after training is called post-training quantisation (PTQ).
#
# **At the end you will have** a quantiser that can be trained through, with a gradient written by hand; observers that find ranges; a
# batch norm folded into its convolution; a step that is learnt; bits shared out between layers; and a layer that computes in integers what the trained
# network computed in floats.
#
# | | |
# |---|---|
# | Time | about 110 minutes: the exercises, which say their own minutes, and the demonstrations between them. You need not read the code of the demonstrations |
# | Points | 100, in eight exercises |
# | Builds on | lesson 01 (scale, zero point, codes) and a little PyTorch; one demonstration uses your own `quantize_rows` from there |
# | Stuck? | run `hint("7.2-fake")` in a cell of your own: three hints for each exercise, at no cost |
# | Which arrays | 7.2, 7.4 and 7.5 take PyTorch tensors and layers, 7.3 and 7.6 to 7.8 NumPy arrays |
# | Rules | a function leaves what it is given as it is. Where an array or a tensor is asked for, a list is not one; where an integer is, 3.0 is not one. Where a float is, a NumPy number is one, too. Two values may come as a tuple or a list |

# %% setup=true
from autograder.student import ___, check, hint, progress

# %%
import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)  # for networks this small a second thread costs more than it brings
rng = np.random.default_rng(7)

# %% [markdown]
# ## 7.1-predict  When does a rounded weight move?
#
# *3 minutes · 5 points · difficulty 1 of 3*
#
# During QAT each weight exists twice. The **latent** weight is a float; the optimiser changes it. The **rounded** weight is
# $\hat w = s \cdot \text{round}(w/s)$; the network computes with it. The gradient of $\hat w$ is passed on to $w$ as if there were no
# rounding between them. That is the **straight-through estimator** (STE).
#
# A latent weight starts at 0.345, and the scale is $s = 0.1$. So the rounded weight is 0.3. In each step the gradient is 1 and the
# learning rate 0.01: the latent weight falls by 0.01.
#
# **Predict before you compute.** When does the *rounded* weight change for the first time?
#
# - (a) never: rounding is flat, so its slope is 0
# - (b) at the first step
# - (c) at the tenth step
# - (d) at the 35th step
#
# Write the letter in quotes, like `"a"`.

# %% exercise="7.1-predict" kind="choice" points=5 minutes=3 difficulty=1
# Exercise 7.1-predict: the letter of your choice, in quotes
predict_7_1 = "c"  # blank: predict_7_1 = ___

# %% [markdown] choices="7.1-predict"
# - a: The true slope is 0 nearly everywhere, and with it nothing would ever learn. The straight-through estimator replaces it by 1: that is the whole trick.
# - b: The latent weight moves at the first step, to 0.335. But 3.35 is still rounded to 3: the network sees no change yet.
# - c: Yes. After ten steps the latent weight is 0.245, and 2.45 is rounded to 2. Small steps are saved up in the latent weight until a border is crossed. Without it every one of them would be rounded away.
# - d: At 35 steps the latent weight is about 0. The rounded weight has changed several times by then: it changes whenever the latent weight crosses a half-step.

# %% [markdown] hints="7.1-predict"
# 1. Write down w / s at the start. Between which two values is it rounded to 3?
# 2. One step changes w / s by 0.01 / 0.1.
# 3. How many steps does it take from 3.45 to below 2.5?

# %% check="7.1-predict"
check("7.1-predict")

# %% demo=true
from course_lessons.lesson_07_quantization_aware_training import figures

w, scale, latent = 0.345, 0.1, []
for step in range(36):
    latent.append(w)
    w -= 0.01 * 1.0  # the gradient of the rounded weight, passed straight through
rounded = [scale * round(v / scale) for v in latent]
for step in (0, 1, 9, 10, 19, 20):
    print(f"after {step:2d} steps: latent weight {latent[step]:.3f}, rounded weight {rounded[step]:.1f}")
figures.latent_and_rounded(latent, rounded)

# %% [markdown]
# *What to see: the latent weight (line) falls a little at each step. The rounded weight (stairs) stays, then jumps. The latent weight is needed for training only: what is
# shipped are the codes and the scale.*
#
# ## 7.2-fake  Fake quantisation, and its gradient
#
# *14 minutes · 18 points · difficulty 3 of 3*
#
# **Why.** We need one function that rounds on the way forward and lets gradients through on the way back. It is called **fake** quantisation: its result
# is a float tensor, but only values of the integer grid occur in it.
#
# **Forward.** Number, code, number, as in lesson 01:
#
# $$k = \text{round}(x / s) + z\qquad \hat x = s\,\bigl(\text{clamp}(k, q_{min}, q_{max}) - z\bigr)$$
#
# **Backward.** Which inputs get a gradient? Those that were only *rounded*: for them $\hat x \approx x$, and the slope is taken as 1. Those that were *clamped* are
# stuck at the end of the range: there the slope is 0. We decide by the **code before clamping**:
#
# $$\frac{\partial \hat x}{\partial x} := 1 \text{ if } q_{min} \le k \le q_{max}\text{, else } 0$$
#
# The two end codes $q_{min}$ and $q_{max}$ are *inside*. And by the chain rule the backward pass returns the gradient that arrives **times** this 0 or 1.
#
# **A worked example.** $s = 0.5$, $z = 0$, codes -2 to 1. The inputs (-1.4, -0.9, 0.1, 0.7, 0.8) divided by $s$ are (-2.8, -1.8, 0.2, 1.4, 1.6), so $k$ = (-3, -2, 0, 1, 2). Inside are the
# middle three. The values are (-1, -1, 0, 0.5, 0.5). If the gradient (1, 2, 3, 4, 5) arrives, (0, 2, 3, 4, 0) is passed on.
#
# **In PyTorch** a pair of forward and backward is a class made from `torch.autograd.Function`. `ctx.save_for_backward` keeps a tensor for the way back. `backward` returns one
# gradient for each argument of `forward`, and `None` for those that get none. You call it through `.apply`. The tensor `grad` is lent, not given: where $\hat x$ is used twice, others read it,
# too. So make a new tensor, as `grad * mask` does. `grad.mul_(mask)` changes it in place. (The checks cannot see that; the demonstration below stops at it.)
#
# **Predict:** ternary weights have the codes -1, 0, 1. Two of the three codes are end codes. What happens to the training if end codes get no gradient?

# %% exercise="7.2-fake" kind="code" points=18 minutes=14 difficulty=3
# Exercise 7.2-fake: round on the way forward, pass on the way back
class FakeQuantize(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, scale, zero_point, qmin, qmax):
        codes = torch.round(x / scale) + zero_point  # blank: codes = ___
        inside = (codes >= qmin) & (codes <= qmax)  # blank: inside = ___
        ctx.save_for_backward(inside)
        return (codes.clamp(qmin, qmax) - zero_point) * scale  # blank: return ___

    @staticmethod
    def backward(ctx, grad):
        (inside,) = ctx.saved_tensors
        return grad * inside, None, None, None, None  # blank: return ___, None, None, None, None


def fake_quantize(x, scale, zero_point, qmin, qmax):
    """x rounded to the grid: a float32 tensor of the shape of x. The gradient reaches x where the code is in [qmin, qmax].

    x: float32 tensor, any shape.    scale: a positive float, or a float32 tensor that broadcasts against x,
    such as shape (rows, 1): one scale for each row.
    zero_point, qmin, qmax: ints, qmin <= zero_point <= qmax.    Rounding as torch.round: halves to the even neighbour.
    """
    return FakeQuantize.apply(x, scale, zero_point, qmin, qmax)

# %% [markdown] hints="7.2-fake"
# 1. `codes` is the k of the first formula, *before* clamping. `inside` is a tensor of True and False: two comparisons joined with `&`, each in brackets.
# 2. The value comes from the second formula: clamp the codes with `.clamp(low, high)`, take the zero point off, then go back to the size of x.
# 3. In `backward`, `grad` is what arrives from above, one number for each output. Multiply it by what you saved: True counts as 1, False as 0.

# %% check="7.2-fake"
check("7.2-fake")

# %% demo=true
def through(v):  # rounds; the gradient passes as if it did not
    return v + (torch.round(v) - v).detach()

def clamp_after(x, scale, zero_point, qmin, qmax):  # as in many tutorials: round, then clamp
    return (torch.clamp(through(x / scale) + zero_point, qmin, qmax) - zero_point) * scale

def clamp_before(x, scale, zero_point, qmin, qmax):  # or clamp, then round
    return (through(torch.clamp(x / scale + zero_point, qmin, qmax)) - zero_point) * scale

def torch_own(x, scale, zero_point, qmin, qmax):
    return torch.fake_quantize_per_tensor_affine(x, float(scale), zero_point, qmin, qmax)

def slopes(quantiser, x, *grid):
    x = x.clone().requires_grad_()
    value = quantiser(x, *grid)
    value.sum().backward()
    return value.detach(), x.grad

KINDS = {"yours": fake_quantize, "PyTorch's own": torch_own, "clamp after round": clamp_after, "clamp before round": clamp_before}
torch.manual_seed(0)
normal = torch.randn(10_000)
absmean = normal.abs().mean().item()  # the ternary scale, the mean magnitude: codes -1, 0, 1
print(f"PyTorch {torch.__version__}, ternary weights: which share of 10,000 gets a gradient?")
for name, quantiser in KINDS.items():
    value, slope = slopes(quantiser, normal, absmean, 0, -1, 1)
    same = (value - slopes(fake_quantize, normal, absmean, 0, -1, 1)[0]).abs().max()
    print(f"  {name:19}{slope.count_nonzero().item() / 100:5.1f} %, values differ from yours by {same:.0e}")
print("\none weight of 0.9, scale 1, codes -1 to 1; the gradient of the rounded weight is always 1, the rate 0.1")
for name, quantiser in KINDS.items():
    w = torch.tensor(0.9)
    for _ in range(10):
        w = w - 0.1 * slopes(quantiser, w, 1.0, 0, -1, 1)[1]
    print(f"  {name:19}after 10 steps: {w.item():.2f}")
x = torch.linspace(-2.2, 2.2, 441)
figures.windows(x, {name: slopes(q, x, 1.0, 0, -1, 1) for name, q in KINDS.items() if name != "PyTorch's own"})

# %% [markdown]
# *What to see: all draw the same stairs (left). What differs is where a gradient passes (right). Yours passes up to 1.5, where clamping really begins. "Clamp before round" stops at 1. "Clamp after
# round" depends on PyTorch: in version 2.15, with which this text was written, `torch.clamp` has slope 0 **at** its bounds, and it is given whole numbers, which sit exactly on the bounds. So every weight with an end
# code stops learning, and no error is raised. In the print-out the weight of 0.9 stays at 0.9.*
#
# *Your prediction: all weights that are not 0 stand still until something else moves them, such as weight decay. With 8 bits nobody notices, because end codes are rare; with three codes most weights that count are end codes.*
#
# So write the mask by hand, on the codes, and test the end codes. Then it does not matter what a version of `clamp` does.
#
# ## 7.3-observers  Which range?
#
# *10 minutes · 12 points · difficulty 1 of 3*
#
# **Why.** Weights are there to be measured. Activations are not: they depend on the picture. An **observer** watches them go by, batch after batch,
# and keeps a range (lo, hi), from which scale and zero point are made as in lesson 01.
#
# - **min-max**: the smallest and the largest number so far. Nothing is ever clamped. One freak number, and the range is wide for ever.
# - **moving average**: after each batch, $\text{new} = (1 - c)\cdot\text{old} + c\cdot\text{batch}$, for lo and for hi. A freak moves it by the share $c$ of its distance, and is forgotten later. The
#   **first** batch sets the range; an average that starts at 0 would be too narrow for a long time.
# - **percentile**: of one large batch, cut off a small share of the numbers at each end. What lies beyond is clamped.
#
# **A worked example.** The range so far is (-1, 2), the batch holds -0.5 and 6, and $c = 0.1$. Min-max gives (-1, 6). The moving average gives $0.9 \cdot (-1) + 0.1 \cdot (-0.5) = -0.95$ and $0.9 \cdot 2 + 0.1 \cdot 6 = 2.4$.
#
# `np.percentile(x, 5)` is the number below which 5 % of x lie; between two numbers it interpolates. `None` means that nothing was seen yet.
#
# **Predict:** one picture of a thousand is broken and ten times as bright. Which observer suffers the most?

# %% exercise="7.3-observers" kind="code" points=12 minutes=10 difficulty=1
# Exercise 7.3-observers: three ways to a range
def min_max(seen, x):
    """The range of everything so far and the batch x: (lo, hi), two floats.

    seen: None before the first batch, then (lo, hi), two floats.    x: float NumPy array, any shape, not empty.
    """
    lo, hi = float(x.min()), float(x.max())
    if seen is None:
        return lo, hi
    return min(seen[0], lo), max(seen[1], hi)  # blank: return ___, ___


def moving_average(seen, x, c):
    """The moving average of the batches' ranges, the batch x included: (lo, hi), two floats. seen and x as in min_max.

    c: float, above 0, at most 1: the share of the new batch.    The first batch sets the range.
    """
    lo, hi = float(x.min()), float(x.max())
    if seen is None:
        return lo, hi  # blank: return ___
    return (1 - c) * seen[0] + c * lo, (1 - c) * seen[1] + c * hi  # blank: return ___, ___


def percentile_range(x, tail):
    """The range without `tail` per cent of the numbers at each end: (lo, hi), two floats. x as in min_max.

    tail: float, at least 0, below 50. With 0 it is the smallest and the largest number.
    """
    return float(np.percentile(x, tail)), float(np.percentile(x, 100 - tail))  # blank: return float(np.percentile(x, ___)), float(np.percentile(x, ___))

# %% [markdown] hints="7.3-observers"
# 1. `min_max`: the new range must hold both the old one and the batch. Which of two lower ends is that, and which of two upper ends?
# 2. `moving_average`: the formula stands in the text, once for each end. `seen[0]` is the old lower end. The first batch has no old one to be mixed with.
# 3. `percentile_range`: with a tail of 1 the range goes from the 1st to the 99th percentile.

# %% check="7.3-observers"
check("7.3-observers")

# %% [markdown]
# ### Three networks for digits
#
# From here on we use a small network: three convolutions, each with a batch norm and a ReLU, then a linear layer. It is trained three times with three seeds. In the calibration, batch number 12 holds one
# broken picture that is ten times as bright as it should be.

# %% demo=true
import copy
import torch.nn.functional as F
from course_data import load

data = load("digits")
SEEDS = range(3)

def pixels(split):
    return (split.images.float() / 255 - data.mean[0]) / data.std[0]

x_train, y_train, x_val, y_val = pixels(data.train), data.train.labels, pixels(data.val), data.val.labels

def train(net, steps, rate, seed):
    draw = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.Adam([p for p in net.parameters() if p.requires_grad], lr=rate, fused=True)
    net.train()
    for _ in range(steps):
        which = torch.randint(len(x_train), (64,), generator=draw)
        optimiser.zero_grad()
        F.cross_entropy(net(x_train[which]), y_train[which]).backward()
        optimiser.step()
    return net.eval()

def accuracy(net):
    with torch.no_grad():
        return 100 * (net(x_val).argmax(dim=1) == y_val).float().mean().item()

def block(inputs, outputs):
    return [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]

def fresh(seed):
    torch.manual_seed(seed)
    end = [nn.Flatten(), nn.Linear(16 * 16, len(data.classes))]
    return nn.Sequential(*block(1, 8), *block(8, 16), nn.MaxPool2d(2), *block(16, 16), *end)

networks = [train(fresh(seed), 300, 3e-3, seed) for seed in SEEDS]
print("validation accuracy in float:", ", ".join(f"{accuracy(net):.1f} %" for net in networks))

# %% demo=true
def affine(seen, qmax):
    """(scale, zero point) of codes 0 to qmax, the range widened to hold 0, as in lesson 01."""
    lo, hi = min(seen[0], 0.0), max(seen[1], 0.0)
    scale = (hi - lo) / qmax
    return scale, round(-lo / scale)

draw = torch.Generator().manual_seed(0)
ranges = {"min-max": [], "moving average, c = 0.1": [], "percentile of one batch, 0.1 % at each end": []}
tops, seen, average = [], None, None
for number in range(40):
    images = x_train[torch.randint(len(x_train), (64,), generator=draw)]
    if number == 12:
        images = torch.cat([images[:-1], 10 * images[-1:]])
    with torch.no_grad():
        batch = networks[0][:6](images).numpy()  # after the second ReLU
    seen, average = min_max(seen, batch), moving_average(average, batch, 0.1)
    tops.append(batch.max())
    for kept, found in zip(ranges.values(), (seen, average, percentile_range(batch, 0.1))):
        kept.append(found[1])
with torch.no_grad():
    usual = networks[0][:6](x_val)
print("root mean squared error of 4-bit codes on pictures that are not broken, with the range after 40 batches:")
for name, kept in ranges.items():
    error = (fake_quantize(usual, *affine((0.0, kept[-1]), 15), 0, 15) - usual).square().mean().sqrt()
    print(f"  {name:42} 0 to {kept[-1]:5.2f}: {error:.4f}")
figures.observers(tops, ranges)

# %% [markdown]
# *What to see: grey points are the largest number of each batch; one of them is a freak (the axis is logarithmic). Min-max (dashed) takes it for ever, and all other numbers must share the few codes that are left. The moving average jumps by a tenth of the way
# and comes back. The percentile looks at one batch at a time: a broken picture is 1 of 64, more than its tail of 0.1 %, so it jumps, too, and has forgotten it one batch later.*
#
# *Your prediction: min-max. Nobody is right always: where rare large numbers carry meaning, cutting them off costs accuracy. Measure.*
#
# ## 7.4-fold  Batch norm goes into the convolution
#
# *14 minutes · 15 points · difficulty 2 of 3*
#
# **Why.** At inference a batch norm only multiplies and adds, with fixed numbers for each channel. The convolution before it does the same. So both can be one convolution, and the integer
# hardware never hears of batch norm. With $\mu, \sigma^2$ the *running* mean and variance, $\gamma, \beta$ weight and bias of the batch norm, and $\varepsilon$ its `eps`:
#
# $$w' = w\,\frac{\gamma}{\sqrt{\sigma^2 + \varepsilon}}\qquad\qquad b' = (b - \mu)\,\frac{\gamma}{\sqrt{\sigma^2 + \varepsilon}} + \beta$$
#
# Each output channel has its own factor, so each *filter* $w$ is multiplied by one number. If the convolution has no bias, $b$ is 0, but $b'$ exists all the same. $\gamma$ may be negative; the formula does not care.
#
# This holds in **eval mode** only: in training a batch norm uses the statistics of the batch, not the running ones.
#
# **Then the scale.** What the hardware multiplies with is $w'$, so the scale of the codes belongs to $w'$: for each filter, its largest magnitude over $q_{max}$, and 1.0 for a filter of zeros. **First fold, then choose scales.**
# A scale of the old $w$ would be off by the factor, which can be anything.
#
# **A worked example.** One 1 × 1 filter with the weight 2, no bias; $\mu = 1$, $\sigma^2 = 4$, $\varepsilon = 0$, $\gamma = -3$, $\beta = 0.5$. The factor is $-3/2$. $w' = -3$ and $b' = (0 - 1)(-1.5) + 0.5 = 2$. With $q_{max} = 7$ the scale is 3/7.
#
# **Predict:** a channel has a running variance of 0: it was always the same. Is its folded filter infinite?

# %% exercise="7.4-fold" kind="code" points=15 minutes=14 difficulty=2
# Exercise 7.4-fold: one convolution for two layers, and its scales
def fold(conv, bn):
    """A new nn.Conv2d with a bias, float32, that computes bn(conv(x)) of eval mode.

    conv: nn.Conv2d, float32, groups = 1, zeros as padding; any kernel, stride, padding, dilation; with a bias or without.
    bn: nn.BatchNorm2d with weight, bias and running statistics.
    Both stay as they are, and share no memory with the result. The result's parameters can be trained (requires_grad).
    """
    factor = bn.weight / torch.sqrt(bn.running_var + bn.eps)  # blank: factor = ___
    settings = {"stride": conv.stride, "padding": conv.padding, "dilation": conv.dilation}
    folded = nn.Conv2d(conv.in_channels, conv.out_channels, conv.kernel_size, **settings)
    bias = 0.0 if conv.bias is None else conv.bias
    with torch.no_grad():
        folded.weight.copy_(conv.weight * factor[:, None, None, None])  # blank: folded.weight.copy_(___)
        folded.bias.copy_((bias - bn.running_mean) * factor + bn.bias)  # blank: folded.bias.copy_(___)
    return folded


def folded_scales(conv, bn, qmax):
    """One scale for each filter of the folded convolution: float32 tensor, shape (out_channels,).

    qmax: int, at least 1, the largest code. A filter of zeros has the scale 1.0.    conv, bn as in fold.
    """
    largest = fold(conv, bn).weight.detach().abs().amax(dim=(1, 2, 3))  # blank: largest = ___.detach().abs().amax(dim=(1, 2, 3))
    return torch.where(largest > 0, largest / qmax, 1.0)  # blank: return torch.where(___, ___, 1.0)

# %% [markdown] hints="7.4-fold"
# 1. `factor` has one number for each output channel, shape (out,). Which three things of `bn` are in it? `bn.eps` is added to the variance before the root.
# 2. The weight has the shape (out, in, height, width). To multiply each filter by its own number, `factor` needs three more axes of length 1.
# 3. For the scales, ask which weights will be rounded: you have just written the function that makes them.

# %% check="7.4-fold"
check("7.4-fold")

# %% demo=true
def without_norms(net):
    """A network in eval mode with its three batch norms folded."""
    convs = [(fold(net[i], net[i + 1]), nn.ReLU()) for i in (0, 3, 7)]
    return nn.Sequential(*convs[0], *convs[1], nn.MaxPool2d(2), *convs[2], nn.Flatten(), copy.deepcopy(net[11]))

folded_nets = [without_norms(net) for net in networks]
with torch.no_grad():
    gaps = [(a(x_val) - b(x_val)).abs().max().item() for a, b in zip(networks, folded_nets)]
    training = copy.deepcopy(networks[0]).train()
    in_training = (training(x_val) - folded_nets[0](x_val)).abs().max().item()
print("largest difference of a logit, before and after folding:", ", ".join(f"{gap:.0e}" for gap in gaps))
print(f"the same with the batch norms in training mode: {in_training:.1f}")
before = networks[0][3].weight.detach().abs().amax(dim=(1, 2, 3))
after = folded_nets[0][2].weight.detach().abs().amax(dim=(1, 2, 3))
print(f"second convolution, largest weight of a filter: from {before.min():.2f} to {before.max():.2f}, "
      f"folded from {after.min():.2f} to {after.max():.2f}")
figures.folded(before, after)

# %% [markdown]
# *What to see: the filters had their own sizes; folding multiplies each by another factor. Scales chosen before would not fit. Where the folded sizes lie far apart, one scale for all filters is a bad idea; we use one
# for each.*
#
# *Your prediction: no. That is what $\varepsilon$ is for: the factor is $\gamma/\sqrt\varepsilon$, large but finite.*
#
# ### PTQ against QAT
#
# Now all of it together. The batch norms are folded. A moving average watches the inputs of each layer for 20 batches of training pictures; then it is frozen. The inputs are rounded to 8 bits. The
# weights are rounded to 8, 4, 3 or 2 bits, with one scale for each filter, which follows the largest magnitude of the latent weights; or they are *ternary*: the scale is the mean magnitude, the codes are -1, 0 and 1. (Symmetric codes with 2
# bits are -1, 0, 1, too. Only the scale differs.)
#
# **PTQ** stops here. **QAT** goes on for 100 steps, at a third of the first learning rate. The **control** is the float network, trained for the same 100 steps more: otherwise QAT would be praised for the longer training.
#
# **Predict:** where will the two part: at 8, 4, 3 or 2 bits?

# %% demo=true
class Rounded(nn.Module):
    """A layer whose input and weights are fake-quantised. bits: 2 to 8, or "ternary"."""
    def __init__(self, layer, bits, seen, quantiser=fake_quantize):
        super().__init__()
        self.layer, self.bits, self.grid, self.quantiser = copy.deepcopy(layer), bits, affine(seen, 255), quantiser

    def scales(self):
        """One for each filter or row; no gradient."""
        size = self.layer.weight.detach().flatten(1).abs()
        found = size.mean(dim=1) if self.bits == "ternary" else size.amax(dim=1) / self.qmax
        return found.clamp(min=1e-5).reshape(-1, *[1] * (self.layer.weight.ndim - 1))

    @property
    def qmax(self):
        return 1 if self.bits == "ternary" else 2 ** (self.bits - 1) - 1

    def forward(self, x):
        x = fake_quantize(x, *self.grid, 0, 255)
        w = self.quantiser(self.layer.weight, self.scales(), 0, -self.qmax, self.qmax)
        if isinstance(self.layer, nn.Conv2d):
            return F.conv2d(x, w, self.layer.bias, padding=self.layer.padding)
        return F.linear(x, w, self.layer.bias)

PLACES = (0, 2, 5, 8)  # of the four layers with weights

def watched(net):
    """The range of each layer's inputs: a moving average over 20 batches, then frozen."""
    seen, draw = dict.fromkeys(PLACES), torch.Generator().manual_seed(1)
    for _ in range(20):
        x = x_train[torch.randint(len(x_train), (64,), generator=draw)]
        for i, layer in enumerate(net):
            if i in seen:
                seen[i] = moving_average(seen[i], x.numpy(), 0.1)
            with torch.no_grad():
                x = layer(x)
    return seen

# %% demo=true
def rounded(net, seen, bits, quantiser=fake_quantize):
    """The network with fake-quantised layers. bits: one for all, or one for each."""
    bits, made = bits if isinstance(bits, list) else [bits] * len(PLACES), copy.deepcopy(net)
    for i, b in zip(PLACES, bits):
        made[i] = Rounded(net[i], b, seen[i], quantiser)
    return made

WIDTHS, STEPS, RATE = [8, 4, 3, 2, "ternary"], 100, 1e-3
seens = [watched(net) for net in folded_nets]
table = {name: np.zeros((len(WIDTHS), len(SEEDS))) for name in ("PTQ", "QAT")}
trained = {}
for s in SEEDS:
    for row, bits in enumerate(WIDTHS):
        plain = rounded(folded_nets[s], seens[s], bits)
        trained[s, bits] = train(copy.deepcopy(plain), STEPS, RATE, 50 + s)
        table["PTQ"][row, s], table["QAT"][row, s] = accuracy(plain), accuracy(trained[s, bits])
control = [accuracy(train(copy.deepcopy(net), STEPS, RATE, 50 + s)) for s, net in zip(SEEDS, folded_nets)]
print(f"validation accuracy in %, mean of three seeds (least to most)")
print(f"{'weights':>10}" + "".join(f"{name:>24}" for name in table))
for row, bits in enumerate(WIDTHS):
    cells = (f"{kept[row].mean():.1f} ({kept[row].min():.1f} to {kept[row].max():.1f})" for kept in table.values())
    print(f"{bits if bits == 'ternary' else f'{bits} bits':>10}" + "".join(f"{cell:>24}" for cell in cells))
float_scores = [accuracy(net) for net in folded_nets]
print(f"float {np.mean(float_scores):.1f}, control (float, {STEPS} steps more) {np.mean(control):.1f}; "
      f"one validation picture is {100 / len(y_val):.2f}")
for name, quantiser in {"yours": fake_quantize, "clamp after round": clamp_after}.items():  # the trap of 7.2
    net = train(rounded(folded_nets[0], seens[0], 2, quantiser), STEPS, RATE, 50)
    still = [(net[i].layer.weight == folded_nets[0][i].weight).float().mean().item() for i in PLACES]
    print(f"2 bits, {name:17}: accuracy {accuracy(net):.1f}; weights that did not move at all, by layer:",
          ", ".join(f"{100 * share:.0f} %" for share in still))
figures.ptq_and_qat(WIDTHS, table, np.mean(control))

# %% [markdown]
# *What to see: down to 3 bits PTQ and QAT are within a picture or two, and there is nothing to win. With three codes PTQ falls off a cliff, whichever of the two scales is taken, and QAT gets most of it back.*
#
# The last lines of the print-out come back to the trap of 7.2. With "clamp after round" some of the weights do not move at all in PyTorch 2.15, not by one bit. Look at both accuracies: on a short training on an easy task the fault need not show, and nothing else tells you. torchao, PyTorch's library for quantisation,
# had it too, and there a training went wrong after thousands of steps ([pull request 4806](https://github.com/pytorch/ao/pull/4806)).
#
# *Your prediction: on these digits at 2 bits. On harder tasks they part earlier.*
#
# ## 7.5-lsq  Learn the step
#
# *12 minutes · 13 points · difficulty 3 of 3*
#
# **Why.** Largest magnitude or mean magnitude: why should we choose? **LSQ** (Esser et al. 2019, "learned step size quantization") makes the scale a parameter, called the step, and trains it like a weight.
# Codes go from $-Q_N$ to $Q_P$, and with $v = w/s$ the rounded weight is $\hat w = s \cdot \text{round}(\text{clamp}(v, -Q_N, Q_P))$. Differentiate by $s$, with the straight-through slope 1 for round:
#
# $$\frac{\partial \hat w}{\partial s} = \begin{cases} -Q_N & v \le -Q_N \\ \text{round}(v) - v & \text{between} \\ Q_P & v \ge Q_P\end{cases}$$
#
# Here "clamped" means $v$ at an end code itself or beyond it, half a step earlier than in 7.2. Between the ends $\hat w = s \cdot \text{round}(w/s)$; the product rule with slope 1 for round gives
# $\text{round}(v) + s \cdot (-w/s^2) = \text{round}(v) - v$. So a clamped weight pulls the step with the full end code; one between pulls only by its rounding error.
#
# By the chain rule the gradient of the step is the **sum** over all weights of the arriving gradient times this slope. It is a sum of many terms, so it would be far larger than that of a weight. LSQ multiplies it by $g = 1/\sqrt{N\,Q_P}$, with
# $N$ the number of weights. And it starts from $s = 2\,\overline{|w|}/\sqrt{Q_P}$.
#
# **A worked example.** $s = 0.5$, $Q_N = 2$, $Q_P = 1$, $w$ = (-1.3, 0.15, 0.4, 2.5), so $v$ = (-2.6, 0.3, 0.8, 5). The slopes are (-2, -0.3, 0.2, 1). If the gradients (1, 1, 1, 1) arrive, the sum is -1.1. $N Q_P = 4$, so the gradient of the step is -1.1 / 2 = -0.55.
#
# **Predict:** take the stairs $\hat w(s)$ for one weight and measure the slope by moving $s$ a tiny bit. Will you get the formula?

# %% exercise="7.5-lsq" kind="code" points=13 minutes=12 difficulty=3
# Exercise 7.5-lsq: where the step starts, and its gradient
def start_step(w, qp):
    """The step at the start, a float: twice the mean magnitude over the root of qp.

    w: float32 tensor, any shape, not all 0.    qp: int, at least 1, the largest code.
    """
    return float(2 * w.abs().mean() / qp**0.5)  # blank: return float(___)


def step_gradient(w, step, grad, qn, qp):
    """The gradient of the loss with respect to the step, a float, with LSQ's factor.

    w: float32 tensor, any shape.    step: float, above 0.    grad: the loss's gradient for each rounded weight, a tensor like w.
    qn, qp: ints; codes go from -qn to qp; qn at least 0, qp at least 1.
    """
    v = w / step
    slope = torch.round(v) - v  # blank: slope = ___
    slope = torch.where(v <= -qn, -qn, slope)  # blank: slope = torch.where(v <= -qn, ___, slope)
    slope = torch.where(v >= qp, qp, slope)  # blank: slope = torch.where(v >= qp, ___, slope)
    factor = 1 / (w.numel() * qp) ** 0.5  # blank: factor = ___
    return float(factor * (grad * slope).sum())  # blank: return float(factor * ___)

# %% [markdown] hints="7.5-lsq"
# 1. The formula has three branches. The blank lines start with the one in the middle and then overwrite the two ends: the condition is there already, only the value is missing.
# 2. `w.numel()` is N. The factor makes the gradient *smaller*: 4 weights and qp = 1 give one half.
# 3. The chain rule: each weight's arriving gradient times its slope, then all added up. There is one step, so there is one number. Compare with the worked example.

# %% check="7.5-lsq"
check("7.5-lsq")

# %% demo=true
class Learned(torch.autograd.Function):
    """LSQ: the weights get the gradient between the ends, the step gets yours."""

    @staticmethod
    def forward(ctx, w, step, qn, qp):
        ctx.save_for_backward(w, step)
        ctx.ends = qn, qp
        return torch.round((w / step).clamp(-qn, qp)) * step

    @staticmethod
    def backward(ctx, grad):
        (w, step), (qn, qp) = ctx.saved_tensors, ctx.ends
        inside = (w / step > -qn) & (w / step < qp)
        return grad * inside, torch.tensor(step_gradient(w, step.item(), grad, qn, qp)), None, None

class RoundedLSQ(Rounded):
    def __init__(self, layer, bits, seen):
        super().__init__(layer, bits, seen, lambda w, scales, zero_point, qmin, qmax: Learned.apply(w, self.step, -qmin, qmax))
        self.step = nn.Parameter(torch.tensor(start_step(layer.weight.detach(), self.qmax)))

print("2 bits, QAT: accuracy in % with seeds 0, 1, 2")
for s in SEEDS:
    net = copy.deepcopy(folded_nets[s])
    for i in PLACES:
        net[i] = RoundedLSQ(folded_nets[s][i], 2, seens[s][i])
    first = [net[i].step.item() for i in PLACES]
    untrained = accuracy(net)
    train(net, STEPS, RATE, 50 + s)
    print(f"  seed {s}: largest magnitude, one scale a filter {accuracy(trained[s, 2]):5.1f}; "
          f"LSQ, one step a layer {accuracy(net):5.1f} (before training {untrained:.1f})")
print("  steps of the last one, before:", np.round(first, 3), "after:", np.round([net[i].step.item() for i in PLACES], 3))
v = np.linspace(-3.2, 2.2, 541)
def stairs(step):
    return step * np.round(np.clip(v / step, -2, 1))
formula = [step_gradient(torch.tensor([x], dtype=torch.float32), 1.0, torch.ones(1), 2, 1) for x in v]
figures.step_slope(v, np.array(formula), (stairs(1 + 1e-4) - stairs(1 - 1e-4)) / 2e-4)

# %% [markdown]
# *What to see: LSQ's slope (line) is a saw between the ends. The measured slope of the stairs (points) is the code itself: at a fixed code, $\hat w = s \cdot k$. (The figure shows codes -2 to 1; the networks above use -1, 0, 1.) They agree where the weight is clamped. Between, they differ by $v$: LSQ
# lets the straight-through estimator speak for the change of $w/s$, too, so that a step which fits has slope 0. In the print-out, compare the accuracy before training with PTQ's at 2 bits in the table of "PTQ against QAT": LSQ's start is a good scale by itself.*
#
# *Your prediction: no. A gradient with a straight-through estimator is a design, not a derivative, so finite differences can't test it. Compare with the formula instead.*
#
# One detail: LSQ lets a gradient reach the *weights* where $v$ lies between $-Q_N$ and $Q_P$, a little less than our mask on codes in 7.2. Both are in use.
#
# ## 7.6-bug  Find the bug: the scale that was shipped
#
# *7 minutes · 8 points · difficulty 1 of 3*
#
# **Why.** QAT has an order of events, and most failures are steps out of order:
#
# 1. Train in float.
# 2. Fold the batch norms (or keep them and fold at the end).
# 3. Put in fake quantisation.
# 4. Calibrate the observers on training pictures.
# 5. Train, at a lower rate.
# 6. **Freeze the observers**, long before the end.
# 7. Freeze the batch norms' statistics, if they are still there.
# 8. Convert.
# 9. Evaluate the *converted* network.
#
# If an observer is still moving when training ends, the weights have adapted to scales that are not those in the file. And in no case may an observer learn from validation pictures.
#
# A colleague's loop sends activations through an 8-bit quantiser. In the tests all looked well. After a long training the converted network was worse than the trained one.
#
# **Predict:** does freezing late matter if all batches are alike?
#
# One line is wrong. Repair it.

# %% exercise="7.6-bug" kind="bug" points=8 minutes=7 difficulty=1
# Exercise 7.6-bug: repair the wrong line
def codes_of_batches(batches, training, c, freeze_at, qmax):
    """(codes of each batch, the scale that is shipped), with an observer that is frozen after `freeze_at` training batches.

    batches: list of float NumPy arrays, none negative; the first holds a positive number.    training: list of bools, as many;
    False is a batch of validation pictures; the first is True.    c: float, above 0, at most 1: the share of the new batch in the moving average.
    freeze_at: int, at least 1: so many training batches move the observer, the later ones do not.    qmax: int, 1 to 255.
    Returns a list of uint8 arrays, and the scale after the last batch, a float.
    """
    largest, moved, codes = None, 0, []
    for x, train in zip(batches, training):
        if train and moved < freeze_at:  # bug: if train:
            largest = x.max() if largest is None else (1 - c) * largest + c * x.max()
            moved += 1
        scale = largest / qmax
        codes.append(np.clip(np.rint(x / scale), 0, qmax).astype(np.uint8))
    return codes, float(scale)

# %% [markdown] hints="7.6-bug"
# 1. Read the docstring and look for each of its arguments in the code. Is there one that never has an effect?
# 2. The average, the scale and the codes are right. The question is *when* the observer may move.
# 3. `moved` counts the batches that have moved the observer. The condition must ask two things.

# %% check="7.6-bug"
check("7.6-bug")

# %% [markdown]
# *Your prediction: hardly, then. It matters when the batches change: and in training they do, because the network before the observer is changing.*
#
# ## 7.7-mix  Bits where they count
#
# *14 minutes · 14 points · difficulty 3 of 3*
#
# **Why.** Why should all layers have the same bits? The **sensitivity** of a layer at $b$ bits is the loss when *only this layer* is rounded to $b$ bits, minus the loss in float. (The demonstration below has 8 bits in
# place of float: it subtracts the loss with all layers at 8 bits.) Small layers are often sensitive and large ones are not; the first
# and the last layer are often kept at 8 bits for that reason. Given a budget of bytes, which bits for which layer? If we assume that the sensitivities add up, that is a **knapsack**: choose one option for each layer, stay within the budget, and make the sum of losses
# as small as possible.
#
# **Greedy can fail.** Two layers have 8 bytes each and the budget is 10. Layer A can go down to 4 bytes for a loss of 1, layer B to 2 bytes for a loss of 2. Greedy lowers where a saved byte costs the least: A, for 1/4 a byte against 2/6. That leaves 12
# bytes, so B must go down, too: 6 bytes, loss 3. Lowering B alone would have been 10 bytes and a loss of 2.
#
# **Exact.** Go through the layers one by one and remember, for every number of bytes that can be used so far, the **smallest loss** and the options that gave it. A new layer extends each entry by each of its options. If two ways use the same bytes, only
# the better one is kept: whatever comes later, the worse one can never win. What is over the budget is dropped at once. At the end take the entry with the least loss. This is **dynamic programming**, and it is exact for the sums.
#
# **Predict:** ten layers with four options each: how many combinations would trying them all take?

# %% exercise="7.7-mix" kind="code" points=14 minutes=14 difficulty=3
# Exercise 7.7-mix: one option for each layer, least loss within the budget
def best_mix(losses, sizes, budget):
    """A list with the number of the option taken in each layer (ints from 0): the least sum of losses within the budget.

    losses: float NumPy array, shape (layers, options): what the option adds to the loss. It can be negative.
    sizes: int NumPy array, shape (layers, options): its bytes, at least 1.    budget: int: the sum of bytes may be equal to it.
    If several are equally good, any of them. None if nothing fits. Trying all combinations takes too long for 20 layers.
    """
    best = {0: (0.0, [])}  # bytes used -> (least loss, options taken)
    for loss, size in zip(losses, sizes):
        longer = {}
        for used, (total, taken) in best.items():
            for option in range(len(loss)):
                now_used = used + int(size[option])  # blank: now_used = ___
                now_total = total + float(loss[option])  # blank: now_total = ___
                if now_used > budget:  # blank: if ___:
                    continue
                if now_used not in longer or now_total < longer[now_used][0]:  # blank: if now_used not in longer or ___:
                    longer[now_used] = now_total, [*taken, option]  # blank: longer[now_used] = now_total, ___
        best = longer
    if not best:
        return None
    return min(best.values())[1]

# %% [markdown] hints="7.7-mix"
# 1. An entry of `best` is one way through the layers so far. Adding an option adds its bytes to the key and its loss to the total.
# 2. The budget may be hit exactly. What is above it is of no use to anybody: `continue` goes to the next option.
# 3. When two ways use the same number of bytes, compare their totals: `longer[now_used][0]` is the one that is there. The list of options grows by one: make a new list, for other ways still need the old one.

# %% check="7.7-mix"
check("7.7-mix")

# %% demo=true
import itertools

OPTIONS, net, seen = [2, 3, 4, 8], folded_nets[2], seens[2]
x_some, y_some = x_train[:512], y_train[:512]  # training pictures: validation pictures must not choose

def loss_of(bits):
    with torch.no_grad():
        return F.cross_entropy(rounded(net, seen, bits)(x_some), y_some).item()

base = loss_of(8)
numbers = [net[i].weight.numel() for i in PLACES]
sizes = np.array([[-(-n * bits // 8) for bits in OPTIONS] for n in numbers])
losses = np.array([[loss_of([bits if j == i else 8 for j in range(len(PLACES))]) - base for bits in OPTIONS] for i in range(len(PLACES))])

def greedy(losses, sizes, budget):
    """From the most bits, one notch down at a time, where a saved byte costs the least loss."""
    taken = [len(OPTIONS) - 1] * len(losses)
    while sum(sizes[i, o] for i, o in enumerate(taken)) > budget:
        steps = [((losses[i, o - 1] - losses[i, o]) / (sizes[i, o] - sizes[i, o - 1]), i) for i, o in enumerate(taken) if o]
        if not steps:
            return None
        taken[min(steps)[1]] -= 1
    return taken

def added(taken):
    return sum(losses[i, o] for i, o in enumerate(taken))

budgets, curves = np.linspace(sizes[:, 0].sum(), sizes[:, -1].sum(), 60).astype(int), {"exact": [], "greedy": []}
for budget in budgets:
    curves["exact"].append(added(best_mix(losses, sizes, int(budget))))
    curves["greedy"].append(added(greedy(losses, sizes, int(budget))))
    fits = [t for t in itertools.product(range(4), repeat=4) if sum(sizes[i, o] for i, o in enumerate(t)) <= budget]
    assert abs(min(map(added, fits)) - curves["exact"][-1]) < 1e-9  # all 256 combinations say the same
worse = np.sum(np.array(curves["greedy"]) > np.array(curves["exact"]) + 1e-9)
print(f"best_mix equals the best of all 256 combinations at {len(budgets)} budgets; greedy is worse at {worse} of them")
budget = int(sizes[:, :2].sum() / 2)  # half-way between 2 and 3 bits for all
for name, taken in {"2 bits for all": [0] * 4, "best_mix": best_mix(losses, sizes, budget), "3 bits for all": [1] * 4}.items():
    bits = [OPTIONS[o] for o in taken]
    print(f"{name:15} bits {bits}, {sum(sizes[range(4), taken]):,} bytes: loss {loss_of(bits):.3f}, by the sum {base + added(taken):.3f}")
figures.mixed(numbers, OPTIONS, losses, budgets / 1000, curves)

# %% [markdown]
# *What to see: left, what each layer costs when it alone is rounded. The last layer costs the most in all, but its third bit costs many bytes. The first layer has 72 weights: for
# each byte it gains more, so it is the first to get its bits back. (The bars of 4 bits are too small to see.) Right, the exact choice is never above the greedy one.*
#
# The print-out compares the sum with the loss that was measured. At few bits the sum is far too small, because errors of several layers make each other worse. It was good enough to choose by, not to promise a
# loss. So measure the winner.
#
# *Your prediction: 4 to the power of 10, about a million. With 20 layers it is a million times a million; the table stays as short as the budget.*
#
# ## 7.8-integer  The layer that is shipped
#
# *14 minutes · 15 points · difficulty 2 of 3*
#
# **Why.** Fake quantisation computes with floats. The device computes with integers. Both must give the same answer, or all the training was for a network that nobody runs. For one linear layer, with codes $q_x$ (scale $s_x$, zero point $z_x$), weight codes
# $q_w$ (one scale $s_w$ for each row, zero point 0) and bias $b$:
#
# $$\sum_j \hat w_j \hat x_j + b = s_x s_w \Bigl(\underbrace{\textstyle\sum_j q_{w,j}\,(q_{x,j} - z_x) + q_b}_{\text{int32}}\Bigr)\qquad q_b = \text{round}\Bigl(\frac{b}{s_x s_w}\Bigr)$$
#
# Inside the bracket are integers only. The bias gets the scale $s_x s_w$ of the products, and an int32. For the next layer the sum must become a code again, with that layer's scale $s_y$ and zero point $z_y$:
#
# $$q_y = \text{clamp}\Bigl(\text{round}\bigl(\text{sum}\cdot\frac{s_x s_w}{s_y}\bigr) + z_y,\; 0,\; q_{max}\Bigr)$$
#
# **Watch the types.** A uint8 can't go below 0: `np.uint8(3) - np.uint8(5)` is 254. A product of two int8 does not fit into an int8. So widen to int32 *before* you subtract and multiply, and clamp *before* you narrow to uint8.
#
# **A worked example.** $q_x$ = (3, 9), $z_x = 5$, $q_w$ = (10, -4), $s_x = 0.1$, $s_w = 0.02$, $b = 0.5$. $q_b$ = 0.5 / 0.002 = 250. The sum is 10·(-2) + (-4)·4 + 250 = 214. With $s_y = 0.02$, $z_y = 100$: 214 · 0.002 / 0.02 = 21.4, so the code is 121.
#
# **Predict:** ReLU comes next. What must be done for it, if $z_y = 0$?

# %% exercise="7.8-integer" kind="code" points=15 minutes=14 difficulty=2
# Exercise 7.8-integer: a linear layer in integers
def bias_codes(bias, x_scale, w_scales):
    """The bias in units of x_scale * w_scales, rounded as np.rint does: int32 NumPy array, shape (rows,).

    bias: float NumPy array, shape (rows,).    x_scale: float, above 0.    w_scales: float NumPy array, shape (rows,), above 0.
    """
    return np.rint(bias / (x_scale * w_scales)).astype(np.int32)  # blank: return np.rint(___).astype(np.int32)


def accumulate(qx, x_zero, qw, qb):
    """The sums of the layer: int32 NumPy array, shape (samples, rows).

    qx: uint8 NumPy array, shape (samples, n).    x_zero: int, 0 to 255.    qw: int8 NumPy array, shape (rows, n).
    qb: int32 NumPy array, shape (rows,).
    """
    centred = qx.astype(np.int32) - x_zero  # blank: centred = ___
    return centred @ qw.astype(np.int32).T + qb  # blank: return ___ + qb


def rescale(sums, x_scale, w_scales, y_scale, y_zero, qmax):
    """The codes for the next layer, 0 to qmax: uint8 NumPy array of the shape of sums; rounded as np.rint does, then clamped.

    sums: int32 NumPy array, shape (samples, rows).    x_scale, y_scale: floats, above 0.    w_scales: float NumPy array, shape (rows,), above 0.
    y_zero: int, 0 to qmax.    qmax: int, 1 to 255.
    """
    codes = np.rint(sums * (x_scale * w_scales / y_scale)) + y_zero  # blank: codes = np.rint(___) + y_zero
    return np.clip(codes, 0, qmax).astype(np.uint8)  # blank: return ___.astype(np.uint8)

# %% [markdown] hints="7.8-integer"
# 1. `bias_codes`: how many units of size x_scale times w_scales make the bias?
# 2. `accumulate`: `.astype(np.int32)` first, then take the zero point off. qw has one row for each output, so it must be turned round to be multiplied from the right.
# 3. `rescale`: one factor for each row, made of three scales; the columns of `sums` are the rows of the layer, so it broadcasts as it is. `np.clip(values, low, high)` keeps codes in range while they are still wide.

# %% check="7.8-integer"
check("7.8-integer")

# %% demo=true
from autograder.student import earlier

quantize_rows = earlier("1.7-channels", "quantize_rows")

def in_integers(net, x):
    """The fake-quantised network (8-bit weights) in integer arithmetic: the logits, and the codes between the layers."""
    layers, between = [net[i] for i in PLACES], []
    scale, zero = layers[0].grid
    codes = np.clip(np.rint(x.numpy() / scale) + zero, 0, 255).astype(np.uint8)
    for place, layer, after in zip(PLACES, layers, [*layers[1:], None]):
        qw, w_scales = quantize_rows(layer.layer.weight.detach().flatten(1).numpy(), layer.qmax)
        qw, w_scales = np.asarray(qw).astype(np.int8), np.asarray(w_scales, dtype=float)
        rows = codes.reshape(len(codes), -1)
        if isinstance(layer.layer, nn.Conv2d):  # each window is a row; what pads must be the code of 0
            padded = np.pad(codes, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=zero)
            windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
            side, rows = codes.shape[2], windows.transpose(0, 2, 3, 1, 4, 5).reshape(-1, codes.shape[1] * 9)
        sums = accumulate(rows, zero, qw, bias_codes(layer.layer.bias.detach().numpy(), scale, w_scales))
        if after is None:
            return sums * (scale * w_scales), between
        made = rescale(sums, scale, w_scales, *after.grid, 255)  # its clamp at 0 is the ReLU
        codes = made.reshape(len(codes), side, side, -1).transpose(0, 3, 1, 2)
        if isinstance(net[place + 2], nn.MaxPool2d):  # the largest code is the code of the largest number
            codes = codes.reshape(*codes.shape[:2], side // 2, 2, side // 2, 2).max(axis=(3, 5))
        between.append(codes)
        scale, zero = after.grid

net = trained[0, 8]
logits, between = in_integers(net, x_val)
with torch.no_grad():
    fake = [fake_quantize(net[:i](x_val), *net[i].grid, 0, 255).numpy() / net[i].grid[0] for i in PLACES[1:]]
    want = net(x_val)
for i, a, b in zip(PLACES[1:], between, fake):
    apart = np.abs(a.reshape(b.shape) - np.rint(b))
    print(f"codes before layer {i}: {np.sum(apart > 0)} of {a.size} differ from the fake-quantised network, by {apart.max():.0f} at most")
print(f"logits differ by {np.abs(logits - want.numpy()).max():.4f} at most, "
      f"the answers by {np.sum(logits.argmax(1) != want.argmax(1).numpy())} of {len(want)}")

# %% [markdown]
# A code may be off by one: a float sum and an integer sum round a near-half-way case to different sides, the integers round the bias, too, and a code that is off by one shifts the sums of the next
# layer. So the *number* of such codes grows from layer to layer. What must not grow is the *distance*. Count, as here, before you ship.
#
# *Your prediction: nothing. With $z_y = 0$ the clamp at 0 is the ReLU.*
#
# ### What real libraries leave in float
#
# ONNX is a file format for networks: a list of operations and their numbers. ONNX Runtime runs such files and can quantise them.
#
# **Static** quantisation calibrates ranges beforehand, as you did. **Dynamic** quantisation finds the range of each batch while it runs; it needs no calibration. On one batch, with the same observer, the two are equal. But *which layers* are rounded depends on the library, and
# nothing warns you. So open the file and count. `ConvInteger` and `MatMulInteger` compute in integers; `QuantizeLinear` and `DequantizeLinear` (QDQ) around a layer ask the runtime to do so; a plain `Conv` without them is float.

# %% demo=true
import collections, logging, os, tempfile, warnings
import onnx
import onnxruntime as ort
from onnx import helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_dynamic, quantize_static

logging.getLogger().setLevel(logging.ERROR)  # ONNX Runtime has much to say about models this small
net, folder = folded_nets[0], tempfile.mkdtemp()
nodes, tensors, at = [], [], "image"
for i, layer in enumerate(net):
    names, out = [f"{i}.weight", f"{i}.bias"][: len(list(layer.parameters()))], f"out{i}"
    for name, p in zip(names, layer.parameters()):
        p = p.detach().numpy()
        tensors.append(numpy_helper.from_array(p.T.copy() if isinstance(layer, nn.Linear) else p, name))
    if isinstance(layer, nn.Linear):
        nodes += [helper.make_node("MatMul", [at, names[0]], ["product"]), helper.make_node("Add", ["product", names[1]], [out])]
    else:
        kind = {"Conv2d": "Conv", "ReLU": "Relu", "MaxPool2d": "MaxPool", "Flatten": "Flatten"}[type(layer).__name__]
        more = {"Conv": {"kernel_shape": [3, 3], "pads": [1] * 4}, "MaxPool": {"kernel_shape": [2, 2], "strides": [2, 2]}}
        nodes.append(helper.make_node(kind, [at, *names], [out], **more.get(kind, {})))
    at = out
ends = [helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, s) for n, s in (("image", ["n", 1, 8, 8]), (at, ["n", 10]))]
graph = helper.make_graph(nodes, "digits", ends[:1], ends[1:], tensors)
made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
paths = {name: f"{folder}/{i}.onnx" for i, name in enumerate(("float32", "dynamic", "dynamic, MatMul only", "static"))}
source = paths["float32"]
onnx.save(made, source)

# %% demo=true
class Reader(CalibrationDataReader):
    def __init__(self):
        self.batches = iter([{"image": part.numpy()} for part in x_train[:512].split(64)])

    def get_next(self):
        return next(self.batches, None)

quantize_dynamic(source, paths["dynamic"], weight_type=QuantType.QInt8)
quantize_dynamic(source, paths["dynamic, MatMul only"], weight_type=QuantType.QInt8, op_types_to_quantize=["MatMul"])
quantize_static(source, paths["static"], Reader(), per_channel=True, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8)
print(f"ONNX Runtime {ort.__version__}{'bytes':>14}{'accuracy':>11}   what multiplies, and how many floats are stored")
for name, path in paths.items():
    model = onnx.load(path)
    kinds = collections.Counter(node.op_type for node in model.graph.node)
    told = ", ".join(f"{kinds[k]} {k}" for k in ("Conv", "MatMul", "ConvInteger", "MatMulInteger", "QuantizeLinear") if kinds[k])
    floats = sum(int(np.prod(t.dims)) for t in model.graph.initializer if t.data_type == onnx.TensorProto.FLOAT)
    answers = ort.InferenceSession(path).run(None, {"image": x_val.numpy()})[0].argmax(axis=1)
    right = 100 * np.mean(answers == y_val.numpy())
    print(f"{name:23}{os.path.getsize(path):9,}{right:9.1f} %   {told}; {floats:,} floats")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it is deprecated, and says so at length
    old = getattr(torch.ao.quantization, "quantize_dynamic", None)
    if old is not None:
        after = old(net, {nn.Linear, nn.Conv2d}, dtype=torch.qint8)
        print("PyTorch's quantize_dynamic, asked for both kinds of layers, leaves in float:",
              [str(type(a).__name__) for a in after if isinstance(a, nn.Conv2d)])
try:  # optional: pip install torchao
    from torchao.quantization import Int8WeightOnlyConfig, quantize_
except ImportError:
    print("torchao is not installed: nothing is missing for the rest")
else:
    after = copy.deepcopy(net)
    quantize_(after, Int8WeightOnlyConfig())
    print("torchao, weights only:", {type(a).__name__: type(a.weight).__name__ for a in after if hasattr(a, "weight")})

# %% [markdown]
# Read the table from right to left. In the *static* row the names Conv and MatMul stay, but QuantizeLinear and DequantizeLinear stand around them: these compute in integers. The extra nodes make the file a little larger
# than the dynamic one. ONNX Runtime's dynamic quantisation turns convolutions into `ConvInteger`, unless one asks for `MatMul` only; then all convolutions stay float, and the file shrinks by less. PyTorch's own `quantize_dynamic` is asked for both kinds of layers
# and leaves the convolutions alone, without a word. torchao, which has taken its place, has an int8 for weights that rounds the linear layers only, too; the last line shows it where torchao is installed. "We quantised the network" says nothing until somebody has counted.
#
# ## Mini-challenge (no points, no blanks)
#
# At few bits a latent weight near a border flips to and fro between two codes, step after step (Nagel et al. 2022 call it oscillation). Measure it. Here is an outline; add cells of your own for it.
#
# 1. Take `rounded(folded_nets[0], seens[0], 2)` and train it one step at a time. After each step keep the codes of the second layer.
# 2. Count for each weight how often its code has changed direction: up, then down, or down, then up.
# 3. Draw a histogram of w / s for weights that flip often and for those that never do. Where do they sit?
# 4. Lower the learning rate to zero over the last 50 steps. Fewer flips? Better accuracy? Three seeds.
# 5. Freeze: a weight that has flipped ten times keeps its code from then on. Compare again.

# %% demo=true
progress()

# %% [markdown]
# ## Common errors
#
# | You see | It was probably |
# |---|---|
# | training at 2 bits stands still, no error | end codes without gradient: `torch.clamp` after rounding |
# | weights drift far outside the range | no mask: the gradient passes where the code is clamped |
# | the gradient is right for a sum, wrong in a network | the mask returned in place of gradient times mask |
# | `RuntimeError: unsupported operation: more than one element of the written-to tensor refers to a single memory location` | `grad` changed in place in `backward`: make a new tensor |
# | accuracy falls when the network is converted | observers moving to the end, or scales made anew at the export |
# | accuracy at chance level after folding and rounding | scale chosen before folding, or one scale for filters of very different size |
# | the folded network differs a little everywhere | $\varepsilon$ forgotten, or the batch norm was in training mode |
# | the range is far too narrow at first | a moving average that started at 0 |
# | LSQ's step explodes | the factor $1/\sqrt{N Q_P}$ forgotten |
# | integer sums are nonsense | uint8 minus zero point before widening |
# | the "int8" file is nearly as large as before | layers that the library left in float |
#
# ## Quick reference
#
# | | |
# |---|---|
# | fake quantisation | $\hat x = s(\text{clamp}(k) - z)$, $k = \text{round}(x/s) + z$ |
# | straight-through gradient | gradient times $[q_{min} \le k \le q_{max}]$ |
# | moving average | $(1-c)\cdot\text{old} + c\cdot\text{new}$; the first batch sets it |
# | batch norm, folded | $w' = w\gamma/\sqrt{\sigma^2+\varepsilon}$, $b' = (b-\mu)\gamma/\sqrt{\sigma^2+\varepsilon} + \beta$ |
# | LSQ | slope $-Q_N$, round(v) − v, $Q_P$; factor $1/\sqrt{N Q_P}$; start $2\overline{\lvert w\rvert}/\sqrt{Q_P}$ |
# | ternary (BitNet b1.58) | $s$ = mean magnitude, codes -1, 0, 1; $\log_2 3 \approx 1.585$ bits |
# | sensitivity | loss with one layer rounded, minus loss without |
# | bias code | round(b / (s_x s_w)), int32 |
# | next code | round(sum · s_x s_w / s_y) + z_y, clamped |
#
# ## Questions people ask
#
# **Do I always need QAT?** No. Try PTQ first: it takes minutes and no labels. QAT is for the case that PTQ lost more than you can accept.
#
# **Accuracy dips when QAT starts. Is it broken?** The first step sees the rounded network, so it starts from PTQ's accuracy. Look again after some steps, and at a lower learning rate.
#
# **Fold first, or train with batch norm?** Both are done. Folding first is simple, and what you train is what you ship. Keeping batch norm trains more smoothly from an early stage; then the fake quantisation must see the folded weights, and the statistics must be frozen before the end.
#
# **Why one scale for each filter?** A quiet filter beside a loud one would be rounded to zeros (lesson 01). It costs one number a filter.
#
# **Who does all this for me?** torchao does, for linear layers: `quantize_(net, QATConfig(base, step="prepare"))` puts in fake quantisation, and after training the same call with `step="convert"` takes it out again (tried with version 0.18). Prepare and convert must come from one library, with one `base`.
#
# ## What this did not show
#
# - Small pictures, a small network, three seeds. A difference of one validation picture is noise.
# - Observers for activations at less than 8 bits; their steps can be learnt like those of the weights.
# - Oscillations at few bits, and estimating batch-norm statistics anew: the mini-challenge, and the paper below.
# - Milliseconds. Whether int8 is faster depends on processor and runtime: the compression studio in `labs/` measures it.
# - Large language models, with rounding to 4 bits and below: lesson 08.
#
# ## Further reading
#
# - Bengio, Léonard and Courville (2013), *Estimating or Propagating Gradients Through Stochastic Neurons*, [arXiv:1308.3432](https://arxiv.org/abs/1308.3432). The straight-through estimator.
# - Jacob et al. (2017), *Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference*, [arXiv:1712.05877](https://arxiv.org/abs/1712.05877). Fake quantisation, folding, the integer path.
# - Krishnamoorthi (2018), *Quantizing deep convolutional networks for efficient inference: A whitepaper*, [arXiv:1806.08342](https://arxiv.org/abs/1806.08342).
# - Esser et al. (2019), *Learned Step Size Quantization*, [arXiv:1902.08153](https://arxiv.org/abs/1902.08153). The formulas of 7.5.
# - Dong et al. (2019), *HAWQ: Hessian AWare Quantization of Neural Networks with Mixed-Precision*, [arXiv:1905.03696](https://arxiv.org/abs/1905.03696).
# - Nagel et al. (2021), *A White Paper on Neural Network Quantization*, [arXiv:2106.08295](https://arxiv.org/abs/2106.08295).
# - Nagel et al. (2022), *Overcoming Oscillations in Quantization-Aware Training*, [arXiv:2203.11086](https://arxiv.org/abs/2203.11086).
# - Ma et al. (2024), *The Era of 1-bit LLMs: All Large Language Models are in 1.58 Bits*, [arXiv:2402.17764](https://arxiv.org/abs/2402.17764). The ternary scale.
