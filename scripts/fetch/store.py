"""Where are the texts kept, and are they whole? Files under their final name are complete, and their hashes recorded."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

SPLITS = ("train", "valid", "test")
SOURCES = "SOURCES.json"


class Problem(Exception):
    """What the user is told, and the exit code."""

    def __init__(self, code: int, message: str):
        super().__init__(message)
        self.code = code


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def write_whole(files: dict[Path, bytes]) -> None:
    """Writes all beside their targets, then renames: a full disk leaves the old files as they were."""
    parts = {path: path.with_name(f".{path.name}.part{os.getpid()}") for path in files}
    try:
        for path, data in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(parts[path], "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        for path, part in parts.items():
            os.replace(part, path)
    except OSError as error:
        where = next(iter(files)).parent
        raise Problem(4, f"cannot write into {where} ({error.strerror or error}); free space, or choose another folder by --output") from error
    finally:
        for part in parts.values():
            try:
                part.unlink(missing_ok=True)
            except OSError:
                pass  # its folder was never made


def read_sources(output: Path) -> dict:
    try:
        sources = json.loads((output / SOURCES).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return sources if isinstance(sources, dict) else {}


def state_of(output: Path, name: str, sources: dict) -> dict[str, str]:
    """File -> ok, missing, damaged (other bytes than recorded) or unrecorded."""
    record = sources.get(name)
    files = record.get("files") if isinstance(record, dict) else None
    states = {}
    for split in SPLITS:
        key = f"{name}/{split}.txt"
        entry = files.get(key) if isinstance(files, dict) else None
        try:
            data = (output / key).read_bytes()
        except OSError:
            states[key] = "missing"
            continue
        recorded = entry.get("sha256") if isinstance(entry, dict) else None
        states[key] = "unrecorded" if recorded is None else "ok" if recorded == sha256(data) else "damaged"
    return states
