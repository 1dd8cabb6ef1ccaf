# ---
# course:
#   lesson: 03_structured_pruning
#   title: Structured pruning, cutting whole channels
#   writes: channel scores, surgery on linear and convolutional layers, MACs, tied groups
#   minutes: 110
#   points: 100
# ---

# %% [markdown]
# # 03 Structured pruning: cut whole channels
#
# A weight that is zero still takes its four bytes and its multiplication. To save both, the tensor itself
# must get smaller. In this lesson you take whole neurons and channels out of a trained network and sew the
# layers together again, so that nobody downstream notices.
#
# **At the end you will have** a surgeon's kit that you wrote yourself: scores that say which channel
# matters, the cut through a linear layer, a convolution, a batch norm and a flatten, a proof that
# each cut was clean, and an honest table of what it bought in parameters, arithmetic and milliseconds.
#
# | | |
# |---|---|
# | Time | about 110 minutes; each exercise says its own minutes |
# | Points | 100, in nine exercises; one of them is read by a person |
# | Builds on | lesson 02 (masks, sparsity); PyTorch's `nn.Linear`, `nn.Conv2d`, `nn.BatchNorm2d`, `nn.Sequential` |
# | Stuck? | run `hint("3.2-importance")` in a cell of your own: three hints for each exercise, at no cost |
# | Rules | a function leaves what it is given as it is, unless its text says otherwise; where a tensor is asked for, it returns a tensor; a new layer is float32 like the old one, can be trained, and shares no memory with it |
# | Words | a *channel* is one output of a convolution; a *neuron* is one output of a linear layer. What we say of one holds for the other |

# %% setup=true
from autograder.student import ___, check, hint, progress

# %%
import copy

import numpy as np
import torch
from torch import nn

torch.manual_seed(3)
torch.set_num_threads(1)  # one thread, so that timings can be compared

# %% [markdown]
# ## 3.1-predict  What does the pruning call change?
#
# *3 minutes · 5 points · difficulty 1 of 3*
#
# PyTorch has a module for pruning, `torch.nn.utils.prune`. Its function `ln_structured` removes whole rows
# of a weight matrix: it takes the rows with the smallest L2 norm, a fraction `amount` of them.
#
# ```python
# layer = nn.Linear(512, 512)
# prune.ln_structured(layer, "weight", amount=0.3, n=2, dim=0)
# ```
#
# **Predict before you run it.** What is true afterwards?
#
# - (a) The weight has about 358 rows left, and the layer is faster.
# - (b) The weight still has 512 rows, some of them zero, and the layer takes as long as before.
# - (c) The weight still has 512 rows, but the layer is faster, because products with zero are skipped.
# - (d) The weight still has 512 rows, but the file with the saved weights is about 30 % smaller.
#
# Write the letter in quotes, like `"a"`.

# %% exercise="3.1-predict" kind="choice" points=5 minutes=3 difficulty=1
# Exercise 3.1-predict: the letter of your choice, in quotes
predict_3_1 = "b"  # blank: predict_3_1 = ___

# %% [markdown] choices="3.1-predict"
# - a: That is what the name promises, and what you will build in 3.4. The call itself only multiplies by a mask; no row leaves the tensor, or the next layer would no longer fit.
# - b: Yes. The call stores a mask of ones and zeros and multiplies. Same shape, same multiplications, same time. Ask of every method: did the shape of the weight tensor change?
# - c: A dense matrix product does not look at its numbers. It multiplies by 0.0 as fast as by any other float, and skips nothing.
# - d: A zero is a float32 like any other and takes four bytes. While the mask is attached, the file even holds two tensors: the old weight and the mask.

# %% [markdown] hints="3.1-predict"
# 1. The next layer still expects 512 inputs. Nothing told it otherwise.
# 2. Ask two questions. Did the shape of the tensor change? Does a dense matrix product look at the values before it multiplies?
# 3. How many bytes does the float32 number 0.0 take in a file, and how many does 0.37 take?

# %% check="3.1-predict"
check("3.1-predict")

# %% demo=true
import io
import time

from torch.nn.utils import prune

def in_turns(calls, rounds=200, warm_up=20):
    """Median milliseconds of each call. They take turns in random order, so that a busy moment hits all alike."""
    times, order = [[] for _ in calls], np.random.default_rng(0)
    with torch.no_grad():
        for _ in range(warm_up + rounds):
            for k in order.permutation(len(calls)):
                start = time.perf_counter()
                calls[k]()
                times[k].append(time.perf_counter() - start)
    return [1000 * np.median(own[warm_up:]) for own in times]

def file_bytes(model):
    buffer = io.BytesIO()
    torch.save(model.state_dict(), buffer)
    return buffer.tell()

dense = nn.Sequential(nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))
masked = copy.deepcopy(dense)
prune.ln_structured(masked[0], "weight", amount=0.3, n=2, dim=0)
zero = int((masked[0].weight.abs().sum(dim=1) == 0).sum())
attached = file_bytes(masked)
prune.remove(masked[0], "weight")  # multiplies the mask in for good
rebuilt = nn.Sequential(nn.Linear(512, 512 - zero), nn.ReLU(), nn.Linear(512 - zero, 10))

print(f"masked layer: shape {tuple(masked[0].weight.shape)}, {zero} of 512 rows are zero")
print(f"saved while the mask is attached: {attached:,} bytes")
x = torch.randn(64, 512)
milliseconds = in_turns([lambda: dense(x), lambda: masked(x), lambda: rebuilt(x)])
for name, model, ms in zip(("dense", "masked", "rebuilt"), (dense, masked, rebuilt), milliseconds):
    speed = milliseconds[0] / ms
    print(f"{name:8}{file_bytes(model):>12,} bytes  {ms:6.2f} ms a batch of 64, {speed:.2f}x the speed of dense")

