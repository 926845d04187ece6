"""Published geometries: sizes by a formula of their own here, beside the published totals and what the program counts."""

import json
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from support.program import ROOT, ProgramTest

FOLDER = ROOT / "bench" / "geometries"

# Published parameters, in units of 10^9: all, and those of the routed experts.
PUBLISHED = {"phi-tiny-moe": (3.755, 2.82), "phi-mini-moe": (7.648, 6.04), "phi-3.5-moe": (41.873, 40.27), "mixtral-8x7b": (46.703, 45.10),
             "olmoe-1b-7b": (6.919, 6.44), "qwen1.5-moe-a2.7b": (14.316, 12.46), "qwen2-57b-a14b": (57.409, 49.33),
             "qwen3-30b-a3b": (30.532, 28.99), "qwen3-235b-a22b": (235.09, 227.1), "deepseek-v2-lite": (15.706, 14.40),
             "deepseek-v2": (235.74, 222.7), "deepseek-v3": (671.03, 653.9), "gpt-oss-20b": (20.915, 19.12), "gpt-oss-120b": (116.83, 114.7)}


def attention(c):
    """Weights of one attention, by architecture, as its paper or model card draws it."""
    h, kind = c["hidden_size"], c["model_type"]
    if kind.startswith("deepseek"):
        nope, rope, v, low, heads = c["qk_nope_head_dim"], c["qk_rope_head_dim"], c["v_head_dim"], c["kv_lora_rank"], c["num_attention_heads"]
        narrow = c["q_lora_rank"]
        queries = h * heads * (nope + rope) if narrow is None else h * narrow + narrow + narrow * heads * (nope + rope)
        keys_and_values = h * (low + rope) + low + low * heads * (nope + v)
        return queries + keys_and_values + heads * v * h
    d = c.get("head_dim") or h // c["num_attention_heads"]
    q, kv = c["num_attention_heads"] * d, c["num_key_value_heads"] * d
    plain = h * q + 2 * h * kv + q * h
    extra = {"mixtral": 0, "phimoe": q + 2 * kv + h, "olmoe": q + kv, "qwen2_moe": q + 2 * kv, "qwen3_moe": 2 * d,
             "gpt_oss": q + 2 * kv + h + c["num_attention_heads"]}
    return plain + extra[kind]


def experts_of(c):
    return c.get("num_local_experts") or c.get("num_experts") or c["n_routed_experts"]


def one_expert(c):
    h, width = c["hidden_size"], c.get("moe_intermediate_size") or c["intermediate_size"]
    return 3 * h * width + (2 * width + h if c["model_type"] == "gpt_oss" else 0)


def rest_of_block(c):
    """Router and shared experts."""
    h, experts, kind = c["hidden_size"], experts_of(c), c["model_type"]
    shared = {"deepseek_v2": lambda: 3 * h * c["n_shared_experts"] * c["moe_intermediate_size"],
              "deepseek_v3": lambda: 3 * h * c["n_shared_experts"] * c["moe_intermediate_size"] + experts,  # and the bias of choices
              "qwen2_moe": lambda: 3 * h * c["shared_expert_intermediate_size"] + h,
              "gpt_oss": lambda: experts}.get(kind, lambda: 0)()
    return experts * h + shared


def count(c):
    """(all, routed experts)"""
    h, layers, first = c["hidden_size"], c["num_hidden_layers"], c.get("first_k_dense_replace", 0)
    norm = 2 * h if c["model_type"] == "phimoe" else h
    experts = (layers - first) * experts_of(c) * one_expert(c)
    ends = 2 * c["vocab_size"] * h + norm + (c["vocab_size"] if c.get("lm_head_bias") else 0)
    dense = layers * (attention(c) + 2 * norm) + (layers - first) * rest_of_block(c) + (first * 3 * h * c["intermediate_size"] if first else 0)
    return ends + dense + experts, experts


