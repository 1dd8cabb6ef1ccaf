"""Writing files so that a stop in the middle never leaves half of one."""

import os
import tempfile
from pathlib import Path


def write_whole(path, content):
    """Write `content` (str or bytes) beside `path`, then rename: readers see the old file or the new one.

    Creates the folder. Raises OSError when the disk is full or not writable; the old file is then intact.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode("utf-8") if isinstance(content, str) else content
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(beside, 0o644)
        os.replace(beside, path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise
