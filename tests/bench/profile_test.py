"""moewire profile: every figure again, from the counts in the file or from `moewire logits`; ranks, texts, bad input."""

import json
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from support.program import ROOT, ProgramTest

import h5py
import numpy as np

WINDOW = 64
FIGURES = ("gini", "cv", "max_over_mean", "max_min_ratio", "normalised_entropy")


def figures_of(loads) -> dict:
    """By the textbook: the mean difference of all pairs, not the sorted sum that the program takes."""
    loads = np.asarray(loads, dtype=float)
    shares = loads[loads > 0] / loads.sum()
    return {"gini": np.abs(loads[:, None] - loads[None, :]).mean() / (2 * loads.mean()), "cv": loads.std() / loads.mean(),
            "max_over_mean": loads.max() / loads.mean(), "max_min_ratio": (loads.max() + 1) / (loads.min() + 1),
            "normalised_entropy": -(shares * np.log(shares)).sum() / np.log(len(loads))}


def blocks_of(counts, ranks) -> list:
    """Loads of ranks that hold consecutive experts, the first ones one more where they do not divide."""
    return [int(part.sum()) for part in np.array_split(np.asarray(counts), ranks)]


class Profile(ProgramTest):
    def profile(self, folder, *arguments, ranks=0):
        options = {"--model": "tiny-phimoe", "--max_length": WINDOW, "--max_samples": 12, **dict(zip(arguments[::2], arguments[1::2]))}
        self.ok("profile", *(word for option in options.items() for word in option), "--no_plots", "--output_dir", self.scratch / folder, ranks=ranks)
        return self.json(self.scratch / folder / "expert_assignment_stats.json")

    def assert_figures(self, found, loads):
        for key, value in figures_of(loads).items():
            self.assertAlmostEqual(found[key], value, places=9, msg=key)


class Figures(Profile):
    def test_figures_follow_from_the_counts(self):
        stats = self.profile("out", "--ranks_at", "2,3,8")
        self.assertEqual((stats["tokens"], stats["ranks_at"]), (12 * WINDOW, [2, 3, 8]))
        for layer in stats["layers"].values():
            counts = layer["expert_counts"]
            self.assertEqual(sum(counts), stats["tokens"] * stats["top_k"])
            self.assert_figures(layer, counts)
            self.assertEqual(layer["idle_experts"], counts.count(0))
            for ranks in (2, 3, 8):
                of_ranks = layer["ranks"][str(ranks)]
                self.assertEqual(of_ranks["tokens_per_rank"], blocks_of(counts, ranks))
                self.assert_figures(of_ranks, of_ranks["tokens_per_rank"])
            self.assert_above_noise(layer, stats["noise_ceiling"])
            self.assert_above_noise(layer["ranks"]["2"], stats["rank_level"]["2"]["noise_ceiling"])
            self.assert_pairs(layer, stats)
        gini = [layer["gini"] for layer in stats["layers"].values()]
        self.assertAlmostEqual(stats["average_gini"], np.mean(gini), places=12)
        self.assertEqual(stats["maximum_gini"], max(gini))

    def assert_above_noise(self, found, ceiling):
        for key in FIGURES:
            above = found[key] < ceiling[key] if key == "normalised_entropy" else found[key] > ceiling[key]
            self.assertEqual(found["above_noise"][key], above, key)

    def assert_pairs(self, layer, stats):
        pairs = np.array(layer["co_activation"])
        self.assertTrue((pairs == pairs.T).all() and (np.diag(pairs) == 0).all())
        np.testing.assert_array_equal(pairs.sum(axis=1), (stats["top_k"] - 1) * np.array(layer["expert_counts"]))
        for pair in layer["strongest_pairs"]:
            self.assertEqual(pair["tokens"], pairs[tuple(pair["experts"])])
            self.assertAlmostEqual(pair["lift"], pair["tokens"] / pair["expected_tokens"], places=9)

    def test_noise_lies_where_theory_has_it(self):
        stats = self.profile("out")
        tokens, experts, k = stats["tokens"], stats["num_experts"], stats["top_k"]
        self.assertAlmostEqual(stats["noise_floor"]["cv"], np.sqrt((experts / k - 1) / tokens), places=9)
        for noise in (stats, stats["batches"], stats["rank_level"]["4"], stats["batches"]["rank_level"]["4"]):
            for key in ("gini", "cv", "max_over_mean", "max_min_ratio"):
                self.assertLess(noise["noise_floor"][key], noise["noise_ceiling"][key])
            self.assertGreater(noise["noise_floor"]["normalised_entropy"], noise["noise_ceiling"]["normalised_entropy"])
        ratio = stats["batches"]["noise_floor"]["gini"] / stats["noise_floor"]["gini"]
        self.assertAlmostEqual(ratio, np.sqrt(12), places=9)  # a batch has a twelfth of the tokens

    def test_more_ranks_than_experts_are_left_out_with_a_note(self):
        stats = self.profile("out", "--ranks_at", "32,4,17,4")
        self.assertEqual((stats["ranks_at"], stats["ranks_left_out"]), ([4], [17, 32]))
        self.assertIn("Left out: 17, 32 ranks", (self.scratch / "out" / "profiling_report.txt").read_text())


