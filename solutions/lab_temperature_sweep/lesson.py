# ---
# course:
#   lesson: temperature_sweep
#   title: The temperature sweep
#   writes: soft targets and loss over five temperatures and three seeds; which difference is one
#   minutes: 80
#   points: 100
# ---

# %% [markdown]
# # The temperature sweep
#
# Distillation has two knobs. One, $\alpha$, says how much the teacher counts against the labels. The other, the temperature $T$, says how much of the
# teacher's doubt the student gets to see. Recipes give a number ("take T = 4") and seldom a curve. In this lab you measure the curve: five
# temperatures, three seeds each, and the same student without a teacher as the control.
#
# **At the end you will have** eighteen small networks, three of them without a teacher, and a table of them with mean and spread; a verdict on each
# temperature that you can defend; and an explanation of the curve's shape that rests on two measurements, the entropy of the teacher's answers and the size of the gradient.
#
# | | |
# |---|---|
# | Time | about 80 minutes of yours, and two of the computer's |
# | Points | 100; the written part is read by a person |
# | Builds on | lesson 04 (softened probabilities, KL, T squared, two conventions of α) |
# | Stuck? | run `hint("sweep.2-targets")` in a cell of your own: three hints for each exercise, at no cost |
# | Hand in | this notebook **and** the folder `temperature_sweep_artefacts` that appears beside it |
# | Notation | $\alpha$ is the weight of the *soft* loss; the student comes before the teacher in every list of arguments |

# %% setup=true
from autograder.student import ___, check, hint, progress

# %%
import numpy as np
import torch
import torch.nn.functional as F

# %% [markdown]
# ## sweep.1-predict  The forgotten square
#
# *4 minutes · 5 points · difficulty 2 of 3*
#
# The right loss is $\alpha\,T^2\,\mathrm{KL} + (1-\alpha)\,\mathrm{CE}$. A colleague sweeps the temperature with $\alpha\,\mathrm{KL} + (1-\alpha)\,\mathrm{CE}$: the
# factor $T^2$ is missing. Only the *balance* of the two terms matters for where the student ends up; a common factor changes the size of all gradients alike.
#
# **Predict before you compute.** At $\alpha = 0.5$ and $T = 3$: with which $\alpha$ would the right loss have the same balance as the colleague's?
#
# - (a) 0.5: the factor only changes the size of the loss
# - (b) about 0.17
# - (c) 0.1
# - (d) about 0.06
#
# Write the letter in quotes, like `"a"`.

# %% exercise="sweep.1-predict" kind="choice" points=5 minutes=4 difficulty=2
# Exercise sweep.1-predict: the letter of your choice, in quotes
predict_1 = "c"  # blank: predict_1 = ___

# %% [markdown] choices="sweep.1-predict"
# - a: The factor stands in front of one term only. Leaving it out makes the teacher nine times quieter, and the labels as loud as before.
# - b: This divides 0.5 by T. The missing factor is T squared.
# - c: Yes. The colleague's terms stand 0.5 to 0.5. The right loss has 9 times alpha against 1 - alpha; with alpha = 0.1 that is 0.9 to 0.9, the same balance.
# - d: 0.5/9 is the right weight for the soft term, but then the labels' weight of 0.5 must be taken along: 0.056 to 0.5, out of a sum that is no longer 1. Bring the sum back to 1.

# %% [markdown] hints="sweep.1-predict"
# 1. Write the colleague's two weights as a ratio, soft to hard.
# 2. Write the right loss's two weights as a ratio, with an unknown alpha and with the square of 3.
# 3. Try the four choices in the second ratio. Which gives the first?

# %% check="sweep.1-predict"
check("sweep.1-predict")

# %% [markdown]
# ## sweep.2-targets  What the student gets to see
#
# *12 minutes · 15 points · difficulty 2 of 3*
#
# **Why.** Before any training, look at what changes with $T$: the teacher's softened answers, the *soft targets*. A sweep wants them for all temperatures at
# once, so we add an axis in front: $K$ temperatures, $N$ images, $C$ classes.
#
# How much the targets say beyond the label is measured by their **entropy**, $-\sum_i p_i \ln p_i$, in nats: 0 if the teacher is certain, $\ln C$ if it says nothing.
# For a temperature we take the mean over the images of each image's entropy. (The entropy of the mean answer is something else: a teacher
# that is certain of every image, with the classes equally frequent, would get $\ln C$.)
#
# Large logits are the rule for a good teacher, so work with `torch.log_softmax`: a probability may underflow to 0, and $0 \cdot \ln 0$ would be NaN.
#
# **A worked example.** Logits (2, 0) and $T = 2$: divided, (1, 0); probabilities 0.731 and 0.269; entropy 0.582. At $T = 1$ it is 0.365. For the logits (0, 0) it is
# $\ln 2 = 0.693$ at every temperature.
#
# **Predict:** what will the mean entropy be on the teacher's *own training images*, at T = 1 and at T = 16? (ln 10 is 2.30.)

