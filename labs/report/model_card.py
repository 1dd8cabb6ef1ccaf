"""MODEL_CARD.md, beside a run's four files: what they are, what they get right, what they are not for, how to use them."""

import re
from string import Template

from course_data import Dataset
from course_labs.measuring.rows import LABELS
from course_labs.report import sentences
from course_labs.report.results import Results, Run
from course_labs.report.tables import HEADER, cells, grid

PROGRAM = """\
import json, sys
import numpy as np, onnxruntime
from PIL import Image, ImageOps

session = onnxruntime.InferenceSession("int8.onnx")
about = json.loads(session.get_modelmeta().custom_metadata_map["course"])
size, mean, spread = about["input"], about["input"]["mean"], about["input"]["spread"]
picture = ImageOps.fit(Image.open(sys.argv[1]).convert("$mode"), (size["width"], size["height"]))
pixels = np.asarray(picture).reshape(size["height"], size["width"], -1).transpose(2, 0, 1)[None]
$values
logits = session.run(["logits"], {"image": pixels})[0][0]
print(about["classes"][logits.argmax()])
"""
NORMALISED = "pixels = ((pixels.transpose(0, 2, 3, 1) / 255 - mean) / spread).transpose(0, 3, 1, 2).astype(np.float32)"
RAW = "# (no normalisation: it is inside the file)"

TEXT = Template("""\
# Model card: $title

Four models that tell $classes classes apart: $names. Each is one ONNX file in this folder, and says itself, as JSON in its metadata, how a picture must be prepared
and what the classes are called.

## What they were trained on

| | |
|---|---|
| data set | $title |
| which copy | $source |
| licence of the data | $licence |
| images | $train to train on, $validation to choose by, $test to test, looked at once |
| SHA-256 of pixels and labels | `$sha256` |
| pictures | $size, $channels; other sizes are cut to their middle and scaled |
| seed | $seed |

## What they get right

$table
$remarks

Share of the test images of each class that is classified rightly:

$by_class
$weakest

## What they must not be used for

- **Other pictures than these.** There is no class "none of these": shown anything else, a model still names one of the $classes classes, often with a high confidence.
- **Decisions about people, health, money or safety.** Nobody has looked for what such a use needs: who made the pictures and who is missing from them, rare cases, faults on purpose.
- **Confidences as probabilities.** They are what the softmax gives. That 90 % of the answers given with 90 % are right was not checked.
- **Pictures that change with time.** The table was measured once. Whoever uses a model for long watches it: lesson 09 shows how.

## How to use them

```sh
course predict int8.onnx photo.png folder/
```

It prints class, confidence and milliseconds; `--top 3`, `--json` and `--csv` give more. Without the course, in a program with ONNX Runtime, NumPy and Pillow:

```python
$program```
""")


def card(results: Results, data: Dataset, dtype: str = "float32") -> str:
    """The card of a single run as Markdown; `data` is what its models were trained on, `dtype` what their files take."""
    run, names = results.first, [_text(name) for name in results.data.classes]
    channels, height, width = data.train.images.shape[1:]
    first, *others = sentences.remarks(results)
    return TEXT.substitute(
        title=_text(results.data.title),
        classes=len(names),
        names=", ".join(names),
        source=_text(results.data.source),
        licence=_text(data.licence),
        train=f"{results.data.train:,}",
        validation=f"{results.data.validation:,}",
        test=f"{results.data.test:,}",
        sha256=results.data.fingerprint,
        size=f"{height} × {width} pixels",
        channels={1: "grey", 3: "red, green, blue"}.get(channels, f"{channels} channels"),
        seed=run.seed,
        table=grid(("name", *HEADER), [(f"`{row.file}`", *text) for row, text in zip(run.rows, cells(results))], left=3),
        remarks="\n".join(_text(line) for line in [first, *sentences.brackets(results), *others]),
        by_class=grid(("class", *(LABELS[row.name].short for row in run.rows)), _by_class(run, names)),
        weakest=_weakest(run, names),
        program=Template(PROGRAM).substitute(mode="L" if channels == 1 else "RGB", values=RAW if dtype == "uint8" else NORMALISED),
    )


def _by_class(run: Run, names: list[str]) -> list[tuple[str, ...]]:
    return [(name, *(f"{100 * row.accuracy_by_class[place]:.1f} %" for row in run.rows)) for place, name in enumerate(names)]


def _weakest(run: Run, names: list[str]) -> str:
    """Where the smallest model is worst: a mean hides it."""
    shares = run.row("int8").accuracy_by_class
    worst = min(range(len(shares)), key=shares.__getitem__)
    return (
        f"The int8 model is weakest at {names[worst]}: {100 * shares[worst]:.1f} % there, {100 * run.row('int8').accuracy:.1f} % over all."
    )


def _text(text: str) -> str:
    """`text` as Markdown that shows it as it is: names of folders are anybody's."""
    return re.sub(r"([\\`*_\[\]<>|#$~])", r"\\\1", " ".join(text.split()))
