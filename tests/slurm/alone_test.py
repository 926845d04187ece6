"""A test that is killed leaves nothing behind: no daemon, no job, no host."""

import os
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from support import alone, slurm
from support.program import wait_until


def stay_up(scratch: Path):
    """What the test below kills: a Slurm with a job that runs."""
    cluster = slurm.Slurm(2, scratch)
    job = cluster.call("sbatch", "--parsable", "--nodes=2", "--output=/dev/null", "--wrap", f"srun tail -f {scratch}/slurm/slurm.conf").strip()
    if cluster.wait(lambda: programs_of(scratch).count("tail") == 2, 30):
        print(f"up {job}", flush=True)
        time.sleep(100)


def programs_of(scratch: Path) -> list:
    """Of all processes whose command line names the folder."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0") if entry.name.isdigit() else []
        except OSError:
            continue
        if any(str(scratch) in word for word in words[1:]):
            found.append(Path(words[0]).name)
    return found


class Alone(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        reason = alone.why_not() or slurm.why_not()
        if reason:
            raise unittest.SkipTest(reason)

    def test_a_killed_test_leaves_nothing_that_runs(self):
        folder = tempfile.TemporaryDirectory(prefix="moewire-slurm-", dir="/tmp", ignore_cleanup_errors=True)
        self.addCleanup(folder.cleanup)
        environment = {name: value for name, value in os.environ.items() if name != alone.MARK}
        running = subprocess.Popen([sys.executable, __file__, "stay-up", folder.name], stdout=subprocess.PIPE, text=True, env=environment)
        try:
            self.assertRegex(running.stdout.readline(), r"^up \d+$")
            self.assertLessEqual({"munged", "slurmctld", "slurmd", "srun", "tail"}, set(programs_of(Path(folder.name))))
        finally:
            running.kill()
            running.communicate()
        self.assertTrue(wait_until(lambda: not programs_of(Path(folder.name)), 20), programs_of(Path(folder.name)))


if __name__ == "__main__":
    alone.enter()
    if sys.argv[1:2] == ["stay-up"]:
        stay_up(Path(sys.argv[2]))
    else:
        unittest.main()
