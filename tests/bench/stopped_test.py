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
    def end_of(self, after_s, ranks, *command):
        """What the job says, which ends because its last rank is stopped that long after it started; its exit code."""
        before = set(children_named(PROGRAM))
        job = subprocess.Popen([*mpirun(ranks), PROGRAM, *map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.addCleanup(job.kill)
        ours = {}

        def have_all_begun():
            ours.update({rank_of(pid): pid for pid in children_named(PROGRAM) if pid not in before})
            return len(ours) == ranks and all(map(has_heartbeat, ours.values()))

        self.assertTrue(wait_until(have_all_begun))
        time.sleep(after_s)
        self.assertIsNone(job.poll(), "the job ended before a rank could be stopped")
        victim = ours[ranks - 1]
        os.kill(victim, signal.SIGSTOP)
        try:
            said, _ = job.communicate(timeout=60)
        finally:
            if victim in children_named(PROGRAM):
                kill(victim)
        return said, job.returncode

    def measure(self, name):
        return ["measure", "--model", "tiny-phimoe", "--dataset", "drama", "--strategies", "contiguous", "--mode", "in_model", "--tokens_per_rank", 512,
                "--window", 32, "--iterations", 100000, "--timeout", TIMEOUT_S, "--output", self.scratch / name]

    def expect_named(self, rank, said, code):
        self.assertEqual(code, 4, said)
        self.assertRegex(said, rf"rank {rank} has stood still for \d")

    def test_while_a_model_is_loaded_and_at_any_later_moment(self):
        for ranks, after_s in ((2, 0), (2, 0.3), (2, 0.8), (4, 0.1), (4, 2)):
            with self.subTest(ranks=ranks, after_s=after_s):
                said, code = self.end_of(after_s, ranks, *self.measure(f"{ranks}-{after_s}.h5"))
                self.expect_named(ranks - 1, said, code)

    def test_while_a_machine_is_calibrated(self):
        said, code = self.end_of(0, 2, "calibrate", "--timeout", TIMEOUT_S, "--output", self.scratch / "machine.toml")
        self.expect_named(1, said, code)

    def test_a_job_that_is_suspended_as_a_whole_blames_nobody(self):
        command = self.measure("suspended.h5")
        command[command.index("--iterations") + 1] = 200
        before = set(children_named(PROGRAM))
        job = subprocess.Popen([*mpirun(2), PROGRAM, *map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.addCleanup(job.kill)
        ours = []

        def has_begun():
            ours[:] = [pid for pid in children_named(PROGRAM) if pid not in before and has_heartbeat(pid)]
            return len(ours) == 2

        self.assertTrue(wait_until(has_begun))
        for pause_s in (0.2, 2 * TIMEOUT_S + 2):  # the time until each signal
            time.sleep(pause_s)
            for pid in ours:
                os.kill(pid, signal.SIGSTOP if pause_s < 1 else signal.SIGCONT)
        said, _ = job.communicate(timeout=150)
        self.assertEqual(job.returncode, 0, said)
        self.assertNotIn("stood still", said)


if __name__ == "__main__":
    unittest.main()
