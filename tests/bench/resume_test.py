"""A run that ends early loses nothing: it is resumed, refused to others, and merged."""

import json
import signal
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from support.program import PROGRAM, ProgramTest, children_named, kill, mpirun, run, wait_until

SMALL = ("--tokens_per_rank", 64, "--window", 64, "--calibration_iterations", 4, "--strategies", "contiguous,eplb_pack")
GROUPS = ("--dataset", "drama,manual", "--mode", "replay,in_model")


def finished(journal: Path) -> list:
    """Keys of measured cases, in the order in which they were written."""
    found = []
    for line in journal.read_text().splitlines() if journal.exists() else []:
        try:
            record = json.loads(line)
        except ValueError:
            continue  # being written, or cut off
        if record["attributes"].get("status") == "ok":
            found.append(record["path"])
    return found


class Resume(ProgramTest):
    def start(self, *arguments, ranks=2):
        return subprocess.Popen([*mpirun(ranks), PROGRAM, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def cases(self, trace: Path) -> list:
        return [line for line in self.ok("trace", "dump", trace).splitlines() if line.startswith("/cases/")]

    def test_a_killed_run_is_resumed_and_does_only_what_is_missing(self):
        output = self.scratch / "run.h5"
        line = ("measure", *SMALL, *GROUPS, "--iterations", 40, "--output", output)
        running = self.start(*line)
        journal = output.with_suffix(".jsonl")
        self.assertTrue(wait_until(lambda: len(finished(journal)) >= 2, 120), "no group was finished")
        for pid in children_named(PROGRAM):
            kill(pid)
        running.communicate(timeout=60)
        before = finished(journal)
        self.assertLess(len(before), 8, "it ended before it could be killed")
        self.refused(2, "--resume goes on with it", *line, ranks=2)
        self.refused(2, "begun with other options", *line[:-2], "--seed", 9, "--output", output, "--resume", ranks=2)
        self.refused(2, "was begun by 2 ranks", *line, "--resume", ranks=1)
        self.assertIn("wrote", self.ok(*line, "--resume", ranks=2))
        after = finished(journal)
        self.assertEqual(len(after), len(set(after)), "a case was measured twice")
        whole = before[:len(before) - len(before) % 2]
        self.assertEqual(after[:len(whole)], whole)
        self.ok("measure", *SMALL, *GROUPS, "--iterations", 4, "--output", self.scratch / "other.h5", ranks=2)
        self.assertEqual(self.cases(output), self.cases(self.scratch / "other.h5"))
        said = self.ok(*line, "--resume", ranks=2)
        self.assertIn("8 kept", said)
        self.assertEqual(finished(journal), after)

    def test_a_signal_ends_a_run_after_the_group_in_hand(self):
        output = self.scratch / "run.h5"
        line = ("measure", *SMALL, *GROUPS, "--iterations", 40, "--output", output)
        running = self.start(*line)
        self.assertTrue(wait_until(lambda: output.with_suffix(".jsonl").exists() and "/cases/" in output.with_suffix(".jsonl").read_text(), 120))
        running.send_signal(signal.SIGUSR1)  # mpirun hands it to the ranks
        said, errors = running.communicate(timeout=150)
        self.assertEqual(running.returncode, 0, errors)
        self.assertIn("ended by SIGUSR1", said)
        self.assertIn("--resume", said)
        self.assertFalse(output.exists())
        kept = finished(output.with_suffix(".jsonl"))
        self.assertIn(len(kept), (2, 4, 6))
        self.ok(*line, "--resume", ranks=2)
        self.assertEqual(finished(output.with_suffix(".jsonl"))[:len(kept)], kept)
        self.assertEqual(len(self.cases(output)), 8)

    def test_two_runs_never_write_one_trace(self):
        output = self.scratch / "run.h5"
        first = self.start("measure", *SMALL, "--iterations", 100000, "--output", output)
        try:
            self.assertTrue(wait_until(lambda: output.with_suffix(".lock").exists(), 60))
            message = self.refused(2, "is being written by process", "measure", *SMALL, "--output", output, "--overwrite", ranks=2)
            self.assertIn("choose another --output", message)
        finally:
            for pid in children_named(PROGRAM):
                kill(pid)
            first.communicate(timeout=60)

    def test_a_study_goes_on_where_it_stopped(self):
        suite = self.write("tiny.toml", 'dataset = "drama"\nstrategies = "contiguous,eplb_pack"\ntokens_per_rank = 64\nwindow = 64\niterations = 4\n'
                           'calibration_iterations = 4\nmax_samples = 4\nmax_windows = 4\nassign_strategies = "round_robin"\nassign_samples = 2\n')
        folder = self.scratch / "study"
        self.ok("study", suite, "--no_plots", "--output", folder, ranks=2)
        self.refused(2, "exists", "study", suite, "--no_plots", "--output", folder, ranks=2)
        (folder / "run.h5").unlink()
        stages = self.json(folder / "stages.json")
        stages["done"].remove("try routing policies")
        (folder / "stages.json").write_text(json.dumps(stages))
        stamp = (folder / "profiling" / "drama" / "expert_assignment_stats.json").stat().st_mtime_ns
        policies = folder / "assignment_tests" / "assignment_test_results.json"
        policies.unlink()
        self.ok("study", suite, "--no_plots", "--output", folder, "--resume", ranks=2)
        self.assertTrue(policies.exists() and (folder / "run.h5").exists())
        self.assertEqual((folder / "profiling" / "drama" / "expert_assignment_stats.json").stat().st_mtime_ns, stamp, "profiled again")
        self.assertIn("perplexity.drama", self.ok("trace", "dump", folder / "run.h5"))
        self.refused(2, "--resume needs the folder", "study", suite, "--resume")
        self.refused(2, "they cannot be one", "study", "quick", "--no_plots", "--output", folder, "--resume", ranks=2)


class Folders(ProgramTest):
    def test_a_full_disk_loses_no_finished_group(self):
        """A disk of its own, full after the first group; more room, and the run goes on. It depends on the room whether the journal or HDF5 meets the end."""
        met_by = set()
        for room in ("340k", "372k", "404k", "436k"):
            disk = self.scratch / room
            disk.mkdir()
            if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={room}", "tmpfs", disk], capture_output=True).returncode:
                self.skipTest("no right to mount a disk of its own")
            self.addCleanup(subprocess.run, ["umount", disk])
            output = disk / "run.h5"
            line = ("measure", *SMALL, "--dataset", "drama,manual,scripture", "--iterations", 40, "--output", output)
            message = self.refused(4, str(disk), *line, ranks=2)
            self.assertIn("No space left", message)
            self.assertFalse(output.exists())
            met_by.add("hdf5" if "error: hdf5: " in message else "journal")
        self.assertIn("hdf5", met_by)
        subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
        self.ok(*line, "--resume", ranks=2)
        self.assertEqual(len([line for line in self.ok("trace", "dump", output).splitlines() if line.startswith("/cases/")]), 6)

    def test_a_read_only_folder_is_refused_at_once(self):
        disk = self.scratch / "disk"
        disk.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "ro,size=100k", "tmpfs", disk], capture_output=True).returncode:
            self.skipTest("no right to mount a disk of its own")
        self.addCleanup(subprocess.run, ["umount", disk])
        for command in (("measure", *SMALL, "--output", disk / "run.h5"), ("study", "--output", disk)):
            self.refused(2, "cannot write into folder", *command, ranks=2)


