"""Every number in the page's sentences, worked out again from the trace by other code."""

import csv
import json
import re
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from support import made_trace
from support.program import ROOT, ProgramTest

sys.path.insert(0, str(ROOT / "scripts"))
import h5py
import numpy as np
from moewire_trace import Trace

UNIFORM = [(size, 2e-5 + size / 4e9) for size in (1e4, 1e5, 1e6, 1e7)]  # bytes, seconds: on one line
UNITS = {"s": 1, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


def nearest_rank(values, fraction):
    return np.sort(values)[max(0, int(np.ceil(fraction * len(values) - 1e-9)) - 1)]


def interval(values):
    """95 % of the median by order statistics; binomial tails by summation."""
    n = len(values)
    mass = np.cumsum(np.log(np.arange(1, n + 1)))
    choose = lambda k: (mass[n - 1] if n else 0) - (mass[k - 1] if k else 0) - (mass[n - k - 1] if n - k else 0)
    cdf = np.cumsum([np.exp(choose(k) - n * np.log(2)) for k in range(n + 1)])
    low, high = int((cdf[:n] <= 0.025).sum()), next(u for u in range(1, n + 1) if cdf[u - 1] >= 0.975)
    return np.sort(values)[low - 1], np.sort(values)[high - 1]


class Facts:
    """quantity -> value, from the trace alone."""

    def __init__(self, trace):
        self.trace = trace
        self.cases = {case.key: case for case in trace.cases}

    def ratios(self, of, against):
        return self.cases[of].charged_s() / self.cases[against].charged_s()

    def of(self, fact):
        name, of, against = fact["quantity"], fact["of"], fact["against"]
        if name.startswith(("gain", "off")):
            low, high = interval(self.ratios(of, against))
            ratio = {"gain_percent": nearest_rank(self.ratios(of, against), 0.5), "gain_low_percent": high, "gain_high_percent": low,
                     "off_percent": nearest_rank(self.ratios(of, against), 0.5), "off_low_percent": low, "off_high_percent": high}[name]
            return 100 * (1 - ratio) if name.startswith("gain") else 100 * (ratio - 1)
        return getattr(self, name)(of, against)

    def charged_p50_s(self, of, _): return nearest_rank(self.cases[of].charged_s(), 0.5)
    def samples(self, of, _): return len(self.cases[of].charged_s())
    def perplexity(self, of, _): return self.cases[of]["perplexity"]
    def rerouted_percent(self, of, _): return 100 * self.cases[of]["rerouted_ratio"]
    def perplexity_rise_percent(self, of, against): return 100 * (self.cases[of]["perplexity"] / self.cases[against]["perplexity"] - 1)
    def total_bytes(self, of, _): return self.cases[of].data["traffic_bytes"].sum()
    def bytes_apart_percent(self, of, against): return 100 * abs(1 - self.total_bytes(of, "") / self.total_bytes(against, ""))
    def ranks(self, *_): return self.trace.root["ranks"]
    def cores(self, *_): return self.trace.root["cores"] * self.trace.root["nodes"]
    def spread_seeds(self, of, _): return len(self.cases[of].data["spread/predicted_s"])
    def spread_least_s(self, of, _): return self.cases[of].data["spread/predicted_s"].min()
    def spread_most_s(self, of, _): return self.cases[of].data["spread/predicted_s"].max()
    def spread_median_s(self, of, _): return nearest_rank(self.cases[of].data["spread/predicted_s"], 0.5)
    def even_percent(self, of, _): return 100 / self.cases[of]["ranks"]

    def chance_percent(self, of, _):
        """Another draw of resamples: the same but for chance."""
        case = self.cases[of]
        rivals = [c for c in self.trace.cases if c.measured and c["standing"] != "bound" and all(c[k] == case[k] for k in ("model", "dataset", "plan_dataset", "mode", "policy", "payload"))]
        samples = np.array([c.charged_s() for c in rivals])
        draws = np.random.default_rng(5).integers(0, samples.shape[1], (4000, samples.shape[1]))
        best = np.array([np.sort(samples[:, d], axis=1)[:, samples.shape[1] // 2].argmin() for d in draws])
        return 100 * (best == rivals.index(case)).mean()

    def slowest_rank(self, of):
        ranks = np.concatenate([self.cases[of].data[f"measured/{d}_transfer_s"].argmax(axis=2).ravel() for d in ("dispatch", "combine")])
        return np.bincount(ranks, minlength=self.cases[of]["ranks"]) / len(ranks)

    def binding_rank(self, of, _): return self.slowest_rank(of).argmax()
    def binding_percent(self, of, _): return 100 * self.slowest_rank(of).max()

    def entries(self, of):
        """Which rank came last to each exchange, and how long after the one before."""
        waits = np.concatenate([self.cases[of].data[f"measured/{d}_wait_s"].reshape(-1, self.cases[of]["ranks"]) for d in ("dispatch", "combine")])
        return waits.argmin(axis=1), np.sort(waits, axis=1)[:, 1]

    def late_rank(self, of, _): return np.bincount(self.entries(of)[0]).argmax()
    def late_percent(self, of, _): return 100 * np.bincount(self.entries(of)[0]).max() / len(self.entries(of)[0])

    def late_behind_s(self, of, _):
        last, behind_s = self.entries(of)
        return nearest_rank(behind_s[last == self.late_rank(of, None)], 0.5)

    def made_late_rank(self, of, _): return int(self.cases[of]["delay"].split(":")[0])
    def made_late_s(self, of, _): return 1e-6 * float(self.cases[of]["delay"].split(":")[1])

    def points(self, of):
        """Layers of all usual placements of the case's comparison: received max/mean, and time."""
        case, points = self.cases[of], []
        for c in self.trace.cases:
            if c.measured and c.is_usual and all(c[k] == case[k] for k in ("model", "dataset", "plan_dataset", "mode")):
                received = c.data["traffic_bytes"].astype(float).sum(axis=1)
                times = sum(np.array([nearest_rank(layer, 0.5) for layer in c.slowest_s(d).T]) for d in ("dispatch", "combine"))
                points += list(zip(received.max(axis=1) / received.mean(axis=1), times))
        return np.array(points)

    def slope_points(self, of, _): return len(self.points(of))
    def slope_tenth_s(self, of, _): return np.polyfit(*self.points(of).T, 1)[0] / 10

    def slopes(self, of, percent):
        points, random = self.points(of), np.random.default_rng(7)
        drawn = [points[random.integers(0, len(points), len(points))] for _ in range(3000)]
        return np.percentile([np.polyfit(*p.T, 1)[0] for p in drawn], percent) / 10

    def slope_low_tenth_s(self, of, _): return self.slopes(of, 2.5)
    def slope_high_tenth_s(self, of, _): return self.slopes(of, 97.5)

    def errors(self, mode, model):
        errors, inside = [], []
        for c in self.trace.cases:
            if not c.measured or c["mode"] != mode:
                continue
            for direction in ("dispatch", "combine"):
                p, measured = c.predicted_s(direction, model), np.array([nearest_rank(layer, 0.5) for layer in c.slowest_s(direction).T])
                errors += list(p["time"] / measured - 1)
                inside += list((p["low"] <= measured) & (measured <= p["high"]))
        return np.array(errors), np.array(inside)

    def exchanges(self, of, _): return len(self.errors(*of.split("/"))[0])
    def error_median_percent(self, of, _): return 100 * nearest_rank(abs(self.errors(*of.split("/"))[0]), 0.5)
    def error_p95_percent(self, of, _): return 100 * nearest_rank(abs(self.errors(*of.split("/"))[0]), 0.95)
    def coverage_percent(self, of, _): return 100 * self.errors(*of.split("/"))[1].mean()

    def rules(self, *_): return len(self.rule_names)

    rule_names = ("single_line", "busbw_rule", "astra_constants", "simai_formula", "endpoint_load")

    def rule_times(self, traffic):
        """What five rules say of one exchange; the sixth, the port bound, is a cost model of the trace."""
        crossing = traffic * (1 - np.eye(len(traffic)))
        leaving, busiest = crossing.sum() / len(traffic), max(crossing.sum(axis=0).max(), crossing.sum(axis=1).max())
        size, time = np.array(UNIFORM).T
        rate = (size / time).max()
        even = np.exp(np.interp(np.log(leaving), np.log(size), np.log(time)))
        return (2e-5 + busiest / 4e9, leaving / rate, 2 * 936.25e-9 + leaving / (400 * 2**30), leaving / (rate / 1e9 * 2**30),
                time[0] + busiest / leaving * (even - time[0]))

    def rule_errors(self, mode):
        """rule -> errors of all exchanges of the mode."""
        found = {rule: [] for rule in self.rule_names}
        for c in self.trace.cases:
            if c.measured and c["mode"] == mode:
                for direction in ("dispatch", "combine"):
                    for layer, traffic in enumerate(c.data["traffic_bytes"].astype(float)):
                        measured = nearest_rank(c.slowest_s(direction)[:, layer], 0.5)
                        for rule, time in zip(self.rule_names, self.rule_times(traffic if direction == "dispatch" else traffic.T)):
                            found[rule].append(abs(time / measured - 1))
        return found

    def nearest_rule_percent(self, of, _):
        mode, rule = of.split("/")
        medians = {name: nearest_rank(errors, 0.5) for name, errors in self.rule_errors(mode).items()}
        assert medians[rule] == min(medians.values()), medians
        return 100 * medians[rule]

    def rule_p95_percent(self, of, _): return 100 * nearest_rank(self.rule_errors(of.split("/")[0])[of.split("/")[1]], 0.95)

    def layer(self, of, _): return int(of.split("/")[3])

    def miss_percent(self, of, _):
        key, model, direction, layer = of.split("/")
        of_all = np.concatenate([self.errors(mode, model)[0] for mode in sorted({c["mode"] for c in self.trace.cases})])
        error = self.cases[key].predicted_s(direction, model)["time"][int(layer)] / nearest_rank(self.cases[key].slowest_s(direction)[:, int(layer)], 0.5) - 1
        assert np.isclose(abs(np.log1p(error)), abs(np.log1p(of_all)).max())
        return 100 * abs(error)

    def winners(self):
        measured, won = 0, 0
        for cases in self.trace.groups().values():
            usual = [c for c in cases if c.is_usual and c["standing"] != "bound" and c["strategy"] != "contiguous_twin"]
            measured += bool(usual)
            base = next((c for c in usual if c["strategy"] == "contiguous"), None)
            won += base is not None and any(interval(c.charged_s() / base.charged_s())[1] < 1 for c in usual if c is not base)
        return measured, won

    def groups_measured(self, *_): return self.winners()[0]
    def groups_won(self, *_): return self.winners()[1]


class EveryNumber(ProgramTest):
    def sentences(self):
        path = self.scratch / "run.h5"
        made_trace.make(path, models=("alpha",), texts=("plays", "tales"), modes=("replay", "in_model"), strategies=("contiguous", "contiguous_twin", "random", "eplb_pack", "oracle"),
                        iterations=60, slow={"eplb_pack": 0.9, "random": 1.05}, root={"cores": 2}, uniform=UNIFORM)
        random = np.random.default_rng(3)
        with h5py.File(path, "a") as file:
            more = dict(model="alpha", text="plays", plan="plays", mode="replay", iterations=60)
            made_trace.add_case(file, random, **more, strategy="contiguous", policy="capacity", perplexity=10.7, slow=0.95)
            made_trace.add_case(file, random, **more, strategy="contiguous", payload="per_rank", slow=0.8)
            made_trace.add_case(file, random, **more, strategy="exact_pack", status="failed", reason="rank 3 gave up after 7 s")
            case = file["cases/alpha.plays.replay.random"]
            made_trace.put(case, "spread/predicted_s", random.uniform(1e-3, 2e-3, 20), "s", ["seed"])
            case.attrs["spread_model"] = "line"
            for name, case in file["cases"].items():
                if name.startswith("alpha.tales.replay."):
                    case.attrs["delay"] = "1:40"
        self.ok("report", path, "--output", self.scratch / "out", "--format", "html", "--no_plots")
        page = (self.scratch / "out" / "report.html").read_text()
        run = json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL).group(1))["runs"][0]
        return Trace(path), run["answers"] + run["limits"], page

    def shown_matches(self, shown, value):
        """The text is the value, rounded as it is shown."""
        number, _, unit = shown.partition(" ")
        scale = UNITS.get(unit, 1)
        digits = number.lstrip("+-")
        step = 10.0 ** -(len(digits.partition(".")[2]) if "." in digits else 0)
        self.assertLessEqual(abs(float(number) - value / scale), max(0.51 * step, 0.006 * abs(float(number)) if unit else 0), shown)

    def test_is_worked_out_again(self):
        trace, sentences, _ = self.sentences()
        facts, seen = Facts(trace), set()
        drawn = {"chance_percent": (0, 4), "slope_low_tenth_s": (0.15, 1e-6), "slope_high_tenth_s": (0.15, 1e-6)}  # by chance: relative, absolute
        for sentence in sentences:
            for fact in sentence["facts"]:
                relative, absolute = drawn.get(fact["quantity"], (1e-9, 1e-12))
                expected = float(facts.of(fact))
                self.assertLessEqual(abs(fact["value"] - expected), relative * abs(expected) + absolute, (sentence["text"], fact, expected))
                self.shown_matches(fact["shown"], abs(fact["value"]) if not re.match(r"off|perplexity_rise|slope", fact["quantity"]) else fact["value"])
                seen.add(fact["quantity"])
        self.assertGreaterEqual(len(seen), 42, sorted(seen))

    def test_no_number_stands_without_its_source(self):
        trace, sentences, _ = self.sentences()
        names = sorted({str(case[k]) for case in trace.cases for k in ("model", "dataset", "strategy", "policy", "payload", "mode", "binding_resource")} | set(Facts.rule_names) |
                       {case.key for case in trace.cases} | {case["reason"] for case in trace.cases if case.get("reason")}, key=len, reverse=True)
        for sentence in sentences:
            text = re.sub(r"95 % of (?:them|exchanges)|\(95 %:|for 95 %|90 % interval|p99", "", sentence["text"])  # confidence, not findings
            for name in names:
                text = text.replace(name, "")
            for fact in sorted(sentence["facts"], key=lambda f: -len(f["shown"])):
                self.assertIn(fact["shown"], text, sentence["text"])
                text = text.replace(fact["shown"], "", 1)
            self.assertNotRegex(text, r"\d", sentence["text"])

    def test_the_page_shows_these_sentences(self):
        _, sentences, page = self.sentences()
        strip = lambda t: re.sub(r"\s+", " ", re.sub(r"<[^>]+>|\*\*|`", "", t.replace("&nbsp;", " ").replace("µs", "us").replace("&#39;", "'")))
        shown = strip(page[:page.index('<script nonce')])
        for sentence in sentences:
            self.assertIn(strip(sentence["text"]), shown)

    def test_what_changed_since_the_baseline_is_counted(self):
        """The sentence above all others, where a baseline is given, against the rows of the table."""
        then, now, base, out = (self.scratch / name for name in ("then.h5", "now.h5", "base.csv", "out"))
        made_trace.make(then, iterations=200, seed=1)
        made_trace.make(now, iterations=200, seed=2, slow={"random": 1.3, "round_robin": 0.7}, strategies=made_trace.STRATEGIES[1:4])
        self.ok("report", then, "--update_baseline", base)
        self.ok("report", now, "--baseline", base, "--output", out, "--no_plots")
        with (out / "baseline_changes.csv").open(newline="") as file:
            verdicts = [row["verdict"] for row in csv.DictReader(file)]
        said = re.search(r'<p class="lead">Against base\.csv: (.*?)\.</p>', (out / "report.html").read_text()).group(1)
        counted = ", ".join(f"{verdicts.count(v)} {v}" for v in ("better", "same", "worse", "cannot tell", "missing"))
        self.assertEqual(said, f"{len(verdicts)} figures of the baseline: {counted}")
        self.assertLessEqual({"better", "worse", "missing"}, set(verdicts))


if __name__ == "__main__":
    unittest.main()
