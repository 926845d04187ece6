"""Every batch script on a real Slurm: placement, binding, output, exit codes, requeue."""

import json
import os
import re
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from support import alone
from support.program import PROGRAM, ROOT
from support.slurm import SlurmTest

SMALL = ["--threads", "1", "--tokens_per_rank", "64", "--window", "64", "--calibration_iterations", "4", "--strategies", "contiguous,eplb_pack"]
TINY = ('dataset = "drama"\nstrategies = "contiguous,eplb_pack"\ntokens_per_rank = 64\nthreads = 1\nwindow = 64\niterations = 4\ncalibration_iterations = 4\n'
        'max_samples = 4\nmax_windows = 4\nassign_strategies = "round_robin"\nassign_samples = 2\n')


class Jobs(SlurmTest):
    nodes = 2

    def dump(self, trace):
        return self.slurm.call(PROGRAM, "trace", "dump", trace)

    def test_every_script_is_accepted(self):
        for script in sorted((ROOT / "slurm").glob("*.sbatch")):
            more = ["--array=0-1"] if script.stem == "array" else []
            done = self.slurm.run("sbatch", "--test-only", "--ntasks-per-node=2", *more, script, "--output", "x")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("to start at", done.stderr)

    def test_a_measurement_by_srun_with_ranks_where_they_belong(self):
        trace = self.scratch / "srun" / "run.h5"
        job = self.job_of(self.submit("--ranks_per_node", 2, "--submit", "measure", *SMALL, "--iterations", 4, "--output", trace))
        self.assertEqual(self.slurm.finish(job), ["COMPLETED"], self.output_of(job))
        said = self.output_of(job)
        self.assertIn("4 ranks: node0 x 2, node1 x 2", said)  # doctor, before the start
        self.assertIn("wrote", said)
        dumped = self.dump(trace)
        self.assertIn(f"slurm_job = {job}\n", dumped)
        self.assertIn("nodes = 2\n", dumped)
        self.assertIn('"NCCL_SOCKET_IFNAME":"=eth0"', dumped)

    def test_a_measurement_by_mpirun(self):
        other = self.scratch / "mpirun.sh"
        other.write_text(self.site.read_text() + "MOEWIRE_LAUNCHER=mpirun\n")
        trace = self.scratch / "mpirun" / "run.h5"
        line = ["env", f"MOEWIRE_SITE={other}", "MOEWIRE_SKIP_DOCTOR=1", sys.executable, ROOT / "scripts" / "submit.py"]
        done = self.slurm.run(*line, "--ranks_per_node", 2, "--submit", "measure", *SMALL, "--iterations", 4, "--output", trace, cwd=self.scratch)
        job = self.job_of(done)
        self.assertEqual(self.slurm.finish(job), ["COMPLETED"], self.output_of(job))
        dumped = self.dump(trace)
        self.assertIn("ranks = 4\n", dumped)
        self.assertIn("nodes = 2\n", dumped)

    def test_two_ranks_on_one_gpu_are_an_error(self):
        """GPUs that are none: what is tested is what Slurm leaves each rank to see."""
        doctor = f". {self.site}; srun --mpi=pmix {PROGRAM} doctor --json"
        for gres, ranks, shared in (("--gres=gpu:2", 2, False), ("--gpus-per-task=1", 2, False), ("--gres=gpu:1", 2, True)):
            done = self.slurm.run("salloc", "--quiet", "--nodes=2", f"--ntasks-per-node={ranks}", gres, "env", "OMPI_MCA_btl=self,vader,tcp",
                                  "OMPI_MCA_btl_tcp_if_include=eth0", "bash", "-c", doctor)
            found = json.loads(done.stdout)["GPU binding"]
            self.assertEqual(found["state"], "missing" if shared else "ok", f"{gres}: {found}")
            self.assertEqual(done.returncode, 3 if shared else 0, gres)
        self.assertIn("share GPU", found["finding"])

    def test_refusals_come_with_their_exit_codes(self):
        job = self.job_of(self.submit("--ranks_per_node", 1, "--submit", "measure", *SMALL, "--dataset", "no-such-text", "--output", self.scratch / "no.h5"))
        self.assertEqual(self.slurm.finish(job), ["FAILED"])
        self.assertEqual(self.slurm.facts(job)["ExitCode"], "2:0")
        self.assertIn("no-such-text", self.output_of(job))
        done = self.slurm.run("sbatch", "--parsable", "--chdir", self.scratch, f"--export=ALL,MOEWIRE_HOME={ROOT}", "--nodes=1", "--ntasks-per-node=1",
                              ROOT / "slurm" / "measure.sbatch")
        job = done.stdout.strip()
        self.assertEqual(self.slurm.finish(job), ["FAILED"])
        self.assertIn("no --output RUN.h5 was named", self.output_of(job))
        # The GPU tests end with the code for what cannot run here: there is no GPU behind the device files.
        job = self.job_of(self.submit("--nodes", 1, "--ranks_per_node", 2, "--submit", "gpu_tests"))
        self.assertEqual(self.slurm.finish(job), ["FAILED"])
        self.assertEqual(self.slurm.facts(job)["ExitCode"], "3:0", self.output_of(job))
        self.assertRegex(self.output_of(job), r"GPUs of this job: 0,1")

    def test_two_jobs_into_one_trace(self):
        """The second, on other nodes, is refused by name of the first; the first goes on."""
        trace = self.scratch / "one" / "run.h5"
        line = ("--nodes", 1, "--ranks_per_node", 2, "--submit", "measure", *SMALL, "--iterations", 100000, "--output", trace)
        first = self.job_of(self.submit(*line))
        self.assertTrue(self.slurm.wait(lambda: trace.with_suffix(".lock").exists(), 90), self.output_of(first))
        second = self.job_of(self.submit(*line))
        self.assertEqual(self.slurm.finish(second), ["FAILED"])
        self.assertEqual(self.slurm.facts(second)["ExitCode"], "2:0")
        self.assertRegex(self.output_of(second), rf"is being written by process \d+ on node\d \(Slurm job {first}\)")
        self.assertEqual(self.slurm.states(first), ["RUNNING"])
        self.slurm.call("scancel", first)
        self.assertEqual(self.slurm.finish(first), ["CANCELLED"])

    def test_what_cannot_work_is_refused_before_it_waits(self):
        self.site_refuses(2, "has no option --iteration_count", "measure", "--iteration_count", 4, "--output", self.scratch / "a.h5")
        self.site_refuses(2, "no --output was named", "measure", *SMALL)
        self.site_refuses(3, "other nodes would not see it", "measure", *SMALL, "--output", "/var/tmp/a.h5")
        sealed = self.scratch / "sealed"
        sealed.mkdir()
        self.slurm.call("mount", "-t", "tmpfs", "-o", "ro", "tmpfs", sealed)  # on the login node
        self.site_refuses(3, "nothing can be written into", "measure", *SMALL, "--output", sealed / "a.h5")
        self.site_refuses(3, "a rank needs", "measure", "--model", "synth:deepseek-v3", "--dtype", "bfloat16", "--output", self.scratch / "a.h5")
        self.site_refuses(2, "--device cuda needs GPUs", "measure", *SMALL, "--device", "cuda", "--output", self.scratch / "a.h5")
        self.site_refuses(2, "would share 1 GPUs", "--gpus_per_node", 1, "measure", "--device", "cuda", *SMALL, "--output", self.scratch / "a.h5")
        done = self.submit("--ranks_per_node", 2, "--test_only", "measure", *SMALL, "--output", self.scratch / "a.h5")
        self.assertEqual(done.returncode, 0, done.stderr)

    def site_refuses(self, code, fragment, *words):
        done = self.submit(*words)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertIn(fragment, done.stderr)


