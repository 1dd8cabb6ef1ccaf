# ---
# course:
#   lesson: 04_distillation
#   title: Distillation, a small network taught by a large one
#   writes: soft targets, KL with its direction, the whole loss, its gradient
#   minutes: 95
#   points: 100
# ---

# %% [markdown]
# # 04 Distillation: a small network taught by a large one
#
# Pruning and quantisation squeeze the network that you have. Distillation starts from the other end: you
# choose a small network first, the **student**, and let a large one, the **teacher**, help to train it. The
# teacher is thrown away afterwards. What ships is the student.
#
# **At the end you will have** a distillation loss that you wrote and proved yourself: its direction, its
# average, its temperature, its gradient. With it you will have trained small networks with a teacher and
# without one, and you will know when the teacher helped, by how much, and when it did harm.
#
# | | |
# |---|---|
# | Time | about 95 minutes; each exercise says its own minutes |
# | Points | 100, in nine exercises; one of them is read by a person |
# | Builds on | lesson 00; softmax, cross-entropy and a training loop in PyTorch |
# | Stuck? | run `hint("4.2-soften")` in a cell of your own: three hints for each exercise, at no cost |
# | Rules | a function leaves what it is given as it is, its `requires_grad` included, unless its text says otherwise; where a tensor is asked for, it returns a tensor |
# | Arguments | what the student said comes first, what the teacher said second, as in `cross_entropy(logits, labels)` |

# %% setup=true
from autograder.student import ___, check, hint, progress

# %%
import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

# %% [markdown]
# ## 4.1-predict  Divide by the temperature
#
# *3 minutes · 5 points · difficulty 1 of 3*
#
# A classifier's last layer gives one number for each class, a **logit** $z_i$. Softmax turns them into
# probabilities. A **temperature** $T$ divides the logits first:
#
# $$p_i = \frac{e^{z_i/T}}{\sum_j e^{z_j/T}}$$
#
# $T = 1$ is the softmax you know. A larger $T$ makes the probabilities *softer*: closer to each other.
#
# **Predict before you compute.** A network answers with the logits 8, 4 and 0. You soften with $T = 4$.
# Which logits give exactly the same probabilities at $T = 1$?
#
# - (a) 32, 16, 0
# - (b) 12, 11, 10
# - (c) 12, 8, 4
# - (d) 4, 2, 0
#
# Write the letter in quotes, like `"a"`.

# %% exercise="4.1-predict" kind="choice" points=5 minutes=3 difficulty=1
# Exercise 4.1-predict: the letter of your choice, in quotes
predict_4_1 = "b"  # blank: predict_4_1 = ___

# %% [markdown] choices="4.1-predict"
# - a: These are the logits times 4. That makes the largest one win even more clearly; it is the temperature 1/4, not 4.
# - b: Yes. Dividing by 4 gives 2, 1, 0. Adding 10 to all three changes nothing, because the same factor stands above and below the fraction line. Only differences count.
# - c: Adding 4 to every logit multiplies every exponential by the same factor, and it cancels. These are the probabilities at temperature 1, not softened at all.
# - d: This divides by 2. The differences must become a quarter of what they were, not a half.

# %% [markdown] hints="4.1-predict"
# 1. First do what the formula says: divide each of the three logits by the temperature.
# 2. The result is not among the choices as it stands. What happens to the fraction if you add the same number to every logit?
# 3. Only the differences between logits count. Write down the two differences after the division, then those of each choice.

# %% check="4.1-predict"
check("4.1-predict")

# %% [markdown]
# ## 4.2-soften  A softmax with a temperature
#
# *10 minutes · 14 points · difficulty 2 of 3*
#
# **Why.** All that the teacher hands over goes through this function. It must not fail for a confident
# teacher: $e^{100}$ is already too large for float32, and `inf / inf` is NaN.
#
# **The cure** is what you just used: adding a number to all logits changes nothing. So subtract the row's
# largest one. Then the largest exponential is $e^0 = 1$ and none can overflow.
#
# **A worked example.** Logits (6, 3, 0), $T = 3$: divide, (2, 1, 0); subtract the largest, (0, -1, -2);
# exponentials (1, $e^{-1}$, $e^{-2}$); divide by their sum. The three numbers add up to one.
# They must: dividing finished *probabilities* by $T$ would leave a sum of $1/T$, and that is no distribution.
#
# **How soft is soft?** The **entropy** $H = -\sum_i p_i \ln p_i$ says it in one number, in nats. It is 0 when
# one class has everything, and $\ln C$ when $C$ classes share evenly. A class with probability 0 adds
# nothing: $p \ln p$ goes to 0 with $p$. A computer says `0 * -inf`, which is NaN; `torch.special.xlogy(a, b)`
# is $a \ln b$ with 0 in that place.
#
# **How exact?** A probability may be off by 0.00001 and an entropy by 0.00005 nats, so a small constant for safety, such as `1e-8`, does no harm;
# `1e-5` does, once for every class. A logit of 10,000 is itself stored to 0.001 only, so what comes from logits that large may be off by 0.001.
#
# **Predict:** what becomes of the probabilities if $T$ is very large? And if it is very small?

# %% exercise="4.2-soften" kind="code" points=14 minutes=10 difficulty=2
# Exercise 4.2-soften: softened probabilities and their entropy
def soften(logits, temperature):
    """Softmax of logits / temperature, row by row.

    logits: float32 tensor, shape (N, C), values up to 1e4 in size; it is not changed.
    temperature: positive float.
    Returns a float tensor of shape (N, C); each row adds up to 1.
    """
    z = logits / temperature  # blank: z = ___
    z = z - z.max(dim=1, keepdim=True).values  # blank: z = z - ___
    e = torch.exp(z)
    return e / e.sum(dim=1, keepdim=True)  # blank: return e / ___