class AgainstLogits(Profile):
    """The same windows through `moewire logits`, which keeps every pick and score."""

    def setUp(self):
        super().setUp()
        text = "".join(f"{i} bottles of ale stand on the wall; the {i}th fell, and the king said: nay!\n" for i in range(300))
        self.text = self.write("text.txt", text)
        model, vocabulary = self.model_of_single_characters()
        self.stats = self.profile("out", "--model", model, "--dataset", self.text, "--batch_windows", 5)
        ids = [vocabulary["\u2581"], *(vocabulary[c] for c in self.second_half(text).replace(" ", "\u2581"))]
        tokens = self.write("tokens.json", json.dumps(np.reshape(ids[:12 * WINDOW], (12, WINDOW)).tolist()))
        self.ok("logits", "--model", model, "--tokens", tokens, "--output", self.scratch / "out.h5")

    def model_of_single_characters(self):
        """The shipped model with a tokenizer that merges nothing, so that this test can tell the tokens itself."""
        shipped, folder = ROOT / "models" / "tiny-phimoe", self.scratch / "model"
        folder.mkdir()
        for name in ("config.json", "model.safetensors"):
            (folder / name).symlink_to(shipped / name)
        tokenizer = json.loads((shipped / "tokenizer.json").read_text())
        tokenizer["model"]["merges"] = []
        (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
        vocabulary = tokenizer["model"]["vocab"]
        return folder, {"\n": vocabulary["<0x0A>"], **vocabulary}

    def second_half(self, text):
        """The test split of a single file: behind the line end nearest to the middle."""
        raw = text.encode()
        ends = np.array([i + 1 for i, byte in enumerate(raw) if byte == ord("\n")])
        return raw[ends[np.abs(ends - len(raw) / 2).argmin()]:].decode()

    def test_counts_pairs_batches_and_margins(self):
        with h5py.File(self.scratch / "out.h5") as file:
            for number, layer in enumerate(self.stats["layers"].values()):
                picks = file[f"router/{number}/experts"][()].reshape(-1, 2)
                self.assert_counts(layer, picks)
                self.assert_batches(layer["batches"], picks)
                self.assert_margins(layer["router_margin"], picks, file[f"router/{number}/scores"][()].reshape(len(picks), -1))

    def assert_counts(self, layer, picks):
        self.assertEqual(np.bincount(picks.ravel(), minlength=16).tolist(), layer["expert_counts"])
        pairs = np.zeros((16, 16), dtype=int)
        for a, b in picks:
            pairs[a, b] += 1
            pairs[b, a] += 1
        self.assertEqual(pairs.tolist(), layer["co_activation"])

    def assert_batches(self, batches, picks):
        """Twelve windows in batches of five: two batches, the rest is left out."""
        tokens = 5 * WINDOW
        self.assertEqual((self.stats["batches"]["count"], self.stats["batches"]["batch_tokens"]), (2, tokens))
        loads = [np.bincount(picks[b * tokens:(b + 1) * tokens].ravel(), minlength=16) for b in range(2)]
        for key in FIGURES:
            values = sorted(figures_of(load)[key] for load in loads)
            low, high = ("p50", "max") if key != "normalised_entropy" else ("min", None)
            self.assertAlmostEqual(batches[key][low], values[0], places=9)
            if high:
                self.assertAlmostEqual(batches[key][high], values[1], places=9)
        two = [figures_of(blocks_of(load, 2))["max_over_mean"] for load in loads]
        self.assertAlmostEqual(batches["ranks"]["2"]["max_over_mean"]["max"], max(two), places=9)

    def assert_margins(self, found, picks, scores):
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        scores /= scores.sum(axis=1, keepdims=True)
        chosen = np.take_along_axis(scores, picks, axis=1).min(axis=1)
        np.put_along_axis(scores, picks, -1, axis=1)
        margins = chosen - scores.max(axis=1)
        self.assertEqual(sum(found["histogram"]), len(picks))
        self.assertAlmostEqual(found["median"], np.sort(margins)[len(margins) // 2 - 1], places=4)
        self.assertAlmostEqual(found["share_below_0.01"], (margins < 0.01).mean(), delta=0.005)
        expected = np.histogram(margins, bins=20, range=(0, 1))[0]
        self.assertLessEqual(np.abs(expected - found["histogram"]).sum(), 4)  # the last bit may cross an edge


class Ranks(Profile):
    def test_two_ranks_give_the_numbers_of_one(self):
        alone, two, three = (self.profile(str(n), "--batch_windows", 5, ranks=n) for n in (1, 2, 3))
        self.assert_near(alone, two, "")
        self.assert_near(alone, three, "")

    def assert_near(self, a, b, where):
        """Equal keys everywhere; numbers near, for sums run in another order and a tie may fall either way."""
        self.assertEqual(type(a), type(b), where)
        if isinstance(a, dict):
            self.assertEqual(list(a), list(b), where)
            for key in a:
                if key not in ("strongest_pairs", "above_noise"):
                    self.assert_near(a[key], b[key], f"{where}/{key}")
        elif isinstance(a, list):
            np.testing.assert_allclose(np.array(a, dtype=float), np.array(b, dtype=float), atol=2, rtol=1e-2, err_msg=where)
        elif isinstance(a, (int, float)):
            self.assertAlmostEqual(a, b, delta=0.01 * abs(a) + 2e-3, msg=where)
        else:
            self.assertEqual(a, b, where)


class Texts(Profile):
    def test_several_lie_beside_each_other(self):
        self.ok("profile", "--dataset", "drama,manual", "--max_samples", 6, "--max_length", WINDOW, "--output_dir", self.scratch / "both")
        both = self.json(self.scratch / "both" / "expert_assignment_stats.json")
        self.assertEqual(list(both["domains"]), ["drama", "manual"])
        for name, domain in both["domains"].items():
            alone = self.profile(name, "--dataset", name, "--max_samples", 6)
            self.assertNotIn("domains", alone)
            self.assertEqual(list(alone), list(domain))
            self.assertEqual(alone["layers"]["layer_0"]["expert_counts"], domain["layers"]["layer_0"]["expert_counts"])
        self.assertEqual({k: v for k, v in both.items() if k != "domains"}, both["domains"]["drama"])
        report = (self.scratch / "both" / "profiling_report.txt").read_text()
        self.assertIn("Texts beside each other", report)
        self.assertEqual(report.count("Average Gini coefficient: "), 2)
        plots = {path.stem for path in (self.scratch / "both" / "plots").glob("*.png")}
        for figure in ("expert_load", "gini_by_layer", "batches", "co_activation", "router_margin"):
            self.assertLessEqual({f"{figure}_drama", f"{figure}_manual"}, plots)
        self.assertIn("domains", plots)


class Refusals(ProgramTest):
    def test_bad_input_gets_one_message(self):
        for ranks in (0, 2):
            for fragment, *arguments in (("no-such-text", "--dataset", "drama,no-such-text"), ("twice", "--dataset", "drama,drama"),
                                         ("--dataset is empty", "--dataset", ","),
                                         ("--ranks_at", "--ranks_at", "0"), ("--ranks_at", "--ranks_at", "2,many"), ("--ranks_at", "--ranks_at", "2.5"),
                                         ("--ranks_at", "--ranks_at", "99999999999"), ("--batch_windows", "--batch_windows", 0),
                                         ("--batch_windows", "--batch_windows", -3), ("window", "--max_samples", 0), ("window", "--max_length", 1)):
                self.refused(2, fragment, "profile", *arguments, "--no_plots", "--output_dir", self.scratch / "out", ranks=ranks)
                self.assertFalse((self.scratch / "out" / "expert_assignment_stats.json").exists())
        self.refused(2, "batch_windows", "profile", "--batch_windows", "few", "--output_dir", self.scratch / "out")


if __name__ == "__main__":
    unittest.main()
