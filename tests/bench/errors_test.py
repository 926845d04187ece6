"""Bad input gets one clear message and the right exit code, and nothing is lost."""

import json
import shutil
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from support.program import FIXTURES, ROOT, ProgramTest

MODEL = FIXTURES / "models" / "mixtral-even"


class Names(ProgramTest):
    def test_unknown_command_and_option(self):
        self.refused(2, "moewire --help", "meassure")
        self.refused(2, "measure --help", "measure", "--modle", "x")

    def test_unknown_model_lists_the_shipped_ones(self):
        self.refused(2, "tiny-phimoe", "eval", "--model", "no-such-model")

    def test_unknown_hugging_face_id_says_how_to_download(self):
        self.refused(2, "scripts/fetch_model.py some/model", "eval", "--model", "some/model", environment={"HF_HUB_CACHE": str(self.scratch)})

    def test_unknown_strategy_lists_the_valid_ones(self):
        for ranks in (0, 2):
            self.refused(2, "contiguous, eplb_pack, eplb_replicated, exact_pack", "measure", "--strategies", "contiguous,best",
                         "--tokens_per_rank", 64, "--window", 64, "--output", self.scratch / f"{ranks}.h5", ranks=ranks)
            self.assertFalse((self.scratch / f"{ranks}.h5").exists())

    def test_policies_are_no_strategies_of_measure(self):
        self.refused(2, "family 'policy'", "measure", "--strategies", "policy:random", "--output", self.scratch / "a.h5")

    def test_unknown_text_lists_the_domains(self):
        message = self.refused(2, "drama", "eval", "--dataset", "no-such-text")
        self.assertIn("scripture", message)

    def test_unknown_mode_protocol_dtype_split_transport_topology_suite(self):
        self.refused(2, "replay, in_model", "measure", "--mode", "dream", "--output", self.scratch / "a.h5")
        self.refused(2, "disjoint", "eval", "--protocol", "overlapping")
        for ranks in (0, 2):
            self.refused(2, "bfloat16 or float16", "eval", "--dtype", "int4", ranks=ranks)
            self.refused(2, "train, valid, test", "eval", "--split", "dev", ranks=ranks)
            self.refused(2, "transformers or config", "eval", "--longrope", "both", ranks=ranks)
        self.refused(2, "loopback, mpi", "measure", "--transport", "pigeon", "--output", self.scratch / "a.h5")
        self.refused(2, "flat_100g", "measure", "--topology", "moon", "--tokens_per_rank", 64, "--window", 64, "--output", self.scratch / "a.h5")
        self.refused(2, "full, quick", "study", "endless")

    def test_transport_that_cannot_run_here_is_waived(self):
        self.refused(3, "mpirun", "measure", "--transport", "mpi", "--output", self.scratch / "a.h5")
        self.refused(3, "one rank only", "measure", "--transport", "loopback", "--output", self.scratch / "a.h5", ranks=2)


