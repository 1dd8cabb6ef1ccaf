# ---
# course:
#   lesson: pruning_tradeoff
#   title: The real pruning trade
#   writes: "one network at 10, 30, 50 and 70 %: surgery, MACs, a choice made before the test; bytes against MACs against milliseconds"
#   minutes: 80
#   points: 100
# ---

# %% [markdown]
# # The real pruning trade
#
# "We pruned half of the network" says nothing yet. Half of what? Is the file half as large, the arithmetic halved, the
# answer there in half the time? And what became of the accuracy? In this lab you take one trained network, prune it at
# four ratios, let each result recover, and put all four quantities side by side.
#
# **At the end you will have** one table, measured by you: accuracy, bytes, MACs and milliseconds for the whole network and
# for 10, 30, 50 and 70 % of its channels gone; the model files behind every row of it; and a paragraph that explains why the
# columns disagree.
#
# | | |
# |---|---|
# | Time | about 80 minutes of yours, and two of the computer's |
# | Points | 100; the written part is read by a person |
# | Builds on | lesson 03 (importance, surgery, masked = rebuilt) |
# | Stuck? | run `hint("tradeoff.2-keep")` in a cell of your own: three hints for each exercise, at no cost |
# | Hand in | this notebook **and** the folder `pruning_tradeoff_artefacts` that appears beside it |
# | Words | *pruned at 30 %*: 30 % of the channels of every convolution are gone, 70 % are kept |

# %% setup=true
from autograder.student import ___, check, hint, progress

# %%
import numpy as np
import torch

# %% [markdown]
# ## tradeoff.1-predict  When is the arithmetic halved?
#
# *4 minutes · 5 points · difficulty 1 of 3*
#
# A chain of 3×3 convolutions, all of them wide. You prune every layer at the same ratio and rebuild the network smaller.
#
# **Predict before you compute.** At which ratio is about half of the multiplications left?
#
# - (a) at 50 %: half of the channels gone is half of the work gone
# - (b) at 30 %
# - (c) at 15 %
# - (d) at 70 %
#
# Write the letter in quotes, like `"a"`.

# %% exercise="tradeoff.1-predict" kind="choice" points=5 minutes=4 difficulty=1
# Exercise tradeoff.1-predict: the letter of your choice, in quotes
predict_1 = "b"  # blank: predict_1 = ___

# %% [markdown] choices="tradeoff.1-predict"
# - a: At 50 % a convolution keeps half of its outputs, and it also listens to half as many inputs. That leaves a quarter, not a half.
# - b: Yes. With 0.7 of the outputs and 0.7 of the inputs, 0.7 × 0.7 = 0.49 of the products are left. The first and the last layer save less, since the image's channels and the classes stay.
# - c: 0.85 × 0.85 is 0.72: almost three quarters of the work is still there.
# - d: Then 0.3 of the outputs and 0.3 of the inputs are left, and with them 0.09 of the work.

# %% [markdown] hints="tradeoff.1-predict"
# 1. How many products does one convolution do at one position? Write it as outputs times inputs times nine.
# 2. Pruning the layer itself shortens one of these factors. Pruning the layer before it shortens another.
# 3. Call the share that is kept k. Which power of k is left, and for which k is that one half?

# %% check="tradeoff.1-predict"
check("tradeoff.1-predict")

# %% demo=true
import copy
from pathlib import Path

from course_data import load
from course_labs.measuring import measure
from course_labs.methods.export import export
from course_labs.networks.convnet import ConvNet, Shape, folded, normalise
from course_labs.methods.pruning import channel_importance, masked
from course_labs.methods.training import Recipe, accuracy, cross_entropy, train

from course_lessons.lab_pruning_tradeoff import figures

data = load("digits")  # or "mnist", once it is on this machine
EPOCHS, RECOVERY = {"digits": (15, 3), "mnist": (2, 0.5)}[data.name]  # of the first training, and after each cut
SIDE, BATCH = data.train.images.shape[-1], 64 if data.name == "digits" else 128
OUT = Path("runs") / f"pruning-{data.name}"
OUT.mkdir(parents=True, exist_ok=True)

