#!/usr/bin/env python3
"""Bring a model from the Hugging Face hub into its local cache, where moewire finds it by its id.

    fetch_model.py allenai/OLMoE-1B-7B-0924
    fetch_model.py mistralai/Mixtral-8x7B-v0.1 --revision main --cache /data/hub

Downloads config, tokenizer and safetensors weights with the hub's own client, never pickled weights or other formats
of the same model. What is there already is not fetched again, and a broken download goes on where it stopped.

Gated models need two steps before: accept the licence on the model's page, then log in by `hf auth login`.

Exit codes: 0 there and whole, 2 no such model, revision or name, 3 cannot run here (package, network or access is
missing; the message says what to type), 4 failed. Needs huggingface_hub.
"""

from __future__ import annotations

import argparse
import errno
import json
import os
import re
import shlex
import sys
from pathlib import Path

WANTED = ("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
          "*.safetensors", "*.safetensors.index.json", "LICENSE*")
# The same weights once more, in other layouts.
UNWANTED = ("*/*", "consolidated*")
INDEX, SINGLE = "model.safetensors.index.json", "model.safetensors"


class Problem(Exception):
    def __init__(self, code: int, message: str):
        super().__init__(message)
        self.code = code


def is_id(text: str) -> bool:
    word = r"[A-Za-z0-9_-][A-Za-z0-9._-]*"
    return re.fullmatch(f"{word}/{word}", text) is not None and "--" not in text and ".." not in text


def client():
    try:
        import huggingface_hub
        import huggingface_hub.utils
    except ImportError as error:
        raise Problem(3, f"the hub's client is not here ({error}); type: {shlex.quote(sys.executable)} -m pip install huggingface_hub") from error
    return huggingface_hub


def is_disk_full(error: BaseException | None) -> bool:
    """The client may wrap what the system said."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        error = error.__cause__ or error.__context__
    return False


def first_line(error: BaseException) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def problem_of(hub, error: Exception, options: argparse.Namespace) -> Problem:
    """One message for each way that a download fails. Order counts: the hub's errors inherit from each other."""
    name, page, again = options.model, f"https://huggingface.co/{options.model}", shlex.join(["scripts/fetch_model.py", *options.typed])
    if is_disk_full(error):
        return Problem(4, f"the disk is full while fetching {name} (what is whole stays); make room, or name another folder by --cache, and type again: {again}")
    if isinstance(error, hub.utils.GatedRepoError):
        return Problem(3, f"{name} is gated (its owner wants the licence accepted first); accept it at {page}, log in by `hf auth login`, "
                          f"and type again: {again}")
    if isinstance(error, hub.utils.RevisionNotFoundError):
        return Problem(2, f"{name} has no revision {options.revision!r}; its branches and tags are listed at {page}/tree/main")
    if isinstance(error, hub.utils.RepositoryNotFoundError):
        return Problem(2, f"the hub has no model {name} (or it is private); check the name at https://huggingface.co/models, "
                          "or log in by `hf auth login` if it is yours")
    if isinstance(error, (hub.utils.LocalEntryNotFoundError, ConnectionError)):
        reason = "HF_HUB_OFFLINE is set" if os.environ.get("HF_HUB_OFFLINE") else first_line(error)
        return Problem(3, f"{name} is not in the cache, and the hub is out of reach ({reason}); run this on a machine with internet, "
                          "or copy the model's folder here and name it by moewire --model FOLDER")
    if isinstance(error, PermissionError):
        return Problem(4, f"cannot write {error.filename or 'the cache'} (permission denied); name another folder by --cache")
    return Problem(4, f"fetching {name} failed ({type(error).__name__}: {first_line(error)}); type again: {again}")


def missing_part(folder: Path) -> str | None:
    """Offline, the client hands out whatever is in the cache."""
    if not (folder / "config.json").is_file():
        return "config.json"
    if not (folder / INDEX).is_file():
        return None if (folder / SINGLE).is_file() else f"weights in safetensors format ({SINGLE} or {INDEX})"
    try:
        files = set(json.loads((folder / INDEX).read_text(encoding="utf-8"))["weight_map"].values())
    except (ValueError, KeyError, AttributeError, OSError):
        return f"a readable {INDEX}"
    missing = sorted(file for file in files if not (folder / str(file)).is_file())
    return f"{len(missing)} of its {len(files)} weight files ({missing[0]} first)" if missing else None


def fetch(options: argparse.Namespace) -> Path:
    hub = client()
    try:
        folder = Path(hub.snapshot_download(options.model, revision=options.revision, cache_dir=options.cache,
                                            allow_patterns=list(WANTED), ignore_patterns=list(UNWANTED)))
    except Exception as error:  # the client raises its own, its transport's and the system's
        raise problem_of(hub, error, options) from error
    if missing := missing_part(folder):
        raise Problem(4, f"{options.model} in {folder} lacks {missing} (the download broke off, or the model does not have it); "
                         "run this again on a machine with internet, or choose a model with safetensors weights")
    return folder


def next_command(options: argparse.Namespace) -> str:
    name = options.model + (f"@{options.revision}" if options.revision else "")
    cache = f"HF_HUB_CACHE={shlex.quote(str(options.cache))} " if options.cache else ""
    return f"{cache}moewire eval --model {shlex.quote(name)}"


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", metavar="ORG/NAME", help="the model's id on the hub")
    parser.add_argument("--revision", metavar="NAME", help="branch, tag or commit (default: main)")
    parser.add_argument("--cache", type=Path, metavar="FOLDER", help="the cache (default: HF_HUB_CACHE, HF_HOME/hub, ... as the hub's client has it)")
    options = parser.parse_args(arguments)
    options.typed = arguments
    if not is_id(options.model):
        parser.error(f"{options.model!r} is no id of the hub; write ORG/NAME, for example allenai/OLMoE-1B-7B-0924")
    return options


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    try:
        folder = fetch(options)
    except Problem as problem:
        print(f"fetch_model: error: {problem}", file=sys.stderr)
        return problem.code
    print(f"folder  {folder}\nnext    {next_command(options)}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        print("fetch_model: stopped; what is whole stays, call again for the rest", file=sys.stderr)
        sys.exit(130)
