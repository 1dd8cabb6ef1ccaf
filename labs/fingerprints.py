"""Hashes of what went into a piece of work: the same hash, the same work."""

import hashlib
import json
from pathlib import Path
from types import ModuleType


def fingerprint_of(inputs: dict) -> str:
    """SHA-256 of the inputs as canonical JSON."""
    return hashlib.sha256(json.dumps(inputs, sort_keys=True, default=str).encode()).hexdigest()


def code_version(*modules: ModuleType) -> str:
    """SHA-256 over the source files of `modules`: a stage whose code changed is done again."""
    digest = hashlib.sha256()
    for module in modules:
        digest.update(Path(str(module.__file__)).read_bytes())
    return digest.hexdigest()[:16]


def sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