strides = (1, 1, 2, 2) if data.name == "digits" else (2, 1, 2, 1)
shape = Shape((32, 64, 64, 128), strides)  # four convolutions, then a linear layer
torch.manual_seed(0)
net = ConvNet(shape, in_channels=1, classes=10)
train(net, data, Recipe(EPOCHS, peak_lr=0.1, batch=BATCH, shift=1), cross_entropy, seed=0)
scores = channel_importance(net, data, images=1024)  # one tensor for each layer, from training images
whole_accuracy = 100 * accuracy(net, data.val, data)
counts = f"{len(data.train):,} training, {len(data.val):,} validation and {len(data.test):,} test images"
print(f"{data.title}: {counts}")
print(f"the whole network: channels {shape}, {measure.parameters(net):,} parameters")
print(f"validation accuracy {whole_accuracy:.2f} %; one validation image is {100 / len(data.val):.2f} points")

# %% [markdown]
# The last number printed is the ruler for all that follows: a difference of one image is no difference.
#
# ## tradeoff.2-keep  The same share from every layer
#
# *8 minutes · 12 points · difficulty 1 of 3*
#
# **Why.** `scores` holds one tensor for each layer: the Taylor score of lesson 3.2 for each channel, here on γ and β of the batch norm, squared in
# each mini-batch and added up. A ratio has to become a list of survivors, and it should be the *same* list on every machine.
#
# - **Each layer by itself.** A gradient is a sum over the positions of the layer's pictures, and these differ in size from layer to layer. So scores rank
#   the channels *within* a layer; between layers their sizes mean little. One threshold for all would empty one layer and leave another whole.
# - **The number removed is rounded down.** 30 % of 64 channels is 19.2: 19 go and 45 stay. `n * percent // 100` is exact, because
#   whole numbers are: `100 * (29 / 100)` gives 28.999999999999996, and `int` makes 28 of it.
# - **Ascending, ties to the lower index**, as in lesson 03.
#
# **A worked example.** Two layers, scores (3, 1, 2, 2) and (0.1, 0.3), 50 %. Two of the first four go: channel 0 stays with its 3, and
# of the two 2s the lower index, channel 2. One of the second layer goes, and channel 1 stays. Kept: (0, 2) and (1).
#
# **Predict:** the network has the widths 32, 64, 64 and 128. Which widths are left at 10 %?

# %% exercise="tradeoff.2-keep" kind="code" points=12 minutes=8 difficulty=1
# Exercise tradeoff.2-keep: which channels stay at a ratio
def channels_to_keep(scores, percent):
    """Indices of the channels that stay, layer by layer.

    scores: list of float tensors, one for each layer, shape (channels,), no NaN.
    percent: int, 0 to 99: the share of each layer's channels to remove. The number removed is rounded down.
    The channels with the lowest scores go. Of equal scores, the lower indices are kept first.
    Returns a list of int64 tensors, ascending, one for each layer.
    """
    kept = []
    for layer in scores:
        removed = len(layer) * percent // 100  # blank: removed = ___
        order = torch.argsort(layer, descending=True, stable=True)
        best = order[: len(layer) - removed]  # blank: best = order[:___]
        kept.append(best.sort().values)  # blank: kept.append(___)
    return kept

# %% [markdown] hints="tradeoff.2-keep"
# 1. `percent` is a whole number from 0 to 99. The text names an expression in `n` and `percent`: what is n here?
# 2. `order` starts with the best channel. If some of n channels go, how many stay at the front?
# 3. `best` stands in the order of the scores. Layers find their partners by position, so one more step is needed; it is the one of 3.3.

# %% check="tradeoff.2-keep"
check("tradeoff.2-keep")

