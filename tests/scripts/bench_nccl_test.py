"""Joining nccl-tests' times with ours: records of the shape that nccl-tests 2.19.6 writes, and the whole script with a stand-in for it."""

import csv
import json
import os
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from support.program import PROGRAM, ROOT, ProgramTest

SCRIPT = ROOT / "scripts" / "bench_nccl.py"

# A stand-in: writes the file that -J names, for the sizes that -b, -e and -f name, with 100 us an iteration.
STAND_IN = '''#!{python}
import json, os, sys
sys.path.insert(0, {tests!r})
from scripts_records import nccl_tests_record
value = lambda flag, usual: sys.argv[sys.argv.index(flag) + 1] if flag in sys.argv else usual
least, most, factor = int(value("-b", 0)), int(value("-e", 0)), int(value("-f", 2))
assert value("-I", "0") == "1" and value("-a", "1") == "3" and value("-c", "1") == os.environ.get("CHECK", "1"), sys.argv
assert ("alltoallv" in sys.argv[0]) == (least == most)
if os.environ["OMPI_COMM_WORLD_RANK"] == "0":
    sizes = [least * factor**k for k in range(64) if least * factor**k <= most]
    assert not os.path.exists(value("-J", ""))
    record = nccl_tests_record({{size: [100.0] * int(value("-n", 20)) for size in sizes}})
    open(value("-J", ""), "w").write(json.dumps(record))
'''