class Merge(ProgramTest):
    def test_traces_of_several_jobs_become_one(self):
        for name in ("drama", "manual"):
            self.ok("measure", *SMALL, "--dataset", name, "--iterations", 4, "--output", self.scratch / f"{name}.h5", ranks=2)
        both = [self.scratch / "drama.h5", self.scratch / "manual.h5"]
        self.assertIn("merged 4 cases", self.ok("trace", "merge", self.scratch / "all.h5", *both))
        self.ok("report", self.scratch / "all.h5", "--output", self.scratch / "report")
        self.refused(5, "lacks 0 groups and 1 whole inputs", "trace", "merge", self.scratch / "more.h5", *both, self.scratch / "none.h5")
        self.refused(2, "exists", "trace", "merge", self.scratch / "all.h5", *both)

    def test_an_interface_that_is_none_is_refused(self):
        done = run("--mpi-if", "no-such-if", "list")
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("is no interface of this host", done.stderr)
        self.ok("--mpi-if", "lo", "measure", *SMALL, "--iterations", 4, "--output", self.scratch / "run.h5", ranks=2)
        self.assertIn('"OMPI_MCA_btl_tcp_if_include":"lo"', self.ok("trace", "dump", self.scratch / "run.h5"))


if __name__ == "__main__":
    unittest.main()