# %% [markdown]
# ## tradeoff.3-shrink  From a masked file to a small network
#
# *16 minutes · 22 points · difficulty 3 of 3*
#
# **Why.** This is the surgery of 3.5 once more, on tensors in a dictionary in place of modules. Many pruning tools give you what they call a pruned network, and it is a masked one: the same shapes, with some channels switched off. Nobody tells you which.
# Your function finds them and takes them out. It reads and returns a *state dict*: a dictionary from names to tensors, which any network of the right shape can load.
#
# | name | shape | the channel lies on |
# |---|---|---|
# | `convs.0.weight`, `convs.1.weight`, ... | (outputs, inputs, 3, 3) | outputs: axis 0; inputs: axis 1 |
# | `norms.0.weight` (γ), `norms.0.bias` (β), `norms.0.running_mean`, `norms.0.running_var`, ... | (outputs,) | axis 0 |
# | `norms.0.num_batches_tracked`, ... | (), a counter | nothing: copied as it is |
# | `head.weight` | (classes, outputs of the last convolution) | axis 1 |
# | `head.bias` | (classes,) | nothing: copied as it is |
#
# **Which channels are silent?** Behind each convolution stands a batch norm, then a ReLU. In eval mode the channel puts out
# $\mathrm{ReLU}(\gamma\,\hat x + \beta)$ with the normalised $\hat x$. For $\gamma = 0$ that is ReLU(β), the same number for every image: 0 if $\beta \le 0$, and *not* 0 if
# $\beta > 0$. For any other γ it depends on the image. So a channel is **silent if γ is 0 and β is not above 0**, and only then. (Lesson 03 set both to 0, the usual way. Behind a ReLU a β below 0 is as silent.) Its filter may hold any numbers: nobody hears them.
#
# **Where surgery goes wrong: the two lists.** Each convolution is cut on both axes, with two *different* lists: its outputs with its own survivors, its inputs with those
# of the layer **before** it. The image's channels all stay. Between the last convolution and the head, each channel is averaged over all positions, so the head has *one* column for each.
#
# **The law** is the old one: the small network's output is that of the masked one.
#
# **A worked example.** γ = (0, 1, 0, 0, -2), β = (0, 0, 0.5, -1, 0). Channels 0 and 3 are silent. Channel 1 is not, nor is 4; channel 2 puts out 0.5 everywhere. (1, 2, 4) stay.
#
# **Predict:** these five are the outputs of layer 0; layer 1 has eight channels, of which (0, 2, 3) stay. Which shape has `convs.1.weight` afterwards, and where stood what is now at [2, 1]?

# %% exercise="tradeoff.3-shrink" kind="code" points=22 minutes=16 difficulty=3
# Exercise tradeoff.3-shrink: the masked network without its silent channels
def shrink(weights):
    """The state dict of the network without the silent channels.

    weights: dict of float32 tensors (and int64 counters) with the names of the table above, for 1 or more
      convolutions; in each, at least one channel is not silent. It is not changed.
    Returns a new dict with the same names; each tensor keeps its data type.
    """
    small, i = {}, 0
    inputs = torch.arange(weights["convs.0.weight"].shape[1])  # the channels of the image: all of them
    while f"convs.{i}.weight" in weights:
        gamma, beta = weights[f"norms.{i}.weight"], weights[f"norms.{i}.bias"]
        alive = torch.nonzero((gamma != 0) | (beta > 0)).flatten()  # blank: alive = torch.nonzero(___).flatten()
        small[f"convs.{i}.weight"] = weights[f"convs.{i}.weight"][alive][:, inputs]  # blank: small[f"convs.{i}.weight"] = weights[f"convs.{i}.weight"][___][:, ___]
        for name in ("weight", "bias", "running_mean", "running_var"):
            small[f"norms.{i}.{name}"] = weights[f"norms.{i}.{name}"][alive]  # blank: small[f"norms.{i}.{name}"] = ___
        small[f"norms.{i}.num_batches_tracked"] = weights[f"norms.{i}.num_batches_tracked"]
        inputs, i = alive, i + 1  # blank: inputs, i = ___, i + 1
    small["head.weight"] = weights["head.weight"][:, inputs]  # blank: small["head.weight"] = ___
    small["head.bias"] = weights["head.bias"]  # blank: small["head.bias"] = ___
    return small

# %% [markdown] hints="tradeoff.3-shrink"
# 1. `torch.nonzero` of a tensor of booleans gives the places of the true ones. So write what is true for a channel that is *not* silent; turn the sentence in the text round with care. For tensors, 'or' is written `|` and 'and' is `&`, with each comparison in brackets.
# 2. Read the table row by row. For each tensor: on which axis does a channel lie, and is it this layer's channel or that of the layer before?
# 3. `inputs` always holds the survivors of the layer before. What must it be when the loop comes round to the next layer, and what is it after the last round?

# %% check="tradeoff.3-shrink"
check("tradeoff.3-shrink")

# %% demo=true
# Your two functions at four ratios: mask, shrink, and prove that nothing but rounding has changed.
PERCENTS = (10, 30, 50, 70)
kept = {percent: channels_to_keep(scores, percent) for percent in PERCENTS}


def small_net(percent):
    weights = shrink(masked(net, kept[percent]).state_dict())
    widths = tuple(len(keep) for keep in kept[percent])
    small = ConvNet(Shape(widths, shape.strides), net.in_channels, net.classes)
    small.load_state_dict(weights)  # refuses a tensor of the wrong shape
    return small.eval()


