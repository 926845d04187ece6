"""Perplexity of the shipped model against transformers, on every rank count; logits, profile, simulate, list, doctor."""

import json
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from support.program import FIXTURES, ROOT, ProgramTest

import h5py
import numpy as np

REFERENCE = json.loads((ROOT / "models" / "tiny-phimoe" / "reference.json").read_text())


class Evaluation(ProgramTest):
    def evaluate(self, domain, ranks=0, windows=64, dtype="float32"):
        out = self.ok("eval", "--model", "tiny-phimoe", "--dataset", domain, "--protocol", "disjoint", "--window", 256, "--max_windows", windows,
                      "--dtype", dtype, "--json", ranks=ranks)
        return json.loads(out)

    def test_perplexity_equals_the_reference(self):
        for domain, expected in REFERENCE["perplexity_fp32_cpu"]["values"].items():
            result = self.evaluate(domain)
            self.assertEqual((result["targets"], result["tokens"]), (expected["targets"], expected["test_tokens"]), domain)
            self.assertLess(abs(result["perplexity"] / expected["perplexity"] - 1), 1e-4, domain)

    def test_every_world_size_gives_the_same(self):
        values = [self.evaluate("drama", ranks, 9)["perplexity"] for ranks in (0, 1, 2, 4)]
        self.assertLess(max(values) / min(values) - 1, 1e-5, values)

    def test_bfloat16_is_near(self):
        exact, half = self.evaluate("manual"), self.evaluate("manual", dtype="bfloat16")
        self.assertLess(abs(half["perplexity"] / exact["perplexity"] - 1), 0.02)


class Logits(ProgramTest):
    def test_datasets_have_the_promised_names_and_shapes(self):
        tokens = self.write("tokens.json", json.dumps(np.arange(48).reshape(2, 24).tolist()))
        self.ok("logits", "--model", FIXTURES / "models" / "olmoe-even", "--tokens", tokens, "--output", self.scratch / "out.h5")
        with h5py.File(self.scratch / "out.h5") as file:
            self.assertEqual((file["logits"].shape, file["logits"].dtype), ((2, 24, 96), np.float32))
            for layer in range(2):
                self.assertEqual(file[f"router/{layer}/scores"].shape, (2, 24, 16))
                self.assertEqual(file[f"router/{layer}/experts"].shape, (2, 24, 4))
                best = np.argsort(-file[f"router/{layer}/scores"][()], axis=-1)[..., :4]
                self.assertTrue((np.sort(best, -1) == np.sort(file[f"router/{layer}/experts"][()], -1)).all())


class Seed(ProgramTest):
    def test_simulation_has_the_seeds_keys(self):
        self.ok("simulate", "--num_tokens", 1024, "--num_experts", 16, "--num_gpus", 8, "--bandwidth", 100, "--latency", 1.0,
                "--imbalance_levels", 0.0, 0.2, 0.5, 0.8, "--output_dir", self.scratch)
        results = self.json(self.scratch / "simulation_results.json")
        times = [results[f"imbalance_{level:.2f}"]["overall_max_time"] for level in (0.0, 0.2, 0.5, 0.8)]
        self.assertAlmostEqual(times[0], 2 * (1e-6 + 1835008 / 12.5e9), places=12)
        self.assertEqual(times, sorted(times))
        for key, level in results.items():
            if key.startswith("imbalance"):
                self.assertLessEqual(level["p50_max_time"], level["p99_max_time"])
                self.assertEqual(len(level["per_gpu_received_bytes"]), 8)
        self.assertTrue(list((self.scratch / "plots").glob("*.png")))

    def test_profile_leaves_the_seeds_files(self):
        self.ok("profile", "--model", "tiny-phimoe", "--dataset", "scripture", "--max_samples", 32, "--output_dir", self.scratch)
        stats = self.json(self.scratch / "expert_assignment_stats.json")
        expected = REFERENCE["gini_per_layer_plain_topk"]["scripture"]
        found = [layer["gini"] for layer in stats["layers"].values()]
        # SparseMixer's picks are those of plain top-2 but for ties.
        np.testing.assert_allclose(found, expected, atol=2e-3)
        report = (self.scratch / "profiling_report.txt").read_text()
        self.assertIn(f"Average Gini coefficient: {stats['average_gini']:.4f}", report)
        self.assertTrue(list((self.scratch / "plots").glob("*.png")))

    def test_profile_is_the_same_on_four_ranks(self):
        counts = []
        for ranks in (0, 4):
            self.ok("profile", "--max_samples", 10, "--output_dir", self.scratch / str(ranks), "--no_plots", ranks=ranks)
            stats = self.json(self.scratch / str(ranks) / "expert_assignment_stats.json")
            counts.append([layer["expert_counts"] for layer in stats["layers"].values()])
        difference = np.abs(np.array(counts[0]) - np.array(counts[1])).sum()
        self.assertLessEqual(difference, 4)  # a tie may fall either way


