# ---
# course:
#   lesson: compression_studio
#   title: The compression studio
#   writes: the loss, the surgery and the calibration that drive the studio; four models and their table
#   minutes: 90
#   points: 100
#   except: [closing_sections]  # the table is the end of it
# ---

# %% [markdown]
# # The compression studio
#
# You will take one trained network and make it smaller three times: **distil**, then **prune**, then **quantise**.
# The order is the logic: choose the architecture before you thin it, thin it before you round it.
# Three pieces of the machine are missing, and you write them: the loss, the surgery, the calibration images.
#
# **At the end you will have** four model files, made with your own functions, and one table, all of it measured on your machine.
# You hand in both. The grader runs your files itself and compares: *a table counts as far as the files support it.*
#
# | Model | What changes | What it should save |
# |---|---|---|
# | teacher | a network trained in float32 | nothing: the yardstick |
# | student | a smaller network, taught by the teacher | bytes and arithmetic |
# | + pruned | whole channels removed, the network rebuilt smaller | bytes and arithmetic |
# | + int8 | every weight and activation in eight bits instead of 32 | bytes, and time where the processor has int8 instructions |
#
# | | |
# |---|---|
# | Time | about 90 minutes; the computer needs a minute or two of it on the bundled digits, two cores, no GPU |
# | Points | 100, in seven exercises; one of them is read by a person |
# | Builds on | lessons 01 (quantisation), 03 (structured pruning) and 04 (distillation) |
# | Stuck? | run `hint("studio.2-loss")` in a cell of your own: three hints for each exercise, at no cost |
# | Hand in | this notebook **and** the folder `compression_studio_artefacts` that appears beside it |

# %% setup=true
from autograder.student import ___, check, hint, progress

# %%
import torch
import torch.nn.functional as F

# %% [markdown]
# ## studio.1-predict  What a cut leaves
#
# *3 minutes · 5 points · difficulty 1 of 3*
#
# **Predict before you compute.** In the middle of a network stands a convolution with 32 input channels, 32 output channels and a 3 × 3
# kernel. You prune every layer to 16 of its 32 channels and rebuild the network. How many of this convolution's weights are left?
#
# - (a) all of them, half of them zero
# - (b) three quarters
# - (c) a half
# - (d) a quarter
#
# Write the letter in quotes, like `"a"`.

# %% exercise="studio.1-predict" kind="choice" points=5 minutes=3 difficulty=1
# Exercise studio.1-predict: the letter of your choice, in quotes
predict_studio_1 = "d"  # blank: predict_studio_1 = ___

# %% [markdown] choices="studio.1-predict"
# - a: That is what a mask does. The tensor keeps its shape, so the file keeps its size and the processor its work. Rebuilding is what makes the difference.
# - b: Think of the weight as a table with one row for each output and one column for each input, each entry a small kernel. How many rows stay, and how many columns?
# - c: That counts its own 16 filters. But the layer before it was cut, too, so each filter that stays has half its inputs left.
# - d: Yes. Half of the filters stay, and each has half of its inputs: 16 × 16 kernels instead of 32 × 32. Cutting channels pays twice, in this layer and in the next.

# %% [markdown] hints="studio.1-predict"
# 1. Write down the shape of the weight tensor before: outputs, inputs, and the two sides of the kernel.
# 2. Whose channels are this layer's inputs? Were they cut, too?
# 3. Write down the shape after, multiply both out, and divide.

# %% check="studio.1-predict"
check("studio.1-predict")

# %% [markdown]
# ## The teacher
#
# Three sets of images, three purposes. **Training** images teach. **Validation** images help to choose, and you may look at them
# as often as you like. **Test** images are looked at once, at the very end.
#
# Finished steps are kept in the folder `runs`. Run the notebook again and it goes on after the last finished one; change a function of
# yours, and what depends on it is done again.
#
# The teacher is larger than it needs to be. Extra parameters make training easy; compression squeezes the slack out afterwards.

# %% demo=true
from pathlib import Path

from course_labs import Studio

data = "digits"  # or "mnist" (some minutes more; first, once: course data get mnist)
studio = Studio(data, out=Path("runs") / f"studio-{data}", seed=0)
dataset = studio.data
for name in ("train", "val", "test"):
    print(f"{name:6}{len(getattr(dataset, name)):7,} images of {tuple(dataset.train.images.shape[1:])}")
