"""Timelines of a forward pass: steps that follow each other, a file that Perfetto opens, shares, pictures."""

import json
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from support.program import FIXTURES, ROOT, ProgramTest

sys.path.insert(0, str(ROOT / "scripts"))
import h5py
import numpy as np
from moewire_trace import Trace

LANES = {"pass", "compute", "packing", "wait", "transfer"}
STEPS = {"attention", "router", "counts", "permute", "dispatch", "experts", "combine", "unpermute", "shared"}


class Timeline(ProgramTest):
    def measured(self, ranks, *more, mode="in_model"):
        """The geometry of a fixture with shared experts and a first layer without experts, vocabulary as its tokenizer wants it."""
        config = self.json(FIXTURES / "models" / "deepseek_v2-even" / "config.json")
        config["vocab_size"] = 1 << 16
        model = self.write("shared.json", json.dumps(config))
        text = self.write("text.txt", "In the beginning was the word, and it was long enough for many windows of its own.\n" * 400)
        path = self.scratch / f"run{ranks}.h5"
        self.ok("measure", "--model", f"synth:{model}", "--dataset", text, "--strategies", "contiguous,round_robin", "--tokens_per_rank", 64,
                "--window", 32, "--iterations", 5, "--warmups", 1, "--calibration_iterations", 3, "--mode", mode, "--output", path, *more, ranks=ranks)
        return path

    def written(self, path, *more):
        target = self.scratch / "timeline.json"
        said = self.ok("trace", "timeline", path, "--output", target, *more)
        return self.json(target), said

    def test_on_one_two_and_four_ranks(self):
        for ranks in (1, 2, 4):
            path = self.measured(ranks)
            case = next(case for case in Trace(path).cases if case["strategy"] == "contiguous")
            self.check_record(case, ranks)
            for iteration in case.timeline_iterations:
                chrome, _ = self.written(path, "--iteration", iteration)
                self.check_format(chrome, ranks)
                self.check_events(chrome, case, case.timeline(iteration))
            chrome, _ = self.written(path)
            self.assertEqual(chrome["otherData"]["iteration"], case.timeline().iteration)
            self.check_shares(path, case.timeline(), chrome)

    def check_record(self, case, ranks):
        self.assertEqual(len(case.timeline_iterations), 3)
        for iteration in case.timeline_iterations:
            t = case.timeline(iteration)
            self.assertEqual(t.start_s.shape, (2, len(t.steps), ranks))
            self.assertEqual({name for s, name in enumerate(t.steps) if (t.end_s > t.start_s)[:, s].all()}, STEPS)
            self.assertEqual(t.pass_start_s.min(), 0)
            for rank in range(ranks):
                spans = sorted((t.start_s[at], t.end_s[at]) for at in zip(*np.nonzero(t.end_s > t.start_s)) if at[2] == rank)
                self.assertGreaterEqual(spans[0][0], t.pass_start_s[rank])
                self.assertLessEqual(spans[-1][1], t.pass_end_s[rank])
                for before, after in zip(spans, spans[1:]):
                    self.assertLessEqual(before[1], after[0] + 1e-9)
                for shares in t.shares().values():
                    self.assertTrue(0 <= shares[rank] <= 1)

    def check_format(self, chrome, ranks):
        """The Trace Event Format: an object with traceEvents; X needs name, ts, dur, pid, tid; M names processes and threads."""
        self.assertIn(chrome["displayTimeUnit"], ("ms", "ns"))
        names, lanes = {}, {}
        for event in chrome["traceEvents"]:
            self.assertIn(event["ph"], ("X", "M"))
            self.assertIsInstance(event["pid"], int)
            self.assertIsInstance(event["tid"], int)
            self.assertIsInstance(event["args"], dict)
            if event["ph"] == "M":
                self.assertIn(event["name"], ("process_name", "process_sort_index", "thread_name", "thread_sort_index"))
                if event["name"] == "process_name":
                    self.assertNotIn(event["pid"], names)
                    names[event["pid"]] = event["args"]["name"]
                if event["name"] == "thread_name":
                    lanes[event["pid"], event["tid"]] = event["args"]["name"]
                continue
            self.assertTrue(event["name"] and event["cat"])
            for key in ("ts", "dur"):
                self.assertTrue(np.isfinite(event[key]) and event[key] >= 0)
        self.assertEqual(sorted(names.values()), [f"rank {rank}" for rank in range(ranks)])
        self.assertEqual(len(set(tid for _, tid in lanes)), ranks * len(LANES))
        spans = {}
        for event in chrome["traceEvents"]:
            if event["ph"] == "X":
                self.assertEqual(lanes[event["pid"], event["tid"]], event["cat"])
                spans.setdefault((event["pid"], event["tid"]), []).append((event["ts"], event["ts"] + event["dur"]))
        for of_lane in spans.values():
            of_lane.sort()
            for before, after in zip(of_lane, of_lane[1:]):
                self.assertLessEqual(before[1], after[0] + 1e-3)

    def check_events(self, chrome, case, timeline):
        """The same stretches as the reader in Python finds, and the bytes of the case."""
        events = {(e["name"], e["args"]["layer"], e["pid"] - 1): e for e in chrome["traceEvents"] if e["ph"] == "X" and e["cat"] != "pass"}
        parts = {(name, layer, rank): (start, end) for name, layer, rank, start, end in timeline.parts() if end > start}
        self.assertEqual(set(events), set(parts))
        for key, (start, end) in parts.items():
            self.assertAlmostEqual(events[key]["ts"], start * 1e6, delta=2e-3)
            self.assertAlmostEqual(events[key]["dur"], (end - start) * 1e6, delta=2e-3)
        traffic = case.data["traffic_bytes"]
        for (name, layer, rank), event in events.items():
            if name.startswith(("dispatch", "combine")):
                away = np.delete(traffic[layer], rank, axis=1)[rank].sum(), np.delete(traffic[layer], rank, axis=0)[:, rank].sum()
                sent, received = away if name.startswith("dispatch") else away[::-1]
                self.assertEqual((event["args"]["sent_bytes"], event["args"]["received_bytes"]), (sent, received))

    def check_shares(self, path, timeline, chrome):
        said = json.loads(self.ok("trace", "timeline", path, "--json", "--output", self.scratch / "other.json"))
        self.assertEqual(said["shares"], chrome["otherData"]["shares"])
        expected = timeline.shares()
        self.assertEqual(set(said["shares"]), set(expected))
        for which in ("mean", "critical"):
            self.assertAlmostEqual(sum(part[which] for part in said["shares"].values()), 1, delta=1e-9)
        for name, part in said["shares"].items():
            self.assertAlmostEqual(part["mean"], expected[name].mean(), delta=1e-9)
            self.assertAlmostEqual(part["critical"], expected[name][said["critical_rank"]], delta=1e-9)

    def test_layers_and_cases_can_be_chosen_and_wrong_ones_are_refused(self):
        path = self.measured(2, "--batches", 2, mode="replay,in_model")
        keys = [case.key for case in Trace(path).cases if case.timeline_iterations]
        self.assertEqual(len(keys), 2)
        chrome, said = self.written(path, "--case", keys[1], "--layers", "1")
        self.assertEqual(chrome["otherData"]["case"], keys[1])
        self.assertIn(keys[1], said)
        shown = {(e["args"]["layer"], e["args"]["batch"]) for e in chrome["traceEvents"] if e["ph"] == "X" and e["cat"] != "pass"}
        self.assertEqual(shown, {(1, 0), (1, 1)})
        for layers in ("1-2", "2", "-1", "a", "1-0", "0-", "0-1-1"):
            self.refused(2, "0-1", "trace", "timeline", path, f"--layers={layers}", "--output", self.scratch / "no.json")
        self.refused(2, f"use one of: {', '.join(keys)}", "trace", "timeline", path, "--case", "nothing")
        self.refused(2, keys[0], "trace", "timeline", path, "--case", keys[0].replace("in_model", "replay"))
        self.refused(2, "use one of: ", "trace", "timeline", path, "--iteration", 4711)
        self.assertFalse((self.scratch / "no.json").exists())

    def test_traces_without_a_timeline_say_so(self):
        path = self.measured(1, mode="replay")
        self.refused(2, "holds no timeline", "trace", "timeline", path)
        old = self.measured(2)
        with h5py.File(old, "a") as file:
            file.attrs["schema_version"] = np.bytes_("1.1")
            for case in file["cases"].values():
                del case["timeline"]
        self.assertIn("schema is 1.1", self.refused(2, "holds no timeline", "trace", "timeline", old))
        self.assertEqual(Trace(old).cases[0].timeline_iterations, [])
        self.ok("report", old, "--output", self.scratch / "report", "--no_plots")
        self.assertIn("before timelines were kept", (self.scratch / "report" / "report.md").read_text())
        for source in (path, old):
            self.assertIn("no timeline", self.drawn(source, expect=1))

    def drawn(self, source, *more, expect=0):
        done = subprocess.run([sys.executable, ROOT / "scripts" / "plot.py", "timeline", source, "--output", self.scratch / "own", *more],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, expect, done.stderr)
        self.assertNotIn("Traceback", done.stderr)
        return done.stderr

    def test_the_report_shows_it(self):
        path = self.measured(2)
        self.ok("report", path, "--output", self.scratch / "report")
        page = (self.scratch / "report" / "report.md").read_text()
        key = Trace(path).cases[0].key
        self.assertIn(f"](plots/timeline_{key}.png)", page)
        self.assertEqual((self.scratch / "report" / "plots" / f"timeline_{key}.png").read_bytes()[:8], b"\x89PNG\r\n\x1a\n")
        section = page.split("## Where one forward pass goes")[1].split("\n## ")[0]
        self.assertIn(key, section)
        self.assertIn("dispatch wait %", section)
        self.drawn(path, "--case", key, "--layers", "0-1")
        self.assertIn("use one of", self.drawn(path, "--case", "nothing", expect=1))
        self.assertIn("use one of", self.drawn(path, "--iteration", "4711", expect=1))
        self.assertIn("none of 0-1", self.drawn(path, "--layers", "0-2", expect=1))


if __name__ == "__main__":
    unittest.main()
