"""`get`: download a data set through torchvision, then import it like any archive."""

import tempfile
from pathlib import Path

from course_data.errors import UserError
from course_data.importing import add
from course_data.root import data_root
from course_data.specs import spec


def get(name: str) -> tuple[str, Path | None]:
    """Download `name` into the data root. Returns (name, stored file); None for a bundled data set.

    Raises UserError if the download fails; what was there before stays as it was.
    """
    facts = spec(name)
    if facts.bundled:
        return name, None
    from torchvision import datasets

    source = {"mnist": datasets.MNIST, "cifar10": datasets.CIFAR10}[name]
    root = data_root()
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root, prefix=f".{name}-") as folder:
        try:
            source(folder, train=True, download=True)
        except Exception as error:  # torchvision raises many kinds, one for each mirror's way to fail
            reason = str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
            raise UserError(
                f"{facts.title} could not be downloaded: {reason}\n"
                "Check the network and try again. Or fetch the archive on another machine and import it here "
                "with `course data add ARCHIVE`."
            ) from error
        for archive in Path(folder).glob("*.tar.gz"):
            archive.unlink()  # torchvision keeps CIFAR-10's archive beside what it unpacked
        for archive in Path(folder).rglob("*.gz"):
            archive.unlink()
        name, stored = add(Path(folder), source="torchvision")
    return name, stored