def nccl_tests_record(times, wrong=0.0):
    """size -> times in us of each iteration, two processes; the second is the slowest."""
    def body(series):
        middle = sorted(series)[len(series) // 2]
        return {"time": middle, "alg_bw": 1.0, "bus_bw": 0.5, "nwrong": wrong}

    def per_iteration(series):
        return {"skipped_iterations": 0, "min_us": min(series), "max_us": max(series), "avg_us": sum(series) / len(series), "p50_us": sorted(series)[len(series) // 2],
                "p95_us": max(series), "p99_us": max(series), "stdev_us": 0.0, "cv_pct": 0.0, "times_us": series,
                "per_process_max_times_us": [[t / 2 for t in series], series]}
    return {"version": 1, "start_time": "2026-11-23 12:00:00", "args": ["alltoall_perf", "-I", "1"], "env": ["HOME=/root", "TOKEN=secret"], "nccl_version": 22809,
            "config": {"nthreads": 1, "ngpus": 1, "iterations": 3, "per_iter_timing": "true", "devices": [{"rank": 0}, {"rank": 1}]},
            "results": [{"size": size, "count": size // 8, "type": "float", "redop": "none", "root": "    -1",
                         "out_of_place": body(series), "out_of_place_per_iter": per_iteration(series),
                         "in_place": {**body(series), "nwrong": None}, "in_place_per_iter": per_iteration([9999.0] * len(series)),
                         "actual_iterations": len(series), "experiment_name": ""} for size, series in times.items()],
            "out_of_bounds": {"count": 0, "okay": "true"}, "average_bus_bandwidth": {"bandwidth": 0.5, "okay": "unchecked"}, "end_time": "2026-11-23 12:00:01"}


def sweep_record(times, ranks=2):
    return {"ranks": ranks, "rungs": [{"kind": "floor", "name": "nothing", "size_bytes": 0, "times_us": [1.0]},
                                      *({"kind": "size", "name": str(size), "size_bytes": size, "times_us": series} for size, series in times.items())]}


class Join(ProgramTest):
    def script(self, *arguments):
        return subprocess.run([sys.executable, SCRIPT, *map(str, arguments)], capture_output=True, text=True)

    def refused(self, fragment, *arguments):
        done = self.script(*arguments)
        self.assertEqual(done.returncode, 2, done.stdout)
        self.assertIn(fragment, done.stderr)
        self.assertNotIn("Traceback", done.stderr)

    def round(self, number, ours, theirs, folder="."):
        self.write(f"{folder}/round{number}/alltoall.ours.json", json.dumps(ours))
        self.write(f"{folder}/round{number}/alltoall.theirs.json", json.dumps(theirs))

    def test_ratios_are_of_the_same_round_and_medians_of_all(self):
        big = 1 << 30
        for number, scale in enumerate((1.0, 3.0, 2.0), 1):  # the machine slows down: both sides alike
            self.round(number, sweep_record({1024: [22 * scale, 11 * scale, 33 * scale], big: [4000 * scale] * 3}),
                       nccl_tests_record({1024: [10 * scale, 20 * scale, 90 * scale], big: [5000 * scale] * 3}))
        done = self.script("join", self.scratch)
        self.assertEqual(done.returncode, 0, done.stderr)
        small, large = list(csv.DictReader((self.scratch / "nccl.csv").read_text().splitlines()))
        self.assertEqual([float(small[key]) for key in ("size_bytes", "rounds", "iterations", "ours_p50_us", "theirs_p50_us", "difference_us", "ours_p99_us", "theirs_p99_us")],
                         [1024, 3, 3, 44, 40, 4, 66, 180])
        for key in ("ratio", "ratio_least", "ratio_most"):
            self.assertAlmostEqual(float(small[key]), 1.1)
            self.assertAlmostEqual(float(large[key]), 0.8)
        self.assertAlmostEqual(float(large["bandwidth_ratio"]), 1.25)
        self.assertAlmostEqual(float(large["ours_busbw_gb_per_s"]), big / 8e-3 / 1e9 / 2)
        text = (self.scratch / "nccl.md").read_text()
        self.assertEqual(text, done.stdout)
        self.assertIn("| alltoall | 1024 | 3 | 44.00 | 40.00 | 1.100 | - | 1.100 .. 1.100 | +4.00 | 0.01 | 0.01 |  |", text)
        self.assertRegex(text, r"\| 0\.800 \| - \| 0\.800 \.\. 0\.800 \|  \| 67\.11 \| 53\.69 \| 1\.250 \|")

    def test_rounds_of_several_folders_with_an_interval_from_ranks(self):
        ratios = [1.07, 1.01, 1.09, 1.03, 1.05, 1.02, 1.06, 1.04, 1.08]  # of nine values the 95 % interval is 2nd to 8th (Conover's table)
        for number, ratio in enumerate(ratios, 1):
            sizes = {1 << 20: ratio} if number < 9 else {1 << 20: ratio, 1 << 24: 2.0}
            self.round(number, sweep_record({size: [100 * value] for size, value in sizes.items()}), nccl_tests_record({size: [100.0] for size in sizes}),
                       folder="." if number < 5 else "more")
        done = self.script("join", self.scratch, self.scratch / "more")
        self.assertEqual(done.returncode, 0, done.stderr)
        small, large = list(csv.DictReader((self.scratch / "nccl.csv").read_text().splitlines()))
        self.assertEqual([(row["size_bytes"], row["rounds"]) for row in (small, large)], [("1048576", "9"), ("16777216", "1")])
        for key, value in {"ratio": 1.05, "ratio_low": 1.02, "ratio_high": 1.08, "ratio_least": 1.01, "ratio_most": 1.09}.items():
            self.assertAlmostEqual(float(small[key]), value)
        self.assertEqual((large["ratio_low"], large["ratio_high"]), ("", ""))  # one round says nothing of the next
        self.assertIn("| 1.050 | 1.020 .. 1.080 | 1.010 .. 1.090 |", done.stdout)

    def test_what_cannot_be_joined_is_refused(self):
        self.refused("no round*/NAME.ours.json", "join", self.scratch)
        for number, ranks in enumerate((2, 4), 1):
            self.round(number, sweep_record({1024: [1.0]}, ranks), nccl_tests_record({1024: [1.0]}))
        self.refused("among 2 and 4 ranks", "join", self.scratch)
        shutil.rmtree(self.scratch / "round2")
        self.round(1, sweep_record({1024: [1.0]}), nccl_tests_record({2048: [1.0]}))
        self.refused("different sizes ([1024, 2048]", "join", self.scratch)
        self.round(1, sweep_record({1024: [1.0]}), nccl_tests_record({1024: [1.0]}, wrong=3.0))
        self.refused("3.0 wrong elements", "join", self.scratch)
        self.round(1, sweep_record({1024: [1.0]}), {"results": [{"size": 1024, "out_of_place": {}}]})
        self.refused("out_of_place_per_iter", "join", self.scratch)
        self.write("round1/alltoall.theirs.json", "{")
        self.refused("is no JSON", "join", self.scratch)

    def test_the_environment_is_cut_and_the_rest_kept(self):
        record = nccl_tests_record({1024: [1.0]})
        path = self.write("a.json", json.dumps(record))
        self.assertEqual(self.script("trim", path).returncode, 0)
        self.assertNotIn("secret", path.read_text())
        record.pop("env")
        self.assertEqual(self.json(path), record)

    def test_the_size_of_a_matrix_is_its_busiest_rank(self):
        path = self.write("m.txt", "100 200 9\n300 17 9\n\n9 9 9000\n")
        self.assertEqual(self.script("size", path, 2).stdout, "384\n")  # rank 0 receives 96 + 288
        self.refused("no square matrix for 4 ranks", "size", path, 4)
        self.assertEqual(self.script("size").returncode, 2)


class WholeScript(ProgramTest):
    def test_rounds_of_both_sides_end_in_one_table(self):
        tools = self.scratch / "tools"
        for name in ("alltoall_perf", "alltoallv_perf"):
            self.write(f"tools/{name}", STAND_IN.format(python=sys.executable, tests=str(tools))).chmod(0o755)
        self.write("tools/scripts_records.py", f"import sys\nsys.path.insert(0, {str(Path(__file__).parent)!r})\nfrom bench_nccl_test import nccl_tests_record\n")
        out = self.scratch / "out"
        done = subprocess.run([ROOT / "scripts" / "bench_nccl.sh", out, "2"], capture_output=True, text=True, timeout=200,
                              env={**os.environ, "MOEWIRE": PROGRAM, "NCCL_TESTS": str(tools), "EXCHANGE": "mpi", "DEVICE": "cpu", "ROUNDS": "2", "ITERATIONS": "5", "CHECK": "0", "MAX_BYTES": "16384",
                                   "CASES": "deepseek-v3-decode/zipf:exponent=2", "PYTHON": sys.executable, "MPIRUN": "mpirun --oversubscribe --bind-to none --timeout 60"})
        self.assertEqual(done.returncode, 0, f"{done.stdout}\n{done.stderr}\n{(out / 'log.txt').read_text()}")
        rows = list(csv.DictReader((out / "nccl.csv").read_text().splitlines()))
        self.assertEqual([(row["test"], row["size_bytes"]) for row in rows[:3]], [("alltoall", "1024"), ("alltoall", "4096"), ("alltoall", "16384")])
        self.assertEqual([row["test"] for row in rows[3:]], ["alltoallv-deepseek-v3-decode-zipf-exponent-2"])
        for row in rows:
            self.assertEqual((row["rounds"], row["iterations"], float(row["theirs_p50_us"])), ("2", "5", 100.0))
            self.assertGreater(float(row["ours_p50_us"]), 0)
        self.assertNotIn("secret", (out / "round1" / "alltoall.theirs.json").read_text())
        self.assertIn("moewire", (out / "machine.txt").read_text())

    def test_programs_that_are_not_there(self):
        done = subprocess.run([ROOT / "scripts" / "bench_nccl.sh", self.scratch / "out"], capture_output=True, text=True, env={**os.environ, "NCCL_TESTS": "/nowhere", "MOEWIRE": PROGRAM})
        self.assertEqual(done.returncode, 3)
        self.assertIn("/nowhere/alltoall_perf is not there", done.stderr)

    def test_building_without_a_toolkit_or_a_folder(self):
        build = ROOT / "scripts" / "build_nccl_tests.sh"
        for code, fragment, *arguments in ((2, "no output folder"), (2, "unknown option", "--gpu"), (2, "names no folder", "out", "--source"), (2, "two output folders", "a", "b"),
                                           (3, "holds no bin/nvcc", self.scratch / "out")):
            done = subprocess.run([build, *arguments], capture_output=True, text=True, env={**os.environ, "CUDA_HOME": "/nowhere"})
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertIn(fragment, done.stderr)
        self.assertFalse((self.scratch / "out").exists())


if __name__ == "__main__":
    unittest.main()