# %% exercise="sweep.2-targets" kind="code" points=15 minutes=12 difficulty=2
# Exercise sweep.2-targets: the teacher's answers at every temperature, and how much they say
def soft_targets(teacher_logits, temperatures):
    """Softened probabilities for each temperature, and their mean entropy.

    teacher_logits: float tensor, shape (N, C), values up to 1e4 in size; it is not changed.
    temperatures: float tensor, shape (K,), all positive.
    Returns (probabilities, entropies): tensors of shape (K, N, C) and (K,).
      entropies[k] is the mean over the images of the entropy of each image's probabilities, in nats.
    """
    z = teacher_logits[None] / temperatures[:, None, None]  # blank: z = teacher_logits[None] / temperatures[___]
    log_p = torch.log_softmax(z, dim=2)  # blank: log_p = torch.log_softmax(z, dim=___)
    p = log_p.exp()
    entropies = -(p * log_p).sum(dim=2).mean(dim=1)  # blank: entropies = -(___).sum(dim=___).mean(dim=___)
    return p, entropies

# %% [markdown] hints="sweep.2-targets"
# 1. `teacher_logits[None]` has the shape (1, N, C). Which shape must the temperatures have so that each meets all images and all classes? `None` in an index adds an axis.
# 2. In (K, N, C), which axis holds the numbers that have to add up to one?
# 3. The entropy of one image is a sum over its classes. Sum over that axis first; then one of the two axes that are left must be averaged away.

# %% check="sweep.2-targets"
check("sweep.2-targets")

# %% [markdown]
# ## sweep.3-loss  The loss of the sweep
#
# *14 minutes · 20 points · difficulty 2 of 3*
#
# **Why.** A sweep over $T$ should change one thing. Without $T^2$ it changes two: how soft the targets are, and how loud the teacher is. So the sweep uses the whole loss of
# lesson 04, as you wrote it in 4.5,
#
# $$L = \alpha\,T^2\,\mathrm{KL}(p\,\|\,q) + (1-\alpha)\,\mathrm{CE},$$
#
# with teacher $p$ and student $q$ both at temperature $T$, means over the images, and cross-entropy at temperature 1.
#
# **And other people's losses?** Many codes leave the square out. They can still be compared, for
#
# $$\alpha\,T^2\,\mathrm{KL} + (1-\alpha)\,\mathrm{CE} \;=\; f\,\big(\alpha'\,\mathrm{KL} + (1-\alpha')\,\mathrm{CE}\big)$$
#
# for every KL and CE, with the right $\alpha'$ and factor $f$. Whoever has no square sets $\alpha'$ and multiplies the loss by $f$. (With plain SGD, $f$ may go into
# the learning rate instead, if weight decay is divided by $f$; Adam hardly notices a common factor.)
#
# **A worked example.** $\alpha = 0.5$, $T = 3$. The weights are 4.5 and 0.5, their sum is $f = 5$, and $\alpha' = 4.5/5 = 0.9$. Check: $5 \times 0.9 = 4.5$ and $5 \times 0.1 = 0.5$.
#
# **Predict:** at $\alpha = 0.7$ and $T = 16$, what is $\alpha'$? What does somebody sweep who keeps 0.7 there and has no square?

# %% exercise="sweep.3-loss" kind="code" points=20 minutes=14 difficulty=2
# Exercise sweep.3-loss: the loss, and its translation for codes without the square
def kd_loss(student_logits, teacher_logits, labels, temperature, alpha_soft):
    """alpha_soft * temperature**2 * KL(teacher || student) + (1 - alpha_soft) * cross-entropy.

    student_logits, teacher_logits: float tensors, shape (N, C).    labels: int64 tensor, shape (N,).
    temperature: positive float.    alpha_soft: float, 0 to 1.
    KL: both softened, summed over the classes, averaged over the images. Cross-entropy: at temperature 1.
    Returns a tensor of shape (), so that .backward() works.
    """
    log_student = F.log_softmax(student_logits / temperature, dim=1)  # blank: log_student = F.log_softmax(___, dim=1)
    log_teacher = F.log_softmax(teacher_logits / temperature, dim=1)  # blank: log_teacher = F.log_softmax(___, dim=1)
    kl = (log_teacher.exp() * (log_teacher - log_student)).sum(dim=1).mean()  # blank: kl = ___
    ce = F.cross_entropy(student_logits, labels)
    return alpha_soft * temperature**2 * kl + (1 - alpha_soft) * ce  # blank: return (___) * kl + (___) * ce


