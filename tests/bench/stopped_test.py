"""A rank that is stopped from outside, at any moment of a command: the others end in time and name it."""

import os
import signal
import subprocess
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from support.program import PROGRAM, ProgramTest, children_named, kill, mpirun, rank_of, wait_until

TIMEOUT_S = 2


def has_heartbeat(pid):
    try:
        return "moewire-heartbeat" in Path(f"/proc/{pid}/maps").read_text()
    except OSError:
        return False


class StoppedRank(ProgramTest):
    def start(self, ranks, *command):
        """The job, once each of its ranks has a heartbeat; and rank -> process id."""
        before = set(children_named(PROGRAM))
        job = subprocess.Popen([*mpirun(ranks), PROGRAM, *map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.addCleanup(job.kill)
        pids = {}

        def have_all_begun():
            pids.update({rank_of(pid): pid for pid in children_named(PROGRAM) if pid not in before})
            return len(pids) == ranks and all(map(has_heartbeat, pids.values()))

        self.assertTrue(wait_until(have_all_begun))
        return job, pids

    def expect_named(self, after_s, ranks, *command):
        """Of a job whose last rank is stopped that long after it began."""
        job, pids = self.start(ranks, *command)
        time.sleep(after_s)
        self.assertIsNone(job.poll(), "the job ended before a rank could be stopped")
        victim = pids[ranks - 1]
        os.kill(victim, signal.SIGSTOP)
        try:
            said, _ = job.communicate(timeout=60)
        finally:
            if victim in children_named(PROGRAM):
                kill(victim)
        self.assertEqual(job.returncode, 4, said)
        self.assertRegex(said, rf"rank {ranks - 1} has stood still for \d")

    def measure(self, name, iterations=100000):
        return ["measure", "--model", "tiny-phimoe", "--dataset", "drama", "--strategies", "contiguous", "--mode", "in_model", "--tokens_per_rank", 512,
                "--window", 32, "--iterations", iterations, "--timeout", TIMEOUT_S, "--output", self.scratch / name]

    def test_while_a_model_is_loaded_and_at_any_later_moment(self):
        for ranks, after_s in ((2, 0), (2, 0.3), (2, 0.8), (4, 0.1), (4, 2)):
            with self.subTest(ranks=ranks, after_s=after_s):
                self.expect_named(after_s, ranks, *self.measure(f"{ranks}-{after_s}.h5"))

    def test_while_a_machine_is_calibrated(self):
        self.expect_named(0, 2, "calibrate", "--timeout", TIMEOUT_S, "--output", self.scratch / "machine.toml")

    def test_a_job_that_is_suspended_as_a_whole_blames_nobody(self):
        job, pids = self.start(2, *self.measure("suspended.h5", iterations=200))
        time.sleep(2)
        for pid in pids.values():
            os.kill(pid, signal.SIGSTOP)
        time.sleep(2 * TIMEOUT_S + 2)
        for pid in pids.values():
            os.kill(pid, signal.SIGCONT)
            time.sleep(0.7)  # the first to go on finds the other as it was left
        said, _ = job.communicate(timeout=150)
        self.assertEqual(job.returncode, 0, said)
        self.assertNotIn("stood still", said)


if __name__ == "__main__":
    unittest.main()
