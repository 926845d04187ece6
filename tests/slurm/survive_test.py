"""Lost nodes, pre-emption and time limits: nothing is lost, nothing is done twice."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from support import alone
from support.program import PROGRAM, ROOT, run
from support.slurm import SlurmTest

SMALL = ["--tokens_per_rank", "64", "--window", "64", "--calibration_iterations", "4", "--strategies", "contiguous,eplb_pack",
         "--dataset", "drama,manual", "--mode", "replay,in_model", "--threads", "1"]


def measured(journal: Path) -> list:
    """Cases that were measured, in the order of the journal."""
    records = []
    for line in journal.read_text().splitlines() if journal.exists() else []:
        try:
            records.append(json.loads(line))
        except ValueError:
            continue  # being written, or cut off
    return [record["path"] for record in records if record["attributes"].get("status") == "ok"]


class Survival(SlurmTest):
    nodes = 2
    down_after_s = 3  # nobody waits for a lost node any longer than need be

    def cases(self, trace: Path) -> list:
        return re.findall(r"^(/cases/\S+)", self.slurm.call(PROGRAM, "trace", "dump", trace), re.MULTILINE)

    def start(self, output: Path, iterations: int = 16):
        done = self.submit("--ranks_per_node", 1, "--submit", "measure", *SMALL, "--iterations", iterations, "--output", output)
        return self.job_of(done)

    def uninterrupted(self, *words):
        """The same command on the same hosts, without Slurm."""
        line = [*self.hosts.mpirun(1, hosts=2), PROGRAM, *map(str, words)]
        done = subprocess.run(line, capture_output=True, text=True, timeout=150)
        self.assertEqual(done.returncode, 0, done.stderr)

    def requeued(self, job: str, limit_s: float = 90, restarts: int = 1):
        """Waits until the job is back in the queue, then lets it start at once."""
        self.assertTrue(self.slurm.wait(lambda: int(self.slurm.facts(job)["Restarts"]) >= restarts, limit_s), self.output_of(job))

        def under_way():
            self.slurm.start_now(job)
            return self.slurm.states(job)[0] in ("RUNNING", "COMPLETED")
        self.assertTrue(self.slurm.wait(under_way, limit_s, 1), self.slurm.facts(job))

    def test_a_node_lost_in_mid_run(self):
        """The merged trace has the cases of an uninterrupted run, each once."""
        output = self.scratch / "lost" / "run.h5"
        journal = output.with_suffix(".jsonl")
        job = self.start(output)
        self.assertTrue(self.slurm.wait(lambda: len(measured(journal)) >= 2, 120), self.output_of(job))
        self.hosts.lose_power(1)
        before = measured(journal)
        self.assertTrue(self.slurm.wait(lambda: self.slurm.states(job) != ["RUNNING"], 90), self.output_of(job))
        self.slurm.start_node(1)
        self.requeued(job)
        self.assertEqual(self.slurm.finish(job, 150), ["COMPLETED"], self.output_of(job))
        whole = before[:len(before) - len(before) % 2]
        self.assertEqual(measured(journal)[:len(whole)], whole)
        self.assertEqual(len(measured(journal)), len(set(measured(journal))))
        plain = self.scratch / "plain.h5"
        self.uninterrupted("measure", *SMALL, "--iterations", 4, "--output", plain)
        merged = self.scratch / "merged.h5"
        self.slurm.call(PROGRAM, "trace", "merge", merged, output)
        self.assertEqual(self.cases(merged), self.cases(plain))

    def test_a_time_limit_that_comes_near(self):
        """SIGUSR1 to the batch script: the group in hand is finished, and if that takes too long given up; the job goes
        back into the queue by itself."""
        output = self.scratch / "limit" / "run.h5"
        journal = output.with_suffix(".jsonl")
        job = self.start(output, iterations=40)
        self.assertTrue(self.slurm.wait(lambda: journal.exists() and "/cases/" in journal.read_text(), 120), self.output_of(job))
        self.slurm.call("scancel", "--batch", "--signal=USR1", job)
        self.requeued(job)
        kept = measured(journal)
        self.assertIn(len(kept), (2, 4))
        self.assertIn("ended by SIGUSR1", self.output_of(job))
        # Ranks that are stopped never finish their group, and the limit, which counts in minutes, is near.
        self.assertTrue(self.slurm.wait(lambda: len(measured(journal)) > len(kept), 120, 0.05), self.output_of(job))
        for pid in self.slurm.ranks_on(0):
            os.kill(pid, signal.SIGSTOP)
        started_s = time.mktime(time.strptime(self.slurm.facts(job)["StartTime"], "%Y-%m-%dT%H:%M:%S"))
        minutes = int(time.time() - started_s + 25) // 60 + 1
        self.slurm.call("scontrol", "update", f"JobId={job}", f"TimeLimit={minutes}")
        self.slurm.call("scancel", "--batch", "--signal=USR1", job)
        # While it still waits: started with so short a limit, it would be told at once to go back into the queue.
        self.assertTrue(self.slurm.wait(lambda: int(self.slurm.facts(job)["Restarts"]) >= 2, 90), self.output_of(job))
        self.slurm.call("scontrol", "update", f"JobId={job}", "TimeLimit=10")
        self.requeued(job, restarts=2)
        self.assertIn("before the group in hand was finished: it is begun again", self.output_of(job))
        self.assertEqual(self.slurm.finish(job, 150), ["COMPLETED"], self.output_of(job))
        self.assertEqual(measured(journal)[:len(kept)], kept)
        self.assertEqual(len(measured(journal)), len(set(measured(journal))))
        self.assertEqual(len(self.cases(output)), 8)

    def test_a_full_disk(self):
        """The job goes back into the queue, and on as soon as there is room."""
        disk = self.scratch / "disk"
        disk.mkdir()
        self.assertEqual(self.hosts.run(0, "mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", disk).returncode, 0)
        words = ["--nodes", 1, "--ranks_per_node", 2, "--sbatch=--nodelist=node0", "--submit", "measure", *SMALL, "--iterations", 40, "--output", disk / "run.h5"]
        job = self.job_of(self.submit(*words))
        self.assertTrue(self.slurm.wait(lambda: int(self.slurm.facts(job)["Restarts"]) > 0, 120), self.output_of(job))
        self.assertIn("No space left", self.output_of(job))
        self.assertEqual(self.hosts.run(0, "mount", "-o", "remount,size=64m", disk).returncode, 0)
        self.requeued(job)
        self.assertEqual(self.slurm.finish(job, 150), ["COMPLETED"], self.output_of(job))
        dumped = self.hosts.run(0, PROGRAM, "trace", "dump", disk / "run.h5").stdout
        self.assertEqual(len(re.findall(r"^/cases/", dumped, re.MULTILINE)), 8)

    def test_a_fine_tune_resumes_bit_by_bit(self):
        """Pre-empted by a job of a better partition, then requeued: the checkpoint of an uninterrupted run."""
        if "--output_dir" not in run("finetune", "--help").stdout:
            self.skipTest("this program has no command finetune")
        options = ["--model", "tiny-phimoe", "--dataset", "drama", "--max_samples", "96", "--max_length", "64", "--num_epochs", "1", "--valid_windows", "0",
                   "--threads", "1"]
        plain, preempted = self.scratch / "plain", self.scratch / "preempted"
        self.uninterrupted("finetune", *options, "--output_dir", plain)
        job = self.job_of(self.submit("--ranks_per_node", 1, "--submit", "finetune", *options, "--save_every", "1", "--output_dir", preempted))
        self.assertTrue(self.slurm.wait(lambda: self.slurm.states(job) == ["RUNNING"] and (preempted / "training_history.json").exists(), 90), self.output_of(job))
        urgent = self.slurm.call("sbatch", "--parsable", "--partition=urgent", "--exclusive", "--nodes=2", "--chdir", self.scratch, "--wrap", "sleep 2").strip()
        self.slurm.finish(urgent)
        self.requeued(job)
        self.assertEqual(self.slurm.finish(job, 150), ["COMPLETED"], self.output_of(job))
        weights = sorted(plain.rglob("*.safetensors"))
        self.assertTrue(weights)
        for file in weights:
            self.assertEqual(file.read_bytes(), (preempted / file.relative_to(plain)).read_bytes(), file.name)


if __name__ == "__main__":
    alone.enter()
    unittest.main()
