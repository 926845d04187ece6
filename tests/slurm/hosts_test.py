"""Four emulated hosts with networks, names and clocks of their own: studies, node maps, exchanges, clock offsets."""

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from support import alone, hosts
from support.program import PROGRAM

FOLDER = Path(PROGRAM).parent
TINY = ('dataset = "drama"\nstrategies = "contiguous,eplb_pack"\ntokens_per_rank = 64\nthreads = 1\nwindow = 64\niterations = 4\ncalibration_iterations = 4\n'
        'max_samples = 4\nmax_windows = 4\nassign_strategies = "round_robin"\nassign_samples = 2\n')
SMALL = ("--threads", "1", "--tokens_per_rank", "64", "--window", "64", "--calibration_iterations", "4", "--strategies", "contiguous,eplb_pack", "--iterations", "4")


class HostsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        reason = alone.why_not()
        if reason:
            raise unittest.SkipTest(reason)

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="moewire-hosts-")
        self.addCleanup(folder.cleanup)
        self.scratch = Path(folder.name)

    def up(self, count, names=None, **settings):
        lab = hosts.Hosts(names or [f"node{i}" for i in range(count)], self.scratch / "lab", **settings)
        self.addCleanup(lab.close)
        return lab

    def ok(self, line):
        done = subprocess.run([str(word) for word in line], capture_output=True, text=True, timeout=200)
        self.assertEqual(done.returncode, 0, f"{line}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def attributes(self, trace: Path) -> dict:
        """Of the root and of the first case."""
        found = {}
        for line in self.ok([PROGRAM, "trace", "dump", "--values", trace]).splitlines():
            name, equals, value = line.lstrip().partition(" = ")
            if equals:
                found.setdefault(name, value)
        return found


class FourHosts(HostsTest):
    def test_a_study_over_four_hosts_and_the_traffic_between_them(self):
        lab = self.up(4)
        suite = self.scratch / "tiny.toml"
        suite.write_text(TINY)
        self.ok([*lab.mpirun(1), PROGRAM, "study", suite, "--no_plots", "--skip_finetuning", "--output", self.scratch / "study"])
        self.assertTrue((self.scratch / "study" / "report.md").exists())
        found = self.attributes(self.scratch / "study" / "run.h5")
        self.assertEqual(found["nodes"], "4")
        self.assertEqual(found["hosts"], "node0")  # one name a line: the dump shows the first
        self.assertIn("10.91.0.13", found["network"])
        self.assertGreater(int(found["bytes_between_nodes"]), 0)
        self.assertEqual(found["bytes_within_nodes"], "0")  # one rank a host

    def test_hierarchical_equals_flat_byte_for_byte(self):
        """Every exchange against what its senders sent, on two ranks of each of four hosts; then the model's output."""
        lab = self.up(4)
        exchange = FOLDER / "transport_ranks_tests"
        said = self.ok([*lab.mpirun(2), exchange, "--gtest_color=no", "--gtest_filter=*EveryByteArrives*"])
        for name in ("hierarchical", "mpi"):
            self.assertRegex(said, rf"OK \] \S*EveryByteArrivesInPlaceThereAndBack/{name}_host ")
        plans, perplexities = [], []
        for transport in ("mpi", "hierarchical"):
            trace = self.scratch / f"{transport}.h5"
            # Stamped rows are checked byte by byte before anything is timed; a placement that changes the output fails.
            self.ok([*lab.mpirun(2), PROGRAM, "measure", *SMALL, "--mode", "in_model", "--transport", transport, "--output", trace])
            dumped = self.ok([PROGRAM, "trace", "dump", "--values", trace])
            plans.append([line for line in dumped.splitlines() if "plan_digest" in line or "bytes_between_nodes" in line])
            perplexities.append([line.split("= ")[1] for line in dumped.splitlines() if line.strip().startswith("perplexity = ")])
        self.assertEqual(plans[0], plans[1])
        self.assertEqual(perplexities[0], perplexities[1])

    def test_hosts_of_one_name_are_told_apart(self):
        lab = self.up(2, names=["twin", "twin"])
        found = json.loads(self.ok([*lab.mpirun(2), PROGRAM, "doctor", "--json"]))
        self.assertEqual(found["hosts"]["values"]["host_of_node"], ["twin", "twin#2"])
        self.assertEqual(found["hosts"]["values"]["node_of_rank"], [0, 0, 1, 1])


class Clocks(HostsTest):
    def test_an_injected_offset_is_found_within_its_bound(self):
        ahead_s = [0, 3600, 0, 86400]
        probe = subprocess.run(["unshare", "--time", "--monotonic", "10", "--fork", "true"], capture_output=True, text=True)
        if probe.returncode:
            self.skipTest(f"no clocks of their own here ({probe.stderr.strip()})")
        lab = self.up(4, clock_s=ahead_s)
        found = json.loads(self.ok([*lab.mpirun(1), PROGRAM, "doctor", "--json"]))["clocks"]["values"]
        for rank, ahead in enumerate(ahead_s):
            self.assertLessEqual(abs(found["offset_s"][rank] - ahead), found["bound_s"][rank] + 1e-9, f"rank {rank}")
        self.assertGreater(found["bound_s"][1], 0)
        self.assertLessEqual(found["drift_ratio"], found["drift_bound_ratio"])  # one machine: clocks run alike
        trace = self.scratch / "run.h5"
        self.ok([*lab.mpirun(1), PROGRAM, "measure", *SMALL, "--output", trace])
        self.assertEqual(self.attributes(trace)["clock_method"], "ping-pong")


if __name__ == "__main__":
    alone.enter()
    unittest.main()
