"""What checks ask of the files handed in with a lab: whether the student's table says what is measured, and the networks are what they should be.

Each question takes the `Artefacts` and raises `Mistake`, with a sentence for the student, where it is not so.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from autograder.checks.artefacts import DATA, Accuracy, Artefacts
from autograder.checks.expect import that
from autograder.checks.words import show

INT8_SHARE = 2 / 3
LIKENESS = 0.8
# Of two networks' answers, the mean cosine: 0.963 at most for two temperatures of one seed, both honestly trained; 1 for a copy under another name.
ALIKE = 0.99


# Reading the table


def data_of(results: dict[str, Any]) -> str:
    """The name of the data set that the table is about."""
    name: Any = results.get("data")
    that(
        isinstance(name, str) and name in DATA,
        f'The table must say its data set: "data": {" or ".join(map(repr, DATA))}; here it is {show(name)}.',
    )
    return name


def rows(results: dict[str, Any], files: Sequence[str]) -> list[dict[str, Any]]:
    """The table's rows, one for each of `files`, in that order: a list of dicts."""
    found: Any = results.get("rows")
    that(isinstance(found, list) and all(isinstance(row, dict) for row in found), 'The table must have "rows", a list of objects.')
    by_file = {}
    for row in found:
        name = row.get("file")
        that(isinstance(name, str), f'Every row must name its "file"; one has {show(name)}.')
        that(name in files, f"The table has a row for {show(name)}, which is no file of this exercise.")
        that(name not in by_file, f"The table has two rows for `{name}`.")
        by_file[name] = row
    for name in files:
        that(name in by_file, f"The table has no row for `{name}`.")
    return [by_file[name] for name in files]


def number(row: dict[str, Any], cell: str) -> int | Decimal:
    """A number in a row: int or Decimal."""
    value: Any = row.get(cell)
    ok = isinstance(value, (int, Decimal)) and not isinstance(value, bool)
    that(ok, f"`{row.get('file', 'A row')}`, {cell}: expected a number, got {show(value) if value is not None else 'nothing'}.")
    return value


# Comparing


CELLS = {"accuracy_percent": "accuracy", "bytes": "size in bytes", "parameters": "parameters", "macs": "MACs"}


def same_table(artefacts: Artefacts, table: Sequence[dict[str, Any]], data: str = "", cells: Sequence[str] = tuple(CELLS)) -> None:
    """Every one of these cells of the table is what its file gives; each that is not is named.

    Bytes, parameters and multiply-accumulates are compared exactly, accuracies, on all test images of `data`, by `not_so`.
    """
    wrong = []
    for row in table:
        for cell in cells:
            name, claimed = row["file"], number(row, cell)
            if cell == "accuracy_percent":
                untrue = not_so(claimed, artefacts.accuracy(name, data))
                if untrue:
                    wrong.append(f"`{name}`, accuracy: {untrue}")
            elif claimed != getattr(artefacts.model(name), cell):
                wrong.append(f"`{name}`, {CELLS[cell]}: you report {claimed:,}, the file has {getattr(artefacts.model(name), cell):,}")
    that(not wrong, "; ".join(wrong) + ".")


def not_so(claimed: int | Decimal, found: Accuracy) -> str:
    """What is wrong with an accuracy in per cent, int or Decimal, where a file has the `Accuracy` `found`; nothing if it holds.

    It holds within the rounding of the figure as it is written, and the images whose first two logits other arithmetic may swap.
    """
    digits = max(0, -int(claimed.as_tuple().exponent)) if isinstance(claimed, Decimal) else 0
    allowed = 0.5 * 10.0**-digits + 100 * found.near / found.images + 1e-9
    if abs(float(claimed) - found.percent) <= allowed:
        return ""
    return f"you report {claimed} %, the file gives {found.percent:.{max(1, min(digits, 4))}f} %"


def same_order(artefacts: Artefacts, table: Sequence[dict[str, Any]], within: float = 4.0) -> None:
    """How many times faster each row is than the first, by its `milliseconds`, lies within the factor `within` of what is measured here.

    No more than that: another processor has other instructions, and this one may be busy.
    """
    for row in table:
        that(
            number(row, "milliseconds") > 0, f"`{row['file']}`, milliseconds: you report {row['milliseconds']}, and nothing takes no time."
        )
    times = artefacts.race([row["file"] for row in table])
    first, wrong = table[0], []
    for row in table[1:]:
        claimed = float(first["milliseconds"]) / float(row["milliseconds"])
        found = times[first["file"]] / times[row["file"]]
        if not found / within <= claimed <= found * within:
            wrong.append(
                f"`{row['file']}`, milliseconds: by your table it is {claimed:.3g} times as fast as `{first['file']}`, measured here, in turns, "
                f"{found:.3g} times; up to a factor of {within:g} between the two is taken"
            )
    that(not wrong, "; ".join(wrong) + ".")