teacher = studio.teacher()
print(f"teacher's channels {teacher.net.shape}, student's {studio.settings.student}")

# %% [markdown]
# ## studio.2-loss  What the student minimises
#
# *12 minutes · 18 points · difficulty 2 of 3*
#
# **Why.** You wrote this loss in 4.5; here it drives a training. The student is a smaller network with the same layout. It learns from the labels and from the teacher's *softened*
# probabilities: which wrong digits a seven resembles is something that a label never says. With $p$ the teacher's and $q$ the
# student's probabilities at temperature $T$:
#
# $$L = \alpha\,T^2\,\underbrace{\sum_i p_i (\ln p_i - \ln q_i)}_{\text{mean over the images}} \;+\; (1-\alpha)\;\mathrm{CE}(\text{student, labels})$$
#
# **Three decisions hide in it.** Both networks are softened, by the same $T$. The factor $T^2$ keeps the size of the gradient as $T$
# changes. And the hard part, the cross-entropy, takes the student's logits as they are: at $T = 1$ it will be used.
#
# **A worked example.** $T = 2$, mean divergence 0.05, cross-entropy 0.4, $\alpha = 0.75$: the soft part is 4 × 0.05 = 0.2, together
# 0.75 × 0.2 + 0.25 × 0.4 = 0.25.

# %% exercise="studio.2-loss" kind="code" points=18 minutes=12 difficulty=2
# Exercise studio.2-loss: soft and hard loss together
def my_loss(student_logits, teacher_logits, labels, temperature, alpha_soft):
    """The loss of a batch; training follows its gradient, so it stays a tensor.

    student_logits, teacher_logits: float tensors, shape (N, C).   labels: int64, shape (N,).
    temperature: positive float.   alpha_soft: the weight of the soft part, 0 to 1.
    Returns one number, a tensor of shape ().
    """
    log_q = torch.log_softmax(student_logits / temperature, dim=1)  # blank: log_q = torch.log_softmax(___, dim=1)
    log_p = torch.log_softmax(teacher_logits / temperature, dim=1)  # blank: log_p = ___
    per_image = (log_p.exp() * (log_p - log_q)).sum(dim=1)  # blank: per_image = (___ * (log_p - log_q)).sum(dim=___)
    soft = temperature**2 * per_image.mean()  # blank: soft = ___ * per_image.mean()
    hard = F.cross_entropy(student_logits, labels)  # blank: hard = F.cross_entropy(___, labels)
    return alpha_soft * soft + (1 - alpha_soft) * hard  # blank: return (___) * soft + (___) * hard

# %% [markdown] hints="studio.2-loss"
# 1. What goes into the softmax is softened first, for the student and for the teacher alike. The teacher's line is the student's with one word changed.
# 2. The divergence is weighted with the teacher's probabilities. You have their logarithms; and in a tensor of shape (N, C) the classes are the second dimension.
# 3. Check the two limits on paper: with the weight 0 only the cross-entropy is left, with the weight 1 it plays no part. And which temperature will the student have when it is used?

# %% check="studio.2-loss"
check("studio.2-loss")

# %% demo=true
studio.use(loss=my_loss)
student = studio.student()
print(f"T = {studio.settings.temperature}, alpha = {studio.settings.alpha}")
print(f"validation accuracy: teacher {100 * teacher.validation_accuracy:.1f} %, student {100 * student.validation_accuracy:.1f} %")

# %% [markdown]
# ## studio.3-rebuild  The surgery
#
# *18 minutes · 20 points · difficulty 3 of 3*
#
# **Why.** Ask the question that matters: *did the shape of the weight tensor change?* Setting channels to zero saves nothing. So the
# channels with the least effect on the loss are cut out, and the network is rebuilt without them: 3.5 again, on tensors in a dictionary in place of modules.
#
# **What belongs to a channel.** The network is a chain: convolution, batch norm, ReLU, again and again, then the average over each channel's
# picture and a linear layer, `head`. Cutting channel 5 of a layer takes four things: the filter that makes it; its four entries in the batch
# norm (weight, bias, running mean, running variance); the input 5 of every filter in the *next* convolution; and, behind the last
# convolution, column 5 of the linear layer.
#
# **The proof.** Before it recovers, the small network must compute exactly what the big one computes with those channels silenced.
# The check does just that.
#
# **A worked example.** Two layers, 4 and 6 channels, on grey images; you keep channels (0, 2) and (1, 3, 5). The first weight goes from
# (4, 1, 3, 3) to (2, 1, 3, 3): its input is the image, which nobody cut. The second goes from (6, 4, 3, 3) to (3, 2, 3, 3).

