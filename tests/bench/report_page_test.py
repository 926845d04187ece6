"""The page in a browser: filters, slider, tables, light and dark, print; values against the trace; no error, no request.

Skipped where no Chromium is (Debian: apt-get install chromium). MOEWIRE_SCREENSHOTS=FOLDER keeps pictures to look at.
"""

import json
import os
import re
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from support import made_trace
from support.browser import Browser, find_browser
from support.program import ROOT, ProgramTest, run

sys.path.insert(0, str(ROOT / "scripts"))
import numpy as np
from moewire_trace import Trace

HOSTILE = "<img src=x onerror=alert(1)><script>alert(1)</script>\"'&"
MOST_BYTES = 15_000_000


def hands_over(page, selector, value):
    """Sets a filter as a reader does."""
    page.evaluate(f"(() => {{ const e = document.querySelector({json.dumps(selector)}); e.value = {json.dumps(str(value))};"
                  " e.dispatchEvent(new Event('input', {bubbles: true})); e.dispatchEvent(new Event('change', {bubbles: true})); })()")


@unittest.skipUnless(find_browser(), "no Chromium here (apt-get install chromium)")
class ThePage(ProgramTest):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        place = Path(cls.folder.name)
        cls.source = place / "run.h5"
        made_trace.make(cls.source, models=("alpha", "beta", "gamma"), modes=("replay", "in_model"), strategies=made_trace.STRATEGIES, layers=4, iterations=200, ranks=8,
                        experts=64, slow={"eplb_pack": 0.9, "random": 1.1}, uniform=[(size, 2e-5 + size / 4e9) for size in (1e4, 1e5, 1e6, 1e7)])
        cls.trace = Trace(cls.source)
        written = run("report", cls.source, "--output", place, "--format", "html", "--no_plots")
        assert written.returncode == 0, written.stderr
        cls.path = place / "report.html"
        cls.browser = Browser()

    @classmethod
    def tearDownClass(cls):
        cls.browser.__exit__()
        cls.folder.cleanup()

    def opened(self, path=None, dark=False):
        self.browser.dark = dark
        page = self.browser.open(path or self.path)
        self.addCleanup(page.close)
        return page

    def all_drawn(self, page):
        page.evaluate("moewire.drawAll().then(() => 1)")

    def keep(self, page, name, *arguments, **more):
        if folder := os.environ.get("MOEWIRE_SCREENSHOTS"):
            Path(folder).mkdir(parents=True, exist_ok=True)
            page.screenshot(Path(folder) / f"{name}.png", *arguments, **more)

    def drawn(self, page, figure):
        page.evaluate(f"moewire.drawOne('{figure}').then(() => 1)")
        return page.evaluate(f"JSON.parse(JSON.stringify(moewire.figures.find(f => f.id === '{figure}').plot.data, (k, v) => ArrayBuffer.isView(v) ? Array.from(v) : v))")

    def case(self, model, mode, strategy):
        return next(c for c in self.trace.cases if (c["model"], c["mode"], c["strategy"]) == (model, mode, strategy))

    def unit(self, page, figure):
        title = page.evaluate(f"moewire.figures.find(f => f.id === '{figure}').plot.layout.xaxis.title.text")
        return {"s": 1, "ms": 1e-3, "µs": 1e-6}[re.search(r"\[(.+?)\]$", title).group(1)]

    def test_small_quick_and_silent(self):
        self.assertLess(self.path.stat().st_size, MOST_BYTES)
        page = self.opened()
        self.all_drawn(page)
        print(f"page of {self.path.stat().st_size / 1e6:.1f} MB, open after {page.opened_s:.2f} s", file=sys.stderr)
        self.assertEqual(page.evaluate("moewire.figures.filter(f => f.isDrawn).length"), page.evaluate("moewire.figures.length - 1"))  # no crossed texts
        self.assertEqual(page.problems(), [])
        self.keep(page, "page_light", whole=True)

    def test_distributions_are_the_traces_under_every_filter(self):
        page = self.opened()
        for model, mode, layer in (("alpha", "replay", -1), ("beta", "in_model", -1), ("gamma", "replay", 2)):
            hands_over(page, "#filter-model", model), hands_over(page, "#filter-mode", mode), hands_over(page, "#filter-layer", layer)
            traces = self.drawn(page, "latency")
            self.assertEqual([t["name"] for t in traces], sorted(made_trace.STRATEGIES))
            for t in traces:
                case = self.case(model, mode, t["name"])
                slowest = sum(case.slowest_s(d) for d in ("dispatch", "combine"))
                samples = np.sort(slowest.sum(axis=1) if layer < 0 else slowest[:, layer])
                places = np.arange(101) * (len(samples) - 1) // 100
                np.testing.assert_allclose(np.array(t["x"]) * self.unit(page, "latency"), samples[places], rtol=6e-5)
        self.assertEqual(page.problems(), [])

    def test_the_slider_turns_the_traffic(self):
        page = self.opened()
        self.assertEqual(page.evaluate("document.getElementById('filter-layer').max"), "3")
        for layer in (-1, 0, 3):
            hands_over(page, "#filter-layer", layer)
            self.assertEqual(page.evaluate("document.getElementById('layer-shown').textContent"), "all layers" if layer < 0 else f"layer {layer}")
            first = self.drawn(page, "traffic")[0]
            bytes_ = self.case("alpha", "replay", "co_activation").data["traffic_bytes"].astype(float)
            expected = bytes_.sum(axis=0) if layer < 0 else bytes_[layer]
            factor = {"B": 1, "KiB": 2**10, "MiB": 2**20}[re.search(r"\[(.+)\]", page.evaluate(
                "moewire.figures.find(f => f.id === 'traffic').plot.layout.coloraxis.colorbar.title.text")).group(1)]
            np.testing.assert_allclose(np.array(first["z"]) * factor, expected, rtol=1e-9)
        self.assertEqual(page.problems(), [])

    def test_strategies_are_ticked_off_and_tables_sort(self):
        page = self.opened()
        page.evaluate("document.querySelector('#filter-strategies summary').click()")
        page.evaluate("document.querySelector('[data-strategy=random]').click()")
        self.assertNotIn("random", [t["name"] for t in self.drawn(page, "latency")])
        self.assertIn("9 measured cases chosen", page.evaluate("document.getElementById('chosen').textContent"))
        column = "[...document.querySelectorAll('#tables .table')][0]"
        medians = f"[...{column}.querySelectorAll('tbody tr')].map(r => parseFloat(r.cells[2].textContent))"
        page.evaluate(f"{column}.querySelectorAll('th button')[2].click()")
        shown = page.evaluate(medians)
        self.assertEqual(shown, sorted(shown))
        page.evaluate(f"{column}.querySelectorAll('th button')[2].click()")
        self.assertEqual(page.evaluate(medians), sorted(shown, reverse=True))
        self.assertEqual(page.evaluate(f"{column}.querySelectorAll('th')[2].getAttribute('aria-sort')"), "descending")
        text = page.evaluate("moewire.tableText(['a', 'b'], [['x\\ty', {shown: '1 ms', value: 0.001}]])")
        self.assertEqual(text, "a\tb\nx y\t0.001")
        page.evaluate(f"[...{column}.querySelectorAll('button')].find(b => b.textContent === 'Copy').click()")
        page.wait_for("document.getElementById('said').textContent !== ''")
        self.assertEqual(page.problems(), [])

    def test_waits_predictions_and_timeline_are_the_traces(self):
        page = self.opened()
        case = self.case("alpha", "replay", "co_activation")
        transfer = next(t for t in self.drawn(page, "waits") if t["name"] == "transfer")
        expected = np.median(sum(case.data[f"measured/{d}_transfer_s"].sum(axis=1) for d in ("dispatch", "combine")), axis=0)
        unit = {"s": 1, "ms": 1e-3, "µs": 1e-6}[re.search(r"\[(.+)\]", page.evaluate("moewire.figures.find(f => f.id === 'waits').plot.layout.yaxis.title.text")).group(1)]
        np.testing.assert_allclose(np.array(transfer["y"][:8]) * unit, expected, rtol=5e-3)  # nearest rank against the mean of two
        line = next(t for t in self.drawn(page, "prediction") if t["name"] == "line")
        self.assertEqual(len(line["x"]), 10 * 2 * 4)
        np.testing.assert_allclose(np.array(line["y"]) * self.unit(page, "prediction"), 1.05e-4, rtol=1e-4)
        rules = [t for t in self.drawn(page, "prediction") if t.get("legendgroup") == "rules"]
        self.assertEqual([t["name"] for t in rules], ["astra_constants", "busbw_rule", "endpoint_load", "simai_formula", "single_line"])
        crossing = case.data["traffic_bytes"].astype(float) * (1 - np.eye(8))
        busiest = np.maximum(crossing.sum(axis=1).max(axis=1), crossing.sum(axis=2).max(axis=1))  # [layer], the same either way
        np.testing.assert_allclose(np.array(rules[4]["y"][:8]) * self.unit(page, "prediction"), np.tile(2e-5 + busiest / 4e9, 2), rtol=1e-4)
        self.drawn(page, "timeline")
        rows = page.evaluate("moewire.figures.find(f => f.id === 'timeline').rows")
        timeline = self.case("alpha", "in_model", "co_activation").timeline()
        self.assertEqual(len(rows), int((timeline.end_s > timeline.start_s).sum()))
        rank, layer, step, start, _, end = rows[17]
        at = (layer, timeline.steps.index(step), rank)
        self.assertAlmostEqual(start, timeline.start_s[at] * 1e6, delta=0.051)
        self.assertAlmostEqual(end, timeline.end_s[at] * 1e6, delta=0.051)

    def test_dark_light_print_and_keys(self):
        page = self.opened(dark=True)
        self.assertEqual(page.evaluate("document.documentElement.dataset.theme"), "dark")
        self.all_drawn(page)
        self.keep(page, "page_dark", whole=True)
        dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
        for _ in range(3):  # two links that jump, then the button of the light
            page.key("Tab")
        self.assertEqual(page.evaluate("document.activeElement.id"), "theme")
        page.key("Enter", text="\r")
        self.assertEqual(page.evaluate("document.documentElement.dataset.theme"), "light")
        self.assertNotEqual(page.evaluate("getComputedStyle(document.body).backgroundColor"), dark)
        page.evaluate("document.getElementById('filter-layer').focus()")
        page.key("ArrowRight")
        self.assertEqual(page.evaluate("moewire.filter.layer"), 0)
        page.pdf(self.scratch / "page.pdf")
        self.assertGreater((self.scratch / "page.pdf").stat().st_size, 20_000)
        self.assertEqual(page.problems(), [])

    def test_numbers_below_figures_are_the_traces(self):
        page = self.opened()
        cases = [self.case("alpha", "replay", s) for s in made_trace.STRATEGIES]
        points = []
        for case in cases:
            received = case.data["traffic_bytes"].astype(float).sum(axis=1)
            points += list(zip(received.max(axis=1) / received.mean(axis=1), sum(np.sort(case.slowest_s(d), axis=0)[99] for d in ("dispatch", "combine"))))
        slope = np.polyfit(*np.array(points).T, 1)[0] / 10
        self.drawn(page, "imbalance")
        value, unit = re.search(r"text, replay: (\S+) (\S+) for each tenth", self.note(page, "imbalance")).groups()
        self.assertAlmostEqual(float(value) * {"s": 1, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9}[unit], slope, delta=abs(slope) * 0.02 + 1e-9)
        hands_over(page, "#filter-layer", 1)
        self.drawn(page, "load")
        load = np.sort(self.case("alpha", "replay", "co_activation").data["expert_load_tokens"][1].sum(axis=0))
        gini = (2 * np.arange(1, 65) - 65) @ load / (64 * load.sum())
        self.assertIn(f"Gini {gini:.3f}; chance alone: 0.020.", self.note(page, "load"))
        self.assertEqual(page.problems(), [])

    def note(self, page, figure):
        return page.evaluate(f"moewire.figures.find(f => f.id === '{figure}').noteBelow.textContent")

    def test_a_run_between_gpus(self):
        """NCCL, times of the GPUs' own clock, in microseconds; the header and the table name the cards."""
        source = self.scratch / "gpus.h5"
        made_trace.make(source, models=("moe",), modes=("replay", "in_model"), strategies=("contiguous", "eplb_pack", "random"), ranks=2, experts=64, iterations=200, base_s=2.3e-5,
                        slow={"eplb_pack": 0.9}, transport="nccl_send_recv", clock="gpu", root={"cores": 64, **made_trace.gpus(2)})
        self.ok("report", source, "--output", self.scratch / "gpus", "--format", "html", "--no_plots")
        page = self.opened(self.scratch / "gpus" / "report.html")
        self.assertEqual(page.evaluate("document.getElementById('about').textContent"), "NVIDIA H100 80GB HBM3 · 2 ranks on 2 GPUs · nccl_send_recv · 2026-01-02 03:04 UTC")
        self.assertEqual(page.evaluate("document.getElementById('filter-transport').value"), "nccl_send_recv")
        self.all_drawn(page)
        self.assertEqual(self.unit(page, "latency"), 1e-6)
        self.assertIn("own stream", self.note(page, "latency"))
        samples = np.sort(next(c for c in Trace(source).cases if (c["mode"], c["strategy"]) == ("replay", "eplb_pack")).exchange_s())
        shown = next(t for t in self.drawn(page, "latency") if t["name"] == "eplb_pack")
        np.testing.assert_allclose(np.array(shown["x"])[[0, 50, 100]] * 1e-6, samples[[0, 99, 199]], rtol=6e-5)
        self.assertIn("rank 1: name NVIDIA H100 80GB HBM3, uuid GPU-1", page.evaluate("document.getElementById('tables').textContent"))
        self.assertEqual(page.problems(), [])
        self.keep(page, "gpus", whole=True)

    def test_every_axis_has_a_unit(self):
        page = self.opened()
        self.all_drawn(page)
        titles = page.evaluate("moewire.figures.filter(f => f.isDrawn).flatMap(f => Object.entries(f.plot.layout)"
                               ".filter(([k, v]) => /^[xy]axis/.test(k) && v.title && v.title.text).map(([k, v]) => f.id + ': ' + v.title.text))")
        self.assertGreater(len(titles), 12)
        names = re.compile(r"rank|expert|run on|planned on")  # names and counts, no quantities
        self.assertEqual([t for t in titles if "[" not in t and not names.search(t.split(": ", 1)[1])], [])

    def test_hostile_names_are_shown_and_do_nothing(self):
        source = self.scratch / "hostile.h5"
        made_trace.make(source, models=(HOSTILE,), texts=("javascript:alert(1)",), strategies=("contiguous", HOSTILE, "<b>bold</b>"))
        self.ok("report", source, "--output", self.scratch / "hostile", "--format", "html", "--no_plots")
        page = self.opened(self.scratch / "hostile" / "report.html")
        self.assertEqual(page.evaluate("document.querySelectorAll('#plots img, #plots script, #tables script, #answer script, img').length"), 0)
        self.all_drawn(page)
        legend = page.evaluate("[...document.querySelectorAll('#figure-latency .legendtext')].map(t => t.textContent)")
        self.assertIn("<b>bold</b>", legend)
        self.assertIn(HOSTILE, page.evaluate("[...document.querySelectorAll('#filter-model option')].map(o => o.value)"))
        self.assertEqual(page.problems(), [])

    def test_two_runs_and_a_baseline(self):
        other, base = self.scratch / "other.h5", self.scratch / "base.csv"
        made_trace.make(other, models=("alpha",), strategies=made_trace.STRATEGIES[:4], ranks=8, iterations=60, seed=4, slow={"random": 1.5})
        self.ok("report", self.source, other, "--output", self.scratch / "both", "--format", "html", "--no_plots")
        page = self.opened(self.scratch / "both" / "report.html")
        self.assertEqual(page.evaluate("[...document.querySelectorAll('#filter-run option')].map(o => o.value)"), ["all", "run.h5", "other.h5"])
        self.assertEqual(len(self.drawn(page, "runs")[0]["x"]), 4)
        self.assertEqual(page.problems(), [])
        self.keep(page, "two_runs", "#figure-runs")
        self.ok("report", other, "--update_baseline", base)
        self.ok("report", other, "--baseline", base, "--output", self.scratch / "judged", "--format", "html", "--no_plots")
        page = self.opened(self.scratch / "judged" / "report.html")
        self.assertEqual(self.drawn(page, "baseline")[0]["x"], [1] * 14)
        self.assertEqual(page.problems(), [])

    def test_empty_and_unmeasured_runs_open(self):
        made_trace.make(self.scratch / "empty.h5", models=())
        made_trace.make(self.scratch / "failed.h5", status="failed", reason="no luck")
        for name in ("empty", "failed"):
            self.ok("report", self.scratch / f"{name}.h5", "--output", self.scratch / name, "--format", "html", "--no_plots")
            page = self.opened(self.scratch / name / "report.html")
            self.all_drawn(page)
            self.assertEqual(page.problems(), [], name)


if __name__ == "__main__":
    unittest.main()
