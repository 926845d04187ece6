"""Stands in for the hub's client: FAKE_HUB says what happens, FAKE_HUB_FOLDER is the snapshot, which keeps what was asked."""

import errno
import json
import os
from pathlib import Path

from . import utils


def snapshot_download(repo_id, *, revision=None, cache_dir=None, allow_patterns=None, ignore_patterns=None):
    asked = {"repo_id": repo_id, "revision": revision, "cache_dir": cache_dir and str(cache_dir), "allow_patterns": allow_patterns,
             "ignore_patterns": ignore_patterns}
    folder = Path(os.environ["FAKE_HUB_FOLDER"])
    folder.mkdir(exist_ok=True)
    (folder / "asked.json").write_text(json.dumps(asked))
    does = os.environ["FAKE_HUB"]
    if does in FAILURES:
        raise FAILURES[does]
    if does == "disk_full_wrapped":
        raise RuntimeError("transfer failed") from OSError(errno.ENOSPC, "No space left on device")
    for name, content in CONTENTS[does].items():
        (folder / name).write_text(content)
    return str(folder)


FAILURES = {
    "gated": utils.GatedRepoError("403 Client Error.\n\nAccess to model is restricted."),
    "absent": utils.RepositoryNotFoundError("401 Client Error."),
    "no_revision": utils.RevisionNotFoundError("404 Client Error."),
    "offline": utils.LocalEntryNotFoundError("Cannot find an appropriate cached snapshot folder."),
    "no_route": ConnectionError("no route to host"),
    "disk_full": OSError(errno.ENOSPC, "No space left on device"),
    "no_permission": PermissionError(errno.EACCES, "Permission denied", "/root/hub"),
    "nonsense": ValueError("the hub sent nonsense\nsecond line"),
}
INDEX = json.dumps({"weight_map": {"x": "a.safetensors", "y": "b.safetensors"}})
CONTENTS = {
    "complete": {"config.json": "{}", "model.safetensors": ""},
    "nothing": {},
    "pickles": {"config.json": "{}"},
    "one_shard": {"config.json": "{}", "model.safetensors.index.json": INDEX, "a.safetensors": ""},
}
