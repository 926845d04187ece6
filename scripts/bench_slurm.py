#!/usr/bin/env python3
"""What Slurm jobs of moewire cost beyond Slurm itself, on a Slurm of this script's own (needs root; nothing stays).

  scripts/bench_slurm.py [--repetitions 5] [--ranks 64] [--study] [--json FILE]

Prints the time from submission to the first sample beside that of a job that only says the time, the cost of recording
a case, and how long a short sweep of many ranks takes. All ranks share this machine's cores.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
os.environ.setdefault("MOEWIRE_HOME", str(ROOT))
os.environ.setdefault("MOEWIRE_PROGRAM", str(ROOT / "build" / "release" / "bin" / "moewire"))
os.environ.setdefault("MOEWIRE_FIXTURES", str(ROOT / "tests" / "fixtures"))
sys.path.insert(0, str(ROOT / "tests"))
from support import alone, slurm
from support.program import PROGRAM

SMALL = ["--tokens_per_rank", "64", "--window", "64", "--calibration_iterations", "4", "--strategies", "contiguous,eplb_pack", "--iterations", "20"]


class Bench:
    def __init__(self, nodes: int, scratch: Path):
        self.scratch, self.nodes = scratch, nodes
        self.slurm = slurm.Slurm(nodes, scratch, cpus=16)
        self.site = slurm.write_site(scratch, self.slurm.hosts.manners)

    def close(self):
        self.slurm.close()

    def batch(self, ranks_per_node: int, command: str) -> str:
        return self.slurm.call("sbatch", "--parsable", f"--nodes={self.nodes}", f"--ntasks-per-node={ranks_per_node}", f"--chdir={self.scratch}",
                               "--output=%j.out", "--wrap", f". {self.site}; srun --mpi=pmix {command}").strip()

    def output(self, job: str) -> str:
        self.slurm.finish(job, 500)
        return (self.scratch / f"{job}.out").read_text()

    def slurm_alone_s(self) -> float:
        """From submission to the last rank's first instruction."""
        begin_s = time.time()
        return max(float(line) for line in self.output(self.batch(2, "date +%s.%N")).split()) - begin_s

    def submitted(self, number: int, doctor: bool) -> dict:
        """Seconds from typing submit.py to its job number, and to the first case's prediction: its samples come next."""
        trace = self.scratch / f"run-{doctor}-{number}.h5"
        environment = {**self.slurm.environment, "MOEWIRE_SITE": str(self.site), **({} if doctor else {"MOEWIRE_SKIP_DOCTOR": "1"})}
        begin_s = time.time()
        line = [sys.executable, ROOT / "scripts" / "submit.py", "--nodes", self.nodes, "--ranks_per_node", 2, "--submit", "measure", *SMALL, "--output", trace]
        done = self.slurm.run(*line, env=environment, cwd=self.scratch)
        queued_s = time.time() - begin_s
        job = re.search(r"^job (\d+)$", done.stdout, re.MULTILINE).group(1)
        journal = trace.with_suffix(".jsonl")
        if not self.slurm.wait(lambda: journal.exists() and '"/cases/' in journal.read_text(), 120, 0.01):
            sys.exit(f"job {job} did not measure: {self.slurm.facts(job)}")
        first_s = time.time() - begin_s
        if self.slurm.finish(job) != ["COMPLETED"]:
            sys.exit(f"job {job} failed")
        return {"queued_s": queued_s, "first_sample_s": first_s, "recording_s": self.recording_s(trace)}

    def without_slurm_s(self, number: int) -> float:
        """The same program over the same hosts by mpirun, to the first case's prediction."""
        trace = self.scratch / f"plain-{number}.h5"
        journal = trace.with_suffix(".jsonl")
        begin_s = time.time()
        running = subprocess.Popen([*self.slurm.hosts.mpirun(2, hosts=self.nodes), PROGRAM, "measure", *SMALL, "--output", trace], stdout=subprocess.DEVNULL)
        self.slurm.wait(lambda: journal.exists() and '"/cases/' in journal.read_text(), 120, 0.01)
        first_s = time.time() - begin_s
        if running.wait():
            sys.exit("the run by mpirun failed")
        return first_s

    def recording_s(self, trace: Path) -> float:
        """Of one case, on rank 0."""
        said = self.slurm.call(PROGRAM, "trace", "dump", trace)
        value = {name: float(re.search(rf"{name} = (\S+)", said).group(1)) for name in ("recording_s", "recorded_cases")}
        return value["recording_s"] / value["recorded_cases"]

    def sweep(self, ranks: int) -> dict:
        begin_s = time.time()
        job = self.batch(ranks // self.nodes, f"{PROGRAM} sweep --quick")
        said = self.output(job)
        return {"ranks": ranks, "nodes": self.nodes, "state": self.slurm.states(job)[0], "took_s": time.time() - begin_s, "said": said}

    def studies(self) -> dict:
        """`study --quick` over all hosts, by mpirun and by Slurm: the same cases, and what crossed between hosts."""
        found, cases = {}, []
        for name in ("mpirun", "slurm"):
            begin_s = time.time()
            folder = self.scratch / f"study-{name}"
            words = ["study", "--quick", "--no_plots", "--output", folder]
            if name == "mpirun":
                done = subprocess.run([*self.slurm.hosts.mpirun(1, 1500, hosts=self.nodes), PROGRAM, *words], capture_output=True, text=True)
            else:
                environment = {**self.slurm.environment, "MOEWIRE_SITE": str(self.site)}
                line = [sys.executable, ROOT / "scripts" / "submit.py", "--nodes", self.nodes, "--ranks_per_node", 1, "--wait", *words]
                done = self.slurm.run(*line, env=environment, cwd=self.scratch)
            if done.returncode:
                sys.exit(f"the study by {name} failed\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
            dumped = self.slurm.call(PROGRAM, "trace", "dump", "--values", folder / "run.h5")
            cases.append(re.findall(r"^/cases/\S+", dumped, re.MULTILINE))
            found[name] = {"took_s": time.time() - begin_s, "report": (folder / "report.md").exists(), "cases": len(cases[-1]),
                           "nodes": int(re.search(r"\bnodes = (\d+)", dumped).group(1)),
                           "bytes_between_nodes": [int(value) for value in re.findall(r"bytes_between_nodes = (\d+)", dumped)]}
        found["same_cases"] = cases[0] == cases[1]
        found["same_bytes_between_nodes"] = found["mpirun"]["bytes_between_nodes"] == found["slurm"]["bytes_between_nodes"]
        return found


def middle(values: list) -> dict:
    return {"median": statistics.median(values), "least": min(values), "most": max(values), "n": len(values)}


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--repetitions", type=int, default=5)
    words.add_argument("--ranks", type=int, default=64)
    words.add_argument("--study", action="store_true", help="also a study over four hosts, by mpirun and by Slurm")
    words.add_argument("--json", default="", metavar="FILE")
    options = words.parse_args()
    reason = alone.why_not() or slurm.why_not()
    if reason:
        print(f"bench_slurm: {reason}", file=sys.stderr)
        return 3
    found = {}
    with tempfile.TemporaryDirectory(prefix="moewire-slurm-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        for nodes in (2, 4):
            scratch = Path(folder) / str(nodes)
            scratch.mkdir()
            bench = Bench(nodes, scratch)
            try:
                if nodes == 2:
                    found["slurm_alone_s"] = middle([bench.slurm_alone_s() for _ in range(options.repetitions)])
                    found["without_slurm_s"] = middle([bench.without_slurm_s(i) for i in range(options.repetitions)])
                    for doctor in (False, True):
                        runs = [bench.submitted(i, doctor) for i in range(options.repetitions)]
                        for name in runs[0]:
                            found[f"{name}{' with doctor' if doctor else ''}"] = middle([run[name] for run in runs])
                else:
                    found["sweep"] = bench.sweep(options.ranks)
                    if options.study:
                        found["studies"] = bench.studies()
            finally:
                bench.close()
    for name, value in found.items():
        print(f"{name}: {json.dumps(value) if name != 'sweep' else json.dumps({k: v for k, v in value.items() if k != 'said'})}")
    print(found["sweep"]["said"])
    if options.json:
        Path(options.json).write_text(json.dumps(found, indent=1) + "\n")
    return 0 if found["sweep"]["state"] == "COMPLETED" else 4


if __name__ == "__main__":
    alone.enter()
    sys.exit(main())