images = normalise(data.val.images, data.mean, data.std)
cut_accuracy = {}
print(f"{'pruned at':>10}{'channels':>18}{'parameters':>12}{'|small - masked|':>20}{'accuracy after the cut':>24}")
for percent in PERCENTS:
    small = small_net(percent)
    with torch.inference_mode():
        apart = (small(images) - masked(net, kept[percent])(images)).abs().max()
    cut_accuracy[percent] = 100 * accuracy(small, data.val, data)
    print(f"{percent:8} %{str(small.shape):>20}{measure.parameters(small):12,}{apart:20.1e}{cut_accuracy[percent]:22.2f} %")

# %% [markdown]
# The differences in the fourth column are rounding: the surgery was clean at every ratio. The last column is the accuracy right after the cut, before any training: what it lacks to the whole network's is the price of the cut itself.
#
# *Your predictions: at 10 % the widths are 29, 58, 58 and 116, since 3, 6, 6 and 12 channels go. In tradeoff.3 `convs.1.weight` has the shape (3, 3, 3, 3), and
# what is at [2, 1] stood at [3, 2].*
#
# ## Recovery
#
# The survivors were trained in company. Now they have to do the work alone, and a short training moves them. Every ratio gets the **same** recovery, with half the
# peak learning rate of the first training, and three seeds: the seed draws the order of the images and how they are shifted.
#
# **Predict:** up to which ratio does the recovered network come back to the whole one's accuracy, give or take an image or two?

# %% demo=true
SEEDS = (0, 1, 2)
recipe = Recipe(RECOVERY, peak_lr=0.05, batch=BATCH, shift=1)
recovered = {}  # (percent, seed) -> network
for percent in PERCENTS:
    for seed in SEEDS:
        recovered[percent, seed] = train(small_net(percent), data, recipe, cross_entropy, seed)

validation = {p: [100 * accuracy(recovered[p, s], data.val, data) for s in SEEDS] for p in PERCENTS}
print("validation accuracy in %: after the cut, then after recovery: mean ± standard deviation, and each seed")
print(f"{'whole':>10}{whole_accuracy:32.2f}")
for p, points in validation.items():
    each = "  ".join(f"{point:.2f}" for point in points)
    print(f"{p:8} %{cut_accuracy[p]:12.2f}{np.mean(points):20.2f} ± {np.std(points, ddof=1):.2f}   {each}")
figures.accuracy_against_ratio(whole_accuracy, cut_accuracy, validation, 100 / len(data.val))

# %% [markdown]
# *What to see: without training the accuracy falls off a cliff between the first two ratios; a short recovery brings it back almost to the whole network's line, and only the
# deepest cut stays visibly below. The grey band is one validation image wide: inside it nothing can be told apart.*
#
# *Your prediction: read it off the figure, with the band in mind.*
#
# ## tradeoff.4-macs  Find the bug: a counter that agrees
#
# *8 minutes · 10 points · difficulty 2 of 3*
#
# **Why.** Before you train a smaller network you want to know what it will cost. Widths and strides are enough for that; no network need exist.
#
# A 3×3 convolution with a padding of 1 gives one output for each input position, and with stride 2 one for every second position, *starting with
# the first*. So 8 positions become 4, and 7 positions (0, 2, 4, 6) become 4 as well. At each output position it does 9 × inputs × outputs MACs. The head
# comes after the average and does each of its products once.
#
# A colleague wrote the counter below and compared it with a library, on this lab's network: equal to the last unit. On another one, for the 28 pixels of MNIST and with three strides of 2,
# it counts too few.
#
# **A worked example.** One channel, 7×7 pixels, one convolution with 2 channels and stride 2, 3 classes: 9 × 1 × 2 × 16 = 288, and 2 × 3 = 6 in the head: 294.
#
# One line is wrong. Repair it.

# %% exercise="tradeoff.4-macs" kind="bug" points=10 minutes=8 difficulty=2
# Exercise tradeoff.4-macs: repair the wrong line
def count_macs(widths, strides, in_channels, side, classes):
    """Multiply-accumulates for one square image.

    widths, strides: the output channels and the stride of each 3×3 convolution (padding 1).
    in_channels, side: the image's channels, and its height and width in pixels.    classes: outputs of the head.
    Returns an int.
    """
    macs, inputs = 0, in_channels
    for width, stride in zip(widths, strides):
        side = (side + stride - 1) // stride  # bug: side = side // stride
        macs += 9 * inputs * width * side * side
        inputs = width
    return macs + inputs * classes

# %% [markdown] hints="tradeoff.4-macs"
# 1. Go through the worked example by hand, line by line, with the values that the variables really have. Which one first differs from the text?
# 2. Halve 8 pixels twice: 8, 4, 2. Halve the 28 of MNIST three times: 28, 14, 7, and then? For which of these numbers does the wrong line go astray?
# 3. The positions 0, 2, 4, 6 are four of seven. Which rounding of 7/2 gives that, and how do you write it with whole numbers?

