"""Read an archive or a folder into memory, trusting nothing about it.

Nothing is unpacked to disk, so no member can land outside a folder; a name that tries to is
refused all the same, because an archive that holds one is not a data set.
"""

import gzip
import lzma
import stat
import tarfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO, Any

from course_data.errors import UserError
from course_data.progress_bar import bar

MAX_BYTES = 1 << 30  # CIFAR-10, the largest data set here, unpacks to 186 MB
MAX_FILES = 200_000


def read_files(path: Path) -> dict[str, bytes]:
    """All regular files under `path` (a folder, .tar, .tar.gz, .tar.xz or .zip) as {relative name: content}.

    Names use forward slashes. Raises UserError for anything missing, damaged, too large, or unsafe
    (links, devices, absolute names, `..`).
    """
    path = Path(path).expanduser()
    if path.is_dir():
        return _from_folder(path)
    if not path.is_file():
        raise UserError(f"There is no file or folder at {path}.")
    with open(path, "rb") as file:
        head = file.read(1024)
    magic = head[:6]
    if web_page(head):
        raise UserError(
            f"{path.name} is a web page, not an archive: the download gave a page (a login, a notice, a page about the file). "
            "Open it in a browser, and fetch what it links to."
        )
    try:
        if magic[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
            return _from_zip(path)
        return _from_tar(path, magic)
    except (
        tarfile.TarError,
        zipfile.BadZipFile,
        lzma.LZMAError,
        zlib.error,
        EOFError,
        OSError,
        NotImplementedError,
        RuntimeError,
    ) as error:
        if magic[:2] == b"\x1f\x8b" and not path.name.lower().endswith((".tar.gz", ".tgz")):
            raise UserError(
                f"{path.name} is one gzipped file, not an archive of several. Give the folder that holds it and what belongs to it."
            ) from error
        raise UserError(
            f"{path.name} cannot be read: {str(error) or type(error).__name__}.\n"
            "It is damaged or cut short, or not a .tar.gz, .tar.xz or .zip archive. Fetch it again, "
            "or unpack it yourself and give the folder."
        ) from error


def web_page(content: bytes) -> bool:
    """Whether a file begins like HTML, whatever it is called."""
    return content[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith((b"<!doctype html", b"<html", b"<head", b"<!--"))


class _Files:
    """Collects files and enforces the caps."""

    def __init__(self, where: str):
        self.where = where
        self.contents: dict[str, bytes] = {}
        self.total = 0

    def check_name(self, name: str) -> str:
        parts = PurePosixPath(name.replace("\\", "/")).parts
        drive = bool(parts) and len(parts[0]) == 2 and parts[0][1] == ":"
        if name.startswith(("/", "\\")) or ".." in parts or drive or "\0" in name:
            raise UserError(
                f"{self.where} is refused: its member {name!r} points outside the folder it would be unpacked to. "
                "No data set needs that; do not trust this archive."
            )
        return "/".join(part for part in parts if part != ".")

    def check_size(self, more: int) -> None:
        self.total += more
        if self.total > MAX_BYTES:
            raise UserError(
                f"{self.where} is refused: it unpacks to more than {MAX_BYTES >> 20} MiB, and no data set of this course is that large."
            )

    def add(self, name: str, content: bytes) -> None:
        self.contents[self.check_name(name)] = content
        if len(self.contents) > MAX_FILES:
            raise UserError(f"{self.where} is refused: it holds more than {MAX_FILES:,} files.")

    def refuse_link(self, name: str) -> None:
        raise UserError(f"{self.where} is refused: {name!r} is a link or a special file. Pack plain files and folders only.")


class _Capped:
    """A stream that stops a decompression bomb: counts every byte that comes out, headers included."""

    def __init__(self, stream: IO[bytes], files: _Files):
        self.stream, self.files = stream, files

    def read(self, size: int = -1) -> bytes:
        block = self.stream.read(size)
        self.files.check_size(len(block))
        return block


def _from_tar(path: Path, magic: bytes) -> dict[str, bytes]:
    files = _Files(path.name)
    with open(path, "rb") as raw, bar(f"reading {path.name}", path.stat().st_size) as update:
        stream: Any = raw
        if magic[:2] == b"\x1f\x8b":
            stream = gzip.GzipFile(fileobj=raw)
        elif magic == b"\xfd7zXZ\x00":
            stream = lzma.LZMAFile(raw)
        with tarfile.open(fileobj=_Capped(stream, files), mode="r|") as archive:  # type: ignore[call-overload]  # it only reads
            for count, member in enumerate(archive):
                files.check_name(member.name)
                if member.isdir():
                    continue
                if not member.isreg():
                    files.refuse_link(member.name)
                if member.size > MAX_BYTES:
                    files.check_size(member.size)
                files.add(member.name, archive.extractfile(member).read())
                if count % 500 == 0:
                    update(raw.tell(), f"{count:,} files")
        while stream.read(1 << 20):  # reach the end, where gzip and xz keep their checksums
            pass
    return files.contents


def _from_zip(path: Path) -> dict[str, bytes]:
    files = _Files(path.name)
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        with bar(f"reading {path.name}", len(members)) as update:
            for count, member in enumerate(members):
                files.check_name(member.filename)
                kind = stat.S_IFMT(member.external_attr >> 16)
                if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                    files.refuse_link(member.filename)
                if member.is_dir():
                    continue
                with archive.open(member) as stream:
                    content = stream.read(MAX_BYTES - files.total + 1)
                files.check_size(len(content))
                files.add(member.filename, content)
                if count % 500 == 0:
                    update(count)
    return files.contents


def _from_folder(path: Path) -> dict[str, bytes]:
    files = _Files(str(path))
    found = [p for p in sorted(path.rglob("*")) if not p.is_dir()]
    with bar(f"reading {path.name}", len(found)) as update:
        for count, file in enumerate(found):
            if file.is_symlink() or not file.is_file():
                files.refuse_link(str(file.relative_to(path)))
            files.check_size(file.stat().st_size)
            files.add(file.relative_to(path).as_posix(), file.read_bytes())
            if count % 500 == 0:
                update(count)
    return files.contents
