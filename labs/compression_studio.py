# %% [markdown]
# # The compression studio
#
# You will take one trained network and make it smaller three times: **distil**, then **prune**, then **quantise**.
# The order is the logic: choose the architecture before you thin it, thin it before you round it.
# At the end stands one table, all of it measured on your machine, and the four model files.
#
# On the bundled digits this takes a minute or less on two processor cores. Nothing here is graded.
#
# | Model | What changes | What it should save |
# |---|---|---|
# | teacher | a network trained in float32 | nothing: the yardstick |
# | student | a smaller network, taught by the teacher | bytes and arithmetic |
# | + pruned | whole channels removed, the network rebuilt smaller | bytes and arithmetic |
# | + int8 | every weight and activation in eight bits instead of 32 | bytes, and time where the processor has int8 instructions |

# %%
from pathlib import Path

from course_labs import Studio

data = "digits"  # or "mnist" (some minutes; first, once: course data get mnist), or "cifar10"
seed = 0
studio = Studio(data, out=Path("runs") / f"studio-{data}", seed=seed)

# %% [markdown]
# Finished steps are kept in the folder `out`. Run the notebook again and it goes on after the last finished one;
# change the seed, and everything is done again.
#
# Three sets of images, three purposes. **Training** images teach. **Validation** images help to choose, and you may look at them
# as often as you like. **Test** images are looked at once, at the very end.

# %%
dataset = studio.data
for name in ("train", "val", "test"):
    print(f"{name:6}{len(getattr(dataset, name)):7,} images of {tuple(dataset.train.images.shape[1:])}")

# %% [markdown]
# ## 1. The teacher
#
# A network that is larger than it needs to be. Extra parameters make training easy; compression squeezes the slack out afterwards.

# %%
teacher = studio.teacher()
teacher.net

# %% [markdown]
# ## 2. The student
#
# A smaller network with the same layout. It learns from the labels and from the teacher's *softened* probabilities:
# which wrong digits a seven resembles is something that a label never says.
#
# $$\text{loss} = \alpha\,T^2\,\mathrm{KL}(p_\text{teacher}^{(T)} \,\|\, p_\text{student}^{(T)}) + (1-\alpha)\,\text{cross-entropy}$$

# %%
student = studio.student()
print(f"T = {studio.settings.temperature}, alpha = {studio.settings.alpha}")
print(f"channels: teacher {teacher.net.shape}, student {student.net.shape}")

# %% [markdown]
# ## 3. Pruned, and rebuilt smaller
#
# Ask the question that matters: *did the shape of the weight tensor change?* Setting channels to zero saves nothing.
# So the channels with the least effect on the loss are cut out, and the network is rebuilt without them.
#
# Before it recovers, the small network must compute exactly what the big one computes with those channels silenced. See for yourself:

# %%
import torch

from course_labs.networks import normalise
from course_labs.pruning import channel_importance, keep_best, masked, rebuilt

scores = channel_importance(student.net, dataset, images=256)
kept = keep_best(scores, studio.settings.pruned_widths)
images = normalise(dataset.val.images[:64], dataset.mean, dataset.std)
with torch.inference_mode():
    apart = (masked(student.net, kept)(images) - rebuilt(student.net, kept)(images)).abs().max()
print(f"largest difference of any output: {apart:.1e}")

# %% [markdown]
# The cut hurts. A few epochs with the teacher's help repair most of it; that is the recovery.

# %%
from course_labs.training import accuracy

cut = accuracy(rebuilt(student.net, kept), dataset.val, dataset)
pruned = studio.pruned()
print(f"validation accuracy: {100 * cut:.1f} % after the cut, {100 * pruned.validation_accuracy:.1f} % after the recovery")

# %% [markdown]
# ## 4. Eight bits
#
# ONNX Runtime looks at some hundred *training* images to learn the range of every activation, then rounds weights and activations
# to eight bits, with one scale for each output channel.

# %%
int8 = studio.int8()
ratio = pruned.path.stat().st_size / int8.path.stat().st_size
print(f"the file is {ratio:.1f} times smaller")

# %% [markdown]
# Not four times? A file also holds the scales, the zero points and the description of the graph. The smaller the network, the more they weigh.
#
# ## 5. The table
#
# Before you run the next cell, **predict**: which step saves the most bytes? Which the most time? Does any step make the network *slower*?
#
# All four models are measured in one run and one runtime, one image at a time on one thread, in turns. The last column is PyTorch:
# without it you might take the runtime's gain for compression's.

# %%
from IPython.display import Markdown

from course_labs.report import markdown

results = studio.measure()
Markdown(markdown(results))

# %%
from IPython.display import Image

Image(studio.out / "tradeoff.png", width=800)

# %% [markdown]
# ## What to see, and what this did not show
#
# - A size without an accuracy is half a sentence: read each point of the figure on both axes.
# - Compare accuracies with their standard error before you call one model better.
# - On a very small network int8 may be *slower* than float32: converting at the edges costs more than the arithmetic saves. Try `data = "mnist"`.
# - One seed is one draw. It does not show that distillation helped: for that, train the student without its teacher too, with several seeds.