# %% check="tradeoff.4-macs"
check("tradeoff.4-macs")

# %% [markdown]
# ## Bytes, MACs, milliseconds
#
# Now the costs. Each network is written to an **ONNX** file, with batch norm folded in. Such a file holds the weights and the *graph*, the list of the network's operations;
# **ONNX Runtime** is a program that runs it without PyTorch, here one image at a time on one thread. The networks take turns in random order. The median counts. One more row joins them: the network **masked** at 50 %, with its channels silenced and none of them gone.
#
# Of the three recovered networks of each ratio, the file is that of seed 0. Taking the best of the three would be a choice, and a choice
# has to be made before you look.
#
# **Predict:** sort these three by their latency: the whole network, the one pruned at 10 %, the one pruned at 50 %.

# %% demo=true
notes = {"data": data.title}
export(net, (SIDE, SIDE), OUT / "whole.onnx", notes)
export(masked(net, kept[50]), (SIDE, SIDE), OUT / "masked-50.onnx", notes)
for percent in PERCENTS:
    export(recovered[percent, 0], (SIDE, SIDE), OUT / f"pruned-{percent}.onnx", notes)

plans = {"whole": shape.widths, "masked-50": shape.widths}
plans |= {f"pruned-{p}": recovered[p, 0].shape.widths for p in PERCENTS}
one = images[:1].contiguous().numpy()
times = measure.latencies({name: measure.onnx_call(OUT / f"{name}.onnx", one) for name in plans}, count=400)
rows = []
for name, widths in plans.items():
    percent = int(name.split("-")[1]) if "-" in name else 0
    folded_net = folded(copy.deepcopy(recovered[percent, 0] if name.startswith("pruned") else net))
    rows.append({
        "file": f"{name}.onnx", "percent": percent, "widths": list(widths),
        "bytes": (OUT / f"{name}.onnx").stat().st_size, "parameters": measure.parameters(folded_net),
        "macs": count_macs(widths, shape.strides, 1, SIDE, 10),
        "milliseconds": round(float(np.median(times[name])), 5),
        "validation": validation[percent] if name.startswith("pruned") else [whole_accuracy],
    })
    # Your counter, against counting while the network runs:
    assert rows[-1]["macs"] == measure.macs(folded_net, images[:1])
rows[1]["validation"] = [cut_accuracy[50]]  # masked, and not trained again: what the cut network had
print(f"{'':15}{'channels':>12}{'bytes':>10}{'MACs':>11}{'ms':>8}     share of the whole: bytes, MACs, ms")
for row in rows:
    shares = "".join(f"{row[key] / rows[0][key]:8.2f}" for key in ("bytes", "macs", "milliseconds"))
    channels = "-".join(map(str, row["widths"]))
    print(f"{row['file']:15}{channels:>12}{row['bytes']:10,}{row['macs']:11,}{row['milliseconds']:8.3f}{shares:>37}")
figures.shares_left(rows)

# %% [markdown]
# *What to see: bytes and MACs fall along the same smooth curve, well below the dotted line of "channels kept". Latency takes its own way. The hollow marks, masked at
# 50 %, sit at the whole network's height: nothing was saved.*
#
# *Your prediction: whole and masked are alike, and 50 % is the fastest of the three. The one pruned at 10 % does less arithmetic than the whole network; look at what that
# bought. On many processors it bought nothing, or less than nothing: fast kernels take channels in blocks, often of 16, and its widths of 29, 58 and 116 fill none.*
#
# ## tradeoff.5-choose  Read the trade
#
# *10 minutes · 18 points · difficulty 2 of 3*
#
# **Why.** A table is there to choose from. The rule is written down *before* the choice: a budget for one cost, and within it the smallest loss of accuracy.
#
# - **Which accuracy?** That of the **validation** images, as the *mean* over the seeds. A single lucky seed is not what you will get next time.
# - **Who is in the budget?** A row that costs exactly the budget is.
# - **A tie?** Then the cheaper row: the same accuracy for less.
# - **Nobody?** Then there is no answer, and the function says so with a `ValueError`. A silent "best of the too expensive" would be shipped by somebody.
#
# **A worked example.** Costs 8, 5, 5, 2 with mean accuracies 99, 98, 97, 97. Budget 5: the second row. Budget 2: the last. Budget 1: nobody.
#
# **Predict:** with a budget of 60 % of the whole network's cost, will "cost = MACs" and "cost = milliseconds" choose the same row?

