"""`moewire measure` with every strategy, policy, payload and control; `moewire plan`."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from support.program import ROOT, ProgramTest, run

sys.path.insert(0, str(ROOT / "scripts"))
import numpy as np
from moewire_trace import Trace

SMALL = ["--tokens_per_rank", 128, "--window", 64, "--iterations", 5, "--warmups", 1, "--calibration_iterations", 5]


class Strategies(ProgramTest):
    def measured(self, *more, ranks=4):
        path = self.scratch / "run.h5"
        self.ok("measure", "--model", "tiny-phimoe", *SMALL, "--output", path, *more, ranks=ranks)
        return Trace(path)

    def test_all_strategies_in_one_interleaved_run(self):
        trace = self.measured("--strategies", "all", "--twin", "--batches", 3, "--mode", "replay,in_model", "--random_seeds", 20)
        names = {case["strategy"] for case in trace.cases}
        self.assertLessEqual({"contiguous", "contiguous_twin", "exact_pack", "hierarchical", "co_activation", "eplb_replicated", "load_aware",
                              "least_loaded", "oracle"}, names)
        for case in trace.cases:
            self.check(case)
        for cases in trace.groups().values():
            self.assertEqual(len(cases), len(names))
            self.assertLess(np.ptp([case["perplexity"] for case in cases]) / cases[0]["perplexity"], 1e-5)
            positions = np.stack([case.data["measured/order"] for case in cases])
            self.assertTrue((np.sort(positions, axis=0) == np.arange(len(cases))[:, None]).all())
            by_name = {case["strategy"]: case for case in cases}
            twins = [by_name[name].data["traffic_bytes"] for name in ("contiguous", "contiguous_twin")]
            np.testing.assert_array_equal(*twins)
            # The proven least maximum of the plan text is never above the packed one's.
            self.assertEqual(by_name["exact_pack"]["note.gap_to_lower_bound"], 0)
            self.assertLessEqual(self.planned_maximum(by_name["exact_pack"]), self.planned_maximum(by_name["eplb_pack"]))
            self.assertEqual(by_name["oracle"]["standing"], "bound")
            self.assertEqual(by_name["random"].data["spread/predicted_s"].shape, (20,))
        self.ok("report", self.scratch / "run.h5", "--output", self.scratch / "report", "--no_plots")
        page = (self.scratch / "report" / "report.md").read_text()
        for text in ("the bound oracle", "noise: `contiguous` under a second name", "over 20 seeds", "fastest in % of resamples", "weights moved"):
            self.assertIn(text, page)

    def check(self, case):
        self.assertEqual(case["status"], "ok", case.key)
        layers, ranks, row_bytes = 4 * 3, 4, 128 * 4
        traffic = case.data["traffic_bytes"]
        self.assertEqual(traffic.shape, (layers, ranks, ranks))
        self.assertTrue((traffic.sum(axis=2) == 128 * 2 * row_bytes).all(), case.key)
        experts, holder = case.data["assignment/expert_of_slot"], case.data["assignment/rank_of_slot"]
        self.assertTrue(((experts < 0) == (holder < 0)).all())
        for layer in range(layers):
            self.assertEqual(set(experts[layer]) - {-1}, set(range(16)), case.key)
        moved = case["migrated_expert_bytes"]
        self.assertEqual(moved > 0, "measured/migration_host_s" in case.data)
        if case["strategy"] not in ("load_aware", "least_loaded"):
            self.assertEqual(moved, 0, case.key)
        if moved:
            self.assertEqual(moved % (3 * 128 * 4), 0)
            self.assertGreater(case.migration_s().min(), 0)
            self.assertTrue((case.charged_s() > case.exchange_s()).all())

    def planned_maximum(self, case):
        """Largest rank load of the first batch's plan under the plan text, worst layer by worst layer."""
        load = case.data["plan_load_tokens"].sum(axis=1)
        worst = 0
        for layer in range(len(load)):
            ranks = np.zeros(4)
            np.add.at(ranks, case.data["assignment/rank_of_slot"][layer], load[layer][case.data["assignment/expert_of_slot"][layer]])
            worst += ranks.max()
        return worst

    def test_policies_and_payloads_beside_each_other(self):
        trace = self.measured("--strategies", "contiguous,eplb_replicated:choice=static", "--policies", "native,capacity:factor=0.8,random",
                              "--payload", "per_expert,per_rank,padded", "--mode", "replay,in_model")
        self.assertEqual(len(trace.cases), 2 * 3 * 3 * 2)
        cases = {(case["strategy"], case["policy"], case["payload"], case["mode"]): case for case in trace.cases}
        total = lambda *key: int(cases[key].data["traffic_bytes"].sum())
        for mode in ("replay", "in_model"):
            for policy in ("native", "capacity:factor=0.8", "random"):
                self.assertLess(total("contiguous", policy, "per_rank", mode), total("contiguous", policy, "per_expert", mode))
                self.assertGreater(total("contiguous", policy, "padded", mode), total("contiguous", policy, "per_expert", mode))
            # What is dropped does not travel, and what a full block holds is bounded by the capacity.
            self.assertLess(total("contiguous", "capacity:factor=0.8", "per_expert", mode), total("contiguous", "native", "per_expert", mode))
            self.assertLess(total("contiguous", "capacity:factor=0.8", "padded", mode), total("contiguous", "native", "padded", mode))
            perplexity = lambda policy: cases["contiguous", policy, "per_expert", mode]["perplexity"]
            self.assertLess(perplexity("native"), perplexity("capacity:factor=0.8"))
            self.assertLess(perplexity("capacity:factor=0.8"), perplexity("random"))

    def test_controls_have_no_perplexity_and_run_no_model(self):
        trace = self.measured("--dataset", "control:hot_rank:share=0.7,control:round_robin", "--strategies", "contiguous,eplb_pack",
                              "--mode", "replay,in_model")
        for case in trace.cases:
            self.assertIsNone(case.get("perplexity"))
            self.assertEqual(case["origin"], "control")
            self.assertEqual(case["status"], "ok" if case["mode"] == "replay" else "waived", case.key)
        plain = {case["dataset"]: case for case in trace.cases if case["strategy"] == "contiguous" and case["mode"] == "replay"}
        received = plain["control:hot_rank:share=0.7"].data["traffic_bytes"].sum(axis=1)
        np.testing.assert_allclose(received[:, 0] / received.sum(axis=1), 0.7, atol=0.02)
        even = plain["control:round_robin"].data["traffic_bytes"].sum(axis=1)
        self.assertLess(np.ptp(even), 4 * 128 * 4 + 1)

    def test_a_run_of_nothing_but_waived_cases_says_so(self):
        done = run("measure", *SMALL, "--dataset", "control:zipf", "--mode", "in_model", "--strategies", "contiguous", "--output", self.scratch / "a.h5", ranks=2)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("1 cases, 1 waived, 0 failed", done.stdout)

    def test_plans_of_every_text_on_every_text(self):
        trace = self.measured("--dataset", "drama,manual", "--plan_dataset", "drama,manual", "--strategies", "contiguous,eplb_pack", ranks=2)
        self.assertEqual({(case["plan_dataset"], case["dataset"]) for case in trace.cases},
                         {(a, b) for a in ("drama", "manual") for b in ("drama", "manual")})
        self.ok("report", self.scratch / "run.h5", "--output", self.scratch / "report")
        page = (self.scratch / "report" / "report.md").read_text()
        matrix = page[page.index("## Plans on other texts"):].split("\n## ")[0]
        self.assertEqual(matrix.count("| **"), 2)  # the diagonal
        self.assertIn("plots/plan_matrix_replay.png", page)

    def test_wrong_names_and_settings_are_refused(self):
        for fragment, *arguments in (("unknown name 'best'", "--strategies", "best"),
                                     ("no setting 'size'", "--strategies", "eplb_replicated:size=3"),
                                     ("unknown name 'nearest'", "--strategies", "eplb_replicated:choice=nearest"),
                                     ("twice", "--strategies", "contiguous,contiguous"),
                                     ("nodes do not divide", "--strategies", "hierarchical:nodes=3"),
                                     ("unknown name 'nobody'", "--policies", "nobody"),
                                     ("unknown name 'post'", "--payload", "post"),
                                     ("cannot be reached", "--dataset", "control:gini:level=0.99"),
                                     ("unknown name 'flat'", "--dataset", "control:flat"),
                                     ("--batches", "--batches", 0)):
            with self.subTest(fragment):
                self.refused(2, fragment, "measure", "--output", self.scratch / "a.h5", *SMALL, *arguments, ranks=2)


class Plan(ProgramTest):
    def test_plans_at_scale_without_a_model(self):
        table = self.ok("plan", "--experts", 64, "--ranks", 16, "--layers", 3, "--strategies", "all", "--repetitions", 1, "--tokens_per_rank", 64)
        rows = {line.split()[0]: line for line in table.splitlines()[3:]}
        self.assertIn("eplb_replicated", rows)
        self.refused(2, "no control", "plan", "--load", "drama")
        self.refused(2, "--ranks", "plan", "--ranks", 0)
        self.refused(2, "a rank would hold no expert", "plan", "--experts", 8, "--ranks", 16, "--top_k", 2)


if __name__ == "__main__":
    unittest.main()
