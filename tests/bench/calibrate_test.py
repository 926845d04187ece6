"""A calibration is frozen, kept in the trace, refused where it does not belong; a trace is compared with it."""

import json
import re
import subprocess
import sys
import unittest
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))
from support.program import ProgramTest, ROOT

sys.path.insert(0, str(ROOT / "scripts"))
from moewire_trace import Trace

TEXT = "control:zipf"
MEASURE = ("--model", "tiny-phimoe", "--dataset", TEXT, "--strategies", "contiguous,eplb_pack", "--iterations", 6, "--warmups", 1,
           "--calibration_iterations", 5, "--tokens_per_rank", 128, "--window", 128)
SIX = {"port_bound", "single_line", "busbw_rule", "astra_constants", "simai_formula", "endpoint_load"}
QUICK = ("--iterations", 5, "--most_bytes", "128K")


class Calibrate(ProgramTest):
    def calibrated(self, ranks=2, *arguments):
        path = self.scratch / "machine.toml"
        self.ok("calibrate", "--output", path, *QUICK, *arguments, ranks=ranks)
        return path

    def wrong(self, text):
        """What a refusal must say -> that calibration, spoilt."""
        spoilt = {
            "its hash does not fit": re.sub(r'"Open MPI v[^"]*"', '"Open MPI v9.9.9"', text),  # a planted version
            "must be finite, 0 or more": re.sub(r'("rank # self" = )', r"\1-", text),  # a negative bandwidth
            "hash": re.sub(r'\n"rank # self" = .*', "", text),  # a missing road
            "not valid TOML": text[: len(text) // 2] + "[[[",
        }
        for fragment, changed in spoilt.items():
            self.assertNotEqual(changed, text, fragment)
        return spoilt

    def test_samples_of_every_probe_are_kept(self):
        for ranks in (2, 4):
            path = self.calibrated(ranks)
            text = path.read_text()
            samples = self.json(f"{path}.samples.json")
            self.assertIn(f'digest = "{samples["calibration_digest"]}"', text)
            names = re.findall(r'\[\[probe\]\]\nname = "(.*)"', text)
            self.assertEqual([probe["name"] for probe in samples["probes"]], names)
            for probe in samples["probes"]:
                self.assertEqual(len(probe["times_s"]), 5)
                self.assertEqual([len(row) for row in probe["bytes"]], [ranks] * ranks)
            self.assertIn(f'"ranks" = "{ranks}"', text)

    def test_parts_are_series_of_their_own(self):
        path = self.calibrated(2, "--parts", 2)
        samples = self.json(f"{path}.samples.json")
        self.assertEqual(samples["parts"], 2)
        self.assertEqual({len(probe["times_s"]) for probe in samples["probes"]}, {10})
        self.refused(2, "--parts", "calibrate", "--parts", 101, ranks=2)

    def test_one_rank_alone_is_waived(self):
        self.refused(3, "one rank alone", "calibrate", "--output", self.scratch / "x.toml")

    def test_nonsense_is_refused(self):
        self.refused(2, "--iterations", "calibrate", "--iterations", 1, ranks=2)
        self.refused(2, ".toml", "calibrate", "--output", "x.txt", ranks=2)
        self.refused(2, "unknown topology", "calibrate", "--topology", "nowhere", "--output", self.scratch / "x.toml", ranks=2)

    def test_a_trace_keeps_the_file_that_predicted_it_and_is_compared(self):
        path = self.calibrated(2)
        run = self.scratch / "run.h5"
        self.ok("measure", *MEASURE, "--calibration", path, "--output", run, ranks=2)
        told = self.ok("compare", run, "--calibration", path, "--output", self.scratch / "out", "--no_plots")
        self.assertIn("calibrated", told)
        found = self.json(self.scratch / "out/comparison.json")
        self.assertEqual(found["model"], "calibrated")
        self.assertLessEqual(SIX, set(found["models"]))
        # two strategies, dispatch and combine of every layer
        self.assertEqual(len(found["exchanges"]), 2 * 2 * 4)
        ours = [abs(one["predicted"]["calibrated"]["s"] / one["measured_s"] - 1) for one in found["exchanges"]]
        self.assertAlmostEqual(found["models"]["calibrated"]["mape"], sum(ours) / len(ours), places=9)
        self.assertAlmostEqual(found["models"]["calibrated"]["max_error"], max(ours), places=9)
        inside = [one["predicted"]["calibrated"]["low_s"] <= one["measured_s"] <= one["predicted"]["calibrated"]["high_s"]
                  for one in found["exchanges"]]
        self.assertAlmostEqual(found["models"]["calibrated"]["coverage"], sum(inside) / len(inside), places=9)

        # Twice the same run: as many exchanges again, and no other errors.
        self.ok("compare", run, run, "--calibration", path, "--output", self.scratch / "twice", "--no_plots")
        twice = self.json(self.scratch / "twice/comparison.json")
        self.assertEqual(len(twice["exchanges"]), 2 * len(found["exchanges"]))
        self.assertAlmostEqual(twice["models"]["calibrated"]["mape"], sum(ours) / len(ours), places=9)

        self.ok("compare", run, "--gate", "mape=100000,coverage=0-100")
        self.assertIn("MAPE is", self.refused(5, "above 0", "compare", run, "--gate", "mape=0"))
        self.refused(2, "--gate", "compare", run, "--gate", "mope=3")
        self.refused(2, "--gate", "compare", run, "--gate", "mape=x")
        one = found["exchanges"][0]
        size = int(one["busiest_bytes"])
        self.assertIn("slower than normal", self.ok("compare", run, "--bytes", size, "--time", 1e9))
        self.assertIn("faster than normal", self.ok("compare", run, "--bytes", size, "--time", 1e-6))
        self.assertIn("cannot tell", self.ok("compare", run, "--bytes", "500G", "--time", 10))
        self.refused(2, "belong together", "compare", run, "--bytes", size)

        later = self.scratch / "later.toml"
        self.ok("calibrate", "--output", later, *QUICK, "--seed", 1, ranks=2)
        self.refused(2, "was not predicted by", "compare", run, "--calibration", later)
        for fragment, changed in self.wrong(path.read_text()).items():
            self.refused(2, fragment, "compare", run, "--calibration", self.write("planted.toml", changed))

    def test_what_does_not_belong_is_refused_and_nothing_is_measured(self):
        path = self.calibrated(2)
        text = path.read_text()
        for fragment, changed in self.wrong(text).items():
            planted = self.write("planted.toml", changed)
            run = self.scratch / "refused.h5"
            self.refused(2, fragment, "measure", *MEASURE, "--calibration", planted, "--output", run, ranks=2)
            self.assertFalse(run.exists())
        run = self.scratch / "elsewhere.h5"
        self.refused(2, "ranks is 4, was 2", "measure", *MEASURE, "--calibration", path, "--output", run, ranks=4)
        self.refused(2, "topology is laptop, was probe", "measure", *MEASURE, "--calibration", path, "--topology", "laptop", "--output", run,
                     ranks=2)
        self.assertFalse(run.exists())

    def test_it_predicts_among_other_ranks_where_that_is_asked_for(self):
        path = self.calibrated(2)
        run = self.scratch / "carried.h5"
        self.refused(2, "give --calibration", "measure", *MEASURE, "--transfer", "--output", run)
        self.ok("measure", *MEASURE, "--calibration", path, "--transfer", "--output", run, ranks=4)
        self.assertIn('evidence.calibrated = transferred', self.ok("trace", "dump", run))
        told = self.ok("compare", run, "--calibration", path, "--output", self.scratch / "carried", "--no_plots")
        self.assertIn("ranks is 4, was 2", told)
        self.assertIn("transferred", told)
        found = self.json(self.scratch / "carried/comparison.json")
        self.assertIn("ranks is 4, was 2", found["made_elsewhere"])
        self.assertEqual(len(found["exchanges"]), 2 * 2 * 4)
        self.assertLessEqual(SIX, set(found["models"]))
        here = self.scratch / "here.h5"
        self.ok("measure", *MEASURE, "--calibration", path, "--output", here, ranks=2)
        self.refused(2, "one by one", "compare", run, here)
        done = subprocess.run([sys.executable, ROOT / "scripts/scaling_table.py", here, run], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("| strategy | 2 ranks | 4 ranks |", done.stdout)
        gains = {ranks: 1 - np.median(packed.charged_s() / even.charged_s()) for ranks, (even, packed) in
                 ((trace.root["ranks"], sorted(trace.cases, key=lambda case: case["strategy"])) for trace in map(Trace, (here, run)))}
        row = next(line for line in done.stdout.splitlines() if line.startswith("| eplb_pack |"))
        self.assertEqual(re.findall(r", ([+-][\d.]+) %", row), [f"{100 * gains[ranks]:+.1f}" for ranks in (2, 4)])

    def test_its_numbers_are_carried_over_to_other_machines(self):
        path = self.calibrated(2)
        ask = ("simulate", "--topology", "laptop", "--ranks", 2, 4, 8, "--num_experts", 16, "--num_tokens", 4096, "--hidden_size", 64, "--seeds", 0,
               "--imbalance_levels", 0.4, "--calibration", path, "--no_plots", "--output_dir", self.scratch / "elsewhere")
        self.ok(*ask)
        found = [one for one in self.json(self.scratch / "elsewhere/simulation_results.json")["results"] if one["cost_model"] == "calibrated"]
        self.assertEqual([one["ranks"] for one in found], [2, 4, 8])
        for one in found:
            self.assertEqual(one["evidence"], "transferred")
            self.assertGreaterEqual(one["time_s"], one["bound_s"])
            self.assertLess(one["low_s"], one["high_s"])
        self.refused(2, "not valid TOML", *ask[:-5], "--calibration", self.write("spoilt.toml", "[[["), "--output_dir", self.scratch / "x")

    def test_without_a_calibration_the_line_is_compared(self):
        run = self.scratch / "line.h5"
        self.ok("measure", *MEASURE, "--output", run, ranks=2)
        found = json.loads(self.ok("compare", run, "--json"))
        self.assertEqual(found["model"], "line")
        self.assertLessEqual(SIX, set(found["models"]))


if __name__ == "__main__":
    unittest.main()