def without_square(alpha_soft, temperature):
    """(alpha, factor): kd_loss is factor * (alpha * KL + (1 - alpha) * CE) for every KL and CE.

    alpha_soft: float, 0 to 1, the weight in kd_loss.    temperature: positive float.    Returns two floats.
    """
    factor = alpha_soft * temperature**2 + (1 - alpha_soft)  # blank: factor = ___
    return alpha_soft * temperature**2 / factor, factor  # blank: return ___, factor

# %% [markdown] hints="sweep.3-loss"
# 1. The first two lines prepare student and teacher at the same temperature. KL is a sum over classes of p times the difference of the logarithms: which of the two is p, and how do you get it from its logarithm?
# 2. In the last line of `kd_loss` the square belongs to one of the two terms only. Test it: with a weight of 0 for the teacher, the temperature must not matter.
# 3. Compare the two sides of the equation term by term. The terms in front of KL agree, and so do those in front of CE. Add the two equations, and one unknown drops out.

# %% check="sweep.3-loss"
check("sweep.3-loss")

# %% demo=true
import copy
from pathlib import Path

from course_data import Split, load
from course_labs.measuring import measure
from course_labs.methods.distillation import teach
from course_labs.methods.export import export
from course_labs.networks.convnet import ConvNet, Shape, folded, normalise
from course_labs.methods.training import Recipe, accuracy, cross_entropy, train

from course_lessons.lab_temperature_sweep import figures

data = load("digits")  # or "mnist", once it is on this machine
SMALL = data.name == "digits"  # 8×8 pixels
SIDE = data.train.images.shape[-1]
OUT = Path("runs") / f"temperature-{data.name}"
OUT.mkdir(parents=True, exist_ok=True)

torch.manual_seed(0)
teacher = ConvNet(Shape((32, 64, 64), (1, 2, 1) if SMALL else (2, 2, 1)), in_channels=1, classes=10)
train(teacher, data, Recipe(15 if SMALL else 1, peak_lr=0.1, batch=64, shift=1), cross_entropy, seed=0)
teacher.requires_grad_(False)
counts = f"{len(data.train):,} training, {len(data.val):,} validation and {len(data.test):,} test images"
print(f"{data.title}: {counts}")
teacher_accuracy = 100 * accuracy(teacher, data.val, data)
print(f"teacher: {measure.parameters(teacher):,} parameters, validation accuracy {teacher_accuracy:.2f} %")

TEMPERATURES, ALPHA, SEEDS = (1, 2, 4, 8, 16), 0.7, (0, 1, 2)
STUDENT = Shape((8, 8, 16, 16), (1, 2, 1, 1) if SMALL else (2, 1, 2, 1))  # four convolutions


def new_student(seed):
    torch.manual_seed(seed)
    return ConvNet(STUDENT, in_channels=1, classes=10)


print(f"student: channels {STUDENT}, {measure.parameters(new_student(0)):,} parameters")

# %% demo=true
# Two measurements before any training. The teacher's answers for its own training images:
images = normalise(data.train.images[:2000], data.mean, data.std)
labels = data.train.labels[:2000]
with torch.inference_mode():
    taught_logits = teacher(images)
targets, entropies = soft_targets(taught_logits, torch.tensor(TEMPERATURES, dtype=torch.float32))

# and the gradient that a fresh student gets from them, with the square and without it, beside that of the labels.
student = new_student(0).eval()
with torch.inference_mode():
    student_logits = student(images)


def gradient_size(loss_of):
    logits = student_logits.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(loss_of(logits), logits)
    return len(logits) * gradient.norm(dim=1).mean().item()  # for one image, on average


