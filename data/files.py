"""Writing files so that a stop in the middle never leaves half of one."""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from course_data.errors import UserError

# what a full disk, a quota, a limit on files or a folder that is read only say
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.EIO}


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the same folder; rename it to `path` on success, remove it on any failure."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes private files; a data root or result may be shared with a class
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_whole(path: Path | str, content: str | bytes) -> None:
    """Write `content` (text as UTF-8): readers see the old file or the new one. Creates the folder.

    Raises OSError when the disk is full or not writable; the old file is then intact.
    """
    with beside(Path(path)) as temporary:
        temporary.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)


@contextmanager
def room_in(folder: Path, then: str) -> Iterator[None]:
    """Where the block runs out of room for files, say so in one line, and what to do `then`. Raises UserError; other errors pass."""
    try:
        yield
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        raise UserError(f"Cannot write to {folder}: {error.strerror}. Nothing was left half-written. {then}") from None