# %% exercise="studio.3-rebuild" kind="code" points=20 minutes=18 difficulty=3
# Exercise studio.3-rebuild: the tensors of the smaller network
def my_rebuild(state, kept):
    """A new dict with the tensors of the network that has only the `kept` channels; each keeps its data type.

    state: name -> tensor. For layer i = 0, 1, ...: "convs.i.weight", shape (outputs, inputs, 3, 3), and "norms.i.weight",
        "norms.i.bias", "norms.i.running_mean", "norms.i.running_var", each (outputs,), and "norms.i.num_batches_tracked", ().
        Behind the last layer: "head.weight", (classes, outputs), and "head.bias", (classes,).
    kept: for each convolution an int64 tensor with the channels that stay, in their order.
    """
    small = dict(state)
    inputs = torch.arange(state["convs.0.weight"].shape[1])
    for i, keep in enumerate(kept):
        small[f"convs.{i}.weight"] = state[f"convs.{i}.weight"][keep][:, inputs]  # blank: small[f"convs.{i}.weight"] = state[f"convs.{i}.weight"][___][:, ___]
        for name in ("running_mean", "running_var", "weight", "bias"):  # blank: for name in ___:
            small[f"norms.{i}.{name}"] = state[f"norms.{i}.{name}"][keep]  # blank: small[f"norms.{i}.{name}"] = ___
        inputs = keep  # blank: inputs = ___
    small["head.weight"] = state["head.weight"][:, inputs]  # blank: small["head.weight"] = ___
    return small

# %% [markdown] hints="studio.3-rebuild"
# 1. A weight is indexed by outputs first. An index tensor in the first place chooses rows, `[:, index]` chooses columns.
# 2. The variable `inputs` says which channels this layer still gets. For the first layer that is the whole image. What is it for the next one, when this layer's turn is over?
# 3. The linear layer reads the channels of the last convolution: they are its columns. Its bias belongs to the classes, and nobody cut those.

# %% check="studio.3-rebuild"
check("studio.3-rebuild")

# %% demo=true
from course_labs.networks.convnet import normalise
from course_labs.methods.pruning import channel_importance, keep_best, masked
from course_labs.methods.training import accuracy

studio.use(rebuild=my_rebuild)
kept = keep_best(channel_importance(student.net, dataset, studio.settings.importance_images), studio.settings.pruned_widths)
small = studio.learner.rebuilt(student.net, kept)
images = normalise(dataset.val.images[:64], dataset.mean, dataset.std)
with torch.inference_mode():
    apart = (masked(student.net, kept)(images) - small(images)).abs().max()
print(f"silenced against cut out, largest difference of any output: {apart:.1e}")
cut = accuracy(small, dataset.val, dataset)
pruned = studio.pruned()
print(f"validation accuracy: {100 * cut:.1f} % after the cut, {100 * pruned.validation_accuracy:.1f} % after the recovery")

# %% [markdown]
# *What to see: the two networks agree but for rounding. The cut hurts; training again with the teacher's help repairs most of it. That is the recovery, and it is no small part
# of the work: 30 epochs on the digits, where the student itself had 40.*
#
# ## studio.4-calibration  Images that set the ranges
#
# *10 minutes · 15 points · difficulty 2 of 3*
#
# **Why.** A weight's range can be read off the weight. An activation's range depends on the images that go in. Lesson 01 turned ranges
# into scales; here you choose the images that make the ranges.
#
# The network now lies in an **ONNX** file: its weights and its *graph*, the list of its operations. **ONNX Runtime** is a program that runs such files without PyTorch. It
# runs the network on some hundred images, notes the smallest and the largest value of every activation, and makes scales of them. Everything gets eight bits: weights
# with one scale for each output channel, activations with one for each tensor.
#
# **Which images?** Ordinary ones, as the network meets them: from the split that *teaches*. Test images would leak into the model, however
# faintly; validation images are for choosing. Drawn at random, because the first hundred of a sorted file may all show a zero. Each one
# once. And **normalised exactly as in training**: if you forget that, every range is measured on images that the network never sees.
#
# **A worked example.** A pixel of 255, mean 0.3, standard deviation 0.4: (255 / 255 - 0.3) / 0.4 = 1.75.