hard = gradient_size(lambda z: kd_loss(z, taught_logits, labels, 1.0, 0.0))
soft = [gradient_size(lambda z: kd_loss(z, taught_logits, labels, float(t), 1.0)) for t in TEMPERATURES]
bare = [size / t**2 for size, t in zip(soft, TEMPERATURES)]
shares = [without_square(ALPHA, t)[0] for t in TEMPERATURES]
print(f"{'T':>4}{'mean entropy':>14}{'largest p':>11}{'soft gradient':>15}{'without T²':>12}   alpha for that balance without T²")
for t, h, p, s, b, share in zip(TEMPERATURES, entropies, targets, soft, bare, shares):
    print(f"{t:4}{h:14.3f}{p.max(dim=1).values.mean():11.3f}{s:15.3f}{b:12.4f}{share:15.4f}")
print(f"ln 10 = {np.log(10):.3f}; the gradient of the labels is {hard:.3f}")
figures.before_training(TEMPERATURES, entropies.numpy(), targets.mean(dim=1).numpy(), soft, bare, hard)

# %% [markdown]
# *What to see: on the left, the teacher is nearly certain at T = 1 and says nearly nothing but "ten classes" at T = 16. On the right, with the square the teacher is about as loud as the
# labels, or twice as loud, at every temperature; without it, it fades to almost nothing.*
#
# *Your predictions: near 0 at T = 1, since the teacher has learnt these very images, and close to ln 10 at T = 16. At T = 16 and α = 0.7, α' is above 0.99. Whoever keeps 0.7
# there, without a square, trains almost on the labels alone: the sweep ends where the teacher falls silent, and the "bad high temperatures" are an artefact.*
#
# ## The sweep
#
# With all labels the student finds out most by itself, and the temperature hardly matters (lesson 04). So each student gets **100 labelled images**, and the
# teacher's answers for them. A seed draws everything: which 100 images, the first weights, the order, the shifts by a pixel. At every temperature the same three seeds are
# used, so temperatures may be compared seed by seed. The **control** is the same student with the same 100 images and no teacher.
#
# The images of a student are shown in eight shifted *views*, and `teach` asks the teacher once for each. The control is shown the same views: only the teacher may differ.
#
# **Predict the curve's shape:** does it rise, fall, or have a top? And how large is the spread between seeds, compared with the differences between temperatures?

# %% demo=true
from dataclasses import replace

RECIPE = Recipe(epochs=60, peak_lr=0.1, batch=50, shift=1)


def few(seed, count=100):
    """The data set with only `count` training images, drawn by the seed."""
    chosen = torch.randperm(len(data.train), generator=torch.Generator().manual_seed(100 + seed))[:count]
    return replace(data, train=Split(data.train.images[chosen], data.train.labels[chosen]))


students = {}  # (temperature or None, seed) -> network
for seed in SEEDS:
    own = few(seed)
    taught = teach(teacher, own, RECIPE, views=8, seed=seed)
    # The control sees the same views. Its loss does not listen to what the teacher said of them.
    students[None, seed] = train(new_student(seed), own, RECIPE, cross_entropy, seed, taught=taught)
    for t in TEMPERATURES:
        def loss(logits, labels, said, t=float(t)):
            return kd_loss(logits, said, labels, t, ALPHA)

        students[t, seed] = train(new_student(seed), own, RECIPE, loss, seed, taught=taught)

settings = (None, *TEMPERATURES)  # None: without a teacher
validation = np.array([[100 * accuracy(students[t, s], data.val, data) for s in SEEDS] for t in settings])
print(f"{len(students)} students trained; validation accuracy in %, one column for each seed")
for t, row in zip(settings, validation):
    print(f"{'no teacher' if t is None else f'T = {t}':12}" + "".join(f"{point:9.2f}" for point in row))

# %% [markdown]
# ## sweep.4-spread  Find the bug: a spread that is too small
#
# *7 minutes · 10 points · difficulty 2 of 3*
#
# **Why.** Three numbers in a row are to become "mean ± spread". The spread should estimate how far *other* seeds would scatter, and there we know the mean only from
# the same three numbers. They lie closer to their own mean than to the true one. The **sample standard deviation** makes up for that: it divides the
# sum of squares by $S - 1$, not by $S$.
#
# **A worked example.** 94, 95, 99: mean 96, squares 4, 1, 9. Divided by 2: 7, so the spread is 2.65. Divided by 3 it would be 2.16. With three seeds the wrong one is
# always 18 % too small, and every difference looks more certain than it is.
#
# One line is wrong. Repair it.