def entropy(probabilities):
    """Entropy of each row, in nats.

    probabilities: float32 tensor, shape (N, C), rows add up to 1; zeros are allowed.
    Returns a float tensor of shape (N,).
    """
    return -torch.special.xlogy(probabilities, probabilities).sum(dim=1)  # blank: return -(___).sum(dim=1)

# %% [markdown] hints="4.2-soften"
# 1. Follow the worked example line by line: each of its steps is one line of code.
# 2. "The row's largest" and "the sum of the row" are numbers for each row. To line up with shape (N, C) they need the shape (N, 1): look up what `keepdim=True` does. And note that a tensor's `max` along a dimension returns values and positions.
# 3. For the entropy, every class adds its probability times the logarithm of its probability. Write the product with the function that the text names, so that 0 stays 0.

# %% check="4.2-soften"
check("4.2-soften")

# %% demo=true
from course_lessons.lesson_04_distillation import figures

logits = torch.tensor([[7.0, 4.0, 3.0, 1.0, 0.0, 0.0, -1.0, -2.0, -3.0, -4.0]])
temperatures = np.logspace(-1, 3, 60)
curve = [entropy(soften(logits, float(t))).item() for t in temperatures]
print(f"{'T':>8}{'largest':>10}{'smallest':>10}{'entropy':>10}")
for t in (0.1, 1, 4, 16, 1000):
    p = soften(logits, t)
    print(f"{t:8}{p.max():10.4f}{p.min():10.4f}{entropy(p).item():10.4f}")
print(f"limits of the entropy: 0 (one class has all) and ln 10 = {math.log(10):.4f}")
bars = {t: soften(logits, t)[0].numpy() for t in (0.1, 1, 4, 16)}
figures.softening(bars, temperatures, np.array(curve))

# %% [markdown]
# *What to see: the same ten logits at four temperatures; towards 0 one class takes all, towards infinity all become equal,
# and the entropy climbs from 0 to ln 10 without ever turning back.*
#
# *Your prediction: a very large T makes all classes equally probable; a very small one gives everything to the largest logit.*
#
# ## Dark knowledge
#
# **Why should soft answers teach more than labels?** A label says "7" and nothing else. A good teacher says
# "7, a little like a 9, not at all like a 6". This side information is called **dark knowledge**. At $T = 1$ it is nearly
# invisible, because the teacher is so sure. A higher temperature brings it to light.
#
# The next cells train a teacher on the small digits (8 × 8 pixels) and look. With MNIST on your machine, change the one word.

# %% demo=true
from course_data import load

torch.set_num_threads(1)  # networks this small are slower on two threads
data = load("digits")  # or "mnist", once it is on this machine
pixels = [s.images.flatten(1).float() / 255 for s in (data.train, data.val, data.test)]
(train_x, val_x, test_x), (train_y, val_y, test_y) = pixels, [s.labels for s in (data.train, data.val, data.test)]


def train(model, x, loss_of, steps, rate=0.01, batch=None, seed=0):
    """Adam on random batches (or on all of x); loss_of(logits, which) is the loss of those images."""
    draw = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.Adam(model.parameters(), lr=rate, fused=True)
    model.train()
    for _ in range(steps):
        which = torch.randint(len(x), (batch,), generator=draw) if batch else slice(None)
        optimiser.zero_grad()
        loss_of(model(x[which]), which).backward()
        optimiser.step()
    return model.eval()


@torch.no_grad()
def accuracy(model, x, labels):
    return 100 * (model(x).argmax(dim=1) == labels).float().mean().item()


def new_teacher(seed=0):
    torch.manual_seed(seed)
    layers = []
    for inputs in (train_x.shape[1], 256):
        layers += [nn.Linear(inputs, 256), nn.BatchNorm1d(256), nn.ReLU(), nn.Dropout(0.3)]
    return nn.Sequential(*layers, nn.Linear(256, 10))


teacher = train(new_teacher(), train_x, lambda z, i: F.cross_entropy(z, train_y[i]), steps=300, rate=0.003, batch=128)
teacher.requires_grad_(False)  # frozen: no optimiser can change it any more
print(f"{data.title}: {len(train_x)} training images, teacher with {sum(p.numel() for p in teacher.parameters()):,} parameters")
print(f"teacher's accuracy on validation images: {accuracy(teacher, val_x, val_y):.1f} %")

# %% demo=true
# How the teacher sees the validation images that show a 7.
sevens = val_x[val_y == 7]
logits = teacher(sevens)
print(f"probability of 7 at T = 1, median over {len(sevens)} sevens: {soften(logits, 1).median(dim=0).values[7]:.4f}")
mean_soft = soften(logits, 4).mean(dim=0)
wrong_digits = [d for d in mean_soft.argsort(descending=True).tolist() if d != 7]
print("a 7 resembles, at T = 4:", ", ".join(f"{d} ({mean_soft[d]:.3f})" for d in wrong_digits))
# Three sevens that lean to three different digits: for each digit the seven that resembles it most.
others = soften(logits, 4)
others[:, 7] = 0
strength, digit = others.max(dim=1)
strongest = {}
for i in strength.argsort(descending=True).tolist():
    strongest.setdefault(digit[i].item(), i)
examples = list(strongest.values())[:3]
side = math.isqrt(train_x.shape[1])
pictures = sevens[examples].reshape(-1, side, side).numpy()
figures.dark_knowledge(mean_soft.numpy(), pictures, soften(logits[examples], 4).numpy(), true=7)