# %% exercise="tradeoff.5-choose" kind="code" points=18 minutes=10 difficulty=2
# Exercise tradeoff.5-choose: the smallest loss within a budget
def choose(rows, cost, budget):
    """The ratio to ship: of the rows within the budget, the one with the highest mean validation accuracy.

    rows: list of dicts. row["percent"]: int, the ratio.
      row["validation"]: list of accuracies in per cent, one for each seed.
      row["macs"], row["milliseconds"], row["bytes"]: numbers, the costs.
    cost: the name of the cost that counts, for example "macs".    budget: the most that a row may cost.
    Of rows with equal means, the cheapest is taken. Returns its "percent".
    Raises ValueError if no row is within the budget.
    """
    affordable = [row for row in rows if row[cost] <= budget]  # blank: affordable = [row for row in rows if ___]
    if not affordable:
        raise ValueError(f"no row has {cost} of at most {budget}")
    best = max(affordable, key=lambda row: (np.mean(row["validation"]), -row[cost]))  # blank: best = max(affordable, key=lambda row: (___, ___))
    return best["percent"]

# %% [markdown] hints="tradeoff.5-choose"
# 1. `row[cost]` is the cost that counts, whichever it is. A row at the limit is still inside.
# 2. `max` with a key that is a pair compares the first entries, and the second ones only where the first are equal. What comes first here, and what decides a tie?
# 3. `max` prefers large numbers. The second entry should be large when the cost is small.

# %% check="tradeoff.5-choose"
check("tradeoff.5-choose")

# %% demo=true
candidates = [row for row in rows if row["file"] != "masked-50.onnx"]
chosen = {}
for cost in ("macs", "milliseconds"):
    limit = 0.6 * rows[0][cost]
    try:
        chosen[cost] = choose(candidates, cost, limit)
    except ValueError as error:
        print(f"budget of 60 % of the {cost}: {error}")
        continue
    row = next(row for row in candidates if row["percent"] == chosen[cost])
    print(f"budget of 60 % of the {cost} ({limit:,.3f}): pruned at {chosen[cost]} %")
    print(f"    {row['macs']:,} MACs, {row['milliseconds']:.3f} ms, validation accuracy {np.mean(row['validation']):.2f} %")

# %% [markdown]
# *Your prediction: compare the two printed rows. If they differ, the MACs have chosen a network that does less work and is no faster.*
#
# ## tradeoff.6-files  Hand in the files and the table
#
# *6 minutes · 15 points · difficulty 1 of 3*
#
# **The test images, once.** Everything is decided: ratios, seeds, budgets, the choice. Only now come the test images, and nothing is chosen any more after they have been seen.
#
# The next cell measures each file on them and writes the folder `pruning_tradeoff_artefacts` beside this notebook: six networks and `results.json`, your table. Hand the
# folder in with the notebook. **The grader measures it all again**, and believes the files, not the table:
#
# - the pruned files have just the channels that their ratio says, and the masked one all of them, half of them silent;
# - bytes, parameters and MACs of every row are exactly those of its file;
# - the accuracy of every row is that of its file on the test images;
# - the first validation accuracy of every row is that of its file, for the file is that of the first seed;
# - `whole.onnx` gets at least 95 % of the digits' test images right, the pruned ones 90 %, at 70 % still 80 % (MNIST: 97, 95 and 85 %), and no more than 10 points
#   less when images are moved by a pixel. `check` does not test this; your table shows the first of the two;
# - the milliseconds are of the right order: another machine's may differ, by up to four times in the speed-up;
# - your choices follow from your own table, by the rule of tradeoff.5.

# %% exercise="tradeoff.6-files" kind="artefact" points=15 minutes=6 difficulty=1 files=["whole.onnx", "masked-50.onnx", "pruned-10.onnx", "pruned-30.onnx", "pruned-50.onnx", "pruned-70.onnx", "results.json"]
# Exercise tradeoff.6-files: measure on test images, and write what you hand in
from course_labs.studio.hand_in import hand_in

print(f"{'':16}{'test accuracy':>14}{'bytes':>10}{'MACs':>11}{'ms':>9}")
for row in rows:
    row["accuracy_percent"] = round(100 * float(measure.correct(OUT / row["file"], data.test, data).mean()), 2)
    print(f"{row['file']:16}{row['accuracy_percent']:12.2f} %{row['bytes']:10,}{row['macs']:11,}{row['milliseconds']:9.4f}")