class Numbers(ProgramTest):
    def test_absurd_numbers(self):
        out = self.scratch / "a.h5"
        self.refused(2, "--iterations", "measure", "--iterations", 0, "--output", out)
        self.refused(2, "--tokens_per_rank", "measure", "--tokens_per_rank", -5, "--output", out)
        self.refused(2, "--tokens_per_rank", "measure", "--tokens_per_rank", 10**12, "--output", out)
        self.refused(2, "no multiple of --window", "measure", "--tokens_per_rank", 300, "--window", 256, "--output", out)
        self.refused(2, "iterations", "measure", "--iterations", "many", "--output", out)
        self.refused(2, "does not end in .h5", "measure", "--output", self.scratch / "a.txt")

    def test_a_delay_that_nothing_would_show(self):
        out = self.scratch / "a.h5"
        self.refused(2, "RANK:MICROSECONDS", "measure", "--delay", "1", "--output", out)
        self.refused(2, "names no rank of this run", "measure", "--delay", "2:50", "--output", out, ranks=2)
        self.refused(2, "add --mode replay", "measure", "--delay", "1:50", "--mode", "in_model", "--output", out, ranks=2)
        self.refused(2, "Gini", "simulate", "--imbalance_levels", "0.99", "--output_dir", self.scratch)
        self.refused(2, "--num_gpus", "simulate", "--num_gpus", 0, "--output_dir", self.scratch)

    def test_logits_are_for_one_rank(self):
        self.refused(2, "one rank", "logits", "--tokens", self.write("t.json", "[[1, 2]]"), "--output", self.scratch / "o.h5", ranks=2)

    def test_more_ranks_than_experts(self):
        model = self.two_experts()
        self.refused(2, "3 ranks for 2 experts", "eval", "--model", model, "--dataset", self.text(), "--window", 16, ranks=3)

    def test_text_shorter_than_a_window(self):
        message = self.refused(2, "window", "eval", "--model", "tiny-phimoe", "--dataset", self.write("short.txt", "Too short.\nMuch too short.\n"))
        self.assertIn("256", message)

    def text(self):
        return self.write("text.txt", "In the beginning was the word, and it was long enough for a window.\n" * 50)

    def two_experts(self):
        """A fixture cut down to two experts, by its own layout of one tensor an expert."""
        folder = self.scratch / "two"
        folder.mkdir()
        config = json.loads((MODEL / "config.json").read_text())
        config.update(num_local_experts=2, vocab_size=96)
        (folder / "config.json").write_text(json.dumps(config))
        shutil.copy(ROOT / "models" / "tiny-phimoe" / "tokenizer.json", folder / "tokenizer.json")
        raw = (MODEL / "model.safetensors").read_bytes()
        size = int.from_bytes(raw[:8], "little")
        header = json.loads(raw[8:8 + size])
        header.pop("__metadata__", None)
        entries, data = {}, b""
        for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
            if any(f"experts.{e}." in name for e in range(2, 8)):
                continue
            begin, end = entry["data_offsets"]
            content, shape = raw[8 + size + begin:8 + size + end], entry["shape"]
            if name.endswith("gate.weight"):
                shape = [2, shape[1]]
                content = content[:2 * shape[1] * 2]
            entries[name] = {"dtype": entry["dtype"], "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
            data += content
        text = json.dumps(entries).encode()
        (folder / "model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + data)
        return folder


class Files(ProgramTest):
    def damaged_model(self, damage):
        folder = self.scratch / "model"
        shutil.copytree(MODEL, folder)
        path = folder / "model.safetensors"
        path.write_bytes(damage(path.read_bytes()))
        return folder

    def logits(self, model):
        tokens = self.write("tokens.json", "[[1, 2, 3, 4]]")
        return ("logits", "--model", model, "--tokens", tokens, "--output", self.scratch / "out.h5")

    def test_truncated_checkpoint(self):
        message = self.refused(2, "model.safetensors", *self.logits(self.damaged_model(lambda raw: raw[:-100])))
        self.assertFalse((self.scratch / "out.h5").exists(), message)

    def test_flipped_header_byte(self):
        def flip(raw):
            at = raw.index(b"data_offsets") + 3
            return raw[:at] + b"#" + raw[at + 1:]
        self.refused(2, "model.safetensors", *self.logits(self.damaged_model(flip)))

    def test_config_that_contradicts_its_tensors(self):
        folder = self.damaged_model(lambda raw: raw)
        config = json.loads((folder / "config.json").read_text())
        config["hidden_size"] = 32
        config["head_dim"] = 8
        (folder / "config.json").write_text(json.dumps(config))
        self.refused(2, "config.json implies", *self.logits(folder))

    def test_bad_token_files(self):
        for text, fragment in (("[[1, 2], [3]]", "different lengths"), ("[]", "no sequences"), ("[[1, -2]]", "token id"),
                               ("[[1, 2.5]]", "token id"), ("{", "not valid JSON"), ("[[1, 96]]", "outside the model's vocabulary")):
            self.refused(2, fragment, "logits", "--model", MODEL, "--tokens", self.write("t.json", text), "--output", self.scratch / "o.h5")
        self.refused(2, "cannot read", "logits", "--model", MODEL, "--tokens", self.scratch / "none.json", "--output", self.scratch / "o.h5")

    def test_unwritable_output_folder(self):
        self.refused(2, "/proc/nowhere", "simulate", "--output_dir", "/proc/nowhere")
        self.refused(2, "/proc/nowhere", "study", "--output", "/proc/nowhere", ranks=2)
        for ranks in (0, 2):
            self.refused(2, "/proc/nowhere", "measure", "--tokens_per_rank", 64, "--window", 64, "--output", "/proc/nowhere/run.h5", ranks=ranks)

    def test_traces_that_are_none(self):
        self.refused(2, "no file", "report", self.scratch / "none.h5")
        self.refused(2, "not an HDF5 file", "trace", "dump", self.write("text.h5", "hello"))
        self.refused(2, "neither", "trace", "recover", self.scratch / "none.h5")

    def test_an_existing_trace_is_kept(self):
        path = self.write("run.h5", "precious")
        self.refused(2, "exists", "measure", "--tokens_per_rank", 64, "--window", 64, "--output", path)
        self.assertEqual(path.read_text(), "precious")


class Fine(ProgramTest):
    def test_help_and_version_are_no_errors(self):
        for arguments in (("--help",), ("--version",), ("measure", "--help")):
            self.assertIn("moewire" if arguments != ("measure", "--help") else "--tokens_per_rank", self.ok(*arguments))
        self.assertEqual(self.ok("--version", ranks=2).count("moewire"), 1)

    def test_both_spellings(self):
        self.ok("simulate", "--num-tokens", 256, "--imbalance-levels", 0.5, "--output-dir", self.scratch, "--no-plots")
        self.assertIn("imbalance_0.50", self.json(self.scratch / "simulation_results.json"))


if __name__ == "__main__":
    unittest.main()