# %% exercise="sweep.4-spread" kind="bug" points=10 minutes=7 difficulty=2
# Exercise sweep.4-spread: repair the wrong line
def mean_and_spread(accuracies):
    """Mean and sample standard deviation of each row.

    accuracies: float array, shape (settings, seeds), at least two seeds.
    Returns (means, spreads), two arrays of shape (settings,).
    """
    means = accuracies.mean(axis=1)
    spreads = accuracies.std(axis=1, ddof=1)  # bug: spreads = accuracies.std(axis=1)
    return means, spreads

# %% [markdown] hints="sweep.4-spread"
# 1. Call it with the worked example, as an array of one row. Which of the two numbers comes out wrong, and what does it come out as?
# 2. Look at the documentation: `np.std?` in a cell. What does NumPy divide by unless it is told otherwise?
# 3. The argument is called "delta degrees of freedom": the divisor is the number of values minus this delta.

# %% check="sweep.4-spread"
check("sweep.4-spread")

# %% demo=true
means, spreads = mean_and_spread(validation)
print(f"validation accuracy in %, mean ± sample standard deviation over {len(SEEDS)} seeds")
for t, mean, spread in zip(settings, means, spreads):
    print(f"{'no teacher' if t is None else f'T = {t}':12}{mean:8.2f} ± {spread:.2f}")
print(f"one validation image is {100 / len(data.val):.2f} points")
figures.sweep(TEMPERATURES, validation[1:], means, spreads, SEEDS)

# %% [markdown]
# *What to see, on the small digits: at T = 1 the teacher adds next to nothing to the control (dashed, with a grey band one standard deviation wide on either side). The means at
# higher temperatures lie above it, close to each other: a plateau or a broad top. But the bars, one standard deviation either way, are as long as the differences between these temperatures.*
#
# *Your prediction: read the shape off the means, and then ask the next exercise how much of it three seeds can carry.*
#
# ## sweep.5-judge  Is it a difference?
#
# *15 minutes · 20 points · difficulty 3 of 3*
#
# **Why.** "T = 4 is best: a point better" is a claim about *all* seeds, made from three. Judge it like this.
#
# 1. The seeds are **paired**: seed 0 with a teacher and seed 0 without one saw the same 100 images. So take the difference seed by seed. What makes a seed
#    easy or hard for both then cancels.
# 2. The mean difference $\bar d$ is itself uncertain. Its standard error is $s/\sqrt S$, with the sample standard deviation $s$ of the differences.
# 3. With so few seeds $s$ is uncertain, too. Student's $t$ (a statistician's pen name) makes up for it: the 95 % **margin** is $t\,s/\sqrt S$ with $t$ = 12.71, 4.30, 3.18, 2.78 for 2, 3, 4, 5 seeds.
# 4. Accuracies come in steps of one image. Three equal differences do not mean a spread of 0. So take **at least one image** for $s$.
# 5. Verdict: `"better"` if $\bar d$ is more than the margin, `"worse"` if it is less than minus the margin, else `"not shown"`. The last is not the same as "no difference".
#
# **A worked example.** With a teacher 95, 96, 97; without one 93, 93, 96; an image is 0.5 points. Differences 2, 3, 1: mean 2, $s = 1$, margin 4.30 × 1/√3 = 2.48. Not shown, although all three are positive.
#
# **Predict:** how many of your five temperatures will be shown to be better than no teacher?

# %% exercise="sweep.5-judge" kind="code" points=20 minutes=15 difficulty=3
# Exercise sweep.5-judge: a difference, its margin, and a verdict
def judge(taught, alone, one_image):
    """Judge whether the teacher made a difference, from paired runs.

    taught, alone: float arrays, shape (seeds,), 2 to 5 seeds: accuracies in per cent, same seeds in the same order.
    one_image: float, what one image is worth in points: the least spread that is believed.
    Returns (difference, margin, verdict): two floats and "better", "worse" or "not shown".
    """
    t = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78}[len(taught)]
    differences = taught - alone  # blank: differences = ___
    spread = max(differences.std(ddof=1), one_image)  # blank: spread = max(___, ___)
    difference = differences.mean()  # blank: difference = ___
    margin = t * spread / np.sqrt(len(differences))  # blank: margin = ___
    if abs(difference) <= margin:  # blank: if ___:
        return difference, margin, "not shown"
    return difference, margin, "better" if difference > 0 else "worse"

# %% [markdown] hints="sweep.5-judge"
# 1. Follow the five points one by one: each is one line. Start with the worked example on paper.
# 2. The spread is that of the *differences*, not of either group, with the divisor of sweep.4. And it is never taken below the value that point 4 names.
# 3. "Not shown" holds for small differences of either sign. Which function makes one question of the two?

