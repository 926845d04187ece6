"""Perplexity protocols against transformers, window by window; differences between two runs over the same windows."""

import json
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from support.program import FIXTURES, ProgramTest

import numpy as np

# What transformers computes on this text by each protocol: tests/fixtures/make_evaluation.py.
TEXT = FIXTURES / "evaluation"
PROTOCOLS = json.loads((TEXT / "reference.json").read_text())


class Protocols(ProgramTest):
    """Each protocol against transformers, window by window."""

    def evaluate(self, *arguments, ranks=0, windows=0):
        return json.loads(self.ok("eval", "--model", "tiny-phimoe", "--dataset", TEXT, "--max_windows", windows, "--json", *arguments, ranks=ranks))

    def cases(self):
        for protocol in ("disjoint", "hf_stride", "llama_cpp"):
            for expected in PROTOCOLS[protocol]:
                stride = ["--stride", expected["stride"]] if "stride" in expected else []
                yield expected, ["--protocol", protocol, "--window", expected["window"], *stride]

    def tolerance(self, expected):
        """Of a figure over all windows: those where a router's decision is a tie may fall either way."""
        return 1e-4 if expected["windows_with_ties"] else 1e-5

    def test_windows_are_those_of_transformers(self):
        for expected, arguments in self.cases():
            found = self.evaluate(*arguments)
            self.assertEqual((found["tokens"], found["targets"], found["windows"]), (PROTOCOLS["tokens"], expected["targets"], expected["windows"]), arguments)
            ties, tolerance = expected["windows_with_ties"], self.tolerance(expected)
            np.testing.assert_allclose(np.delete(found["nll_of_window"], ties), np.delete(expected["nll_of_window"], ties), rtol=1e-5, err_msg=str(arguments))
            np.testing.assert_allclose(found["perplexity"], expected["perplexity"], rtol=tolerance, err_msg=str(arguments))
            if "page" in expected:
                np.testing.assert_allclose(found["perplexity_in_page_weighting"], expected["page"], rtol=tolerance)

    def test_figures_follow_from_the_windows(self):
        for expected, arguments in self.cases():
            found = self.evaluate(*arguments)
            nll, targets = np.array(expected["nll_of_window"]), np.array(found["targets_of_window"])
            self.assertEqual(targets.sum(), expected["targets"])
            mean = nll.sum() / targets.sum()
            error = np.sqrt(len(nll) / (len(nll) - 1) * ((nll - mean * targets) ** 2).sum()) / targets.sum()
            for key, value in {"mean_nll": mean, "standard_error_of_mean_nll": error, "bits_per_byte": nll.sum() / np.log(2) / found["bytes"],
                               "word_perplexity": np.exp(nll.sum() / found["words"])}.items():
                np.testing.assert_allclose(found[key], value, rtol=3e-4 if "word" in key else self.tolerance(expected), err_msg=f"{key} {arguments}")

    def test_overlapping_windows_score_all_bytes_and_words_of_the_text(self):
        found = self.evaluate("--protocol", "hf-stride", "--window", 40)
        self.assertEqual((found["bytes"], found["words"], found["targets"], found["stride"]),
                         (PROTOCOLS["bytes"], PROTOCOLS["words"], PROTOCOLS["tokens"], 20))

    def test_every_world_size_gives_the_same(self):
        for protocol in ("hf_stride", "llama_cpp"):
            runs = [self.evaluate("--protocol", protocol, "--window", 100, ranks=ranks) for ranks in (0, 1, 2, 4)]
            for run in runs[1:]:
                np.testing.assert_allclose(run["nll_of_window"], runs[0]["nll_of_window"], rtol=1e-5)
                for key in ("targets", "windows", "bytes", "words", "bos", "windows_digest", "targets_of_window"):
                    self.assertEqual(run[key], runs[0][key], (protocol, key))

    def test_bos_is_told_as_it_is(self):
        rules = {p: self.evaluate("--protocol", p, "--window", 64, windows=2)["bos"] for p in ("disjoint", "hf_stride", "llama_cpp")}
        self.assertEqual(rules, {"disjoint": "none", "hf_stride": "<s> before the text",
                                 "llama_cpp": "<s> before the text and in place of every window's first token"})
        plain = self.evaluate("--protocol", "llama_cpp", "--window", 64, "--bos", "none")
        self.assertEqual(plain["bos"], "none")
        self.assertGreater(abs(plain["perplexity"] / PROTOCOLS["llama_cpp"][0]["perplexity"] - 1), 1e-3)

    def test_text_says_all_of_it(self):
        out = self.ok("eval", "--dataset", TEXT, "--protocol", "llama.cpp", "--window", 64)
        for words in ("llama_cpp, window 64, 13 windows, 403 targets of", "bits per byte", "word perplexity", "standard error", "BOS <s>", "float32"):
            self.assertIn(words, out)

    def test_refusals(self):
        eval_ = ("eval", "--dataset", TEXT)
        self.refused(2, "disjoint, hf_stride, llama_cpp", *eval_, "--protocol", "strided")
        self.refused(2, "longer than the window of 64", *eval_, "--protocol", "hf_stride", "--window", 64, "--stride", 65)
        self.refused(2, "takes no stride", *eval_, "--window", 64, "--stride", 32)
        for protocol in ("disjoint", "hf_stride", "llama_cpp"):
            self.refused(2, "is 1", *eval_, "--protocol", protocol, "--window", 1, ranks=2)
            self.refused(2, "one window needs", *eval_, "--protocol", protocol, "--window", 5000)