# %% exercise="studio.4-calibration" kind="code" points=15 minutes=10 difficulty=2
# Exercise studio.4-calibration: the images that calibration may see
def my_calibration(images, count, mean, std, seed):
    """`count` different images, drawn at random, normalised.

    images: dict with uint8 tensors "train", "val" and "test", each of shape (N, C, H, W).
    mean, std: lists of C floats, of the training images' channels scaled to 0..1.
    seed: int; the same seed draws the same images.
    Returns float32, shape (count, C, H, W): (pixel / 255 - mean) / std.
    """
    pool = images["train"]  # blank: pool = images[___]
    draw = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(len(pool), generator=draw)[:count]  # blank: chosen = ___(len(pool), generator=draw)[:___]
    mean = torch.tensor(mean).view(-1, 1, 1)
    std = torch.tensor(std).view(-1, 1, 1)
    return (pool[chosen].float() / 255 - mean) / std  # blank: return ___

# %% [markdown] hints="studio.4-calibration"
# 1. Three splits, three purposes: read again what the text says of each. Only one of them may shape the model.
# 2. You need different numbers below `len(pool)` in random order. PyTorch has a function for a random permutation; slicing takes the first of it.
# 3. The pixels are bytes: make them float first, then follow the worked example from left to right. The shapes (N, C, H, W) and (C, 1, 1) line up by themselves.

# %% check="studio.4-calibration"
check("studio.4-calibration")

# %% demo=true
studio.use(calibrate=my_calibration)
int8 = studio.int8()
ratio = studio.pruned().path.stat().st_size / int8.path.stat().st_size
print(f"validation accuracy: {100 * pruned.validation_accuracy:.1f} % in float32, {100 * int8.validation_accuracy:.1f} % in int8")
print(f"the file is {ratio:.1f} times smaller")

# %% [markdown]
# Not four times? A file also holds the scales, the zero points and the description of the graph. The smaller the network, the more they weigh.
#
# ## The table
#
# Before you run the next cell, **predict**: which step saves the most bytes? Which the most time? Does any step make the network *slower*?
#
# All four models are measured in one run and one runtime, one image at a time on one thread, in turns. The last column is PyTorch:
# without it you might take the runtime's gain for compression's.

# %% demo=true
from IPython.display import Markdown

from course_labs.report.tables import markdown

results = studio.measure()
Markdown(markdown(results))

# %% demo=true
from IPython.display import Image

Image(studio.out / "tradeoff.png", width=800)

# %% [markdown]
# *What to see: a size without an accuracy is half a sentence, so read each point on both axes. On a very small network int8 may be slower
# than float32: converting at the edges costs more than the arithmetic saves.*
#
# ## studio.5-files  The four files
#
# *4 minutes · 17 points · difficulty 1 of 3*
#
# **What you hand in** is the folder `compression_studio_artefacts` beside this notebook: four ONNX files and `results.json`. The next
# cell writes it. Hand in the folder together with the notebook.
#
# **What is done with it.** The grader opens your files as data, runs them in a closed box on test images, and looks into the graphs:
#
# - each network gets at least 90 % of the digits' test images right (MNIST: 96 %), and no more than 10 points less when images are moved by a pixel. `check` does not test this;
#   your table shows the first of the two;
# - the pruned file has *fewer channels* than the student's: zeros in tensors of the old shape do not count;
# - in the int8 file every layer's weights are stored in eight bits, its inputs arrive in eight bits, and the weights are the pruned network's, rounded.

# %% exercise="studio.5-files" kind="artefact" points=17 minutes=4 difficulty=1 files=["teacher.onnx", "student.onnx", "pruned.onnx", "int8.onnx", "results.json"]
# Exercise studio.5-files: write the folder that is handed in
from course_labs.studio.hand_in import hand_in, rows_of

files = {model.path.name: model.path for model in studio.models()}
folder = hand_in("compression_studio", files, {"data": data, "rows": rows_of(results)})

# %% [markdown] hints="studio.5-files"
# 1. The cell needs the four models: have all cells above run, without an error in one of them?
# 2. A complaint about the pruned file points at studio.3, one about the int8 file at the pruned file that it was made from. Repair the function, then run the cells below it again.
# 3. The folder lies beside the notebook that wrote it. If you have moved the notebook since, run the cell again where it is now.