share = rows[0]["accuracy_percent"] / 100
error = 100 * (share * (1 - share) / len(data.test)) ** 0.5
print(f"one test image is {100 / len(data.test):.2f} points; standard error of the first row {error:.2f} points\n")
results = {"data": data.name, "budget": 0.6, "chosen": chosen, "rows": rows}
folder = hand_in("pruning_tradeoff", {row["file"]: OUT / row["file"] for row in rows}, results)

# %% [markdown] hints="tradeoff.6-files"
# 1. The cell needs all cells above it, in order and without an error. Restart the kernel and run all cells if you are not sure.
# 2. Table and files must be of one run. If you have changed a function since, run everything from there to this cell again.
# 3. Do not edit numbers. If a check names a cell of the table, look for the line of the notebook that computes it, and at the file that it belongs to.

# %% check="tradeoff.6-files"
check("tradeoff.6-files")

# %% [markdown]
# A row can be an image or two *better* than the whole network. With this many test images that is chance: compare the difference with the standard error. The masked network was not
# trained again; it is here for its other three columns.
#
# ## tradeoff.7-written  Reconcile storage, MACs and latency
#
# *20 minutes · 18 points · difficulty 2 of 3 · read by a person*
#
# **Why.** Three people read your table. One pays for downloads, one for electricity, one waits for the answer. Each reads another column, and each must understand why the
# others read another number.
#
# **Write one paragraph of eight to fourteen sentences** about the network pruned at 50 %, with the numbers of *your* table:
#
# 1. How many times smaller are its MACs, and its file? Why is that close to four times and not two, and what keeps each of them from being exactly four?
# 2. How many times faster is it? Why is that another number than that of the MACs? Use the rows at 10 % and 30 % as evidence.
# 3. What did the masked network save in each of the three columns, and why?
# 4. What did the accuracy pay, and can your validation images show it? Which ratio would you ship to the one who pays for downloads, and which to the one who waits?

# %% [markdown] exercise="tradeoff.7-written" kind="written" points=18 minutes=20 difficulty=2
# **Your answer to tradeoff.7-written.** Double-click here, write your paragraph in place of the line below, then press Shift+Enter.
#
# <!-- answer -->
# **A model answer** (with the numbers of one run on the small digits; yours differ in the milliseconds)
#
# At 50 % the MACs fall from 2,084,096 to 525,952, 3.96 times, and the file from 525 kB to 134 kB, 3.9 times. An inner convolution has half of its outputs and half
# of its inputs left, hence a quarter of its products and of its weights. The first layer still reads the one channel of the image and the head still has ten
# outputs, so these two are only halved. The file also holds the biases, which are halved, and the description of the graph, a few kB that do not shrink with the channels.
# The median latency fell by 2.5 times, less than the arithmetic: every call and every layer has a fixed cost (starting the kernel, moving
# the data) that is paid for 32 channels as for 16. The rows at 10 % and 30 % show the other reason. They do 18 % and 50 % fewer MACs and take *longer* than
# the whole network, for 29, 58 and 45 channels do not fill the blocks in which the fast kernels work, whereas 16, 32 and 64 do. So 70 % with its 10, 20 and 39 channels is
# hardly faster than 50 %, although it does less than half as much arithmetic. The masked network saved nothing in any column: its tensors have their old shapes,
# a zero takes four bytes and one multiplication like any other number. The accuracy at 50 % is within one or two of the 180 validation images of
# the whole network, on average over three seeds; that many images cannot tell it from zero loss, nor from a loss of one point. For the download I
# would ship 50 % or, if a loss that is visible on the validation images is allowed, 70 %, which has by far the smallest file; for the one who waits, 50 %:
# it is as good as the fastest, and a cut to 10 or 30 % would make things worse.

# %% [markdown] hints="tradeoff.7-written"
# 1. Write the weights of an inner convolution, of the first one and of the head as products. Which factors are halved in each?
# 2. Order the rows by MACs, then by milliseconds. Where do the two orders disagree? Look at the widths of those rows.
# 3. How many images is the loss of accuracy, and how far are the three seeds apart?