class Study(ProgramTest):
    def test_a_small_study_leaves_everything(self):
        suite = self.write("small.toml", 'model = "tiny-phimoe"\ndataset = "drama,manual"\nstrategies = "contiguous,eplb_pack"\nmode = "replay,in_model"\n'
                           "tokens_per_rank = 128\nwindow = 128\niterations = 8\ncalibration_iterations = 5\nmax_samples = 4\nmax_windows = 4\n")
        out = self.ok("study", suite, "--output", self.scratch / "study", "--skip-finetuning", "--skip-assignment", ranks=4)
        folder = self.scratch / "study"
        for name in ("run.h5", "run.jsonl", "report.md", "report.html", "cases.csv", "perplexity.json", "simulation/simulation_results.json",
                     "profiling/drama/expert_assignment_stats.json", "profiling/manual/profiling_report.txt"):
            self.assertTrue((folder / name).is_file(), name)
        self.assertGreaterEqual(len(list((folder / "plots").glob("*.png"))), 8)
        compared = self.json(folder / "comparison.json")  # frozen first, compared last
        self.assertEqual(compared["model"], "calibrated")
        self.assertEqual(len(compared["exchanges"]), 2 * 2 * 2 * 2 * 4)  # texts, modes, strategies, directions, layers
        self.assertTrue((folder / "calibration.toml").is_file())
        self.assertIn("endpoint_load", out[out.index("compared "):])
        self.assertIn("report.md", out)
        page, *sentences = out[out.index("page     "):].strip().split("\n* ")
        self.assertEqual(Path(page.split()[1]), folder / "report.html")
        self.assertEqual([len(s.splitlines()) for s in sentences], [1, 1, 1], out)  # its last words
        self.assertRegex(sentences[0], r"measured comparisons")
        self.assertRegex(out, r"(?m)^Simulated: imbalance 0\.5 .*(confirmed|not found)$")
        self.assertRegex(out, r"(?m)^Random assignment: .*not run: `moewire assign .*not run$")
        self.assertIn("Perplexity", (folder / "report.md").read_text())

    def test_a_suite_with_an_unknown_key_is_refused(self):
        self.refused(2, "speed", "study", self.write("bad.toml", "speed = 5\n"), "--output", self.scratch / "s")


class Looking(ProgramTest):
    def test_list_is_complete_and_quick(self):
        listing = json.loads(self.ok("list", "--json"))
        self.assertLessEqual({"contiguous", "round_robin", "random", "eplb_pack"}, set(listing["assignment/strategies"]))
        self.assertIn("tiny-phimoe", listing["models"])
        for catalogue, entries in listing.items():
            self.assertTrue(entries, catalogue)
        self.assertIn("eplb_pack", self.ok("list"))

    def test_doctor_names_what_is_here(self):
        findings = json.loads(self.ok("doctor", "--json", ranks=2))
        for what in ("MPI", "torch", "HDF5", "ranks", "texts", "models", "transport mpi"):
            self.assertIn(what, findings)


if __name__ == "__main__":
    unittest.main()