class FourNodes(SlurmTest):
    nodes = 4

    def test_a_study_over_four_nodes(self):
        """The same study as by mpirun over four hosts; its trace knows which bytes crossed between nodes."""
        suite = self.scratch / "tiny.toml"
        suite.write_text(TINY)
        folder = self.scratch / "study"
        done = self.submit("--nodes", 4, "--ranks_per_node", 1, "--wait", "study", suite, "--no_plots", "--skip_finetuning", "--output", folder)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("COMPLETED", done.stdout)
        self.assertTrue((folder / "report.md").exists())
        dumped = self.slurm.call(PROGRAM, "trace", "dump", "--values", folder / "run.h5")
        self.assertIn("nodes = 4\n", dumped)
        self.assertIn("node0\nnode1\nnode2\nnode3\n", dumped)
        self.assertGreater(int(re.search(r"bytes_between_nodes = (\d+)", dumped).group(1)), 0)

    def test_more_ranks_than_cores(self):
        done = self.slurm.run("srun", "--mpi=pmix", "--nodes=4", "--ntasks-per-node=4", "bash", "-c", f". {self.site}; exec {PROGRAM} sweep --quick", cwd=self.scratch)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("16 ranks", done.stdout)


if __name__ == "__main__":
    alone.enter()
    unittest.main()
