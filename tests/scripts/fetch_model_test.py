"""Fetching a model: what is asked of the hub's client, and one clear message for each way that it fails. No network."""

import json
import os
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from support.program import ROOT, ProgramTest

SCRIPT = ROOT / "scripts" / "fetch_model.py"
FAKE = Path(__file__).parent / "fake_hub"  # a huggingface_hub that does what FAKE_HUB says
ID = "org/some-moe"


class FetchTest(ProgramTest):
    def fetch(self, *arguments, does="complete", path=FAKE, **environment):
        """-S: a client that is really installed here must not be found instead."""
        return subprocess.run([sys.executable, "-S", SCRIPT, *map(str, arguments)], capture_output=True, text=True, timeout=60,
                              env={**os.environ, "PYTHONPATH": str(path), "FAKE_HUB": does, "FAKE_HUB_FOLDER": str(self.scratch / "snapshot"),
                                   "HF_HUB_OFFLINE": "", **environment})

    def fails(self, code, *fragments, does, arguments=(ID,), **how):
        done = self.fetch(*arguments, does=does, **how)
        self.assertEqual(done.returncode, code, done.stderr)
        for fragment in fragments:
            self.assertIn(fragment, done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertNotIn("Traceback", done.stderr)


class Fetched(FetchTest):
    def asked(self):
        return self.json(self.scratch / "snapshot" / "asked.json")

    def test_prints_the_folder_and_the_next_command(self):
        done = self.fetch(ID)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout, f"folder  {self.scratch / 'snapshot'}\nnext    moewire eval --model {ID}\n")

    def test_asks_for_safetensors_and_never_for_pickles(self):
        self.fetch(ID)
        import fnmatch
        asked = self.asked()
        wanted = lambda name: (any(fnmatch.fnmatch(name, p) for p in asked["allow_patterns"])
                               and not any(fnmatch.fnmatch(name, p) for p in asked["ignore_patterns"]))
        for name in ("config.json", "tokenizer.json", "model.safetensors", "model-00001-of-00019.safetensors", "model.safetensors.index.json"):
            self.assertTrue(wanted(name), name)
        for name in ("pytorch_model.bin", "pytorch_model-00001-of-00019.bin", "consolidated.00.pt", "consolidated.safetensors", "model.pkl",
                     "original/model.safetensors", "modeling_own.py", "model.gguf", "pytorch_model.bin.index.json"):
            self.assertFalse(wanted(name), name)
        self.assertEqual((asked["repo_id"], asked["revision"], asked["cache_dir"]), (ID, None, None))

    def test_revision_and_cache_are_handed_on_and_named_in_the_next_command(self):
        done = self.fetch(ID, "--revision", "v1.0", "--cache", self.scratch / "my cache")
        asked = self.asked()
        self.assertEqual((asked["revision"], asked["cache_dir"]), ("v1.0", str(self.scratch / "my cache")))
        self.assertIn(f"next    HF_HUB_CACHE='{self.scratch / 'my cache'}' moewire eval --model {ID}@v1.0\n", done.stdout)


class Failed(FetchTest):
    def test_client_not_installed(self):
        self.fails(3, "-m pip install huggingface_hub", sys.executable, does="complete", path=self.scratch)

    def test_gated(self):
        self.fails(3, f"{ID} is gated", f"https://huggingface.co/{ID}", "`hf auth login`", f"scripts/fetch_model.py {ID} --revision v1", does="gated",
                   arguments=(ID, "--revision", "v1"))

    def test_not_found(self):
        self.fails(2, f"no model {ID}", "private", does="absent")

    def test_no_such_revision(self):
        self.fails(2, "no revision 'v9'", does="no_revision", arguments=(ID, "--revision", "v9"))

    def test_offline(self):
        self.fails(3, "out of reach", "machine with internet", "moewire --model FOLDER", does="offline")
        self.fails(3, "HF_HUB_OFFLINE is set", does="offline", HF_HUB_OFFLINE="1")
        self.fails(3, "out of reach (no route to host)", does="no_route")

    def test_disk_full(self):
        self.fails(4, "the disk is full", "--cache", does="disk_full")
        self.fails(4, "the disk is full", "--cache", does="disk_full_wrapped")

    def test_no_permission(self):
        self.fails(4, "cannot write /root/hub", "--cache", does="no_permission")

    def test_anything_else_is_named(self):
        self.fails(4, "ValueError: the hub sent nonsense", f"type again: scripts/fetch_model.py {ID}", does="nonsense")

    def test_incomplete(self):
        self.fails(4, "lacks config.json", does="nothing")
        self.fails(4, "lacks weights in safetensors format", does="pickles")
        self.fails(4, "lacks 1 of its 2 weight files (b.safetensors first)", does="one_shard")

    def test_bad_names(self):
        for name in ("mixtral", "a/b/c", "../etc/passwd", "a--b/c", "org/na me", "/org/name", "org/"):
            self.fails(2, "no id of the hub", does="complete", arguments=("--", name))


if __name__ == "__main__":
    unittest.main()