# %% check="sweep.5-judge"
check("sweep.5-judge")

# %% demo=true
print(f"{'':12}{'difference':>12}{'margin':>9}   verdict (validation images)")
for t, row in zip(TEMPERATURES, validation[1:]):
    difference, margin, verdict = judge(row, validation[0], 100 / len(data.val))
    print(f"T = {t:<8}{difference:+12.2f}{margin:9.2f}   {verdict}")
best = TEMPERATURES[int(means[1:].argmax())]
print(f"highest mean on validation images: T = {best}")
for t in TEMPERATURES:
    if t != best:
        pair = validation[settings.index(best)], validation[settings.index(t)]
        difference, margin, verdict = judge(*pair, 100 / len(data.val))
        print(f"T = {best} against T = {t:<3}{difference:+9.2f}{margin:9.2f}   {verdict}")

# %% [markdown]
# A margin of several points is what three seeds are worth. A verdict follows the seeds' agreement and not the size alone: a large difference can be "not shown" where a smaller one is "better", because its seeds
# disagree. "Not shown" may still be real; more seeds would tell. And nine questions at 95 %, with nothing to find, would give at least one
# false "better" or "worse" in about a third of all labs. The last four flatter besides: they are asked about the winner, which was picked on these same images.
#
# ## sweep.6-files  Hand in the students and the table
#
# *6 minutes · 15 points · difficulty 1 of 3*
#
# **The test images, once.** The temperature has been chosen on validation images. Now all students are measured on the test images, and nothing is chosen any more after that.
#
# The next cell writes every student to an **ONNX** file (a network's weights, and its *graph*, the list of its operations; **ONNX Runtime** runs it without PyTorch), measures it, and fills the folder `temperature_sweep_artefacts` beside this notebook: 18 small networks and `results.json`, your
# table. Hand the folder in with the notebook. **The grader measures it all again**, and believes the files, not the table:
#
# - all students have one shape of four convolutions, and no network stands there twice, under whatever name;
# - each gets at least 60 % of the digits' test images right (MNIST: 40 %), and no more than 10 points less when images are moved by a pixel. `check` does not test this; your table
#   shows the first of the two;
# - bytes, parameters and MACs of every row are exactly those of its file, and the accuracy is that of its file on the test images;
# - mean and sample standard deviation of each temperature follow from the accuracies that the grader has measured.

# %% exercise="sweep.6-files" kind="artefact" points=15 minutes=6 difficulty=1 files=["alone-0.onnx", "alone-1.onnx", "alone-2.onnx", "t1-0.onnx", "t1-1.onnx", "t1-2.onnx", "t2-0.onnx", "t2-1.onnx", "t2-2.onnx", "t4-0.onnx", "t4-1.onnx", "t4-2.onnx", "t8-0.onnx", "t8-1.onnx", "t8-2.onnx", "t16-0.onnx", "t16-1.onnx", "t16-2.onnx", "results.json"]
# Exercise sweep.6-files: measure on test images, and write what you hand in
from course_labs.studio.hand_in import hand_in

files, rows = {}, []
for t in settings:
    for seed in SEEDS:
        name = f"{'alone' if t is None else f't{t}'}-{seed}.onnx"
        files[name] = export(students[t, seed], (SIDE, SIDE), OUT / name, {"data": data.title})
        folded_net = folded(copy.deepcopy(students[t, seed]))
        rows.append({
            "file": name, "temperature": t, "seed": seed, "bytes": files[name].stat().st_size,
            "parameters": measure.parameters(folded_net), "macs": measure.macs(folded_net, images[:1]),
            "accuracy_percent": round(100 * float(measure.correct(files[name], data.test, data).mean()), 2),
        })
test = np.array([row["accuracy_percent"] for row in rows]).reshape(len(settings), len(SEEDS))
sweep = [
    {"temperature": t, "mean": round(float(mean), 2), "spread": round(float(spread), 2)}
    for t, mean, spread in zip(settings, *mean_and_spread(test))
]
print("test accuracy in %, mean ± sample standard deviation, and each seed")
for row, points in zip(sweep, test):
    t = row["temperature"]
    mark = "  <- chosen on validation images" if t == best else ""
    each = "".join(f"{point:9.2f}" for point in points)
    print(f"{'no teacher' if t is None else f'T = {t}':12}{row['mean']:7.2f} ± {row['spread']:.2f}{each}{mark}")
