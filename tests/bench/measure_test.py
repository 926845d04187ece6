"""`moewire measure` over ranks: bytes, bounds, units, order; and a killed rank."""

import os
import re
import subprocess
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from support.program import PROGRAM, ROOT, ProgramTest, children_named, kill, mpirun, rank_of, wait_until

sys.path.insert(0, str(ROOT / "scripts"))
import numpy as np
from moewire_trace import Trace

DOMAINS = ["drama", "scripture", "manual"]
STRATEGIES = ["contiguous", "eplb_pack", "random", "round_robin"]


class Measure(ProgramTest):
    def measured(self, ranks, *more, tokens=256):
        path = self.scratch / f"run{ranks}.h5"
        self.ok("measure", "--model", "tiny-phimoe", "--tokens_per_rank", tokens, "--window", 128, "--iterations", 6, "--warmups", 1,
                "--calibration_iterations", 5, "--output", path, *more, ranks=ranks)
        self.assertFalse(path.with_suffix(".h5.tmp").exists())
        return Trace(path)

    def test_three_domains_on_four_ranks(self):
        trace = self.measured(4, "--dataset", ",".join(DOMAINS), "--strategies", ",".join(STRATEGIES), "--mode", "replay,in_model")
        self.assertEqual(len(trace.cases), 3 * 4 * 2)
        for case in trace.cases:
            self.check_case(case, ranks=4, tokens=256)
            self.assertIn("line", case.models())
        for key, cases in trace.groups().items():
            self.check_order(cases)
            perplexities = [case["perplexity"] for case in cases]
            self.assertLess(max(perplexities) / min(perplexities) - 1, 1e-5, key)
        self.check_units(trace)
        self.assertGreater(trace.calibration["bandwidth_bytes_per_s"], 0)

    def check_case(self, case, ranks, tokens):
        self.assertEqual(case["status"], "ok", case.key)
        layers, row_bytes = 4, 128 * 4
        bytes_ = case.data["traffic_bytes"]
        self.assertEqual(bytes_.shape, (layers, ranks, ranks))
        # tokens x top-k x hidden x element size, from every source rank
        self.assertTrue((bytes_.sum(axis=2) == tokens * 2 * row_bytes).all(), case.key)
        self.assertEqual(case.data["expert_load_tokens"].sum(), ranks * tokens * 2 * layers)
        self.assertTrue((case.data["assignment/rank_of_slot"] < ranks).all())
        for direction in ("dispatch", "combine"):
            host, wait, transfer = (case.data[f"measured/{direction}_{q}_s"] for q in ("host", "wait", "transfer"))
            self.assertEqual(host.shape, (6, layers, ranks))
            self.assertTrue((host > 0).all() and (wait >= 0).all() and (transfer >= 0).all())
            np.testing.assert_allclose(wait + transfer, host, atol=1e-9)
            bound = case.data[f"predicted/{direction}/bound_s"]
            self.assertTrue((transfer.max(axis=2) >= bound[None, :]).all(), f"{case.key}: a time below the bound")
            for model in case.models():
                p = case.predicted_s(direction, model)
                self.assertTrue((p["time"] >= bound).all() and (p["low"] <= p["time"]).all() and (p["time"] <= p["high"]).all())
        self.assertLessEqual({"bound", "seed"}, set(case.models()))
        self.assertLessEqual(case["predicted_utc"], case["measured_utc"])

    def check_order(self, cases):
        positions = np.stack([case.data["measured/order"] for case in cases])
        self.assertTrue((np.sort(positions, axis=0) == np.arange(len(cases))[:, None]).all())

    def check_units(self, trace):
        for record in [trace.root, trace.topology, trace.calibration, *trace.models, *trace.cases]:
            for name, values in record.data.items():
                self.assertTrue(record.units[name], f"{record.path}/{name} has no unit")
                self.assertEqual(len(record.axes[name]), np.ndim(values), f"{record.path}/{name} axes")

    def test_one_and_two_ranks(self):
        for ranks in (0, 1, 2):
            trace = self.measured(ranks, "--strategies", "contiguous,random", "--mode", "replay,in_model")
            for case in trace.cases:
                self.check_case(case, ranks=max(ranks, 1), tokens=256)
                # Without a line the trace says why.
                self.assertTrue("line" in case.models() or trace.calibration["why"])
            self.check_watching(next(case for case in trace.cases if case["mode"] == "in_model"), ranks)

    def check_watching(self, case, ranks):
        around = ["permutation", "weighted_sum", "both_ways"]
        names = ["outer_overhead", *(around if ranks > 1 else [])]
        self.assertEqual([name for name in ("outer_overhead", *around) if f"{name}_ratio" in case.attributes], names)
        for name in names:
            low, value, high = (case[f"{name}{end}_ratio"] for end in ("_low", "", "_high"))
            self.assertTrue(-1 < low <= value <= high, f"{name}: {low} {value} {high}")
        self.ok("report", self.scratch / f"run{ranks}.h5", "--output", self.scratch / "watched", "--no_plots")
        page = (self.scratch / "watched" / "report.md").read_text()
        self.assertIn("| events around exchanges ", page)
        self.assertEqual("| what is left of the permutation when counts are known | dispatches | " in page, ranks > 1)

    def test_a_rank_that_is_made_late_is_found(self):
        said = self.ok("measure", "--tokens_per_rank", 64, "--window", 64, "--iterations", 6, "--strategies", "contiguous", "--delay", "1:20000",
                       "--output", self.scratch / "late.h5", ranks=2)
        self.assertRegex(said, r"rank 1 comes last to \d+ % of the exchanges, .* at the median; rank 1 was made 20 ms late on purpose\.")

    def test_plan_text_and_test_text_differ(self):
        trace = self.measured(2, "--dataset", "drama", "--plan_dataset", "manual", "--strategies", "contiguous,eplb_pack")
        case = trace.cases[0]
        self.assertEqual((case["dataset"], case["split"], case["plan_dataset"], case["plan_split"]), ("drama", "test", "manual", "train"))
        self.assertFalse((case.data["expert_load_tokens"] == case.data["plan_load_tokens"]).all())

    def test_a_plain_file_is_planned_on_one_half_and_tested_on_the_other(self):
        text = self.write("own.txt", "".join(f"Line {i}: the quick brown fox jumps over {i * 7919 % 1000} lazy dogs.\n" for i in range(3000)))
        trace = self.measured(2, "--dataset", text, "--strategies", "contiguous")
        self.assertFalse((trace.cases[0].data["expert_load_tokens"] == trace.cases[0].data["plan_load_tokens"]).all())

    def test_report_and_figures_from_the_trace_alone(self):
        self.measured(2, "--strategies", "contiguous,random")
        self.ok("report", self.scratch / "run2.h5", "--output", self.scratch / "report")
        page = (self.scratch / "report" / "report.md").read_text()
        self.assertIn("contiguous", page.split("\n## ")[0])  # the answer comes first
        pictures = re.findall(r"\]\((plots/[^)]+\.png)\)", page)
        self.assertGreaterEqual(len(pictures), 4)
        for picture in pictures:
            self.assertEqual((self.scratch / "report" / picture).read_bytes()[:8], b"\x89PNG\r\n\x1a\n")
        self.assertIn("measured/dispatch_host_s", self.ok("trace", "dump", self.scratch / "run2.h5"))
        self.ok("trace", "diff", self.scratch / "run2.h5", self.scratch / "run2.h5")