class Geometries(ProgramTest):
    def test_every_file_has_its_published_total(self):
        self.assertEqual({path.stem for path in FOLDER.glob("*.json")}, set(PUBLISHED))
        for name, (total, experts) in PUBLISHED.items():
            counted, routed = count(self.json(FOLDER / f"{name}.json"))
            self.assertAlmostEqual(counted / 1e9 / total, 1, delta=1e-3, msg=name)
            self.assertAlmostEqual(routed / 1e9 / experts, 1, delta=2e-3, msg=name)  # published with three digits

    def test_the_program_counts_the_same(self):
        for name in PUBLISHED:
            out = json.loads(self.ok("doctor", "--model", f"synth:{name}", "--device_memory", 100000, "--json"))
            total, routed = count(self.json(FOLDER / f"{name}.json"))
            self.assertEqual((out["parameters"], out["expert_parameters"], out["synthetic"]), (total, routed, True), name)

    def test_they_are_listed_with_their_sizes(self):
        listed = json.loads(self.ok("list", "--json"))["geometries"]
        self.assertEqual(set(listed), set(PUBLISHED))
        self.assertIn("46.7 B", listed["mixtral-8x7b"])

    def test_sources_are_named_and_nothing_is_said_twice(self):
        for path in FOLDER.glob("*.json"):
            text = path.read_text()
            pairs = json.loads(text, object_pairs_hook=list)
            self.assertEqual(len({key for key, _ in pairs}), len(pairs), path)
            self.assertRegex(json.loads(text)["_source"], r"^[\w.-]+/[\w.-]+")


class Words(ProgramTest):
    def test_unknown_geometry_lists_the_known(self):
        message = self.refused(2, "unknown geometry 'mixtrel'", "doctor", "--model", "synth:mixtrel")
        self.assertIn("mixtral-8x7b", message)

    def test_settings_of_synthetic_models_are_for_them_alone(self):
        for option in ("--layers", "--synth-seed", "--router-skew"):
            self.refused(2, "--model synth:GEOMETRY", "eval", "--model", "tiny-phimoe", option, 2)

    def test_too_many_layers(self):
        self.refused(2, "outside 1 .. 32", "doctor", "--model", "synth:mixtral-8x7b", "--layers", 33)
        self.refused(2, "no layer with experts", "doctor", "--model", "synth:deepseek-v3", "--layers", 3)


class Synthetic(ProgramTest):
    """A small geometry of our own, run as a synthetic model: it says so wherever its results go."""

    def geometry(self, **changes):
        config = {"model_type": "mixtral", "vocab_size": 4200, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3,
                  "num_attention_heads": 4, "num_key_value_heads": 2, "num_local_experts": 8, "num_experts_per_tok": 2,
                  "max_position_embeddings": 512, **changes}
        return f"synth:{self.write('little.json', json.dumps(config))}"

    def test_no_perplexity(self):
        for arguments in (("eval",), ("eval", "--compare", self.geometry()), ("assign", "--output_dir", self.scratch / "out")):
            model = () if "--compare" in arguments else ("--model", self.geometry())
            message = self.refused(2, "has no perplexity", *arguments, *model)
            self.assertIn("made up", message)

    def test_measured_and_reported_as_synthetic(self):
        trace = self.scratch / "run.h5"
        done = self.ok("measure", "--model", self.geometry(), "--layers", 2, "--dtype", "bfloat16", "--router-skew", 1, "--dataset", "drama",
                       "--strategies", "contiguous,eplb_pack", "--mode", "replay,in_model", "--tokens_per_rank", 64, "--window", 64,
                       "--iterations", 2, "--calibration_iterations", 1, "--output", trace, ranks=2)
        self.assertNotIn("perplexity", done)
        import h5py
        with h5py.File(trace) as file:
            for kind in ("models", "cases"):
                self.assertGreater(len(file[kind]), 0)
                for group in file[kind].values():
                    self.assertEqual(group.attrs["synthetic"], 1)
                    self.assertFalse([name for name in group.attrs if "perplexity" in name], group.name)
            self.assertEqual({int(model.attrs["layers"]) for model in file["models"].values()}, {2})
        self.ok("report", trace, "--output", self.scratch / "report")
        page = next((self.scratch / "report").rglob("*.md")).read_text()
        self.assertIn("**synth:little is synthetic**", page)

    def test_profile_says_so(self):
        self.ok("profile", "--model", self.geometry(), "--dataset", "drama", "--max_samples", 2, "--max_length", 64, "--no_plots",
                "--output_dir", self.scratch / "p")
        self.assertIs(self.json(self.scratch / "p" / "expert_assignment_stats.json")["synthetic"], True)

    def test_vocabulary_must_hold_the_borrowed_ids(self):
        self.refused(2, "vocabulary of 4000", "profile", "--model", self.geometry(vocab_size=4000), "--dataset", "drama",
                     "--output_dir", self.scratch / "p")


if __name__ == "__main__":
    unittest.main()