def really_smaller(artefacts: Artefacts, small: str, large: str) -> None:
    """`small` has the layers of `large` with fewer channels: its weight tensors have shrunk."""
    one, other = artefacts.model(small), artefacts.model(large)
    widths = ["-".join(map(str, each.widths)) for each in (one, other)]
    that(
        len(one.layers) == len(other.layers),
        f"`{small}` has {len(one.layers)} layers and `{large}` {len(other.layers)}: pruning cuts channels, not layers.",
    )
    that(
        all(a <= b for a, b in zip(one.widths, other.widths)),
        f"`{small}` has more channels than `{large}` somewhere: {widths[0]} against {widths[1]}.",
    )
    that(
        one.widths != other.widths,
        f"`{small}` has the same channels as `{large}`, {widths[0]}. Zeros in a tensor do not make it smaller: rebuild the network without those channels.",
    )
    that(one.parameters < other.parameters and one.macs < other.macs, f"`{small}` has no fewer parameters and MACs than `{large}`.")


def really_int8(artefacts: Artefacts, name: str, source: str | None = None) -> None:
    """Every layer's weights are stored in eight bits and meet eight-bit inputs, and no float copy lies beside them; they are those of `source`, rounded."""
    network = artefacts.model(name)
    for number_of, layer in enumerate(network.layers, 1):
        what = f"Layer {number_of} of `{name}` ({layer.op})"
        that(layer.type in ("int8", "uint8"), f"{what} has its weights stored as {layer.type}, not in eight bits.")
        that(layer.eight_bits_in, f"{what} gets its input in float32: without rounded activations nothing is computed in eight bits.")
    codes = sum({layer.name: layer.numbers for layer in network.layers}.values())
    share = codes / sum(network.stored.values())
    that(
        share >= INT8_SHARE,
        f"Only {100 * share:.0f} % of the bytes of all numbers in `{name}` are eight-bit weights; scales and biases need less than a third. What else is in it?",
    )
    if source is None:
        return
    shapes = [[layer.shape for layer in artefacts.model(each).layers] for each in (name, source)]
    that(shapes[0] == shapes[1], f"The layers of `{name}` have other shapes than those of `{source}`: it is not that network, rounded.")
    for number_of, (a, b) in enumerate(zip(artefacts.weights(name), artefacts.weights(source)), 1):
        length = float(np.linalg.norm(a.astype(float)) * np.linalg.norm(b.astype(float)))
        alike = float((a.astype(float) * b.astype(float)).sum()) / length if length > 0 else 0.0
        that(
            alike >= LIKENESS,
            f"The weights of layer {number_of} of `{name}` are not those of `{source}`, rounded: their directions agree by {alike:.2f} only.",
        )


def different_files(artefacts: Artefacts, names: Sequence[str]) -> None:
    """No file stands under two names."""
    seen: dict[bytes, str] = {}
    for name in names:
        other = seen.setdefault(artefacts.data(name), name)
        that(other == name, f"`{name}` is the same file as `{other}`.")


def different_networks(artefacts: Artefacts, names: Sequence[str], data: str) -> None:
    """No network stands under two names: over the test images of `data`, no two answer alike.

    Compared is the angle between their logits for each image, without their mean, which softmax ignores; the cosines are averaged. Another
    name in the file, another order of channels or a factor in the last layer do not make another network; training with another seed does.
    """
    found: list[tuple[str, np.ndarray]] = []
    for name in names:
        logits = artefacts.answers(name, data).astype(float)
        said = np.where(np.isfinite(logits), logits, 0.0)
        said -= said.mean(axis=1, keepdims=True)
        said /= np.maximum(np.linalg.norm(said, axis=1, keepdims=True), 1e-30)
        other = next((before for before, theirs in found if float((said * theirs).sum(axis=1).mean()) > ALIKE), None)
        that(other is None, f"`{name}` answers as `{other}` does, image by image: it is the same network under another name.")
        found.append((name, said))


def classifies(artefacts: Artefacts, name: str, data: str, rng: np.random.Generator, least: float) -> None:
    """At least `least` per cent right on the test images, and, moved by a pixel, on some of them that no table can hold; for that probe a
    tenth of the images less is enough.
    """
    found = artefacts.accuracy(name, data)
    that(found.percent >= least, f"`{name}` gets {found.percent:.1f} % of the test images right; {least:g} % are needed.")
    moved = artefacts.accuracy(name, data, rng)
    that(
        moved.percent >= least - 10,
        f"`{name}` gets {moved.percent:.1f} % right of test images that were moved by one pixel, and {found.percent:.1f} % of the others: "
        "it knows those images, not what they show.",
    )