# %% [markdown]
# *What to see: for the average 7 some wrong digits get several times the probability of others, and the three single sevens lean to
# different digits. A label would call all of them "7" and stop.*
#
# ## 4.3-kl  How far is the student from the teacher?
#
# *12 minutes · 15 points · difficulty 2 of 3*
#
# **Why.** The student should give the teacher's *whole distribution*, so we need a distance between two distributions.
# For one image, let $p$ be the teacher's softened probabilities and $q$ the student's. The
# **Kullback–Leibler divergence** from the teacher to the student is
#
# $$\mathrm{KL}(p \,\|\, q) = \sum_i p_i \,(\ln p_i - \ln q_i)$$
#
# It is 0 if the two agree, and positive otherwise. For a batch, take the **mean over the images**.
#
# **It has a direction.** Teacher (½, ½), student (¾, ¼). From the teacher:
# ½ ln(½/¾) + ½ ln(½/¼) = ½ ln(4/3) ≈ 0.144. From the student: ¾ ln(¾/½) + ¼ ln(¼/½) ≈ 0.131. We want the teacher's
# probabilities as weights: the student is punished where the *teacher* sees something and the student does not. Reversed, it may
# ignore half of what the teacher sees and pay little.
#
# **Sum over classes, mean over images.** If you average over the classes as well, you divide by $C$ once too often.
#
# **Take the logarithm early.** A probability can underflow to 0, and its logarithm is then minus infinity.
# `torch.log_softmax` gives $\ln p_i$ directly and never underflows.
#
# **Predict:** you give both networks an eleventh class with the logit -10000, which means "impossible". How should the loss change?

# %% exercise="4.3-kl" kind="code" points=15 minutes=12 difficulty=2
# Exercise 4.3-kl: the mean divergence from the teacher to the student
def mean_kl(student_logits, teacher_logits, temperature):
    """Mean over the images of KL(teacher || student), both softened with the same temperature.

    student_logits, teacher_logits: float32 or float64 tensors, shape (N, C), values up to 1e4 in size.
    temperature: positive float.    Returns one number (a tensor of shape () or a float), in nats.
    """
    log_q = torch.log_softmax(student_logits / temperature, dim=1)  # blank: log_q = torch.log_softmax(___, dim=1)
    log_p = torch.log_softmax(teacher_logits / temperature, dim=1)  # blank: log_p = torch.log_softmax(___, dim=1)
    per_image = (log_p.exp() * (log_p - log_q)).sum(dim=1)  # blank: per_image = (___ * (___)).sum(dim=___)
    return per_image.mean()

# %% [markdown] hints="4.3-kl"
# 1. Write the formula's three ingredients beside the code's names. Two of them are in the code already, as logarithms; which one is missing, and how do you get it from its logarithm?
# 2. Whose probabilities are the weights? Look at the worked example: the weights in the first number are ½ and ½.
# 3. The sum for one image runs over its classes. In a tensor of shape (N, C), which dimension must disappear?

# %% check="4.3-kl"
check("4.3-kl")

# %% [markdown]
# *Your prediction: not at all. Both networks give the eleventh class the probability 0, and the other probabilities stay as they were. What it
# adds is 0 times a finite number, because the logarithms were taken early.*
#
# ## 4.4-bug  The library's version, with a mistake in it
#
# *7 minutes · 10 points · difficulty 2 of 3*
#
# **Why.** PyTorch has the divergence built in: `F.kl_div(log_q, p, ...)`. Its manners are odd. The *student* comes first, as
# **logarithms**; the *teacher* second, as plain **probabilities**; and the result is still KL(teacher ‖ student), the direction that we want.
#
# The function below is meant to be the **soft loss**: the mean over images of KL(teacher ‖ student), times $T^2$ (the next two
# sections say what $T^2$ is for). It runs, it falls during training, and it is wrong: with ten classes it is
# ten times too small, with a hundred classes a hundred times. So the weight that you chose for the teacher is not the weight it gets.
#
# Find the bug and repair it. It sits in one line. The documentation is one keystroke away: `F.kl_div?`

# %% exercise="4.4-bug" kind="bug" points=10 minutes=7 difficulty=2
# Exercise 4.4-bug: the soft loss with PyTorch's kl_div
def soft_loss(student_logits, teacher_logits, temperature):
    """temperature**2 times the mean over the images of KL(teacher || student).

    student_logits, teacher_logits: float32 or float64 tensors, shape (N, C), values up to 1e4 in size.
    temperature: positive float.    Returns one number (a tensor of shape () or a float).
    """
    log_q = F.log_softmax(student_logits / temperature, dim=1)
    p = F.softmax(teacher_logits / temperature, dim=1)
    return temperature**2 * F.kl_div(log_q, p, reduction="batchmean")  # bug: return temperature**2 * F.kl_div(log_q, p, reduction="mean")

# %% [markdown] hints="4.4-bug"
# 1. Call it with a batch of one image, ten classes, T = 1, and compare with the sum that you wrote in 4.3. What is the ratio? Now two images. Does the ratio change?
# 2. The first two lines are right, strange as their order looks. So it is a question of what is summed and what is averaged.
# 3. Read in the documentation what each value of `reduction` divides by: by nothing, by the number of images, or by the number of all entries.

# %% check="4.4-bug"
check("4.4-bug")

# %% [markdown]
# ## 4.5-loss  The whole loss
#
# *9 minutes · 16 points · difficulty 2 of 3*
#
# **Why.** The teacher is not always right, and the labels are there. So the student listens to both:
#
# $$L = \alpha \cdot T^2 \cdot \mathrm{KL}(p \,\|\, q) \;+\; (1 - \alpha) \cdot \mathrm{CE}(\text{student}, \text{labels})$$
#
# The first term is the **soft loss**, with both networks at temperature $T$. The second is the **hard loss**: the ordinary
# cross-entropy on the student's own logits, at temperature **1**, because at that temperature the student will be used.
#
# **Two conventions exist.** Here $\alpha$ is the weight of the *soft* loss. Other texts and libraries put $\alpha$ on the
# *hard* loss, and then 0.9 here is 0.1 there. Nobody sees it from the letter, so we put it in the name: `alpha_soft`.
#
# **The way back.** Training calls `.backward()` on this loss, and that must bring the gradient of both terms to the student's logits. So stay with tensors
# from the first line to the last: `.item()`, `.detach()`, NumPy or a new tensor made from numbers cut the way.
#
# **A worked example.** $T = 2$, $\mathrm{KL} = 0.05$, cross-entropy 0.4, $\alpha = 0.75$. The soft loss is 4 × 0.05 = 0.2. Together:
# 0.75 × 0.2 + 0.25 × 0.4 = 0.25.
#
# **Limits that a right loss obeys.** $\alpha = 0$: plain cross-entropy, whatever the teacher says. $\alpha = 1$: the labels play no part.
# Teacher = student: the soft loss is 0. A constant added to an image's logits: no change.
#
# **Predict:** at $\alpha = 0$, does the loss depend on $T$?