# %% check="studio.5-files"
check("studio.5-files")

# %% [markdown]
# ## studio.6-table  The table, measured again
#
# *3 minutes · 15 points · difficulty 1 of 3*
#
# `results.json` is your claim. The grader compares it with the files, **cell by cell**, and names each cell that does not hold:
#
# - **bytes**, **parameters** and **MACs** exactly;
# - the **accuracy** within the rounding of the figure as you write it, and the few images on which another processor's arithmetic may decide otherwise;
# - **milliseconds** only as an order. Your processor is not the grader's, so what counts is how many times faster than the teacher each row is,
#   and that may differ by a factor of four.
#
# Have a last look at what you claim.

# %% exercise="studio.6-table" kind="artefact" points=15 minutes=3 difficulty=1 files=["teacher.onnx", "student.onnx", "pruned.onnx", "int8.onnx", "results.json"]
# Exercise studio.6-table: what you claim
print((folder / "results.json").read_text())

# %% [markdown] hints="studio.6-table"
# 1. Table and files must come from one run. If you changed a function and trained again, run every cell from there to the end, so that both are written anew.
# 2. Do not edit the numbers. If one surprises you, find out why: that is what the last exercise is about.
# 3. A file that another program has saved again has another size, even if the network in it is the same.

# %% check="studio.6-table"
check("studio.6-table")

# %% [markdown]
# ## studio.7-written  Bytes, MACs, milliseconds
#
# *15 minutes · 10 points · difficulty 3 of 3*
#
# Your table has three costs. In some steps of the chain they fall by nearly the same factor, in others not, and one of them may not fall at all.
#
# **Reconcile them, in about 150 words and with your own numbers.** For at least two steps of the chain, give the factors for bytes, for MACs and for
# milliseconds, and say for each pair that disagrees *why* it does. End with one sentence: for which device, or which use, would you ship
# which of the four files?

# %% [markdown] exercise="studio.7-written" kind="written" points=10 minutes=15 difficulty=3
# **Bytes, MACs and milliseconds, reconciled.**
# <!-- answer -->
# *(The numbers of one run on digits, as an example.)* From the teacher to the student bytes and MACs fall by nearly the same factor, close to 8, since weights in float32 are
# almost the whole file and each weight is used at a similar number of places. Milliseconds fall less, by about 4.5: every call has a fixed price
# (starting each operator, moving the image), and narrow layers fill the vector units less well.
#
# From pruned to int8 the MACs do not change at all: the same multiplications are done, in fewer bits. Bytes fall by about 2.2 and not by 4, because
# graph, scales and zero points stay; on so small a network they are a large part of the file. Milliseconds even rise: rounding the image and
# the activations costs more than the cheaper products save.
#
# I would ship the pruned float32 file to a server that answers single images, where time counts and kilobytes do not, and the int8 file to a
# microcontroller or into an app's download.

# %% [markdown] hints="studio.7-written"
# 1. Make a small table for yourself: one line for each step of the chain, one column each for the factor in bytes, in MACs and in milliseconds.
# 2. Where two factors in a line differ, ask what one of them counts and the other does not: how many bits a number takes, how often it is used, what else lies in the file.
# 3. A call has a price even if the network does nothing. Which of your networks is so small that this price is most of its time?

# %% [markdown] rubric="studio.7-written"
# - 3 points: factors for bytes, MACs and milliseconds of at least two steps, and they are those of the student's own table.
# - 3 points: explains why bytes and MACs disagree somewhere (bits for each weight; what else is in the file; a weight of a convolution is used at many places, one of the linear layer once).
# - 3 points: explains why milliseconds do not follow MACs (fixed price of a call and of each operator, vector width, memory, conversions at the edges of int8, int8 instructions or their absence).
# - 1 point: a choice of a file that follows from the numbers.
# - No points for general sentences about compression that name no number of the table.

# %% [markdown]
# ## What this did not show
#
# - One seed is one draw. Compare accuracies with their standard error before you call one model better.
# - It does not show that distillation helped: for that, train the student without its teacher too, with several seeds.
# - The widths of the pruned network were chosen beforehand. How the price rises with the ratio is another question.
# - On digits the networks are tiny. Run it again with `data = "mnist"`: what changes in the int8 row?