difference, margin, verdict = judge(test[settings.index(best)], test[0], 100 / len(data.test))
print(f"T = {best} against no teacher, on test images: {difference:+.2f} points, margin {margin:.2f}: {verdict}\n")
results = {"data": data.name, "alpha": ALPHA, "chosen": best, "sweep": sweep, "rows": rows}
folder = hand_in("temperature_sweep", files, results)

# %% [markdown] hints="sweep.6-files"
# 1. The cell needs all cells above it, in order and without an error. Restart the kernel and run all cells if you are not sure.
# 2. Table and files must be of one run. If you have changed a function since, run everything from there to this cell again.
# 3. A complaint about a mean or a spread, with right accuracies in the rows, points at sweep.4.

# %% check="sweep.6-files"
check("sweep.6-files")

# %% [markdown]
# Test images and validation images may disagree about the order of the temperatures. That is what a spread means.
#
# ## sweep.7-written  Explain the shape
#
# *18 minutes · 15 points · difficulty 2 of 3 · read by a person*
#
# **Why.** A curve without a reason does not travel to the next data set. You have two measurements from before the training that can carry a reason.
#
# **Write one paragraph of eight to fourteen sentences**, with the numbers of *your* runs:
#
# 1. What happens to the teacher's answers from T = 1 to T = 16? Give entropies. What can a student learn from them at T = 1 that the labels do not say, and what at T = 16?
# 2. What does that suggest for the two ends of the curve and for its middle? Does your curve look like that?
# 3. Could the shape come from the *size* of the gradient instead? Use the figure with and without the square.
# 4. Which statements about your curve do three seeds support, and which not? Compare the differences with the margins. What would you report as the result of the sweep?

# %% [markdown] exercise="sweep.7-written" kind="written" points=15 minutes=18 difficulty=2
# **Your answer to sweep.7-written.** Double-click here, write your paragraph in place of the line below, then press Shift+Enter.
#
# <!-- answer -->
# **A model answer** (with the numbers of one run on the small digits, on validation images)
#
# The mean entropy of the teacher's answers rises from 0.08 nats at T = 1 over 1.48 at T = 4 to 2.26 at T = 16, where ln 10 = 2.30 would be complete indifference. At T = 1 the
# largest probability is 0.98 on average: the answers are nearly the labels over again, and a student that has the labels learns nothing new from them. At T = 16 all ten classes
# have nearly the same probability. Their order is still there, but in small differences, and the student is asked to match all logits alike, also those of digits that have nothing
# to do with the image. In between, the answers say which other digits an image resembles. So I expect little at T = 1, a gain in the middle, and less or no more at the high end. My
# curve looks like that: 86.7 % at T = 1, hardly more than the 86.3 % without a teacher, then 92.2, 93.0 and 93.3 % at T = 2, 4 and 8, and 92.4 % at T = 16: a step and a plateau. Loudness does
# not explain it: with the square, the gradient for one image lies between 0.9 and 2.1 at all temperatures, and that of the labels is 0.9. Without the square it would fall from 0.93
# to 0.006, about 150 times, and the high temperatures would be runs with hardly any teacher. What do three seeds carry? Against no teacher T = 2 and T = 4 are shown to be better, by
# 5.9 points with a margin of 2.1 and by 6.7 with a margin of 4.8. T = 8 gained most, 7.0 points, and is not shown to: its seeds gained 10.6, 3.9 and 6.7, so the margin is 8.3. On the
# plateau nothing can be told apart: T = 8 against T = 2 is 1.1 with a margin of 7.3, which does not mean that they are equal. I would report that with 100 labelled images a teacher at T = 1 gave nothing that
# three seeds can show, that temperatures from 2 to 16 gave about 6 to 7 points on validation images (the chosen one 4.7 on test images, margin 2.8), and that these seeds name no best temperature.

# %% [markdown] hints="sweep.7-written"
# 1. Compare the entropy at each temperature with 0 and with ln 10. An answer at either end says nothing new: why at the one, why at the other?
# 2. Look at the right half of the figure before the training. Does the size of the soft gradient change by as much as the accuracy does? What would it do without the square?
# 3. List the verdicts. For each sentence that you want to write about the curve, name the verdict that supports it.