# %% exercise="4.5-loss" kind="code" points=16 minutes=9 difficulty=2
# Exercise 4.5-loss: soft and hard loss together
def distillation_loss(student_logits, teacher_logits, labels, temperature, alpha_soft):
    """alpha_soft * soft loss + (1 - alpha_soft) * hard loss.

    student_logits, teacher_logits: float32 or float64 tensors, shape (N, C), values up to 1e4 in size.
    labels: int64 tensor, shape (N,).
    temperature: positive float.    alpha_soft: float from 0 to 1, the weight of the SOFT loss.
    Soft loss: temperature**2 times the mean over the images of KL(teacher || student), softened.
    Hard loss: mean cross-entropy of the student with the labels, at temperature 1.
    Returns a tensor of shape (), from which .backward() reaches student_logits.
    """
    log_q = F.log_softmax(student_logits / temperature, dim=1)
    p = F.softmax(teacher_logits / temperature, dim=1)
    kl = F.kl_div(log_q, p, reduction="batchmean")  # blank: kl = ___
    soft = temperature**2 * kl  # blank: soft = ___ * kl
    hard = F.cross_entropy(student_logits, labels)  # blank: hard = F.cross_entropy(___, labels)
    return alpha_soft * soft + (1 - alpha_soft) * hard  # blank: return (___) * soft + (___) * hard

# %% [markdown] hints="4.5-loss"
# 1. The line for `kl` is what you repaired in 4.4, without the temperature factor. You may write it out as in 4.3 instead.
# 2. `F.cross_entropy` takes logits and does the softmax itself. Which logits, at which temperature?
# 3. Put the numbers of the worked example into your last line. Then try the limits: which term must vanish for a weight of 0, which for a weight of 1?

# %% check="4.5-loss"
check("4.5-loss")

# %% [markdown]
# *Your prediction: no. At α = 0 the soft loss has no weight, and the hard loss is always taken at temperature 1.*
#
# ## 4.6-gradient  Why T squared
#
# *15 minutes · 14 points · difficulty 3 of 3*
#
# **Why.** A network learns from the gradient, not from the loss. A higher temperature makes the gradient smaller. If you did
# not correct for it, every change of $T$ would also change how much the teacher counts against the labels.
#
# **Derive it.** Take one image. Let $u = z/T$ be the student's divided logits, $q$ their softmax, $p$ the teacher's probabilities.
#
# 1. For softmax and KL (as for softmax and cross-entropy) the derivative with respect to $u_i$ is $q_i - p_i$.
# 2. But the student's logits are $z$, and $u = z/T$. The chain rule gives one more factor.
# 3. The soft loss carries the factor $T^2$, and it is a mean over $N$ images.
#
# **How large is the difference $q - p$?** For large $T$ both are nearly flat: $q_i \approx \frac{1}{C}(1 + (z_i - \bar z)/T)$. So $q - p$ itself shrinks
# like $1/T$. One $1/T$ comes from here, one from the chain rule, and $T^2$ takes both away. What is left in the limit is
# $(z_i - \bar z - v_i + \bar v)/(CN)$ with the teacher's logits $v$: at high temperature the student simply learns to match centred logits.
#
# **Predict:** write the three factors on paper before you fill the blanks.

# %% exercise="4.6-gradient" kind="code" points=14 minutes=15 difficulty=3
# Exercise 4.6-gradient: the gradient of the soft loss, in closed form
def soft_gradient(student_logits, teacher_logits, temperature):
    """Derivative of the soft loss with respect to the student's logits.

    student_logits, teacher_logits: float32 or float64 tensors, shape (N, C).    temperature: positive float.
    The soft loss is temperature**2 times the mean over the N images of KL(teacher || student).
    Returns a tensor of shape (N, C).
    """
    q = torch.softmax(student_logits / temperature, dim=1)
    p = torch.softmax(teacher_logits / temperature, dim=1)
    return temperature * (q - p) / len(student_logits)  # blank: return ___ * (___) / ___

# %% [markdown] hints="4.6-gradient"
# 1. If the student gives a class too much probability, the loss falls when that logit falls. So what sign must the derivative have there?
# 2. The factors one by one: what does the chain rule give for u = z/T? What stands in front of the mean? What does the mean divide by? Multiply and cancel.
# 3. Doubt your result? Nudge one logit by 0.001 in both directions, take the difference of the two losses and divide by 0.002. It must agree with your entry there to several digits.

# %% check="4.6-gradient"
check("4.6-gradient")

# %% demo=true
# The size of the soft gradient at temperatures 1 to 64, with T squared and without it.
def new_student(width, seed):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(train_x.shape[1], width), nn.Tanh(), nn.Linear(width, 10))


with torch.no_grad():
    z, v = new_student(32, seed=0)(val_x).double(), teacher(val_x).double()
temperatures = np.array([1, 2, 4, 8, 16, 32, 64])
with_square = np.array([soft_gradient(z, v, float(t)).norm().item() for t in temperatures])
without = with_square / temperatures**2
limit = (((z - z.mean(1, keepdim=True)) - (v - v.mean(1, keepdim=True))) / z.numel()).norm().item()