class KilledRank(ProgramTest):
    def start(self, path):
        return subprocess.Popen([*mpirun(4), PROGRAM, "measure", "--model", "tiny-phimoe", "--dataset", "drama,scripture,manual", "--strategies",
                                 "contiguous,random", "--tokens_per_rank", "256", "--window", "128", "--iterations", "300", "--output", str(path)],
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def finished_cases(self, journal):
        return journal.read_text(errors="replace").count('"status":"ok"') if journal.exists() else 0

    def test_all_ranks_end_and_finished_cases_are_recovered(self):
        path = self.scratch / "run.h5"
        before = set(children_named(PROGRAM))
        started = self.start(path)
        self.addCleanup(started.kill)
        self.assertTrue(wait_until(lambda: self.finished_cases(path.with_suffix(".jsonl")) >= 2 or started.poll() is not None, 120))
        ranks = {rank_of(pid): pid for pid in children_named(PROGRAM) if pid not in before}
        self.assertIsNone(started.poll(), "the run ended before a rank could be killed")
        kill(ranks[2])
        killed_at = time.monotonic()
        output, _ = started.communicate(timeout=30)
        self.assertLess(time.monotonic() - killed_at, 10)
        self.assertTrue(wait_until(lambda: not (set(children_named(PROGRAM)) - before), 10), "ranks are left")
        self.assertNotEqual(started.returncode, 0)
        self.assertRegex(output, r"rank 2\b")
        self.assertFalse(path.exists())

        finished = self.finished_cases(path.with_suffix(".jsonl"))
        said = self.ok("trace", "recover", path)
        trace = Trace(path)
        self.assertEqual(len(trace.cases), finished)
        self.assertGreaterEqual(finished, 2)
        self.assertIn(f"{finished} finished cases", said)
        for case in trace.cases:
            self.assertEqual(case.data["measured/dispatch_host_s"].shape[0], 300)


class FullDisk(ProgramTest):
    def test_a_full_disk_is_one_message_and_finished_cases_stay(self):
        """A file-size limit stands for the full disk: room for the first group of cases, none for the second."""
        whole = self.scratch / "whole.h5"
        arguments = ["measure", "--dataset", "drama,manual", "--strategies", "contiguous,random", "--tokens_per_rank", 64, "--window", 64,
                     "--iterations", 400, "--warmups", 0, "--output"]
        self.ok(*arguments, whole)
        limit_kib = (self.scratch / "whole.jsonl").stat().st_size * 5 // 8 // 1024
        path = self.scratch / "run.h5"
        done = subprocess.run(["bash", "-c", f'ulimit -f {limit_kib}; exec "$0" "$@"', PROGRAM, *map(str, arguments), path], capture_output=True, text=True)
        self.assertEqual(done.returncode, 4, done.stderr)
        messages = [line for line in done.stderr.splitlines() if "error: " in line]
        self.assertEqual(len(messages), 1, done.stderr)
        self.assertRegex(messages[0], "File too large.*space")
        self.ok("trace", "recover", path)
        self.assertEqual(len(Trace(path).cases), 2)


if __name__ == "__main__":
    unittest.main()
