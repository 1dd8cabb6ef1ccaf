"""What the course knows about each data set before it has seen it: names, sizes, checksums."""

from dataclasses import dataclass, field
from pathlib import Path

from course_data.errors import UserError


@dataclass(frozen=True)
class Spec:
    """Facts about a data set. `shape` is (channels, height, width); counts are images; `licence` is the card's, in a few words."""

    name: str
    title: str
    classes: tuple[str, ...]
    shape: tuple[int, int, int]
    train: int  # images in the training part, before the validation images are taken out of it
    test: int
    validation: int
    licence: str
    bundled: bool = False
    md5: dict[str, str] = field(default_factory=dict)  # file name -> checksum of the published file


DIGITS_CLASSES = tuple("0123456789")

SPECS = {
    "digits": Spec(
        name="digits",
        title="Digits (8×8)",
        classes=DIGITS_CLASSES,
        shape=(1, 8, 8),
        train=1437,
        test=360,
        validation=180,
        licence="CC BY 4.0 (UCI)",
        bundled=True,
    ),
    "mnist": Spec(
        name="mnist",
        licence="no licence text was published with it; commonly treated as CC BY-SA 3.0",
        title="MNIST",
        classes=DIGITS_CLASSES,
        shape=(1, 28, 28),
        train=60_000,
        test=10_000,
        validation=5_000,
        md5={
            "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
            "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
            "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
            "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
        },
    ),
    "cifar10": Spec(
        name="cifar10",
        licence="no licence text was published with it; free for research and teaching by custom",
        title="CIFAR-10",
        classes=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
        shape=(3, 32, 32),
        train=50_000,
        test=10_000,
        validation=5_000,
        md5={
            "data_batch_1": "c99cafc152244af753f735de768cd75f",
            "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
            "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
            "data_batch_4": "634d18415352ddfa80567beed471001a",
            "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
            "test_batch": "40351d587109b95175f43aff81a1287e",
            "batches.meta": "5ff9c542aee3614f3951f8cda6e48888",
        },
    ),
}


def spec(name: str) -> Spec:
    """The facts about `name`; a UserError that lists the known names if there is no such data set."""
    if name not in SPECS:
        raise UserError(f"There is no data set called {name!r}. The course knows: {', '.join(SPECS)}.")
    return SPECS[name]


def card(name: str) -> str:
    """The data set's card (source, licence, shapes, splits, checksums) as Markdown text."""
    return (Path(__file__).parent / "cards" / f"{spec(name).name}.md").read_text(encoding="utf-8")
