"""Reports and baselines from outside: formats, several runs, strange traces, and a gate that opens and shuts."""

import csv
import json
import re
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from support import made_trace
from support.program import ROOT, ProgramTest, run

sys.path.insert(0, str(ROOT / "scripts"))
import h5py
from moewire_trace import Trace

HOSTILE = "</script><script>alert(1)</script>\"'&`|=1+1"


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


class Reports(ProgramTest):
    def report(self, *arguments):
        self.ok("report", *arguments, "--output", self.scratch / "out", "--no_plots")
        return self.scratch / "out"

    def data(self, folder):
        page = (folder / "report.html").read_text()
        return json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL).group(1))

    def test_all_formats_and_single_ones(self):
        made_trace.make(self.scratch / "run.h5")
        folder = self.report(self.scratch / "run.h5")
        self.assertLessEqual({"report.html", "report.md", "cases.csv", "exchanges.csv"}, {path.name for path in folder.iterdir()})
        self.ok("report", self.scratch / "run.h5", "--output", self.scratch / "one", "--format", "csv", "--no_plots")
        self.assertEqual({path.name for path in (self.scratch / "one").iterdir()}, {"cases.csv", "exchanges.csv"})
        self.refused(2, "unknown name 'pdf'", "report", self.scratch / "run.h5", "--format", "pdf", "--output", self.scratch / "none")
        self.assertFalse((self.scratch / "none").exists())

    def test_csv_is_what_the_trace_says(self):
        made_trace.make(self.scratch / "run.h5", iterations=31)
        folder = self.report(self.scratch / "run.h5")
        rows = {row["case"]: row for row in rows_of(folder / "cases.csv")}
        for case in Trace(self.scratch / "run.h5").cases:
            self.assertAlmostEqual(float(rows[case.key]["charged_p50_s"]), sorted(case.charged_s())[15], delta=1e-12)
        self.assertEqual(len(rows_of(folder / "exchanges.csv")), len(rows) * 2 * 4 * 3)

    def test_without_the_library_the_numbers_stay(self):
        made_trace.make(self.scratch / "run.h5")
        self.write("empty.js", "")
        folder = self.report(self.scratch / "run.h5", "--library", self.scratch / "empty.js")
        self.assertLess((folder / "report.html").stat().st_size, 500_000)
        self.refused(2, "cannot read", "report", self.scratch / "run.h5", "--library", self.scratch / "gone.js", "--output", self.scratch / "x", "--no_plots")

    def test_several_runs_side_by_side(self):
        for day, slow in (("monday", 1.0), ("tuesday", 1.3)):
            (self.scratch / day).mkdir()
            made_trace.make(self.scratch / day / "run.h5", slow={"random": slow}, seed=len(day), root={"nccl_version": day, "environment": json.dumps({"NCCL_ALGO": day})})
        folder = self.report(self.scratch / "monday" / "run.h5", self.scratch / "tuesday" / "run.h5")
        data = self.data(folder)
        self.assertEqual([r["name"] for r in data["runs"]], ["monday/run.h5", "tuesday/run.h5"])
        self.assertLessEqual({"nccl_version", "environment NCCL_ALGO"}, {what for what, _ in data["provenance"]})
        by_label = {d["label"]: d["ratio"] for d in data["differences"]}
        self.assertGreater(by_label["random"][1], 1.1)
        self.assertLess(by_label["contiguous"][1], 1)
        self.assertIn("Runs side by side", (folder / "report.md").read_text())
        self.assertTrue((folder / "differences.csv").exists())

    def test_hostile_names_stay_names(self):
        made_trace.make(self.scratch / "run.h5", models=(HOSTILE,), texts=("=cmd()",), strategies=("contiguous", HOSTILE))
        folder = self.report(self.scratch / "run.h5")
        page = (folder / "report.html").read_text()
        self.assertNotIn("<script>alert", page)
        self.assertIn(HOSTILE, {one["strategy"] for one in self.data(folder)["runs"][0]["cases"]})
        self.assertNotIn("<script>", (folder / "report.md").read_text())
        rows = rows_of(folder / "cases.csv")
        self.assertEqual({row["dataset"] for row in rows}, {"'=cmd()"})
        self.assertIn(HOSTILE, {row["strategy"] for row in rows})

    def test_strange_traces_give_a_page_or_a_clear_refusal(self):
        made_trace.make(self.scratch / "failed.h5", status="failed", reason="rank 1: no luck")
        self.assertIn("failed: rank 1: no luck", (self.report(self.scratch / "failed.h5") / "report.html").read_text())
        made_trace.make(self.scratch / "waived.h5", status="waived", reason="no GPU")
        self.assertIn("waived: no GPU", (self.report(self.scratch / "waived.h5") / "report.md").read_text())
        made_trace.make(self.scratch / "empty.h5", models=())
        for name in ("report.html", "report.md"):
            self.assertIn("This trace holds no case", (self.report(self.scratch / "empty.h5") / name).read_text())
        made_trace.make(self.scratch / "newer.h5", schema="2.0")
        self.refused(2, "has schema 2.0", "report", self.scratch / "newer.h5")
        made_trace.make(self.scratch / "cut.h5")
        whole = (self.scratch / "cut.h5").read_bytes()
        (self.scratch / "cut.h5").write_bytes(whole[:len(whole) // 2])
        self.refused(2, "cut.h5", "report", self.scratch / "cut.h5", "--output", self.scratch / "none")
        self.assertFalse((self.scratch / "none").exists())

    def test_a_case_whose_data_are_gone_is_refused(self):
        made_trace.make(self.scratch / "run.h5")
        with h5py.File(self.scratch / "run.h5", "a") as file:
            del file["cases/m.text.replay.contiguous/measured/dispatch_transfer_s"]
        self.refused(4, "has no dataset", "report", self.scratch / "run.h5", "--output", self.scratch / "none")


class Baselines(ProgramTest):
    def trace(self, name, seed, **slow):
        made_trace.make(self.scratch / name, seed=seed, slow=slow, iterations=200)
        return self.scratch / name

    def gate(self, code, trace, *more):
        done = run("report", trace, "--baseline", self.scratch / "base.csv", "--gate", "--output", self.scratch / "out", "--no_plots", *more)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout

    def setUp(self):
        super().setUp()
        self.ok("report", self.trace("base.h5", 1), "--update_baseline", self.scratch / "base.csv")

    def test_a_planted_tenth_is_flagged_and_a_hundredth_is_not(self):
        said = self.gate(5, self.trace("slower.h5", 2, random=1.1))
        self.assertRegex(said, r"worse: m\.text\.replay\.random exchange_p50_s")
        self.assertNotRegex(said, r"worse: m\.text\.replay\.round_robin")
        self.assertIn("0 worse", self.gate(0, self.trace("barely.h5", 3, random=1.01)))
        self.assertIn("0 worse", self.gate(0, self.scratch / "slower.h5", "--tolerance_latency", 0.3, "--tolerance_throughput", 0.3))

    def test_two_tolerances(self):
        said = self.gate(5, self.trace("slower.h5", 2, random=1.1), "--tolerance_latency", 0.5)
        self.assertIn("tokens_per_s", said)
        self.assertNotIn("exchange_p50_s:", said)

    def test_a_removed_case_fails(self):
        self.trace("less.h5", 1)
        with h5py.File(self.scratch / "less.h5", "a") as file:
            del file["cases/m.text.replay.random"]
        self.assertIn("missing: m.text.replay.random exchange_p50_s: not in this run", self.gate(5, self.scratch / "less.h5"))

    def test_the_report_shows_it(self):
        self.gate(5, self.trace("slower.h5", 2, random=1.2))
        self.assertIn("Against the baseline base.csv", (self.scratch / "out" / "report.md").read_text())
        rows = rows_of(self.scratch / "out" / "baseline_changes.csv")
        self.assertIn("worse", {row["verdict"] for row in rows if row["case"].endswith("random")})

    def test_without_the_gate_the_answer_is_only_said(self):
        done = run("report", self.trace("slower.h5", 2, random=1.2), "--baseline", self.scratch / "base.csv", "--output", self.scratch / "out", "--no_plots")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("worse", done.stdout)

    def test_misuse_is_refused(self):
        base, trace = self.scratch / "base.csv", self.scratch / "base.h5"
        self.refused(2, "--gate has nothing", "report", trace, "--gate")
        self.refused(2, "exclude each other", "report", trace, "--baseline", base, "--update_baseline", base)
        self.refused(2, "name one trace", "report", trace, trace, "--baseline", base)
        self.refused(2, "tolerance is a share", "report", trace, "--baseline", base, "--tolerance_latency", -1)
        self.refused(2, "--quantities 'some'", "report", trace, "--update_baseline", base, "--quantities", "some")
        self.refused(2, "is no baseline", "report", trace, "--baseline", self.write("bad.csv", "a,b\n"), "--gate")
        self.refused(2, "cannot read", "report", trace, "--baseline", self.scratch / "gone.csv", "--gate")
        made_trace.make(self.scratch / "failed.h5", status="failed", reason="x")
        self.refused(2, "guards nothing", "report", self.scratch / "failed.h5", "--update_baseline", base)
        self.assertIn("exchange_p50_s", base.read_text())  # what was there stays

    def test_ratios_alone(self):
        self.ok("report", self.scratch / "base.h5", "--update_baseline", self.scratch / "ratios.csv", "--quantities", "ratios")
        self.assertNotIn("_s,", (self.scratch / "ratios.csv").read_text().split("samples\n")[1])


class ThisMachine(ProgramTest):
    def test_ratios_of_the_committed_baseline_hold_on_any_cpu(self):
        """Wide on purpose: ratios within one run, half as much again, on machines where ranks share cores."""
        self.ok("measure", "--strategies", "contiguous,eplb_pack,random,round_robin", "--tokens_per_rank", 1024, "--iterations", 60,
                "--dataset", "drama", "--output", self.scratch / "run.h5", ranks=2)
        gate = ("report", self.scratch / "run.h5", "--baseline", ROOT / "results" / "baselines" / "any-cpu-ratios.csv", "--gate", "--tolerance_latency", 0.5,
                "--tolerance_throughput", 0.5, "--output", self.scratch / "out", "--no_plots")
        self.ok(*gate)
        with h5py.File(self.scratch / "run.h5", "a") as file:  # the gate shuts when one placement's exchanges become four times as long
            slower = next(case for case in file["cases"].values() if case.attrs["strategy"] == b"eplb_pack" or case.attrs["strategy"] == "eplb_pack")
            for direction in ("dispatch", "combine"):
                slower[f"measured/{direction}_transfer_s"][...] *= 4
        shut = run(*gate)
        self.assertEqual(shut.returncode, 5, shut.stdout + shut.stderr)
        self.assertRegex(shut.stdout, r"worse: tiny-phimoe\.drama\.replay\.eplb_pack exchange_over_contiguous")


if __name__ == "__main__":
    unittest.main()
