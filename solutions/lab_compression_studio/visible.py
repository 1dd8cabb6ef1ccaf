"""The visible checks of the compression studio. They run in the student's kernel, those about files on the student's own files."""

import numpy as np
import torch

from autograder.checks import exercise, measured
from autograder.checks.expect import (
    array,
    close,
    differentiable,
    kind_of,
    letter,
    real_number,
    reproducible,
    same_dtype,
    seed_matters,
    show,
    that,
)

MODELS = ("teacher.onnx", "student.onnx", "pruned.onnx", "int8.onnx")


def loss(student, logits, teacher_logits, labels, temperature, alpha_soft, on):
    """Ask for the loss and for its gradient; both are right within float32, for logits up to 10 or, softened, very sure ones."""
    what = "The result of my_loss"
    answer = student.gradient("my_loss", logits, teacher_logits, labels, temperature, alpha_soft)
    got = real_number(answer.value, what, on)
    that(
        torch.is_tensor(answer.value),
        f"{what} should be a tensor, so that training can follow its gradient; it is {kind_of(answer.value)}.",
    )
    # float32 rounds to 6e-8; logarithms of size up to 10, sums of a dozen, times T squared.
    rounded = 2e-6 * max(1, temperature**2)
    close(got, loss_of(logits, teacher_logits, labels, temperature, alpha_soft), abs=rounded, rel=1e-5, what="the loss", on=on)
    differentiable(answer, what=what)
    want = slopes_of(logits, teacher_logits, labels, temperature, alpha_soft)
    close(answer.grads[0], want, abs=rounded, what="the gradient at the student's logits", on=on)


# The definitions once more, in NumPy and float64.


def log_softened(logits, temperature):
    z = np.asarray(logits, dtype=np.float64) / temperature
    z = z - z.max(axis=1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=1, keepdims=True))


def loss_of(student_logits, teacher_logits, labels, temperature, alpha_soft):
    log_q, log_p = log_softened(student_logits, temperature), log_softened(teacher_logits, temperature)
    soft = temperature**2 * (np.exp(log_p) * (log_p - log_q)).sum(axis=1).mean()
    hard = -log_softened(student_logits, 1.0)[np.arange(len(labels)), np.asarray(labels)].mean()
    return float(alpha_soft * soft + (1 - alpha_soft) * hard)


def slopes_of(student_logits, teacher_logits, labels, temperature, alpha_soft):
    """The loss's gradient at the student's logits: a softmax less its target, for both parts (Hinton, Vinyals and Dean 2015, section 2.1)."""
    q, p, q_1 = (
        np.exp(log_softened(*each)) for each in ((student_logits, temperature), (teacher_logits, temperature), (student_logits, 1.0))
    )
    return (alpha_soft * temperature * (q - p) + (1 - alpha_soft) * (q_1 - np.eye(q.shape[1])[np.asarray(labels)])) / len(q)


def random_state(rng, widths, channels, classes):
    """The tensors of a chain of convolutions, as after some training: name -> tensor."""
    state = {}

    def put(name, low, high, *shape):
        state[name] = torch.from_numpy(rng.uniform(low, high, shape).astype(np.float32))

    for i, (inputs, outputs) in enumerate(zip((channels, *widths), widths)):
        put(f"convs.{i}.weight", -0.5, 0.5, outputs, inputs, 3, 3)
        put(f"norms.{i}.weight", 0.5, 1.5, outputs)
        put(f"norms.{i}.bias", -0.5, 0.5, outputs)
        put(f"norms.{i}.running_mean", -0.5, 0.5, outputs)
        put(f"norms.{i}.running_var", 0.5, 2.0, outputs)
        state[f"norms.{i}.num_batches_tracked"] = torch.tensor(7)
    put("head.weight", -0.5, 0.5, classes, widths[-1])
    put("head.bias", -0.5, 0.5, classes)
    return state