# Does the closed form agree with finite differences of the loss?
t, step, nudge = 4.0, 1e-4, torch.zeros_like(z)
nudge[3, 7] = step
slope = (distillation_loss(z + nudge, v, val_y, t, 1.0) - distillation_loss(z - nudge, v, val_y, t, 1.0)) / (2 * step)
leaf = z.clone().requires_grad_()
distillation_loss(leaf, v, val_y, t, 1.0).backward()  # what training uses: only tensors all the way through have a gradient
print(f"one entry: formula {soft_gradient(z, v, t)[3, 7]:.9f}, finite differences {slope:.9f}, backward {leaf.grad[3, 7]:.9f}")
print(f"{'T':>4}{'with T^2':>12}{'without':>12}")
for row in zip(temperatures, with_square, without):
    print("{:4d}{:12.5f}{:12.7f}".format(*row))
print(f"largest over smallest: {with_square.max() / with_square.min():.1f} with T^2, {without.max() / without.min():.0f} without")
figures.gradient_sizes(temperatures, with_square, without, limit)

# %% [markdown]
# *What to see: without the factor the gradient falls by orders of magnitude; with it the size stays nearly the same at all
# temperatures, in comparison, and settles at the limit for high ones (dotted).*
#
# *Your prediction: $T^2$ stands in front, the chain rule gives $1/T$ and the mean $1/N$; together $(q - p)\,T/N$.*
#
# ## 4.7-teacher  Ask the teacher once
#
# *9 minutes · 12 points · difficulty 2 of 3*
#
# **Why.** The teacher is the expensive network. If the images never change, its answers never change either: compute the logits
# once, keep them in a file, and train ten students from it. Three things must be right.
#
# - **Evaluation mode.** In training mode dropout rolls dice, and batch norm uses the mean of *this batch*: the logits of one image then
#   depend on its neighbours. Worse, every batch that passes changes the statistics that the teacher has stored.
# - **No gradients.** Nobody will train the teacher, so PyTorch need not remember how the logits came about. `torch.no_grad()` saves memory and time.
#   We return a NumPy array: a tensor with gradients attached refuses to become one.
# - **Leave no trace.** The teacher comes back as it came: the same weights, statistics and mode, and each `requires_grad` as it was, also
#   in a teacher that is frozen, or partly frozen.
#
# *A cache is right only without random augmentation.* If each epoch shifts the images anew, the teacher must see the shifted ones, every time.
#
# `module.training` tells the mode, and `module.train(mode)` sets it for all parts: `True` is training, `False` evaluation.
#
# **Predict:** in evaluation mode, does the batch size matter for the logits?

# %% exercise="4.7-teacher" kind="code" points=12 minutes=9 difficulty=2
# Exercise 4.7-teacher: the teacher's logits, computed once
def cached_logits(teacher, images, batch_size):
    """The teacher's logits of all images, in evaluation mode.

    teacher: nn.Module; all its parts are in the same mode, training or evaluation.
    images: float32 tensor, shape (N, ...), N at least 1.
    batch_size: int, at least 1, how many images to ask about at once; it need not divide N. It is there to save memory: the
      logits do not depend on it, and only they are checked.
    Returns a float32 NumPy array, shape (N, C), in the order of the images.
    Afterwards the teacher is what it was before: weights, statistics, mode, and requires_grad of each weight.
    """
    mode = teacher.training
    teacher.train(False)  # blank: teacher.train(___)
    parts = []
    with torch.no_grad():  # blank: with ___:
        for start in range(0, len(images), batch_size):
            parts.append(teacher(images[start : start + batch_size]))  # blank: parts.append(teacher(images[___ : ___]))
    teacher.train(mode)  # blank: teacher.train(___)
    return torch.cat(parts).numpy()

# %% [markdown] hints="4.7-teacher"
# 1. The first line of the body keeps something. Where is it needed again, and what must be set in between?
# 2. Each round takes one batch from `start` on. Python's slices may run past the end; they just stop there.
# 3. If NumPy complains about a tensor that requires grad, the block around the loop is not the one that the text names.

# %% check="4.7-teacher"
check("4.7-teacher")

# %% demo=true
# The same teacher, asked in the right and in the wrong mode.
import copy

right = torch.from_numpy(cached_logits(teacher, val_x, 64))
wrong_mode = copy.deepcopy(teacher).train()
with torch.no_grad():
    in_groups = [torch.cat([wrong_mode(part) for part in val_x.split(size)]) for size in (64, 4)]
after = copy.deepcopy(wrong_mode).eval()
with torch.no_grad():
    for name, logits in (("evaluation mode", right), ("training mode, batches of 64", in_groups[0]),
                         ("training mode, batches of 4", in_groups[1]), ("evaluation mode, afterwards", after(val_x))):
        correct = 100 * (logits.argmax(dim=1) == val_y).float().mean()
        print(f"{name:30} accuracy {correct:5.1f} %, mean change of a logit {(logits - right).abs().mean():.2f}")

cache = cached_logits(teacher, train_x, 256)
print(f"\ncache: {cache.shape}, {cache.nbytes:,} bytes; the teacher was asked about {len(train_x):,} images,")
print(f"without a cache it would be {300 * len(train_x):,} for every student trained for 300 epochs")

# %% [markdown]
# In training mode the answers depend on the company: with 4 images in a batch the teacher is much worse than with 64. The last row is the
# damage that lasts. Asked in evaluation mode again, the logits are not the old ones, because the stored statistics have moved towards the
# images of the question. Whether the accuracy falls or happens to rise: it is no longer the network that you measured.
#
# *Your prediction: no. In evaluation mode every image is answered by itself, so the batch size is a question of speed and memory only.*
#
# ## Which temperature?
#
# Now to the students. The task is made hard on purpose: each student gets only **60 labelled images**. For all of them there are
# the cached logits of the teacher, which was trained on all images. Every run has its own seed: other 60 images, other first weights.
# Row by row the seeds are the same, so rows may be compared seed by seed.
#
# **Choose on validation images.** We sweep $T$ over 1, 2, 4, 8 and 16 with $\alpha = 0.7$, and leave the test images alone.
#
# **Predict:** which temperature will be the worst?

