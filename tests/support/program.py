"""Run the program from outside, as a user does."""

import json
import os
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

ROOT = Path(os.environ["MOEWIRE_HOME"])
PROGRAM = os.environ["MOEWIRE_PROGRAM"]
FIXTURES = Path(os.environ["MOEWIRE_FIXTURES"])
TIMEOUT_S = 200


def mpirun(ranks: int) -> list:
    return ["mpirun", "--oversubscribe", "--bind-to", "none", "--timeout", str(TIMEOUT_S), "-n", str(ranks)] if ranks else []


def run(*arguments, ranks=0, environment=None):
    """ranks=0: started plainly, without mpirun."""
    return subprocess.run([*mpirun(ranks), PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=TIMEOUT_S + 20,
                          env={**os.environ, **(environment or {})})


class ProgramTest(unittest.TestCase):
    def setUp(self):
        self.scratch_folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.scratch_folder.cleanup)
        self.scratch = Path(self.scratch_folder.name)

    def ok(self, *arguments, ranks=0, environment=None):
        done = run(*arguments, ranks=ranks, environment=environment)
        self.assertEqual(done.returncode, 0, f"{arguments}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def refused(self, code, fragment, *arguments, ranks=0, environment=None):
        """Exit code, the fragment in the message, one message alone, and nothing like a stack trace."""
        done = run(*arguments, ranks=ranks, environment=environment)
        self.assertEqual(done.returncode, code, f"{arguments}\n{done.stdout}\n{done.stderr}")
        messages = [line for line in done.stderr.splitlines() if "error: " in line and line.startswith("moewire:")]
        self.assertEqual(len(messages), 1, done.stderr)
        self.assertIn(fragment, messages[0])
        for word in ("terminate called", "what():", "Segmentation", "core dumped"):
            self.assertNotIn(word, done.stderr)
        return messages[0]

    def write(self, name, text):
        path = self.scratch / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def json(self, path):
        return json.loads(Path(path).read_text())


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


def is_below(pid: int, ancestor: int) -> bool:
    while pid > 1:
        if pid == ancestor:
            return True
        pid = parent_of(pid)
    return False


def children_named(name: str) -> list:
    """Process ids of our program's ranks, found through /proc: those alone that this test started."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "cmdline").read_bytes().split(b"\0")[0].decode() == name \
                    and is_below(int(entry.name), os.getpid()):
                found.append(int(entry.name))
        except (OSError, UnicodeDecodeError):
            continue
    return found


def rank_of(pid: int) -> int:
    variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return int(next(v.split(b"=")[1] for v in variables if v.startswith(b"OMPI_COMM_WORLD_RANK=")))


def wait_until(condition, limit_s=60.0):
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


def kill(pid: int):
    os.kill(pid, signal.SIGKILL)
