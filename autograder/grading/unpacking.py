"""A zip that a student handed in, unpacked for grading: its notebooks and lab files, and nothing else of it.

A zip can say that a file lies in ../.., that it is a link, that it is small when it is not. So the names in it only choose a place
below a fresh folder, what is no plain file is left out, and bytes are counted while they come.
"""

import hashlib
import os
import shutil
import stat
import struct
import tempfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from autograder.course import catalogue, handed_in, inert, system_names
from autograder.course.notebooks import MAX_BYTES

ENDING = ".zip"
MOST_LIST = 1 << 19  # bytes of the list of files in one zip
MOST_FILES = 100  # that are unpacked
MOST_BYTES = MAX_BYTES + handed_in.MOST_TOGETHER + (8 << 20)  # together; one byte more than may count is enough to refuse a file
DEEP = 1  # a zip in a zip is unpacked, one in that is not


class CannotUnpack(Exception):
    """The message says why, in words that go on after the name of the file."""


def unpacked(path: Path, folder: str | Path) -> tuple[Path, list[tuple[str, str]]]:
    """Unpack the zip at `path` below `folder`. Returns (the folder with its files, [(name in the zip, why it was left out)]).

    The folder is another one for every other zip, and the same for the same. Files get the time of the zip: their own times stand in it as
    the student's machine had them. Raises `CannotUnpack` and OSError.
    """
    if path.stat().st_nlink > 1:
        raise CannotUnpack("a hard link, so whose work it is cannot be seen; put a copy in its place")
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    digest.update(str(path.absolute()).encode("utf-8", "surrogateescape"))
    place = Path(folder) / digest.hexdigest()[:16] / inert.path_name(path.name.removesuffix(ENDING)) / handed_in.UNPACKED
    place.parent.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix="unpacking-", dir=place.parent.parent))
    try:
        work = _Unpacking(path.stat().st_mtime)
        with open(path, "rb") as file:
            work.take(file, fresh, DEEP)
        place.parent.mkdir(exist_ok=True)
        fresh.chmod(0o755)
        if not place.exists():  # of an earlier run: the same zip, so the same files
            fresh.rename(place)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return place, work.left_out


class _Unpacking:
    def __init__(self, time: float) -> None:
        self._time, self._bytes, self._files = time, MOST_BYTES, MOST_FILES
        self.left_out: list[tuple[str, str]] = []
        self._wanted = {name for lesson in catalogue.lessons().values() for name in lesson.files}

    def take(self, source: BinaryIO, folder: Path, deeper: int) -> None:
        """Unpack the zip in the open file `source` into `folder`."""
        try:
            if _list_of(source) > MOST_LIST:
                raise CannotUnpack("a zip with thousands of entries, or one made for more than 4 GB")
            with zipfile.ZipFile(source) as archive:
                for member in archive.infolist():
                    self._one(archive, member, folder, deeper)
        except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, RuntimeError, EOFError, ValueError, zlib.error) as problem:
            raise CannotUnpack(f"a zip that cannot be unpacked ({str(problem)[:80] or type(problem).__name__})") from None

    def _one(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path, deeper: int) -> None:
        parts = PurePosixPath(member.filename.replace("\\", "/")).parts
        if member.is_dir() or not parts or "__MACOSX" in parts or parts[-1].startswith("."):
            return
        name, shown = parts[-1], inert.text(member.filename)[:100]
        packed = name.endswith(ENDING)
        # What another system or another upload has put before or behind a name does not matter here: what is graded is chosen later.
        if not (name.endswith(".ipynb") or packed or {name, system_names.uploaded(name)[1], system_names.first_name(name)} & self._wanted):
            return
        kind = stat.S_IFMT(member.external_attr >> 16)
        if kind not in (0, stat.S_IFREG):
            self.left_out.append((shown, "not a plain file in its zip"))
        elif parts[0].startswith("/") or ".." in parts or ":" in member.filename:
            self.left_out.append((shown, "its name leads out of its zip"))
        elif inert.text(member.filename) != member.filename or len(member.filename) > 200 or len(parts) > 8:
            self.left_out.append((shown, "its name is too long, or holds characters that cannot be printed"))
        elif member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            self.left_out.append((shown, "packed in an unusual way"))
        elif packed and not deeper:
            self.left_out.append((shown, "a zip in a zip in a zip"))
        else:
            self._write(archive, member, folder.joinpath(*parts), deeper)

    def _write(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path, deeper: int) -> None:
        if self._files <= 0:
            raise CannotUnpack(f"a zip with more than {MOST_FILES} notebooks and lab files")
        self._files -= 1
        if path.exists() or any(each.is_file() for each in path.parents):
            self.left_out.append((inert.text(member.filename)[:100], "a second file of this name in its zip"))
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(member) as source, open(path, "xb") as target:
            while part := source.read(1 << 16):
                self._bytes -= len(part)
                if self._bytes < 0:
                    raise CannotUnpack(f"a zip with more than {MOST_BYTES >> 20} MB of notebooks and lab files")
                target.write(part)
        os.utime(path, (self._time, self._time))
        if path.name.endswith(ENDING):
            inner = path.with_name(f"{path.name.removesuffix(ENDING)} unpacked")
            inner.mkdir()
            try:
                with open(path, "rb") as source:
                    self.take(source, inner, deeper - 1)
            finally:
                path.unlink()


def _list_of(file: BinaryIO) -> int:
    """Bytes of the list of files in a zip, as its end says, before a library reads it all. Raises ValueError where it has no plain end."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - (1 << 16) - 42))
    end = file.read()
    at = end.rfind(b"PK\5\6")
    if at < 0 or len(end) - at < 22:
        raise ValueError("it has no end")
    # Where there is a second kind of end, for large zips, that one counts.
    return struct.unpack_from("<L", end, at + 12)[0] if end[max(0, at - 20) :][:4] != b"PK\6\7" else MOST_LIST + 1