# %% [markdown]
# *What to see: the masked network has the shape, the bytes and (up to noise) the time of the dense one; with the mask
# attached its file is nearly twice as large. Only the rebuilt one is smaller and faster. It is an empty shell
# so far: filling it with the right weights is this lesson.*
#
# ## 3.2-importance  Which channel matters?
#
# *15 minutes · 14 points · difficulty 2 of 3*
#
# **Why.** Before you cut you need a number for each channel: how bad would it be to lose it? Each number below
# is a guess at that, from different evidence.
#
# - **L1**: the sum of $|w|$ over all weights of the channel. Small weights, small effect.
# - **L2**: the square root of the sum of $w^2$. Nearly the same, but one large weight counts for more.
# - **Mean activation**: the average output of the channel after its ReLU, over images and positions. A channel that is never on can go.
# - **First-order Taylor**: the loss changes by about $-\sum g\,w$ if all weights $w$ of a channel go to 0, where $g$ is the
#   gradient of the loss. A change in either direction counts, so we take $\big|\sum g\,w\big|$: first add up, then the absolute value.
#
# **A worked example.** A channel with the weights (3, -4) and the gradients (0.1, 0.2). L1 is 7. L2 is $\sqrt{9 + 16} = 5$.
# Taylor is $|0.3 - 0.8| = 0.5$. Setting both weights to zero moves the loss by $-0.3$ and $+0.8$: the two effects
# partly cancel, and that is why the absolute value comes last.
#
# **Shapes.** The weight of a linear layer is (outputs, inputs), that of a convolution (outputs, inputs, height, width).
# The output channel is always axis 0. Activations are (images, channels) or (images, channels, height, width):
# there the channel is axis 1.
#
# **Predict:** in the network that we prune, each convolution is followed by a batch norm. Which of the four will still rank channels well?

# %% exercise="3.2-importance" kind="code" points=14 minutes=15 difficulty=2
# Exercise 3.2-importance: four scores, one number for each channel
def l1_importance(weight):
    """Sum of absolute values of each output channel.

    weight: float32 tensor, shape (channels, inputs) or (channels, inputs, height, width).
    Returns a float tensor of shape (channels,). So do the other three.
    """
    return weight.flatten(1).abs().sum(dim=1)  # blank: return ___.sum(dim=1)


def l2_importance(weight):
    """Square root of the sum of squares of each output channel. weight: as above."""
    return weight.flatten(1).square().sum(dim=1).sqrt()  # blank: return ___.sqrt()


def mean_activation(activations):
    """Mean output of each channel, over everything but the channel.

    activations: float32 tensor, outputs of a ReLU, shape (images, channels) or (images, channels, height, width).
    """
    others = [axis for axis in range(activations.dim()) if axis != 1]  # blank: others = [axis for axis in range(activations.dim()) if ___]
    return activations.mean(dim=others)


def taylor_importance(weight, grad):
    """First-order estimate of how far the loss moves, up or down, if a channel's weights all go to 0.

    weight: as above.    grad: gradient of the loss, the shape of weight.
    """
    return (grad * weight).flatten(1).sum(dim=1).abs()  # blank: return ___

# %% [markdown] hints="3.2-importance"
# 1. `flatten(1)` turns every weight tensor into a table with one row for each channel. From there on, a linear layer and a convolution look the same.
# 2. For the activations: which axes should disappear? All of them, with one exception. Write the question that is true for those.
# 3. For Taylor, do the worked example with tensors: which two tensors are multiplied, what happens to a channel's row, and which operation comes last?

# %% check="3.2-importance"
check("3.2-importance")

# %% demo=true
# The network of this lesson. MNIST takes longer.
from course_data import load

from course_lessons.lesson_03_structured_pruning import figures

data = load("digits")  # or "mnist", once it is on this machine

def tensors(split, limit=1500):
    return (split.images[:limit].float() / 255 - data.mean[0]) / data.std[0], split.labels[:limit]

train_set, val_set, test_set = tensors(data.train), tensors(data.val), tensors(data.test)

def build_net(widths):
    layers, inputs = [], 1
    for width, stride in zip(widths, (1, 2, 2)):
        layers += [nn.Conv2d(inputs, width, 3, stride, 1), nn.BatchNorm2d(width), nn.ReLU()]
        inputs, side = width, -(-train_set[0].shape[2] // 4)  # two strides of 2
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(inputs * side**2, 10))

def train(net, epochs, rate, seed=0):
    order = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.SGD(net.parameters(), lr=rate, momentum=0.9, weight_decay=1e-4)
    net.train()
    for _ in range(epochs):
        for batch in torch.randperm(len(train_set[0]), generator=order).split(64):
            optimiser.zero_grad()
            nn.functional.cross_entropy(net(train_set[0][batch]), train_set[1][batch]).backward()
            optimiser.step()
    return net.eval()

@torch.no_grad()
def loss_and_accuracy(net, images_labels):
    logits, labels = net(images_labels[0]), images_labels[1]
    right = (logits.argmax(1) == labels).double().mean().item()
    return nn.functional.cross_entropy(logits, labels).item(), right

torch.manual_seed(3)
widths, convs = (64, 64, 16), (0, 3, 6)  # channels of the three convolutions, and where they stand
net = train(build_net(widths), epochs=8, rate=0.05)
print(f"{data.title}, {len(train_set[0])} images to train on, validation accuracy {loss_and_accuracy(net, val_set)[1]:.3f}")

# %% demo=true
# What each score says of the second convolution, against the truth: remove one channel, measure the loss.
def gate(net, i):
    """Scale and shift of the batch norm behind convolution i: (channels, 2). Both 0, and the channel is silent."""
    return torch.stack([net[i + 1].weight, net[i + 1].bias], dim=1).detach()

def taylor_scores(net, batch=32):
    """For each convolution: Taylor on the gate, one absolute value for each mini-batch, added up."""
    total = [0, 0, 0]
    for images, labels in zip(train_set[0].split(batch), train_set[1].split(batch)):
        net.zero_grad()
        nn.functional.cross_entropy(net(images), labels).backward()
        for k, i in enumerate(convs):
            grad = torch.stack([net[i + 1].weight.grad, net[i + 1].bias.grad], dim=1)
            total[k] = total[k] + taylor_importance(gate(net, i), grad)
    return total

def masked_net(net, i, kept):
    """A copy in which every channel of convolution i that is not kept is silent."""
    copied = copy.deepcopy(net)
    off = torch.ones(net[i].out_channels, dtype=torch.bool)
    off[kept] = False
    with torch.no_grad():
        copied[i + 1].weight[off] = 0
        copied[i + 1].bias[off] = 0
    return copied

some = (train_set[0][:640], train_set[1][:640])
every = torch.arange(widths[1])
truth = [loss_and_accuracy(masked_net(net, 3, every[every != c]), some)[0] for c in every]
scores = taylor_scores(net)
with torch.no_grad():
    guesses = {"L1": l1_importance(net[3].weight.detach()), "L2": l2_importance(net[3].weight.detach()),
               "mean activation": mean_activation(net[:6](some[0])), "Taylor": scores[1]}
figures.guesses_against_truth(guesses, np.array(truth) - loss_and_accuracy(net, some)[0])