def answer_of(state, images, kept=None):
    """Logits in float64 of the network with these tensors; with `kept`, every other channel silenced."""
    x = images.double()
    for i in range(sum(name.startswith("convs.") for name in state)):
        weight, bias, mean, var = (state[f"norms.{i}.{name}"].double() for name in ("weight", "bias", "running_mean", "running_var"))
        x = torch.conv2d(x, state[f"convs.{i}.weight"].double(), padding=1)
        x = torch.relu(torch.nn.functional.batch_norm(x, mean, var, weight, bias))
        if kept is not None:
            silent = torch.ones(x.shape[1], dtype=torch.bool)
            silent[kept[i]] = False
            x[:, silent] = 0
    return (x.mean(dim=(2, 3)) @ state["head.weight"].double().T + state["head.bias"].double()).numpy()


def prove_rebuilt(student, state, kept, images, on):
    """Ask for the smaller network's tensors; their names and shapes are right, and it answers as the silenced one does."""
    got = student.my_rebuild(state, kept)
    that(isinstance(got, dict), f"my_rebuild should return a dict of tensors; got {kind_of(got)}.")
    missing = [name for name in state if name not in got]
    that(not missing, f"The smaller network lacks {show(missing[0]) if missing else ''}; {on}.")
    that(
        len(got) == len(state),
        f"The smaller network has names that the old one has not: {show(sorted(map(str, got.keys() - state.keys())))}.",
    )
    inputs = images.shape[1]
    for i, keep in enumerate(kept):
        width = len(keep)
        wanted = {f"convs.{i}.weight": (width, inputs, 3, 3), f"norms.{i}.num_batches_tracked": ()}
        wanted |= {f"norms.{i}.{name}": (width,) for name in ("weight", "bias", "running_mean", "running_var")}
        right_tensors(got, state, wanted, on)
        inputs = width
    right_tensors(got, state, {"head.weight": (len(state["head.bias"]), inputs), "head.bias": tuple(state["head.bias"].shape)}, on)
    want = answer_of(state, images, kept)
    # Both are computed here in float64 from the same float32 numbers: nothing is left but the order of sums.
    close(
        answer_of(got, images),
        want,
        abs=1e-9 * (1 + np.abs(want).max()),
        what="the logits of the smaller network (those of the big one with the other channels silenced)",
        on=on,
    )


def right_tensors(got, state, wanted, on):
    for name, shape in wanted.items():
        value = got[name]
        that(torch.is_tensor(value), f'"{name}" should be a tensor; it is {kind_of(value)}.')
        that(tuple(value.shape) == shape, f'"{name}" should have the shape {shape}; it has {tuple(value.shape)}; {on}.')
        same_dtype(value, state[name], what=f'"{name}"')


def random_splits(rng, train, other, channels=2):
    """uint8 images, no two alike and not square, as my_calibration gets them."""
    drawn = rng.integers(0, 256, (train + 2 * other, channels, 4, 5)).astype(np.uint8)
    images = torch.from_numpy(drawn)
    return {"train": images[:train], "val": images[train : train + other], "test": images[train + other :]}


def drawn_from(student, splits, count, mean, std, seed, on):
    """Ask for calibration images and prove that they are normalised training images, each once, drawn at random. Returns their indices."""
    got = student.my_calibration(splits, count, mean, std, seed)
    that(
        torch.is_tensor(got) and got.dtype == torch.float32,
        f"my_calibration should return a float32 tensor; got {got.dtype if torch.is_tensor(got) else kind_of(got)}.",
    )
    shape = (count, *splits["train"].shape[1:])
    that(tuple(got.shape) == shape, f"The result should have the shape {shape}; it has {tuple(got.shape)}; {on}.")
    back = (got.double().numpy() * np.reshape(std, (-1, 1, 1)) + np.reshape(mean, (-1, 1, 1))) * 255
    # float32 rounds to 6e-8 of numbers up to some dozen, times 255 and the spread: far below half a grey level.
    whole = np.rint(back)
    fits = np.isfinite(back).all() and np.abs(back - whole).max() < 0.01 and whole.min() >= 0 and whole.max() <= 255
    that(fits, f"Taken back through mean and spread, these are no pixels from 0 to 255: normalise with (pixel / 255 - mean) / std; {on}.")
    homes = {}
    for name, images in splits.items():
        for index, image in enumerate(images.numpy()):
            homes.setdefault(image.tobytes(), (name, index))
    found = [homes.get(image.astype(np.uint8).tobytes()) for image in whole]
    that(None not in found, f"Some of these images are in none of the splits: is a channel normalised with the numbers of another? {on}.")
    strangers = {name for name, _ in found} - {"train"}
    that(
        not strangers, f"Some of these images come from the split {' and '.join(map(repr, sorted(strangers)))}: that is not what it is for."
    )
    indices = [index for _, index in found]
    that(len(set(indices)) == count, f"Only {len(set(indices))} of {count} images are different ones; {on}.")
    # One block of the file, or every second image: of all honest draws of a dozen, fewer than one in a million looks like this.
    gaps = np.diff(np.sort(indices)).tolist()
    regular = count < len(splits["train"]) and len(gaps) - max(map(gaps.count, gaps)) <= 1
    places = f"from {min(indices)} to {max(indices)}"
    that(not regular, f"These images stand at regular places of the file, {places}, where all may show one class. Draw at random; {on}.")
    return indices