# %% demo=true
SEEDS, LABELLED = (0, 1, 2), 60
teacher_logits = torch.from_numpy(cached_logits(teacher, train_x, 256))


def taught_by(v, y, T, alpha):
    return lambda z, i: distillation_loss(z, v[i], y[i], T, alpha)


def students(T, alpha, logits=teacher_logits, width=32, n=LABELLED):
    """One trained student for each seed: n labelled images, their teacher logits, 300 steps (batches if n is large)."""
    trained = []
    for seed in SEEDS:
        few = torch.randperm(len(train_x), generator=torch.Generator().manual_seed(100 + seed))[:n]
        loss_of = taught_by(logits[few], train_y[few], T, alpha)
        trained.append(train(new_student(width, seed), train_x[few], loss_of, steps=300, batch=256 if n > 256 else None))
    return trained


def scores(trained, x=val_x, labels=val_y):
    """Accuracy of each student, in per cent."""
    return np.array([accuracy(student, x, labels) for student in trained])


def line(name, points):
    print(f"{name:26} {points.mean():5.1f} ± {points.std(ddof=1):.1f}   " + "  ".join(f"{p:.1f}" for p in points))


print("validation accuracy in %, mean ± standard deviation, then each seed")
plain_students = students(T=1.0, alpha=0.0)
swept_students = {t: students(T=float(t), alpha=0.7) for t in (1, 2, 4, 8, 16)}
alone, sweep = scores(plain_students), {t: scores(trained) for t, trained in swept_students.items()}
line("without a teacher", alone)
for t, points in sweep.items():
    line(f"T = {t}, alpha = 0.7", points)
best_T = max(sweep, key=lambda t: sweep[t].mean())
print("chosen: T =", best_T)
figures.temperature_sweep(sweep, alone)

# %% [markdown]
# *What to see: at T = 1 the teacher adds next to nothing, because it is so sure of its own training images that its answers are the labels over again;
# from T = 4 on the curve is flat within its spread, so the exact choice hardly matters here.*
#
# *Your prediction: T = 1, of those tried; look at its row beside the one without a teacher.*
#
# ## With and without a teacher
#
# The choice is made. Now, once, the **test images**, with the temperature that validation chose. The students with 60 labelled images are
# those of the sweep; new ones get all the images.
#
# **Predict:** with all labels, will the teacher still help?

# %% demo=true
everything = len(train_x)
trained = {
    (LABELLED, "without"): plain_students,
    (LABELLED, "with"): swept_students[best_T],
    (everything, "without"): students(1.0, 0.0, n=everything),
    (everything, "with"): students(float(best_T), 0.7, n=everything),
}
results = {key: scores(some, test_x, test_y) for key, some in trained.items()}
print("test accuracy in %, mean ± standard deviation, then each seed")
print(f"{'teacher':26} {accuracy(teacher, test_x, test_y):5.1f}")
for (n, name), points in results.items():
    line(f"{n} images, {name}", points)
for n in (LABELLED, everything):
    line(f"{n} images, gain", results[n, "with"] - results[n, "without"])
count = sum(p.numel() for p in new_student(32, 0).parameters())
total = sum(p.numel() for p in teacher.parameters())
print(f"the student has {count:,} parameters, the teacher {total:,}: {100 * count / total:.1f} %")
print(f"one test image is {100 / len(test_x):.2f} points")
figures.with_and_without(results)

# %% [markdown]
# *What to see: each line is one seed, from "without" to "with"; the lines rise more steeply with few labels than with all of them.*
#
# Where labels are plentiful the student finds out by itself most of what the teacher knows, and what is left is a handful of test images. That is usual:
# published gains are often a fraction of a point. Look at the spread before you believe one.
#
# One more number stands in the print-out: the student's size against the teacher's. You may read the rule that a student below 5 % of its teacher is too
# small. On the small digits ours is below that and gains. What counts is whether the student can do the task.
#
# *Your prediction: see the two rows "gain", each with its spread. If a gain is smaller than its spread, these seeds do not show that the teacher helped.*
#
# ## When it fails
#
# Four ways to do it badly and one that only looks bad, on validation images, each with one thing changed: a **poor teacher** that learnt from 30 images
# only; a **student that is too small**, with four hidden units, compared with itself without a teacher; a teacher who is **hardly heard**
# ($\alpha = 0.001$); a temperature that **suits nobody** (0.25: harder than the labels need); and an absurdly high one (1000).
#
# **Predict:** which of the five does real harm, which are just useless, and which is not bad at all?

# %% demo=true
thirty = torch.randperm(len(train_x), generator=torch.Generator().manual_seed(7))[:30]
poor = train(new_teacher(1), train_x[thirty], lambda z, i: F.cross_entropy(z, train_y[thirty][i]), steps=100, rate=0.003)
poor_logits = torch.from_numpy(cached_logits(poor, train_x, 256))
print(f"the poor teacher's validation accuracy: {accuracy(poor, val_x, val_y):.1f} %")
T = float(best_T)
tiny_alone = scores(students(T=1.0, alpha=0.0, width=4))
cases = {
    f"good teacher, T = {best_T}": (sweep[best_T], alone),
    "poor teacher": (scores(students(T, 0.7, logits=poor_logits)), alone),
    "student of 4 units": (scores(students(T, 0.7, width=4)), tiny_alone),
    "alpha = 0.001": (scores(students(T, 0.001)), alone),
    "T = 0.25": (scores(students(0.25, 0.7)), alone),
    "T = 1000": (scores(students(1000.0, 0.7)), alone),
}
print("validation accuracy in %, mean ± standard deviation, then each seed")
line("without a teacher", alone)
line("4 units, without", tiny_alone)
for name, (points, _) in cases.items():
    line(name, points)