# %% [markdown] rubric="tradeoff.7-written"
# **tradeoff.7-written, 18 points**
#
# - 5 points, the MACs and bytes: both factors with the student's own numbers [1]; outputs and inputs are both halved, which makes a quarter [2]; the first layer and the head are only halved [1];
#   the file's fixed part, the graph or the headers [1].
# - 6 points, the latency: the factor with own numbers [1]; a fixed cost for each call or layer that does not shrink [2]; kernels in blocks, with the rows at 10 % and 30 %, or the
#   honest remark that on their machine these rows do not show it [3].
# - 3 points, the masked network: nothing saved in any column [1]; since no shape changed, zeros are stored and multiplied [2]. Full points also for the remark that a *compressed* file of it would be smaller.
# - 4 points, the accuracy: loss given as mean over seeds and compared with the spread or with the value of one image [2]; a choice for each reader that follows from the right column [2].
# - A paragraph without numbers from the student's table has at most 8 points.

# %% [markdown]
# ## Mini-challenge (no points, no blanks)
#
# Choose widths, not ratios: round every width to the nearest multiple of 16 and see what the milliseconds say. The next cell has an outline only.

# %%
# 1. For each ratio, round the number of kept channels up to a multiple of 16 (at least 16).
# 2. Keep the best channels at these widths, rebuild, recover with three seeds, export, measure in turns with the rows above.
# 3. Put both families into one figure: validation accuracy against median milliseconds.
# 4. Is any of your old rows still worth shipping? Which of them are beaten in both accuracy and time?

# %% demo=true
progress()

# %% [markdown]
# ## Common errors
#
# | You see | It was probably |
# |---|---|
# | `size mismatch for convs.1.weight` when the state dict is loaded | its inputs were cut with its own list, or not at all |
# | everything loads, and small and masked differ by whole units | indices not ascending in one place, or running statistics that were not cut |
# | accuracy at chance after 10 % | the best channels went: the sort points the wrong way |
# | a "pruned" file as large as before | a mask; no tensor has changed its shape |
# | fewer MACs and more milliseconds | widths that do not fill the kernels' blocks |
# | milliseconds that change from run to run | another program on the machine; compare rows of one run only, and the median |
# | a small network better than the whole one | a handful of images; look at the standard error |
#
# ## Quick reference
#
# | | |
# |---|---|
# | kept at a ratio | each layer by itself, n - n·percent // 100 of n channels, ascending |
# | silent behind batch norm and ReLU | γ = 0 and β ≤ 0, whatever the filter holds |
# | a convolution in the state dict | `[own survivors][:, survivors before]` |
# | batch norm | four tensors cut, one counter copied |
# | head after an average | `[:, last survivors]`, bias whole |
# | MACs of a 3×3 convolution | 9 × inputs × outputs × side², side rounded *up* after a stride |
# | share left of MACs and bytes | about (1 - ratio)², a little more because of the first layer, the head and the graph |
# | the choice | budget first, then the best mean on validation images; the test images once, at the end |
#
# ## Questions people ask
#
# **Why do bytes and MACs fall alike here, and not for "half of layer 1" in lesson 03?** There one layer was cut, and early layers work on large pictures. Here all layers lose
# the same share, as in "half everywhere" there, so both follow the same square.
#
# **Would a GPU, a phone or another runtime give the same latencies?** No. Other kernels, other blocks, other fixed costs. The MACs stay the same, and that is why they are
# quoted; the milliseconds have to be measured where the network will run.
#
# **Should I prune in one step, as here?** One cut and one recovery is the simplest recipe and treats all ratios alike. Cutting in several small steps often helps at deep cuts; see lesson 03.
#
# **Does zipping the masked file count?** A compressed download of it can be smaller, since runs of zeros compress well. In memory it is as large as before, and as slow.
#
# ## What this did not show
#
# - One network and, unless you changed the word, one very easy data set. A harder task pays earlier and more.
# - The same ratio in every layer. Sensitivity-guided widths do better at equal cost (lesson 03).
# - The control row: the small shape trained from scratch for as long. The compression studio measures it.
# - One thread, one image. With batches the fixed costs weigh less, and the MACs more.
#
# ## Further reading
#
# - Molchanov et al. (2019), *Importance Estimation for Neural Network Pruning*, [arXiv:1906.10771](https://arxiv.org/abs/1906.10771). The score used here.
# - Liu et al. (2019), *Rethinking the Value of Network Pruning*, [arXiv:1810.05270](https://arxiv.org/abs/1810.05270). The control row.
# - Blalock et al. (2020), *What is the State of Neural Network Pruning?*, [arXiv:2003.03033](https://arxiv.org/abs/2003.03033). Why so few published trades can be compared.
# - Yang et al. (2018), *NetAdapt*, [arXiv:1804.03230](https://arxiv.org/abs/1804.03230). Pruning guided by measured latency in place of MACs.