# %% [markdown]
# *What to see: each point is a channel, ranked by the score (across) and by the loss that its removal really costs (up). A score is
# good if the points climb along the diagonal. Taylor's do best; those of L1 and L2 are a loose cloud, and mean activation says next to nothing here.*
#
# *Your prediction: Taylor's, the only one that looks at the loss. L1 and L2 look in front of the batch norm; mean activation looks behind it, but not at the loss.*
#
# The reason for L1 and L2 is the **batch norm**. It divides each channel by its own spread, so doubling a filter's weights changes
# nothing, and their size says little. Taylor looked at the two numbers that batch norm multiplies and adds: if both are 0, the
# channel is silent. That is exactly what removing it means. One warning: near a minimum the gradients are small and
# of both signs, so the scores take the absolute value batch by batch; over all images at once the effects would cancel.
#
# ## 3.3-keep  Keep the best, in their old order
#
# *8 minutes · 10 points · difficulty 1 of 3*
#
# **Why.** From scores to indices: which channels stay? Two mistakes wait here. One is the direction:
# `argsort` sorts upwards, and whoever takes the first half has thrown out the *best* channels. The other is
# the order. Layers find their partners by position: filter 7, batch-norm entry 7 and input 7 of the next layer belong
# together. If one place lists the survivors by score and another by position, everything fits and nothing works.
# So the kept indices are always **ascending**.
#
# **A worked example.** Scores (0.5, 2.0, 0.1, 2.0, 0.5), keep 3. The two 2.0 stay. The third place is a tie between
# channels 0 and 4; **the lower index wins**, so that everybody gets the same answer. Kept: (0, 1, 3).
#
# **Predict:** what happens to the accuracy if you keep the worst channels instead of the best?

# %% exercise="3.3-keep" kind="code" points=10 minutes=8 difficulty=1
# Exercise 3.3-keep: from scores to the indices of the channels that stay
def kept_channels(scores, n_keep):
    """Indices of the n_keep channels with the highest scores, ascending.

    scores: float32 tensor, shape (channels,), finite, of either sign.    n_keep: int, 1 to channels.
    Of channels with equal scores, those with the lower indices are kept first; scores that differ, however little, are not equal.
    Returns an int64 tensor of shape (n_keep,).
    """
    order = torch.argsort(scores, descending=True, stable=True)  # blank: order = torch.argsort(scores, descending=___, stable=True)
    best = order[:n_keep]  # blank: best = ___
    return best.sort().values  # blank: return ___

# %% [markdown] hints="3.3-keep"
# 1. Write down, for the worked example, what `order` should hold: which channel comes first, which last?
# 2. `stable=True` leaves equal scores in the order in which they stood. That settles the ties, so long as you sort in the right direction.
# 3. `best` still stands in the order of the scores. What does a tensor's `sort()` return, and which part of that do you want?

# %% check="3.3-keep"
check("3.3-keep")

# %% demo=true
# The same cut of the first layer in three ways: keep the best, keep any, keep the worst.
fractions = np.linspace(0, 0.9, 10)
ways = {"best kept": scores[0], "worst kept": -scores[0]}
for seed in range(3):
    ways[f"any kept, {seed}"] = torch.rand(widths[0], generator=torch.Generator().manual_seed(seed))
curves = {}
for name, way in ways.items():
    keep = [kept_channels(way, max(1, round(widths[0] * (1 - fraction)))) for fraction in fractions]
    curves[name] = [loss_and_accuracy(masked_net(net, 0, kept), val_set)[1] for kept in keep]
    print(f"{name:12}", " ".join(f"{accuracy:.2f}" for accuracy in curves[name]))
figures.three_ways_to_keep(fractions, curves)

# %% [markdown]
# *What to see: keeping the best channels, a good half of the layer can go before the accuracy falls much. Keeping the worst, it falls
# earlier than by chance. A score with the wrong sign is worse than no score.*
#
# *Your prediction: with the worst channels kept, the accuracy is lost long before it is with the best ones kept. Compare the first two rows of the print-out.*
#
# ## 3.4-mlp  Surgery on two linear layers
#
# *12 minutes · 14 points · difficulty 2 of 3*
#
# **Why.** Now the shapes change. A hidden neuron lives in three places:
#
# - its **row** of `fc1.weight`, which makes it;
# - its entry of `fc1.bias`;
# - its **column** of `fc2.weight`, which listens to it.
#
# All three go, or the layers no longer fit. `fc2.bias` belongs to the outputs, and stays.
#
# **The proof.** *Masking* a neuron means to set its row and its bias to 0; then it outputs ReLU(0) = 0 and adds nothing.
# The small network must give **the same output as the masked big one**, to 1e-5, for every input. This law, together with the
# shapes, catches what goes wrong in surgery, and needs no labels and no training. The labs that prune use it again.
#
# **A worked example.** Three hidden neurons, keep (0, 2). `fc1.weight` goes from 3×2 to 2×2, `fc1.bias` from 3 numbers to 2,
# `fc2.weight` from 4×3 to 4×2. If you mask the *weights* of neuron 1 but leave its bias of 0.7, it still outputs
# ReLU(0.7) = 0.7, for every input, and the two networks differ by 0.7 times column 1.
#
# **Predict:** 64 inputs, 100 hidden neurons, 10 outputs. You keep 50. How many of the 7,510 parameters are left?

# %% exercise="3.4-mlp" kind="code" points=14 minutes=12 difficulty=2
# Exercise 3.4-mlp: remove hidden neurons
def prune_mlp(mlp, kept):
    """A smaller network that equals the masked one.

    mlp: nn.Sequential(nn.Linear, nn.ReLU, nn.Linear), both Linear with bias, float32.
    kept: int64 tensor, ascending, the hidden neurons that stay.
    Returns a new nn.Sequential(nn.Linear, nn.ReLU, nn.Linear) with len(kept) hidden neurons, float32, ready to be trained.
    mlp itself is not changed, and shares no memory with the new layers.
    """
    fc1, _, fc2 = mlp
    small1 = nn.Linear(fc1.in_features, len(kept))  # blank: small1 = nn.Linear(___, ___)
    small2 = nn.Linear(len(kept), fc2.out_features)  # blank: small2 = nn.Linear(___, ___)
    with torch.no_grad():
        small1.weight.copy_(fc1.weight[kept])  # blank: small1.weight.copy_(___)
        small1.bias.copy_(fc1.bias[kept])  # blank: small1.bias.copy_(___)
        small2.weight.copy_(fc2.weight[:, kept])  # blank: small2.weight.copy_(___)
        small2.bias.copy_(fc2.bias)  # blank: small2.bias.copy_(___)
    return nn.Sequential(small1, nn.ReLU(), small2)

# %% [markdown] hints="3.4-mlp"
# 1. `nn.Linear(inputs, outputs)` stores its weight as (outputs, inputs). A hidden neuron is an output of the first layer and an input of the second. So on which axis does it lie in each weight?
# 2. An index tensor in the first place picks rows. To pick columns, a colon stands for "all rows".
# 3. Go through the four tensors and ask of each: does it have one entry for each hidden neuron? Three do, on some axis. The fourth is copied whole.