class Pairs(ProgramTest):
    """Differences between two runs over the same windows."""

    def evaluate(self, *arguments, ranks=0, windows=0):
        return json.loads(self.ok("eval", "--dataset", TEXT, "--max_windows", windows, "--window", 32, "--json", *arguments, ranks=ranks))

    def earlier(self, *arguments):
        path = self.scratch / "earlier.json"
        self.evaluate("--output", path, *arguments)
        return path

    def test_a_run_does_not_differ_from_itself(self):
        found = self.evaluate("--against", self.earlier())["comparison"]
        self.assertLess(abs(found["mean_nll_difference"]), 1e-6)
        self.assertLess(found["mean_nll_difference_high"] - found["mean_nll_difference_low"], 1e-6)

    def test_the_difference_is_that_of_the_means_inside_its_interval(self):
        before = self.json(self.earlier("--protocol", "hf_stride"))
        for ranks in (0, 2):
            now = self.evaluate("--protocol", "hf_stride", "--dtype", "bfloat16", "--against", self.scratch / "earlier.json", ranks=ranks)
            found = now["comparison"]
            self.assertAlmostEqual(found["mean_nll_difference"], now["mean_nll"] - before["mean_nll"], places=12)
            self.assertAlmostEqual(found["perplexity_ratio"], now["perplexity"] / before["perplexity"], places=9)
            self.assertLess(found["mean_nll_difference_low"], found["mean_nll_difference"])
            self.assertLess(found["mean_nll_difference"], found["mean_nll_difference_high"])
            self.assertAlmostEqual(found["perplexity_ratio_low"], np.exp(found["mean_nll_difference_low"]), places=12)
            self.assertEqual((found["confidence"], found["windows"]), (0.95, now["windows"]))
            self.assertIn("bootstrap", found["method"])
            self.assertEqual(found["with"], "tiny-phimoe in float32")

    def test_two_in_one_call_are_two_calls(self):
        earlier = self.earlier("--dtype", "bfloat16")
        apart = self.evaluate("--against", earlier)["comparison"]
        together = self.evaluate("--compare_dtype", "bfloat16", "--compare", "tiny-phimoe")["comparison"]
        for key in ("mean_nll_difference", "mean_nll_difference_low", "perplexity_ratio_high"):
            self.assertAlmostEqual(apart[key], together[key], places=6)
        self.assertIn("less tiny-phimoe in bfloat16", self.ok("eval", "--dataset", TEXT, "--window", 32, "--compare_dtype", "bfloat16"))

    def test_one_window_has_no_interval(self):
        found = self.evaluate("--compare_dtype", "bfloat16", windows=1)
        self.assertIsNone(found["comparison"]["mean_nll_difference_low"])
        self.assertIsNone(found["standard_error_of_mean_nll"])

    def test_other_windows_are_refused(self):
        earlier = self.earlier()
        against = ("eval", "--max_windows", 0, "--against", earlier)
        self.refused(2, "another protocol", *against, "--dataset", TEXT, "--window", 32, "--protocol", "llama_cpp", ranks=2)
        self.refused(2, "another protocol", *against, "--dataset", TEXT, "--window", 33)
        self.refused(2, "--max_windows", "eval", "--dataset", TEXT, "--window", 32, "--max_windows", 3, "--against", earlier)
        words = (TEXT / "test.txt").read_text()
        other = self.write("other/test.txt", words.replace("seven", "eight", 1)).parent
        self.refused(2, "scored other tokens", *against, "--dataset", other, "--window", 32)

    def test_strange_files_are_refused(self):
        whole = self.json(self.earlier())
        run = ("eval", "--dataset", TEXT, "--max_windows", 0, "--window", 32, "--against")
        self.refused(2, "none.json", *run, self.scratch / "none.json")
        for key, value in (("nll_of_window", None), ("nll_of_window", []), ("nll_of_window", [None] * len(whole["nll_of_window"])), ("windows_digest", 7),
                           ("window", "wide"), ("targets_of_window", whole["targets_of_window"][1:])):
            broken = {k: v for k, v in whole.items() if k != key} if value is None else {**whole, key: value}
            self.refused(2, "moewire eval", *run, self.write("broken.json", json.dumps(broken)))
        self.refused(2, "moewire eval", *run, self.write("list.json", "[1, 2]"))
        self.refused(2, "leave one out", *run, self.scratch / "earlier.json", "--compare_dtype", "bfloat16")


if __name__ == "__main__":
    unittest.main()
