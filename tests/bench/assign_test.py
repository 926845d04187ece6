"""`moewire assign`: perplexity, changes and loads of routing policies against runs of their own."""

import json
import math
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from support.program import ProgramTest


class Assign(ProgramTest):
    def results(self, *more, ranks=0, strategies=("native", "round_robin", "capacity:factor=100", "capacity:factor=0.5", "random")):
        self.ok("assign", "--model", "tiny-phimoe", "--max_samples", 6, "--max_length", 128, "--batch_windows", 2, "--calibration_samples", 4,
                "--output_dir", self.scratch, "--no_plots", "--strategies", *strategies, *more, ranks=ranks)
        return self.json(self.scratch / "assignment_test_results.json")

    def test_baseline_is_eval_and_native_is_the_baseline_exactly(self):
        results = self.results()
        evaluated = json.loads(self.ok("eval", "--model", "tiny-phimoe", "--dataset", "drama", "--window", 128, "--max_windows", 6, "--json"))
        self.assertLess(abs(results["baseline"]["perplexity"] / evaluated["perplexity"] - 1), 1e-6)
        for name in ("native", "capacity:factor=100"):  # nobody is ever beyond a hundred times the mean
            one = results[name]
            self.assertEqual(one["perplexity"], results["baseline"]["perplexity"], name)
            self.assertEqual((one["logit_kl"], one["share_rerouted"], one["share_changed"], one["share_dropped"]), (0, 0, 0, 0), name)
            self.assertEqual(one["imbalance"], one["imbalance_before"])
            self.assertEqual((one["perplexity_ratio_low"], one["perplexity_ratio_high"]), (1, 1))

    def test_what_is_said_of_a_policy_holds_together(self):
        results = self.results()
        own = results["baseline"]["perplexity"]
        for name in ("round_robin", "capacity:factor=0.5", "random"):
            one = results[name]
            rise = one["perplexity"] / own - 1
            self.assertAlmostEqual(one["perplexity_increase_percent"], 100 * rise, places=9)
            self.assertAlmostEqual(one["perplexity_ratio"], 1 + rise, places=6)
            self.assertLessEqual(one["perplexity_ratio_low"], one["perplexity_ratio"])
            self.assertLessEqual(one["perplexity_ratio"], one["perplexity_ratio_high"])
            self.assertEqual(one["verdict"], "acceptable" if rise < 0.1 else "borderline" if rise <= 0.2 else "too aggressive")
            self.assertGreater(one["logit_kl"], 0)
            self.assertGreater(one["share_changed"], 0)
            self.assertTrue(math.isfinite(one["perplexity"]))
        # Two experts of sixteen in turn: the router's own two are met by chance alone.
        self.assertAlmostEqual(results["round_robin"]["share_rerouted"], 1 - 2 / 16, delta=0.05)
        self.assertAlmostEqual(results["round_robin"]["imbalance"]["average_gini"], 0, places=6)
        dropped = results["capacity:factor=0.5"]
        self.assertEqual(dropped["share_dropped"], dropped["share_rerouted"])
        self.assertGreaterEqual(dropped["share_dropped"], 0.5)
        self.assertFalse(dropped["causal"])
        self.assertTrue(results["random"]["causal"])
        self.assertEqual(results["configuration"]["targets"], 6 * 127)

    def test_several_texts_ranks_and_figures(self):
        self.ok("assign", "--dataset", "drama,manual", "--max_samples", 4, "--max_length", 64, "--strategies", "balanced", "loss_free_bias:update=online",
                "--output_dir", self.scratch, ranks=2)
        results = self.json(self.scratch / "assignment_test_results.json")
        self.assertEqual(set(results["domains"]), {"drama", "manual"})
        self.assertEqual(results["configuration"]["ranks"], 2)
        for domain in ("drama", "manual"):
            self.assertEqual((self.scratch / "plots" / f"trade_off_{domain}.png").read_bytes()[:4], b"\x89PNG")

    def test_bad_input_is_refused(self):
        for fragment, *arguments in (("unknown name 'nobody'", "--strategies", "nobody"), ("is a placement", "--strategies", "placement:random"),
                                     ("no setting", "--strategies", "random:seed=1"), ("twice", "--strategies", "random", "random"),
                                     ("--batch_windows", "--batch_windows", 0), ("--ranks_at", "--ranks_at", "x"),
                                     ("unknown split", "--split", "all"), ("raise limit", "--strategies", "device_limited:devices=16:limit=1")):
            with self.subTest(fragment):
                self.refused(2, fragment, "assign", "--output_dir", self.scratch, *arguments, ranks=2)


if __name__ == "__main__":
    unittest.main()