figures.gains({name: points - base for name, (points, base) in cases.items()})

# %% [markdown]
# *What to see: gain over the same student without a teacher, one mark for each seed; right of the line the teacher helped, left of it the teacher did harm.*
#
# *Your prediction, on the small digits:* a poor teacher is, on average, worse than none, for the student copies its mistakes. A student that is too small for the labels is
# too small for the teacher, too: it wears itself out on fine distinctions that it has no room for. A whisper and a cold temperature are
# merely useless. The very high temperature is as good as a moderate one, or nearly, thanks to $T^2$: it is the limit of 4.6, matching centred logits.
#
# ## 4.8-hint  Copy the middle, too
#
# *6 minutes · 6 points · difficulty 1 of 3*
#
# **Why.** Logits are the teacher's last word. Its hidden layers know more. **Feature matching**, or **hints**, asks the student's hidden
# layer to predict the teacher's. The two have different widths, so a linear **regressor** stands between: it is trained with the student and
# thrown away with the teacher.
#
# $$\text{hint loss} = \text{mean over all images and all teacher features of } (f_s W^\top + b - f_t)^2$$
#
# **A worked example.** Student features (1, 2), $W$ with the rows (1, 0), (0, 1), (1, 1) and $b$ = (0, 0, 1): the prediction is (1, 2, 4).
# If the teacher has (1, 2, 1), the errors are 0, 0, 3 and the loss is 9/3 = 3.
#
# **Predict:** another student has the same features, ten times as large. Can a regressor give it the same hint loss?

# %% exercise="4.8-hint" kind="code" points=6 minutes=6 difficulty=1
# Exercise 4.8-hint: the hint loss
def hint_loss(student_features, teacher_features, weight, bias):
    """Mean squared error of the teacher's features as predicted from the student's.

    student_features: float32 tensor, shape (N, S).    teacher_features: float32 tensor, shape (N, F).
    weight: float32 tensor, shape (F, S), and bias, shape (F,): the regressor, as in nn.Linear.
    Returns one number (a tensor of shape () or a float): the mean over all N * F entries.
    """
    predicted = student_features @ weight.T + bias  # blank: predicted = ___ + bias
    return ((predicted - teacher_features) ** 2).mean()  # blank: return ___

# %% [markdown] hints="4.8-hint"
# 1. Shapes first: from (N, S) and (F, S) to (N, F). Which of the two must be turned round before they can be multiplied?
# 2. The regressor translates from the student's language to the teacher's. So what does it act on, and what is compared with what?
# 3. Check yourself with the worked example. If you get 9 you summed over the features; if you get 1 you forgot to square.

# %% check="4.8-hint"
check("4.8-hint")

# %% [markdown]
# *Your prediction: yes, one with a tenth of the weights and the same bias. The regressor takes care of size and of the mixture; what counts is what the features know.*
#
# ## 4.9-written  Would you ship it?
#
# *15 minutes · 8 points · difficulty 2 of 3 · read by a person*
#
# **Why.** A gain of a few tenths of a point is quickly reported and seldom checked. You have runs of your own to check one with.
#
# A colleague writes: *"Distillation with T = 4 and α = 0.9 gave us 97.2 %, the plain student had 96.9 %. The teacher is worth it. We took the
# temperature with the best test accuracy."*
#
# **Answer in six to twelve sentences:**
#
# 1. Name three things that you must know or repeat before you believe the claim. Use the numbers that your own runs above printed as a yardstick.
# 2. Your notebook's student gained from the teacher in one setting and hardly in another. Which, and why? What did the temperature have to do with it?
# 3. The colleague's code says `loss = alpha * hard + (1 - alpha) * kl`, without a T squared. What did the run with "α = 0.9" really do?

# %% [markdown] exercise="4.9-written" kind="written" points=8 minutes=15 difficulty=2
# **Your answer to 4.9-written.** Double-click here, write in place of the line below, then press Shift+Enter.
#
# <!-- answer -->
# **A model answer**
#
# 1. One run each says nothing: between my seeds the accuracy of the very same recipe differs by more than 0.3 points, so I want at least three
#    seeds, the mean and the spread, best with the same seeds in both rows. The temperature was chosen on the test images, so 97.2 % is
#    the best of several tries on the very images that should judge; choose on validation images and touch the test once. I also want the number of test
#    images: with 360 of them one image is 0.28 points, and the whole difference is one image. (Also good: was the plain student trained as long and tuned as well?)
# 2. With 60 labelled images the student gained several points, with all labels a fraction of that. A teacher can only give what the labels do not:
#    with few labels its soft answers carry much, about which digits look alike; with plenty the student finds out by itself. At T = 1 the
#    gain was nearly gone as well, because on its own training images the teacher is so sure that its answers are the labels again; the temperature makes the small probabilities count.
# 3. In that code alpha stands on the hard loss. So the labels had 0.9 and the teacher 0.1, and without T squared the soft gradient was about 16 times too weak
#    on top. The run was almost plain cross-entropy: the 0.3 points are hardly the teacher's doing.

# %% [markdown] hints="4.9-written"
# 1. Which images chose the temperature? How many runs stand behind each number? How many images is 0.3 points?
# 2. Compare the two pairs of rows of the test table, and the row T = 1 of the sweep with the row T = 4. In which case does the teacher say something that the labels do not say?
# 3. Put alpha = 0.9 into the colleague's line and write down the two weights. Then look at your figure of the gradient: what happens at T = 4 without the factor?