# studio.1


@exercise("studio.1-predict")
def test_predict_what_a_cut_leaves(student, rng):
    chosen = letter(student.value("predict_studio_1"), "predict_studio_1")
    that(chosen == "d", f"({chosen}) is not it. Write down the shape of the weight before and after.")


# studio.2


STUDENT = torch.tensor([[1.0, 2.0, 0.5], [0.0, -1.0, 3.0]])
TEACHER = torch.tensor([[3.0, 0.0, 1.0], [-2.0, 0.5, 2.0]])
LABELS = torch.tensor([1, 2])


@exercise("studio.2-loss")
def test_loss_of_two_small_images(student, rng):
    for temperature, alpha in ((2.0, 0.75), (4.0, 1.0), (3.0, 0.0)):
        on = f"student [[1, 2, 0.5], [0, -1, 3]], teacher [[3, 0, 1], [-2, 0.5, 2]], labels [1, 2], T = {temperature:g}, alpha_soft = {alpha}"
        loss(student, STUDENT, TEACHER, LABELS, temperature, alpha, on)


# studio.3


@exercise("studio.3-rebuild")
def test_rebuild_two_small_layers(student, rng):
    state = random_state(rng, (4, 6), 1, 3)
    kept = [torch.tensor([0, 2]), torch.tensor([1, 3, 5])]
    images = torch.from_numpy(rng.uniform(-1, 1, (3, 1, 5, 5)).astype(np.float32))
    prove_rebuilt(student, state, kept, images, "4 and 6 channels, kept (0, 2) and (1, 3, 5)")


# studio.4


@exercise("studio.4-calibration")
def test_calibration_images_of_a_small_set(student, rng):
    splits = random_splits(rng, 40, 20)
    on = "40 training images, 20 others in each split, count 12, mean [0.3, 0.5], std [0.4, 0.25]"
    drawn_from(student, splits, 12, [0.3, 0.5], [0.4, 0.25], 3, on)


@exercise("studio.4-calibration")
def test_the_seed_draws_the_images(student, rng):
    splits = random_splits(rng, 100, 5, 1)

    def drawn(seed):
        return array(student.my_calibration(splits, 20, [0.5], [0.3], seed), "The result of my_calibration", (20, 1, 4, 5), kinds="f")

    on = "my_calibration of 20 out of 100 training images"
    reproducible(lambda: drawn(0), what=f"{on}, seed 0")
    # That two honest draws are the same 20 of 100 in the same order does not happen.
    seed_matters(drawn, what=on)


# studio.5


@exercise("studio.5-files")
def test_the_files_are_networks(artefacts):
    for name in MODELS:
        artefacts.model(name)
    artefacts.results()
    measured.different_files(artefacts, MODELS)
    measured.really_smaller(artefacts, "pruned.onnx", "student.onnx")
    measured.really_int8(artefacts, "int8.onnx", "pruned.onnx")


# studio.6


def table(artefacts):
    return measured.rows(artefacts.results(), MODELS)


@exercise("studio.6-table")
def test_the_table_is_whole(artefacts):
    measured.data_of(artefacts.results())
    for row in table(artefacts):
        for cell in ("accuracy_percent", "bytes", "parameters", "macs", "milliseconds"):
            measured.number(row, cell)
    measured.same_table(artefacts, table(artefacts), cells=("bytes", "parameters", "macs"))
