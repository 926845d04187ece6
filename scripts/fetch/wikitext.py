"""Where is WikiText-2? In the Hugging Face cache, as the published files or as parquet; else on the hub.

Written as published perplexities read it: the data set's rows joined by two line ends. A row is one line of the
published file with its line end; blank lines are empty rows.
"""

from __future__ import annotations

import os
from pathlib import Path

from fetch.store import SPLITS, Problem

REPOSITORY, CONFIGURATION = "Salesforce/wikitext", "wikitext-2-raw-v1"
PARQUET_SPLITS = {"train": "train", "valid": "validation", "test": "test"}


def hub_cache() -> Path:
    """As the program and huggingface_hub find it."""
    for variable, below in (("HF_HUB_CACHE", "."), ("HUGGINGFACE_HUB_CACHE", "."), ("HF_HOME", "hub"), ("XDG_CACHE_HOME", "huggingface/hub")):
        if named := os.environ.get(variable):
            return Path(named) / below
    return Path.home() / ".cache" / "huggingface" / "hub"


def rows_of_raw(path: Path) -> list[str]:
    try:
        text = path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Problem(4, f"cannot read {path} ({error}); remove it and fetch again") from error
    lines = [line + "\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]  # what follows the last line end
    if not lines[-1]:
        lines.pop()
    return [line if line.strip() else "" for line in lines]


def rows_of_parquet(path: Path) -> list[str]:
    try:
        try:
            from pyarrow import parquet
            rows = parquet.read_table(path, columns=["text"])["text"].to_pylist()
        except ImportError:
            import pandas
            rows = pandas.read_parquet(path, columns=["text"])["text"].tolist()
    except ImportError as error:
        raise Problem(3, "WikiText-2 is parquet on the hub, which needs pyarrow; type: python3 -m pip install pyarrow "
                         "(into the environment whose Python starts fetch_text.py)") from error
    except Exception as error:  # each library has its own errors for a broken file
        raise Problem(4, f"cannot read {path} ({error}); remove it and fetch again") from error
    return rows


def cached(pattern: str) -> Path | None:
    """The first file by path that matches below a snapshot of a WikiText repository."""
    found = (path for path in hub_cache().glob(f"datasets--*wikitext*/snapshots/*/{pattern}") if path.is_file())
    return min(found, default=None)


def download(split: str) -> Path:
    try:
        import huggingface_hub
    except ImportError as error:
        raise Problem(3, f"WikiText-2 is not in {hub_cache()}, and downloading it needs huggingface_hub; type: "
                         "python3 -m pip install huggingface_hub pyarrow") from error
    name = f"{CONFIGURATION}/{PARQUET_SPLITS[split]}-00000-of-00001.parquet"
    try:
        return Path(huggingface_hub.hf_hub_download(REPOSITORY, name, repo_type="dataset", cache_dir=hub_cache()))
    except Exception as error:  # network, proxy, token, disk: its messages say which
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise Problem(4, f"cannot download {name} of {REPOSITORY} ({reason}); check the network, or copy {hub_cache()} "
                         "from a machine that has it") from error


def rows_of(split: str) -> tuple[list[str], Path]:
    if raw := cached(f"**/wikitext-2-raw*/**/wiki.{split}.raw") or cached(f"wiki.{split}.raw"):
        return rows_of_raw(raw), raw
    path = cached(f"**/{CONFIGURATION}/{PARQUET_SPLITS[split]}-*.parquet") or download(split)
    return rows_of_parquet(path), path


def make_wikitext(*_) -> tuple[dict, dict]:
    texts, origins = {}, {}
    for split in SPLITS:
        rows, path = rows_of(split)
        if not any(rows):
            raise Problem(4, f"{path} holds no text; remove it and fetch again")
        texts[split], origins[split] = "\n\n".join(rows), str(path)
    record = {"source": f"Hugging Face: {REPOSITORY}, {CONFIGURATION}", "version": "1", "origins": origins,
              "licence": "CC BY-SA 3.0, GFDL (Wikipedia)"}
    return texts, record
