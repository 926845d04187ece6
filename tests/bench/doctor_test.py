"""Will it fit? Memory by part, what to change, and plans beside what runs really take."""

import json
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from support.program import ProgramTest


class Plan(ProgramTest):
    def plan(self, *arguments, fits=None):
        from support.program import run
        done = run("doctor", "--json", *arguments)
        out = json.loads(done.stdout)
        self.assertEqual(done.returncode, 0 if out["fits"] else 3, done.stderr)
        if fits is not None:
            self.assertEqual(out["fits"], fits)
        self.assertEqual(out["fits"], not out["advice"])
        self.assertEqual(sum(out["rank_bytes"].values()), out["rank_total_bytes"])
        return out

    def test_published_sizes(self):
        """Weights of a rank in GiB, bfloat16, from the published geometries: experts split, the rest on every rank."""
        for name, ranks, gib in (("mixtral-8x7b", 1, 87.0), ("mixtral-8x7b", 8, 13.5), ("phi-3.5-moe", 4, 21.7), ("qwen3-235b-a22b", 8, 67.8),
                                 ("deepseek-v3", 8, 184.0), ("gpt-oss-120b", 2, 110.8)):
            parts = self.plan("--model", f"synth:{name}", "--ranks", ranks, "--dtype", "bfloat16", "--device_memory", 2000)["rank_bytes"]
            self.assertAlmostEqual((parts["dense weights"] + parts["expert weights"]) / 2**30 / gib, 1, delta=0.005, msg=name)

    def test_devices_that_are_too_small_and_what_to_change(self):
        phi = ("--model", "synth:phi-3.5-moe", "--device_memory", 78)
        out = self.plan(*phi, "--ranks", 1, "--dtype", "bfloat16", fits=False)
        self.assertTrue(out["advice"][0].startswith("--ranks 2:"), out["advice"])
        self.plan(*phi, "--ranks", 2, "--dtype", "bfloat16", fits=True)
        out = self.plan(*phi, "--ranks", 2, "--dtype", "float32", fits=False)
        self.assertTrue(out["advice"][0].startswith("--dtype bfloat16:"), out["advice"])
        out = self.plan(*phi, "--ranks", 8, "--dtype", "bfloat16", "--tokens", 2**20, fits=False)
        tokens = int(next(line for line in out["advice"] if line.startswith("--tokens")).split()[1])
        self.plan(*phi, "--ranks", 8, "--dtype", "bfloat16", "--tokens", tokens, fits=True)
        self.plan(*phi, "--ranks", 8, "--dtype", "bfloat16", "--tokens", 2 * tokens, fits=False)

    def test_nothing_would_fit(self):
        out = self.plan("--model", "synth:deepseek-v3", "--ranks", 8, "--dtype", "bfloat16", "--device_memory", 1, fits=False)
        self.assertIn("a larger machine", out["advice"][0])

    def test_training_decoding_and_copies(self):
        olmoe = ("--model", "synth:olmoe-1b-7b", "--dtype", "bfloat16", "--device_memory", 139)
        plain = self.plan(*olmoe)["rank_bytes"]
        trained = self.plan(*olmoe, "--train")
        self.assertTrue(trained["fits"])  # full AdamW on one device of 139 GiB
        weights = plain["dense weights"] + plain["expert weights"]
        self.assertEqual(trained["rank_bytes"]["gradients"], weights)
        self.assertEqual(trained["rank_bytes"]["optimiser"], 6 * weights)
        decoding = self.plan(*olmoe, "--decode", 4096, "--tokens", 128)["rank_bytes"]
        self.assertEqual(decoding["KV cache"], 16 * 128 * 4096 * 2 * 2048 * 2)
        copies = self.plan(*olmoe, "--ranks", 8, "--copies", 2)["rank_bytes"]
        self.assertEqual(copies["expert weights"] * 8, self.plan(*olmoe, "--ranks", 8)["rank_bytes"]["expert weights"] * 10)

    def test_this_host_is_shared_by_all_ranks(self):
        one, four = (self.plan("--model", "tiny-phimoe", "--ranks", ranks) for ranks in (1, 4))
        self.assertAlmostEqual(one["available_bytes"] / four["available_bytes"], 4, places=6)
        self.assertFalse(one["synthetic"])

    def test_text_names_parts_and_verdict(self):
        text = self.ok("doctor", "--model", "tiny-phimoe", "--ranks", 2)
        for word in ("dense weights", "expert weights", "activations", "exchange buffers", "all together", "It fits."):
            self.assertIn(word, text)

    def test_numbers_that_make_no_sense(self):
        self.refused(2, "99 ranks for", "doctor", "--model", "tiny-phimoe", "--ranks", 99)
        self.refused(2, "--tokens", "doctor", "--model", "tiny-phimoe", "--tokens", 0)
        self.refused(2, "--device_memory", "doctor", "--model", "tiny-phimoe", "--device_memory", "nan")
        self.refused(2, "exclude each other", "doctor", "--model", "tiny-phimoe", "--train", "--decode", 8)
        self.refused(2, "those that were started", "doctor", "--model", "tiny-phimoe", "--ranks", 3, "--run")
        self.refused(3, "plain forward pass", "doctor", "--model", "tiny-phimoe", "--train", "--run")


class Run(ProgramTest):
    """Large enough that the program's own memory hides nothing, small enough for any machine."""

    def test_peak_is_what_was_planned(self):
        for kind, extra in (("mixtral", {}), ("qwen3_moe", {"moe_intermediate_size": 2048, "head_dim": 64})):
            config = {"model_type": kind, "vocab_size": 8192, "hidden_size": 1024, "intermediate_size": 2048, "num_hidden_layers": 8,
                      "num_attention_heads": 16, "num_key_value_heads": 4, "num_local_experts": 8, "num_experts_per_tok": 2, **extra}
            file = self.write(f"{kind}.json", json.dumps(config))
            out = json.loads(self.ok("doctor", "--model", f"synth:{file}", "--dtype", "bfloat16", "--tokens", 128, "--run", "--json", ranks=2))
            self.assertEqual(len(out["run"]["peak_bytes"]), 2)
            for planned, peak in zip(out["run"]["planned_bytes"], out["run"]["peak_bytes"]):
                self.assertGreater(peak, 0.9 * out["rank_bytes"]["expert weights"])
                self.assertLess(abs(planned / peak - 1), 0.1, f"{kind}: planned {planned}, peak {peak}")

    def test_temporaries_are_planned_for(self):
        """Many tokens for few weights: what remains uncertain is how well freed blocks are used again."""
        config = {"model_type": "mixtral", "vocab_size": 8192, "hidden_size": 1024, "intermediate_size": 1024, "num_hidden_layers": 2,
                  "num_attention_heads": 16, "num_key_value_heads": 4, "num_local_experts": 8, "num_experts_per_tok": 2}
        file = self.write("many.json", json.dumps(config))
        for ranks in (0, 2):
            out = json.loads(self.ok("doctor", "--model", f"synth:{file}", "--tokens", 8192, "--window", 512, "--run", "--json", ranks=ranks))
            parts = out["rank_bytes"]
            self.assertGreater(parts["activations"], parts["dense weights"] + parts["expert weights"] / 2)
            for planned, peak in zip(out["run"]["planned_bytes"], out["run"]["peak_bytes"]):
                self.assertLess(abs(planned / peak - 1), 0.25, f"planned {planned}, peak {peak}")


if __name__ == "__main__":
    unittest.main()