# %% [markdown] rubric="4.9-written"
# **4.9-written, 8 points**
#
# - 3 points, one for each of three sound demands: several seeds with mean and spread; temperature chosen on validation, not on test images; size of the test set or
#   the value of one image; equal training and tuning for the plain student; the teacher's own accuracy. One of the numbers must be compared with the student's own print-outs, else at most 2.
# - 3 points: few labels gained, all labels hardly [1]; reason: the teacher adds only what the labels leave out [1]; temperature: a sure teacher at T = 1 repeats the labels, a higher T shows the rest [1].
# - 2 points: alpha is on the hard loss, so 0.9 means the teacher had 0.1 [1]; without T squared the soft part is weaker by about another factor of 16 [1].
# - Honest print-outs that differ from ours (another machine, MNIST) are right if the reasoning fits them.

# %% [markdown]
# ## Mini-challenge (no points, no blanks)
#
# The teacher can label images that nobody has labelled. Give the student 60 labelled images **and** the teacher's logits of all the other
# training images, without their labels. How much of the way to "all labels" does that go? The next cell has an outline only.

# %%
# 1. Take 60 labelled images as above. Call the other training images unlabelled: their labels are taboo.
# 2. Each step: the whole loss on the labelled ones, plus the soft loss alone (alpha_soft = 1)
#    on a batch of unlabelled ones.
# 3. Three seeds, validation accuracy, mean and spread. Put the row between "60 images" and "all images".
# 4. Repeat with the poor teacher. Does more of a poor teacher do more harm?

# %% demo=true
progress()

# %% [markdown]
# ## Common errors
#
# | You see | It was probably |
# |---|---|
# | the soft loss is too small by the number of classes | an average over the classes as well as over the images |
# | NaN as soon as the teacher is sure | logarithm of a softmax that has underflowed; use `log_softmax` |
# | a loss below 0 | plain probabilities where `kl_div` wants logarithms, or its arguments swapped |
# | a loss that stays above 0 with teacher = student | cross-entropy in place of KL: the teacher's entropy is still in it |
# | a higher T acts like a smaller α | $T^2$ is missing |
# | α = 0.9 behaves like α = 0.1 | the other convention: α stands on the hard loss |
# | "soft probabilities" that add up to 1/T | divided by T after the softmax, not before |
# | the teacher's answers change from call to call | the teacher is in training mode |
# | the student is good in training, poor in use | the hard loss was softened, too; the student is used at T = 1 |
#
# ## Quick reference
#
# | | |
# |---|---|
# | softened | $p_i = e^{z_i/T} / \sum_j e^{z_j/T}$; $T \to 0$ one-hot, $T \to \infty$ uniform |
# | divergence | $\mathrm{KL} = \sum_i p_i (\ln p_i - \ln q_i)$, $p$ the teacher; sum over classes, mean over images |
# | PyTorch | `F.kl_div(log_q, p, ...)`: the student's logarithms first, the teacher's probabilities second; the reduction of 4.4 |
# | whole loss | $\alpha\, T^2\, \mathrm{KL} + (1 - \alpha)\, \mathrm{CE}$, hard part at $T = 1$; α on the soft loss |
# | soft gradient | the formula of 4.6; rows add up to 0; for high $T$ it matches centred logits |
# | teacher | evaluation mode, no gradients, frozen, cached unless images are augmented |
# | hint | $\mathrm{mean}\,(f_s W^\top + b - f_t)^2$, the regressor is thrown away |
# | report | three seeds or more, mean and spread; choose on validation, test once |
#
# ## Questions people ask
#
# **Which T and which α should I start with?** T = 4 and α = 0.7 to 0.9, then a short sweep on validation images. Your own sweep above shows how flat the
# curve is around that. A teacher that is very sure of its training images needs a higher T than one that is not.
#
# **Does the student need the teacher's architecture?** No. They only need the same classes in the same order. A convolutional teacher may teach an MLP.
#
# **Can the student become better than the teacher?** Yes, now and then, for instance when both are the same size and the teacher's soft answers act as a
# regulariser. Do not count on it.
#
# **Why not just copy the teacher's logits with a squared error?** You may: 4.6 shows that a high temperature comes down to it. A moderate temperature
# pays less attention to the very negative logits, which are often noise.
#
# **Is a better teacher always a better teacher?** No. One that is far ahead of the student, or was trained with label smoothing, can teach worse. Measure.
#
# ## What this did not show
#
# - Nothing got faster or smaller here by distillation itself: the student was small from the start. Its size and speed are those of its architecture; lesson 03 counts and times, and so do the labs.
# - Very small images, small networks, few seeds. Differences below two points mean little with this many images.
# - The hint loss was checked but not used in training. Where to hook it in, and with what weight, is trial and error.
# - Accuracy only. Lesson 06 looks at each class; how sure the student is when it is wrong is not measured here or there.
#
# ## Further reading
#
# - Hinton, Vinyals, Dean (2015), *Distilling the Knowledge in a Neural Network*, [arXiv:1503.02531](https://arxiv.org/abs/1503.02531). Temperature, T squared, the name.
# - Romero et al. (2014), *FitNets: Hints for Thin Deep Nets*, [arXiv:1412.6550](https://arxiv.org/abs/1412.6550). Feature matching with a regressor.
# - Cho, Hariharan (2019), *On the Efficacy of Knowledge Distillation*, [arXiv:1910.01348](https://arxiv.org/abs/1910.01348). When a better teacher teaches worse.
# - Müller, Kornblith, Hinton (2019), *When Does Label Smoothing Help?*, [arXiv:1906.02629](https://arxiv.org/abs/1906.02629). Why it spoils a teacher.
# - Furlanello et al. (2018), *Born Again Neural Networks*, [arXiv:1805.04770](https://arxiv.org/abs/1805.04770). Students of the teacher's own size.