# %% check="3.4-mlp"
check("3.4-mlp")

# %% [markdown]
# *Your prediction: 50 × 64 + 50 weights and biases make the hidden neurons, 10 × 50 + 10 the outputs: 3,760 of the 7,510 parameters are left.*
#
# ## 3.5-cnn  Surgery on convolutions
#
# *12 minutes · 18 points · difficulty 2 of 3*
#
# **Why.** A channel of a convolution lives in even more places, and forgetting one is the most common
# mistake of all:
#
# | where | what goes |
# |---|---|
# | the convolution that makes it | its filter, `weight[c]`, and `bias[c]` |
# | its batch norm | `weight[c]`, `bias[c]`, `running_mean[c]` and `running_var[c]` |
# | the next convolution | the slice `weight[:, c]` that listens to it |
#
# The two *running* tensors are no parameters, no optimiser sees them, and `parameters()` does not list them. They are
# **buffers**. In eval mode the batch norm computes, for each channel,
#
# $$y = \gamma\,\frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon}} + \beta$$
#
# with $\mu$ and $\sigma^2$ from the buffers. Copy $\gamma$ and $\beta$ but leave the buffers fresh (0 and 1), and every number comes out wrong,
# without any error.
#
# **What is "masked" here?** Zeroing the filter and its bias is not enough: then $x = 0$ and the channel still outputs
# $\beta - \gamma\mu/\sqrt{\sigma^2 + \varepsilon}$. Set $\gamma$ and $\beta$ to 0, and it is silent.
# The law is the same: small output = masked output, in eval mode, with any statistics.
#
# **A worked example.** `nn.Conv2d(3, 8, 3)` has a weight of shape (8, 3, 3, 3). Keep channels (1, 4, 6): (3, 3, 3, 3) is left.
# The next one, `nn.Conv2d(8, 5, 1)`, goes from (5, 8, 1, 1) to (5, 3, 1, 1) and keeps its 5 biases.
#
# **Predict:** if you keep half of the channels in *every* layer, what is left of the weights of an inner convolution: a half or a quarter?

# %% exercise="3.5-cnn" kind="code" points=18 minutes=12 difficulty=2
# Exercise 3.5-cnn: cut the outputs of one convolution, then the inputs of the next
def cut_outputs(conv, bn, kept):
    """The convolution and its batch norm with only the kept output channels.

    conv: nn.Conv2d with bias; kernel, stride and padding may differ in height and width, all else is as by default.
    bn: the nn.BatchNorm2d that follows it, with any eps.    Both float32.    kept: int64 tensor, ascending.
    Returns (a new nn.Conv2d, a new nn.BatchNorm2d), float32, ready to be trained, with the settings of the old ones.
    conv and bn are not changed, and share no memory with the new layers.
    """
    n = len(kept)
    small_conv = nn.Conv2d(conv.in_channels, n, conv.kernel_size, conv.stride, conv.padding)  # blank: small_conv = nn.Conv2d(___, ___, conv.kernel_size, conv.stride, conv.padding)
    small_bn = nn.BatchNorm2d(n, eps=bn.eps)
    with torch.no_grad():
        small_conv.weight.copy_(conv.weight[kept])  # blank: small_conv.weight.copy_(___)
        small_conv.bias.copy_(conv.bias[kept])  # blank: small_conv.bias.copy_(___)
        small_bn.weight.copy_(bn.weight[kept])
        small_bn.bias.copy_(bn.bias[kept])
        small_bn.running_mean.copy_(bn.running_mean[kept])  # blank: small_bn.running_mean.copy_(___)
        small_bn.running_var.copy_(bn.running_var[kept])  # blank: small_bn.running_var.copy_(___)
    return small_conv, small_bn


def cut_inputs(conv, kept):
    """The next convolution, listening only to the kept channels: a new nn.Conv2d, as above. conv, kept: as above."""
    n, outputs = len(kept), conv.out_channels
    small = nn.Conv2d(n, outputs, conv.kernel_size, conv.stride, conv.padding)
    with torch.no_grad():
        small.weight.copy_(conv.weight[:, kept])  # blank: small.weight.copy_(___)
        small.bias.copy_(conv.bias)  # blank: small.bias.copy_(___)
    return small

# %% [markdown] hints="3.5-cnn"
# 1. `nn.Conv2d(inputs, outputs, ...)` stores its weight as (outputs, inputs, height, width). Which axis does `cut_outputs` shorten, and which `cut_inputs`?
# 2. A batch norm has four tensors with one entry for each channel. Two are given. The other two are chosen in just the same way.
# 3. The bias belongs to a layer's outputs. In which of the two functions does the number of outputs change?

# %% check="3.5-cnn"
check("3.5-cnn")

# %% [markdown]
# ## 3.6-bug  Find the bug: through the flatten
#
# *10 minutes · 8 points · difficulty 2 of 3*
#
# **Why.** After the last convolution comes `nn.Flatten`, then a linear layer. Flatten lays out a picture of shape
# (channels, height, width) channel by channel: first all positions of channel 0, then all of channel 1. With
# an *area* of height × width = 4, channel 0 owns the columns 0 to 3 of the linear layer, channel 1 the columns 4 to 7, and so on.
#
# A colleague wrote the function below. All shapes fit and no error comes. But the accuracy after the cut is poor, even if only
# one channel goes. The colleague concluded that the last layer cannot be pruned.
#
# **Predict:** area 4, three channels, keep channels 0 and 2. Which eight columns must stay?
#
# One line is wrong. Repair it.

# %% exercise="3.6-bug" kind="bug" points=8 minutes=10 difficulty=2
# Exercise 3.6-bug: repair the wrong line
def cut_columns(linear, kept, area):
    """The linear layer after a flatten, listening only to the kept channels.

    linear: nn.Linear with bias; its inputs are the flattened (channels, height, width).
    kept: int64 tensor, ascending.    area: int, height * width.
    Returns a new nn.Linear with len(kept) * area inputs, float32, ready to be trained.
    linear is not changed, and shares no memory with the new layer.
    """
    outputs, channels = linear.out_features, linear.in_features // area
    small = nn.Linear(len(kept) * area, outputs)
    blocks = linear.weight.view(outputs, channels, area)[:, kept]  # bug: blocks = linear.weight.view(outputs, area, channels)[:, :, kept]
    with torch.no_grad():
        small.weight.copy_(blocks.flatten(1))
        small.bias.copy_(linear.bias)
    return small