# %% [markdown] rubric="sweep.7-written"
# **sweep.7-written, 15 points**
#
# - 4 points, what T does: entropies of the student's own run at two temperatures at least [2]; near T = 1 the answers repeat the labels [1]; near T = 16 all classes are nearly equal, and what is left are small differences [1].
# - 3 points, the shape: both ends and the middle are tied to that reason [2]; compared with the student's own curve, also where it does not fit [1].
# - 3 points, the gradient: with the square its size hardly changes over the sweep, by the numbers [2]; so loudness does not explain the shape, while without the square it would [1].
# - 5 points, what is supported: differences and margins from the own run [2]; no claim beyond the verdicts, "not shown" is not read as "no difference" [2]; a careful result, such as a range of temperatures and the need for more seeds [1].
# - An answer that names a best temperature as a fact without looking at the spread has at most 9 points.

# %% [markdown]
# ## Mini-challenge (no points, no blanks)
#
# How many seeds does it take? The next cell has an outline only.

# %%
# 1. Take the chosen temperature and the control, and train both with ten seeds (SEEDS = range(10)).
# 2. For S = 2, 3, 5, 10 compute the margin from the first S seeds (t = 2.26 for ten).
# 3. Draw the margin against S, with the curve of s / sqrt(S) through it.
# 4. How many seeds would a difference of half a point need?

# %% demo=true
progress()

# %% [markdown]
# ## Common errors
#
# | You see | It was probably |
# |---|---|
# | accuracies fall towards the control as T rises, and steadily | $T^2$ is missing: the teacher fades |
# | entropy NaN | the logarithm of a probability that underflowed; use `log_softmax` |
# | entropy near ln 10 at every temperature | the entropy of the mean answer |
# | entropy near 0 at every temperature, also at T = 16 | a softmax over the images (`dim=1`), not over the classes |
# | T = 1 is as good as the best | a teacher that is not so sure, for example of images that it has not been trained on |
# | spreads 18 % smaller than your neighbour's | divided by three, not by two |
# | "better" for every temperature | the margin without $t$, or the groups' best seeds compared |
# | all seeds give the same accuracy | the seed did not reach the weights or the images |
#
# ## Quick reference
#
# | | |
# |---|---|
# | soft targets | `log_softmax(z / T)`, entropy from 0 (certain) to ln C (says nothing) |
# | whole loss | $\alpha\,T^2\,\mathrm{KL} + (1-\alpha)\,\mathrm{CE}$ |
# | without the square | $\alpha' = \alpha T^2/f$, loss times $f = \alpha T^2 + 1 - \alpha$ |
# | spread over seeds | sample standard deviation, `ddof=1` |
# | margin of a paired difference | $t\,s/\sqrt S$; $t$ = 4.30 for three seeds |
# | verdict | better, worse, not shown; never "equal" |
# | order | sweep and choose on validation images, test once |
#
# ## Questions people ask
#
# **Which temperature should I use, then?** One from the broad top of your own curve; 2 to 8 is a common range to look at. If your curve is flat within its margins, any of them will do, and that is a result as well.
#
# **Why only 100 labelled images?** With all of them the differences drown in the spread: the labels say nearly everything. Few labels are also where distillation is used in earnest. Change the 100 and see.
#
# **Why is the teacher's entropy so low on its training images?** It was trained until its answers are the labels. On new images it is less sure. That is one reason why images without labels make good lessons.
#
# **Should alpha be tuned with the temperature?** They interact less with the square than without it. A joint sweep is cheap here; remember that the best of 25 means is a lucky one.
#
# ## What this did not show
#
# - One teacher, one student, one very easy data set. A less certain teacher moves the curve to the left.
# - Three seeds. The margins say what that is worth.
# - Validation images that are few: each is half a point or more on the small digits, and choosing among five temperatures on them flatters the winner.
# - That a student of this shape is the right one. Its size and speed come from its architecture, not from the teacher.
#
# ## Further reading
#
# - Hinton, Vinyals, Dean (2015), *Distilling the Knowledge in a Neural Network*, [arXiv:1503.02531](https://arxiv.org/abs/1503.02531). Temperature, and why the square.
# - Cho, Hariharan (2019), *On the Efficacy of Knowledge Distillation*, [arXiv:1910.01348](https://arxiv.org/abs/1910.01348). When a teacher does not help.
# - Bouthillier et al. (2021), *Accounting for Variance in Machine Learning Benchmarks*, [arXiv:2103.03098](https://arxiv.org/abs/2103.03098). Where the spread comes from, and how many seeds.
# - Stanton et al. (2021), *Does Knowledge Distillation Really Work?*, [arXiv:2106.05945](https://arxiv.org/abs/2106.05945). How far students are from agreeing with their teachers.
