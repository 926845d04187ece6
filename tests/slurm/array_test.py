"""Arrays: one task a family of cases, killed and requeued at random, collected with gaps and duplicates named.

MOEWIRE_KILL_CYCLES=50 makes the random test as long as one likes; MOEWIRE_KILL_SEED repeats one.
"""

import json
import os
import random
import shutil
import signal
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from support import alone
from support.program import ROOT
from support.slurm import SlurmTest, whole_groups

SMALL = ["--threads", "1", "--tokens_per_rank", "64", "--window", "64", "--calibration_iterations", "4", "--strategies", "contiguous,eplb_pack"]
# Four groups of two cases a task, so that a task can be cut off in its middle.
FAMILIES = [f"--dataset drama,manual --mode replay,in_model {plan} {' '.join(SMALL)} --iterations 40" for plan in ("", "--plan_dataset scripture")]
CASES_OF_TASK = 8


class Arrays(SlurmTest):
    nodes = 2

    def collect(self, folder: Path):
        return self.slurm.run(sys.executable, ROOT / "scripts" / "submit.py", "collect", folder)

    def test_a_family_a_task_and_one_trace_in_the_end(self):
        folder = self.scratch / "families"
        line = ("--nodes", 1, "--ranks_per_node", 2, "array", *SMALL, "--dataset", "drama,manual", "--iterations", 4, "--output", folder)
        self.assertIn("--array=0-1", self.submit(*line).stdout)
        self.assertFalse(folder.exists(), "printing writes nothing")
        done = self.submit("--wait", *line)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("_1 COMPLETED; 2 tasks finished", done.stdout)
        self.assertEqual(len((folder / "cases.txt").read_text().splitlines()), 2)
        done = self.collect(folder)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("merged 4 cases", done.stdout)
        # One task lost, the other there twice: both are named, and what is there is collected.
        shutil.copy(folder / "task-0.h5", folder / "task-1.h5")
        (folder / "task-1.jsonl").unlink()
        done = self.collect(folder)
        self.assertRegex(done.stdout + done.stderr, r"again in \S*task-1\.h5")
        (folder / "task-1.h5").unlink()
        done = self.collect(folder)
        self.assertEqual(done.returncode, 5, done.stdout + done.stderr)
        self.assertIn("gap, nothing was written", done.stdout)
        self.assertIn("task-1.h5", done.stdout + done.stderr)
        other = self.submit("--ranks_per_node", 1, "--submit", "array", *SMALL, "--iterations", 4, "--output", folder)
        self.assertEqual(other.returncode, 2)
        self.assertIn("lists other cases", other.stderr)

    # ------------------------------------------------------------------------------------------ kills and requeues

    def tasks(self, array: str) -> dict:
        """number: (name of the job, state)."""
        found = {}
        for line in self.slurm.call("scontrol", "-o", "show", "job", array).splitlines():
            fields = dict(word.partition("=")[::2] for word in line.split() if "=" in word)
            if fields.get("ArrayTaskId", "").isdigit():
                found[int(fields["ArrayTaskId"])] = (f"{array}_{fields['ArrayTaskId']}", fields["JobState"])
        return found

    def is_over(self, array: str) -> bool:
        tasks = self.tasks(array)  # those that wait for their first start are told as one
        return len(tasks) == len(FAMILIES) and all(state == "COMPLETED" for _, state in tasks.values())

    def drive(self, array: str, resubmitted: list):
        """What an operator does: tasks that wait start at once, those that gave up are put back."""
        for job, state in self.tasks(array).values():
            if state == "PENDING":
                self.slurm.start_now(job)
            elif state in ("FAILED", "NODE_FAIL", "CANCELLED"):
                if self.slurm.run("scontrol", "requeue", job).returncode == 0:
                    resubmitted.append(job)

    def strike(self, dice: random.Random, array: str) -> str:
        """One blow at a running task, of the kinds that clusters deal; empty: nothing ran."""
        running = [job for job, state in self.tasks(array).values() if state == "RUNNING"]
        if not running:
            return ""
        job = dice.choice(running)
        kind = dice.choice(["requeue", "requeue", "rank killed", "rank killed", "time limit near", "node lost"])
        if kind == "requeue":
            self.slurm.run("scontrol", "requeue", job)
        elif kind == "time limit near":
            self.slurm.run("scancel", "--batch", "--signal=USR1", job)
        elif kind == "rank killed":
            ranks = self.slurm.ranks_on(dice.randrange(self.nodes))
            if not ranks:
                return ""
            try:
                os.kill(dice.choice(ranks), signal.SIGKILL)
            except ProcessLookupError:
                return ""
        else:
            lost = dice.randrange(self.nodes)
            self.hosts.lose_power(lost)
            # A real node would come back with another boot time; this one must be declared lost.
            self.slurm.call("scontrol", "update", f"NodeName=node{lost}", "State=DOWN", "Reason=lost")
            self.slurm.start_node(lost)
            self.slurm.run("scontrol", "update", f"NodeName=node{lost}", "State=RESUME")  # it may have come by itself
        return kind

    def start_array(self, folder: Path) -> str:
        folder.mkdir()
        (folder / "cases.txt").write_text("\n".join(FAMILIES) + "\n")
        script = ["--nodes=2", "--ntasks-per-node=1", f"--array=0-{len(FAMILIES) - 1}", f"--output={folder}/task-%a.out",
                  f"--export=ALL,MOEWIRE_HOME={ROOT},MOEWIRE_SKIP_DOCTOR=1,MOEWIRE_MOST_RESTARTS=1000", ROOT / "slurm" / "array.sbatch", folder]
        return self.slurm.call("sbatch", "--parsable", *script).strip()

    def check_kept(self, folder: Path, kept: dict):
        """Groups that were whole once are there still, word by word."""
        for task in range(len(FAMILIES)):
            for name, lines in whole_groups(folder / f"task-{task}.jsonl").items():
                before = kept.setdefault((task, name), lines)
                self.assertEqual(before, lines, f"task {task} measured {name} again")

    def wait_for_a_moment(self, dice: random.Random, array: str, folder: Path):
        """Until some task has written a few records more, so that blows fall on every stage however slow the machine is."""
        def records():
            return sum(file.read_bytes().count(b"\n") for file in folder.glob("*.jsonl"))
        wanted = records() + dice.randrange(8)
        self.slurm.wait(lambda: records() >= wanted or not any(state == "RUNNING" for _, state in self.tasks(array).values()), 20)
        time.sleep(dice.uniform(0, 0.7))

    def round_of_kills(self, folder: Path, dice: random.Random, left: int) -> dict:
        """An array from its submission to its end, under at most `left` blows. Returns how many of each kind."""
        array = self.start_array(folder)
        blows, kept, resubmitted = {}, {}, []
        end = time.monotonic() + 400 + 30 * left
        while not self.is_over(array):
            self.assertLess(time.monotonic(), end, f"array {array} hangs: {self.tasks(array)}, {blows}")
            self.wait_for_a_moment(dice, array, folder)
            self.check_kept(folder, kept)
            if sum(blows.values()) < left:
                kind = self.strike(dice, array)
                if kind:
                    blows[kind] = blows.get(kind, 0) + 1
            self.drive(array, resubmitted)
        self.check_kept(folder, kept)
        done = self.collect(folder)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn(f"merged {CASES_OF_TASK * len(FAMILIES)} cases", done.stdout)
        self.assertNotIn("again in", done.stdout + done.stderr)
        for task in range(len(FAMILIES)):
            self.assertEqual(len(whole_groups(folder / f"task-{task}.jsonl")), 4)
        return blows

    def test_random_kills_and_requeues_lose_nothing_and_repeat_nothing(self):
        left = int(os.environ.get("MOEWIRE_KILL_CYCLES", "5"))
        seed = int(os.environ.get("MOEWIRE_KILL_SEED", str(random.randrange(1 << 30))))
        dice, rounds, all_blows = random.Random(seed), 0, {}
        while left > 0:
            blows = self.round_of_kills(self.scratch / f"round-{rounds}", dice, left)
            rounds += 1
            left -= sum(blows.values())
            for kind, count in blows.items():
                all_blows[kind] = all_blows.get(kind, 0) + count
            print(f"seed {seed}, round {rounds}: {json.dumps(blows)}", flush=True)
        print(f"seed {seed}: {sum(all_blows.values())} kills in {rounds} arrays: {json.dumps(all_blows)}", flush=True)


if __name__ == "__main__":
    alone.enter()
    unittest.main()