# %% [markdown] hints="3.6-bug"
# 1. Take area 4 and three channels, write down the column numbers 0 to 11, and mark which channel owns which.
# 2. `view` cuts a row of numbers into nested pieces; the last axis runs fastest. What runs fastest in a flattened picture: the channel, or the position within it?
# 3. The wrong line would be right for pictures stored with the channel as the last axis. Two things in it follow from that, and both must change.

# %% check="3.6-bug"
check("3.6-bug")

# %% demo=true
# The whole network: cut a quarter of every layer, with your functions, and prove it.
def cut_net(net, i, kept):
    """A new network without the other channels of convolution i."""
    layers = list(net)
    layers[i], layers[i + 1] = cut_outputs(net[i], net[i + 1], kept)
    if isinstance(layers[i + 3], nn.Conv2d):
        layers[i + 3] = cut_inputs(net[i + 3], kept)
    else:  # Flatten, then Linear
        layers[i + 4] = cut_columns(net[i + 4], kept, net[i + 4].in_features // net[i].out_channels)
    return nn.Sequential(*layers).eval()

def cut_all(net, scores, keep):
    for i, s, n in zip(convs, scores, keep):
        net = cut_net(net, i, kept_channels(s, n))
    return net

keep = [round(0.75 * width) for width in widths]
small, masked = cut_all(net, scores, keep), net
for i, s, n in zip(convs, scores, keep):
    masked = masked_net(masked, i, kept_channels(s, n))
forgotten, shuffled = copy.deepcopy(small), copy.deepcopy(small)
with torch.no_grad():
    for i in convs:
        forgotten[i + 1].reset_running_stats()  # as if the buffers had not been copied
    shuffled[3].weight.copy_(small[3].weight.flip(1))  # inputs in another order than the outputs before them
    print("channels", widths, "->", tuple(keep))
    print(f"{'':40}{'difference to masked':>22}{'accuracy':>10}")
    for name, one in {"the whole network": net, "masked": masked, "small": small,
                      "small, running statistics forgotten": forgotten,
                      "small, indices reversed in one place": shuffled}.items():
        difference = (one(val_set[0]) - masked(val_set[0])).abs().max()
        print(f"{name:40}{difference:22.1e}{loss_and_accuracy(one, val_set)[1]:10.3f}")

# %% [markdown]
# *What to see: the small network differs from the masked one by rounding only, and has its accuracy. The last two lines
# show what forgetting looks like: right shapes, no error, and logits that are off by whole units.*
#
# *Your prediction in 3.6: channel 0 owns the columns 0 to 3 and channel 2 the columns 8 to 11; these eight stay.*
#
# ## 3.7-count  Count parameters and MACs
#
# *12 minutes · 12 points · difficulty 2 of 3*
#
# **Why.** A channel is removed to save something: bytes, arithmetic, or time. The first two can be counted exactly.
# One **MAC** is one multiplication with its addition.
#
# - **Parameters**: every number that is trained, biases and batch norm's two included. Running statistics are not trained.
# - **MACs of a linear layer**: one for each weight.
# - **MACs of a convolution**: one for each weight, *at each position of the output picture*. The same filter slides over the
#   picture, so its weights are used height × width times. With stride 2, a side of 7 need not become 3: look at the output.
# - We count no MACs for biases, ReLU and batch norm. They are few, and batch norm can be folded into the convolution.
#
# **A worked example.** `nn.Conv2d(3, 8, 3, stride=2, padding=1)` on a picture of 8×8. It has 8×3×3×3 = 216 weights and 8 biases,
# 224 parameters. Its output is 4×4, so it takes 216 × 16 = 3,456 MACs. It is the *output's* size that counts, not the input's.
#
# **Predict:** where do most parameters of a convolutional network sit, and where most MACs? At the start or at the end?

# %% exercise="3.7-count" kind="code" points=12 minutes=12 difficulty=2
# Exercise 3.7-count: what a network costs
def count(model, x):
    """Parameters, and MACs for one picture.

    model: nn.Sequential of Conv2d (groups=1, dilation=1), BatchNorm2d, ReLU, MaxPool2d, Flatten and Linear, in eval mode.
      Kernels, strides and pictures need not be square.
    x: float32 tensor, one picture: (1, channels, height, width), or (1, features) if Linear comes first.
    Returns (parameters, macs), two integers (Python int or NumPy integer, no tensors).
    """
    parameters = sum(p.numel() for p in model.parameters())  # blank: parameters = sum(___ for p in model.parameters())
    macs = 0
    for layer in model:
        x = layer(x)  # from here on, x is the layer's output
        if isinstance(layer, nn.Conv2d):
            macs += layer.weight.numel() * x.shape[2] * x.shape[3]  # blank: macs += ___
        if isinstance(layer, nn.Linear):
            macs += layer.weight.numel()  # blank: macs += ___
    return parameters, macs

# %% [markdown] hints="3.7-count"
# 1. A tensor knows how many numbers it holds: `numel()`.
# 2. In the loop, `x` has already been through the layer. For a convolution its shape is (1, channels, height, width). Which two of these say how often each weight is used?
# 3. Check your formula on the worked example: the 216 weights are used at 16 positions. And a linear layer uses each weight how often?

# %% check="3.7-count"
check("3.7-count")

# %% demo=true
# The ratios side by side. Each row is cut from the same network.
plans = {"half of layer 1": (32, 64, 16), "half of layer 3": (64, 64, 8),
         "30 % everywhere": (45, 45, 11), "half plus one": (33, 33, 9), "half everywhere": (32, 32, 8)}
models = {"whole": net} | {name: cut_all(net, scores, keep) for name, keep in plans.items()}
one, many = train_set[0][:1], train_set[0][:64]
fresh = build_net(widths).eval()
start = time.perf_counter()
for _ in range(5):
    fresh(one)
naive = (time.perf_counter() - start) * 1000 / 5
single = in_turns([lambda m=m: m(one) for m in models.values()])
batch = in_turns([lambda m=m: m(many) for m in models.values()], rounds=60)
cost = [count(m, one) for m in models.values()]
ratios = {}
print(f"{'':18}{'parameters':>12}{'MACs':>10}{'ms, 1 image':>13}{'ms, 64 images':>16}")
for name, (parameters, macs), a, b in zip(models, cost, single, batch):
    print(f"{name:18}{parameters:12,}{macs:10,}{a:13.3f}{b:16.2f}")
    ratios[name] = [cost[0][0] / parameters, cost[0][1] / macs, single[0] / a, batch[0] / b]
print("\ntimes smaller or faster than the whole network:")
for name, row in ratios.items():
    print(f"{name:18}" + "".join(f"{r:11.2f}x" for r in row))
print(f"\nthe whole network, one image: median after a warm-up {single[0]:.3f} ms, mean of the first five calls {naive:.3f} ms")
figures.three_ratios({name: row for name, row in ratios.items() if name != "whole"})

# %% [markdown]
# *What to see: the bars of one cut differ. Half of the channels everywhere divides parameters and MACs by nearly 4,
# and the time for one image by much less. Compare the last two groups: a single channel more in each layer can cost far more time than arithmetic.*
#
# Two rules for honest timing are in the code. The first calls are slow (memory is fetched, kernels are chosen), so there is a **warm-up**; and a
# busy moment spoils a mean, so we take the **median**. The last printed line shows what you get without them.
#
# ## 3.8-written  Why do the ratios disagree?
#
# *14 minutes · 9 points · difficulty 2 of 3 · read by a person*
#
# **Why.** "We removed half of the channels, so it is twice as fast" is the sentence that this lesson wants to make
# impossible. You have four ratios for each cut in front of you.
#
# Some facts that may help. Every layer has a fixed cost for each call (Python, the dispatcher, memory for the output), which does not
# shrink with the layer. Fast kernels work in blocks of 8 or 16 channels, and the rest of a block that is not full is wasted. A batch of 64
# images pays the fixed cost once.
#
# **Answer in six to ten sentences:**
#
# 1. "Half everywhere" keeps half of the channels. Why do the MACs fall by much more than 2 times, and which layers keep it from being exactly 4?
# 2. Compare "half of layer 1" and "half of layer 3". Why does one save more MACs than parameters, the other more parameters than MACs?
# 3. Why does the time for one image fall less than the MACs, and why is a batch of 64 usually closer to them? Which cut would you choose if the product is a phone app that must be small to download? And if it must answer fast?

# %% [markdown] exercise="3.8-written" kind="written" points=9 minutes=14 difficulty=2
# **Your answer to 3.8-written.** Double-click here, write six to ten sentences in place of the line below, then press Shift+Enter.
#
# <!-- answer -->
# **A model answer**
#
# 1. An inner convolution has outputs × inputs × 9 weights. If both are halved, a quarter is left, and with it a quarter of the MACs. The
#    first layer keeps its one input channel and the linear layer its ten outputs, so these two are only halved; the total stays a little below 4 times.
# 2. Layer 1 works on the full picture (8×8), and layer 2, which listens to it, on 4×4: each weight is used 64 or 16 times. Layer 3 has
#    many weights but works on 2×2 only, so each of its weights is used 4 times. Early channels cost arithmetic, late channels cost bytes.
# 3. Every layer has a fixed cost for each call that does not shrink. With one image this cost is a large part of the time, so dividing the
#    arithmetic by almost 4 divides the time by less. With 64 images the fixed cost is paid once and the arithmetic dominates. Odd
#    widths such as 33 lose time because kernels work in blocks. For the download I choose by parameters; for speed, by the latency measured on the phone itself.

# %% [markdown] hints="3.8-written"
# 1. Write the number of weights of an inner convolution as a product. Which factors are halved? Then ask the same of the first and of the last layer.
# 2. For the second question compute, for each layer, MACs divided by weights. What is that number, and where is it large?
# 3. For the third, imagine a network so small that its arithmetic takes no time at all. Would a call take no time?

# %% [markdown] rubric="3.8-written"
# **3.8-written, 9 points**
#
# - 3 points: both inputs and outputs of inner convolutions are halved, which makes a quarter [1]; the fixed sides, the input of the first layer [1] and the outputs of the last [1], keep the total below 4.
# - 3 points: MACs are weights times output positions [1]; early layers have large pictures, late ones small [1]; the two rows are named the right way round, with numbers [1].
# - 3 points: a fixed cost for each call that does not shrink [1]; the batch spreads it, or other right reasons such as blocks and memory [1]; chooses parameters for the download and *measured* latency for speed [1].
# - An answer without a number from the table loses 2 points.

# %% [markdown]
# *Your predictions in 3.5 and 3.7: a quarter of an inner convolution is left, since its inputs and its outputs are both halved. In most networks the
# parameters gather at the end, where there are many channels, and the MACs at the start, where the pictures are large. Our last layer is narrow, so most of
# both sit in the second convolution; yet halving layer 1 saves MACs above all, and halving layer 3 saves parameters.*
#
# ## Where to cut, and how much
#
# **Why.** So far every layer lost the same share. Layers differ: one has channels to spare, another is a bottleneck. A
# **sensitivity scan** finds out: cut *one* layer at a time by 10 %, 20 % and so on, leave the others whole, and measure. It needs no training,
# only the validation images. We look at the loss, which is smoother than the accuracy.
#
# Then compare, **at equal MACs**:
#
# - *uniform*: the same share from every layer;
# - *guided*: of all combinations within the same number of MACs, the one for which the scan promises the smallest loss (the three layers' losses added up).
#
# **Predict:** our layers have 64, 64 and 16 channels. Which one will be the most sensitive?

# %% demo=true
import itertools

shares = np.arange(10) / 10
grid = [[max(1, round(width * (1 - share))) for share in shares] for width in widths]
scan = np.array([
    [loss_and_accuracy(cut_net(net, i, kept_channels(s, n)), val_set)[0] for n in options]
    for i, s, options in zip(convs, scores, grid)
])

priced = {}  # widths -> (MACs, loss that the scan promises)
for place in itertools.product(range(10), repeat=3):
    keep = tuple(options[j] for options, j in zip(grid, place))
    priced[keep] = (count(build_net(keep).eval(), one)[1], sum(row[j] for row, j in zip(scan, place)))

compared = []
print(f"{'':22}{'uniform':>16}{'guided':>18}{'accuracy before any training':>34}")
for share in (0.3, 0.4, 0.5):
    uniform = tuple(round(width * (1 - share)) for width in widths)
    budget = count(build_net(uniform).eval(), one)[1]
    guided = min((keep for keep in priced if priced[keep][0] <= budget), key=lambda keep: priced[keep][1])
    pair = [loss_and_accuracy(cut_all(net, scores, keep), val_set)[1] for keep in (uniform, guided)]
    compared.append((budget, *pair))
    print(f"{budget:9,} MACs{str(uniform):>24}{str(guided):>18}{pair[0]:20.3f} -> {pair[1]:.3f}")
figures.sensitivity(shares, scan, widths, compared)

# %% [markdown]
# *What to see: on the left, the layer with 16 channels hurts first and the wide ones can lose a third for
# almost nothing. On the right, the same MACs are better spent when that layer is spared.*
#
# *Your prediction: the last one. It has the fewest channels to spare.*
#
# ## Recovery: cut a little, train a little
#
# **Why.** The surviving weights were trained with the others around them; a short training adapts them to the new shape. The usual recipe: cut
# **10 to 20 %** of the channels an iteration, train briefly with **half the learning rate** (the weights are good already; large steps would
# throw that away), score again, repeat. Scores must be computed anew, since the survivors have taken over the work of the dead.
#
# Two controls belong to every such experiment, with the same number of epochs: **one shot**, the whole cut at once, and the small shape **trained from
# scratch**, with fresh weights. If the second is as good, the pruning found a shape, not weights.
#
# **Predict:** which of the three ends best on a data set as easy as this one?

# %% demo=true
rounds, share = 6, 0.15  # 15 % of the channels an iteration

def recover(net, steps):
    """Cut to each of the widths in turn, with an equal part of the epochs after each."""
    path = [loss_and_accuracy(net, val_set)[1]]
    for step, keep in enumerate(steps):
        net = cut_all(net, taylor_scores(net), keep)
        for _ in range(rounds // len(steps)):
            path.append(loss_and_accuracy(net, val_set)[1])  # before the epoch
            net = train(net, 1, rate=0.025, seed=len(path))  # half of the 0.05 of the first training
    return net, path + [loss_and_accuracy(net, val_set)[1]]

steps = [[round(width * (1 - share) ** k) for width in widths] for k in range(1, rounds + 1)]
rows = {"iterative": recover(net, steps), "one shot": recover(net, steps[-1:])}
scratch = train(build_net(steps[-1]), rounds, rate=0.05, seed=1)
parameters, macs = count(rows["iterative"][0], one)
print(f"channels {widths} -> {tuple(steps[-1])}")
print(f"{cost[0][0] / parameters:.1f}x fewer parameters, {cost[0][1] / macs:.1f}x fewer MACs")
print(f"{'':24}{'validation':>11}{'test':>8}")
models = {"whole network": net, "from scratch": scratch} | {name: row[0] for name, row in rows.items()}
for name, model in models.items():
    print(f"{name:24}{loss_and_accuracy(model, val_set)[1]:11.3f}{loss_and_accuracy(model, test_set)[1]:8.3f}")
figures.recovery({name: row[1] for name, row in rows.items()})

# %% [markdown]
# *What to see: the one-shot network falls deep and climbs back; the iterative one falls much less. After
# six epochs all small networks are close to the whole one, also the one trained from scratch: on a data set this easy, the shape is what counts.*
#
# The iterative way buys safety, not always accuracy: you can stop at any step at which the budget is used up. One run and
# 180 validation images are too few to call a difference of one point a difference.
#
# *Your prediction: on data this easy nobody wins clearly. The small networks in the table are a few images apart, and another seed may change their order.*
#
# ## 3.9-groups  What is tied together?
#
# *14 minutes · 10 points · difficulty 3 of 3*
#
# **Why.** In a residual network, outputs are *added*: `y = x + block(x)`. An addition goes channel by channel. If `x` loses
# channel 5 and the block's last layer loses channel 9, the shapes still fit, and channel 6 of one is added to channel 5 of the other.
# So all layers whose outputs meet in an addition must lose **the same** channels: they form a **group**.
#
# **A worked example.** `stem → conv1 → conv2`, `s1 = stem + conv2`, then `conv3 → conv4` and `s2 = s1 + conv4`.
#
# - stem is added to conv2: tied. Their sum is added to conv4, so conv4 has to match both: **one group of three**.
# - conv1 and conv3 are added to nothing. Each is a group of its own and **may be cut freely**.
# - Never cut: the input's channels (the data has them) and the outputs of the last layer (the classes).
#
# A group is scored as a whole: add up its layers' scores, choose the kept channels once, use them everywhere. Depthwise
# convolutions tie their outputs to their inputs in the same way; a concatenation ties nothing, but shifts the indices.
#
# **Predict:** in a chain of ten residual blocks, how many of the twenty convolutions may be cut freely?

# %% exercise="3.9-groups" kind="code" points=10 minutes=14 difficulty=3
# Exercise 3.9-groups: which layers must lose the same channels?
def tied_groups(layers, additions):
    """The groups of layers whose output channels are tied.

    layers: list of names, all different.
    additions: list of pairs (a, b) of these names: the outputs of a and b meet in an addition.
      For s2 = (stem + conv2) + conv4, the pairs are (stem, conv2) and (conv2, conv4), in any order.
    Returns a list (or tuple) of lists (or tuples) of names. Each layer stands in exactly one group. Inside a group the names have
    the order of `layers`; the groups have the order of their first names.
    """
    group = {layer: {layer} for layer in layers}  # every layer starts alone
    for a, b in additions:
        merged = group[a] | group[b]  # blank: merged = ___
        for layer in merged:  # blank: for layer in ___:
            group[layer] = merged
    groups = []
    for layer in layers:
        members = [other for other in layers if other in group[layer]]  # blank: members = [other for other in layers if ___]
        if members not in groups:
            groups.append(members)
    return groups

# %% [markdown] hints="3.9-groups"
# 1. `group[a]` is the set of everything that is tied to a so far. When a and b meet in an addition, who is tied to whom from then on?
# 2. It is not enough to tell a and b of the new set. Think of stem in the worked example when conv2 meets conv4: who else has to hear of it?
# 3. For the last blank, ask of each layer whether it belongs to the set of the layer at hand. Going through `layers` gives the order for free.

# %% check="3.9-groups"
check("3.9-groups")

# %% demo=true
names = ["stem", "conv1", "conv2", "conv3", "conv4"]
print("groups:", tied_groups(names, [("conv4", "conv2"), ("stem", "conv2")]))

torch.manual_seed(5)
parts = {name: (nn.Conv2d(2 if name == "stem" else 16, 16, 3, 1, 1), nn.BatchNorm2d(16)) for name in names[:3]}
head = nn.Conv2d(16, 4, 1)
for _, bn in parts.values():  # statistics and scales as in a trained network
    for tensor in (bn.weight.data, bn.bias.data, bn.running_mean, bn.running_var):
        tensor.uniform_(0.5, 1.5)

def residual(parts, head, x):
    """One residual block: stem, conv1, conv2, and the sum of stem and conv2."""
    apply = lambda name, x: parts[name][1].eval()(parts[name][0](x))
    stem = apply("stem", x).relu()
    return head((stem + apply("conv2", apply("conv1", stem).relu())).relu())

def cut_residual(kept):
    """The block with its own list of kept channels for each layer. Inputs follow the layer before."""
    before = {"conv1": "stem", "conv2": "conv1"}
    small = {name: cut_outputs(*parts[name], kept[name]) for name in parts}
    small = {n: (cut_inputs(c, kept[before[n]]) if n in before else c, bn) for n, (c, bn) in small.items()}
    return small, cut_inputs(head, kept["stem"])

x, whole, low, high = torch.randn(8, 2, 6, 6), torch.arange(16), torch.arange(10), torch.arange(6, 16)
for title, kept in {"conv1 alone (free)": (whole, low, whole), "stem and conv2 alike": (low, whole, low),
                    "stem and conv2 differently": (low, whole, high)}.items():
    masked = copy.deepcopy(parts)
    for (_, bn), stay in zip(masked.values(), kept):
        bn.weight.data *= torch.isin(whole, stay)
        bn.bias.data *= torch.isin(whole, stay)
    with torch.no_grad():
        difference = residual(*cut_residual(dict(zip(parts, kept))), x) - residual(masked, head, x)
    print(f"{title:28} largest difference, small - masked: {difference.abs().max():.1e}")

# %% [markdown]
# *What to see: a free layer, or a tied group cut alike, is exact up to rounding. Cut differently, the tied layers still run without an error,
# and the output is wrong.*
#
# *Your prediction: ten, the first convolution of each block. The outputs of the second ones all meet in the same running sum: one large group, together with the stem.*
#
# ## Mini-challenge (no points, no blanks)
#
# The last two rows of the latency table differ by one channel in each layer. Build a pruner that chooses widths in **multiples of 8** and beats the guided plan at equal
# *milliseconds* instead of equal MACs. The next cell has an outline only.

# %%
# 1. Make the list of widths 8, 16, ..., 64 for each layer (8 and 16 for the last).
# 2. Measure the latency of each combination with in_turns, at the batch size that you care about. Warm up. Use the median.
# 3. Run the sensitivity scan on these widths.
# 4. Fix a latency budget beforehand. Choose the combination within it that the scan likes best.
# 5. Recover it and the guided plan for the same number of epochs, with three seeds each. Report mean and spread. Touch the test images once.

# %% demo=true
progress()

# %% [markdown]
# ## Common errors
#
# | You see | It was probably |
# |---|---|
# | accuracy at chance after a small cut | the *best* channels were cut; check the sign of the sort |
# | shapes fit, output wrong | kept indices in different order in two places; running statistics not copied; flatten order |
# | `expected input ... to have 8 channels, but got 3`, or `mat1 and mat2 shapes cannot be multiplied` | the next layer's inputs were not cut |
# | `The size of tensor a ... must match the size of tensor b` in `copy_` | the tensor was not indexed with `kept`, or on the wrong axis |
# | small and masked differ by a constant | the mask left a bias (or batch norm's β) alive |
# | all Taylor scores near zero | gradients of all images summed before the absolute value; or taken on a filter in front of a batch norm in train mode |
# | "30 % pruned", but the file is as large as before, or twice as large | a mask, not a cut; the bytes of a masked state dict |
# | a layer of 33 channels much slower than one of 32 | kernels work in blocks; choose round widths |
# | a network that is "5 times slower" than yesterday | mean time without a warm-up, or other threads |
#
# ## Quick reference
#
# | | |
# |---|---|
# | L1, L2 of a channel | $\sum \lvert w\rvert$, $\sqrt{\sum w^2}$ |
# | Taylor | $\lvert\sum g\,w\rvert$, on batch norm's γ and β if there is one |
# | kept indices | the top k, ascending, ties to the lower index |
# | linear → linear | `fc1.weight[kept]`, `fc1.bias[kept]`, `fc2.weight[:, kept]` |
# | conv → batch norm → conv | `weight[kept]`, `bias[kept]`; four tensors of the batch norm; next `weight[:, kept]` |
# | through a flatten | channel c owns the columns c × area to (c + 1) × area - 1 |
# | the proof | small(x) = masked(x) to 1e-5, in eval mode |
# | MACs | linear: weights; convolution: weights × output positions |
# | recovery | 10 to 20 % an iteration, half the learning rate, score anew |
#
# ## Questions people ask
#
# **Why not just train a small network from the start?** Sometimes that is as good; it was here. Keep it as a control row in every table.
# Pruning pays when training is expensive, when you do not know the right widths beforehand, or when the big network was better than any small one you could train.
#
# **Is L1 useless?** No. Without batch norm, or for the linear layers of a transformer, size is a fair guess and costs nothing. Measure it
# against the truth for one layer, as in 3.2, before you trust any score.
#
# **Why do we compare in eval mode?** In train mode batch norm computes its statistics from the batch at hand, and dropout is random. The two
# networks would differ for reasons that are not the surgery's.
#
# **How much can I cut?** Until the budget that you wrote down beforehand is used up. There is no general number; the scan tells you about your network.
#
# **Does structured pruning go with quantisation?** Yes, and it goes first: thin, then round. Lesson 06 stacks them.
#
# ## What this did not show
#
# - One small network on one easy data set, one seed. A scan on ImageNet has other shapes, and recovery takes longer there.
# - Latency on one CPU with PyTorch's eager mode. Another runtime has other fixed costs and other favourite widths; the compression studio in `labs/` measures one.
# - Attention heads, depthwise convolutions and concatenations. The law (small = masked) holds for all of them; the book-keeping grows.
# - Pruning *during* the first training, for example with a penalty on batch norm's γ.
# - The guided plan adds the layers' losses up, as if cuts did not influence each other. They do.
#
# ## Further reading
#
# - Li et al. (2017), *Pruning Filters for Efficient ConvNets*, [arXiv:1608.08710](https://arxiv.org/abs/1608.08710). L1 of filters, sensitivity scans, residual blocks.
# - Molchanov et al. (2017), *Pruning Convolutional Neural Networks for Resource Efficient Inference*, [arXiv:1611.06440](https://arxiv.org/abs/1611.06440). The Taylor score on activations, compared with the truth.
# - Molchanov et al. (2019), *Importance Estimation for Neural Network Pruning*, [arXiv:1906.10771](https://arxiv.org/abs/1906.10771). Taylor on gates behind batch norm, as in our demonstration.
# - Liu et al. (2017), *Learning Efficient Convolutional Networks through Network Slimming*, [arXiv:1708.06519](https://arxiv.org/abs/1708.06519). Batch norm's γ as the score.
# - Liu et al. (2019), *Rethinking the Value of Network Pruning*, [arXiv:1810.05270](https://arxiv.org/abs/1810.05270). The control row: the pruned shape trained from scratch.
# - Fang et al. (2023), *DepGraph: Towards Any Structural Pruning*, [arXiv:2301.12900](https://arxiv.org/abs/2301.12900). Groups found automatically, for any network.
