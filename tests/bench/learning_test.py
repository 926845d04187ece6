"""train and finetune from outside: what they leave, going on after a stop, bad input, and kills at any moment."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from support.program import PROGRAM, ROOT, ProgramTest, mpirun, run

MODEL = "tiny-phimoe"
KILLS = 50
TINY = {"model_type": "mixtral", "architectures": ["MixtralForCausalLM"], "vocab_size": 320, "hidden_size": 32, "intermediate_size": 48,
        "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 16, "num_local_experts": 4,
        "num_experts_per_tok": 2, "max_position_embeddings": 128, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "hidden_act": "silu",
        "tie_word_embeddings": False, "dtype": "float32"}


class Learning(ProgramTest):
    def text(self):
        """Words in a fixed order of their own: quickly learned."""
        words, generator = "the quick brown fox jumps over a lazy dog and runs away again".split(), random.Random(5)
        return self.write("text.txt", "\n".join(" ".join(generator.choice(words) for _ in range(9)) for _ in range(1500)) + "\n")

    def finetune(self, out, *more, ranks=0, samples=8, length=32):
        return self.ok("finetune", "--model", MODEL, "--dataset", "drama", "--max_samples", samples, "--batch_size", 4, "--max_length", length, "--num_epochs", 3,
                       "--valid_windows", 2, "--threads", 1, "--output_dir", out, *more, ranks=ranks)

    def train(self, out, *more, ranks=0, steps=12):
        config = self.write("config.json", json.dumps(TINY))
        return self.ok("train", "--config", config, "--dataset", self.text(), "--tokenizer", "byte_level", "--batch_size", 4, "--max_length", 24,
                       "--steps", steps, "--evaluate_every", 6, "--valid_windows", 4, "--warmup_steps", 2, "--learning_rate", 0.01, "--threads", 1,
                       "--output_dir", out, *more, ranks=ranks)

    def losses(self, out):
        return [step["lm_loss"] for step in self.json(out / "training_history.json")["steps"]]

    def perplexity(self, model, dataset):
        return json.loads(self.ok("eval", "--model", model, "--dataset", dataset, "--window", 24, "--max_windows", 8, "--json", "--threads", 1))["perplexity"]


class Finetune(Learning):
    def test_leaves_a_model_a_history_and_a_checkpoint(self):
        out = self.scratch / "out"
        self.finetune(out, "--imbalance_loss", "entropy", "--imbalance_weight", 0.02, "--losses", "0.001*z")
        history = self.json(out / "training_history.json")
        self.assertEqual([step["step"] for step in history["steps"]], list(range(1, 7)))
        self.assertEqual([epoch["step"] for epoch in history["epochs"]], [2, 4, 6])
        for step in history["steps"]:
            self.assertAlmostEqual(step["total_loss"], step["lm_loss"] + 0.02 * step["imbalance_loss"] + 0.01 * step["load_balance_loss"]
                                   + 0.001 * step["losses"]["z"], places=9)
            self.assertTrue(0 <= step["hard_gini"] < 1 <= step["hard_max_over_mean"])
            self.assertEqual(step["tokens"], 4 * 32)
        self.assertIn("drama", history["epochs"][-1]["valid_perplexity"])
        self.assertEqual(sorted(path.name for path in out.iterdir()), ["checkpoints", "model", "plots", "training_history.json"])
        self.assertEqual([path.name for path in (out / "checkpoints").iterdir()], ["step-000006"])
        self.assertTrue((out / "plots" / "training.png").is_file())
        self.assertEqual(self.json(out / "model" / "config.json"), self.json(ROOT / "models" / MODEL / "config.json"))

    def test_a_strong_loss_lowers_the_gini(self):
        """Router alone, one strong loss: the hard Gini falls, which is what the losses are for."""
        gini = {}
        for weight in (0, 1):
            out = self.scratch / f"weight{weight}"
            self.finetune(out, "--learn", "router", "--imbalance_loss", "cv", "--imbalance_weight", weight, "--load_balance_weight", 0,
                          "--learning_rate", 0.01, "--weight_decay", 0, samples=32, length=64)
            steps = self.json(out / "training_history.json")["steps"]
            gini[weight] = sum(step["hard_gini"] for step in steps[-6:]) / 6
        self.assertLess(gini[1], 0.9 * gini[0], gini)

    def test_every_world_size_learns_alike(self):
        curves = []
        for ranks in (0, 2):
            out = self.scratch / f"ranks{ranks}"
            self.finetune(out, ranks=ranks)
            curves.append(self.losses(out))
        for a, b in zip(*curves):
            self.assertLess(abs(a / b - 1), 1e-4, curves)

    def test_bad_input_is_refused(self):
        out = ("--output_dir", self.scratch / "out", "--dataset", "drama")
        self.refused(2, "unknown name 'ginni'", "finetune", *out, "--imbalance_loss", "ginni")
        self.refused(2, "is no weighted loss", "finetune", *out, "--losses", "z")
        self.refused(2, "--num_epochs", "finetune", *out, "--num_epochs", 0)
        self.refused(2, "unknown part", "finetune", *out, "--learn", "nothing", "--max_samples", 8, "--max_length", 16)
        self.refused(2, "fill no step", "finetune", *out, "--max_samples", 2)
        self.refused(2, "holds no checkpoint", "finetune", *out, "--resume")
        self.refused(2, "made up", "finetune", *out, "--model", "synth:mixtral-8x7b")

    def test_a_loss_that_is_not_finite_stops_with_step_and_layer(self):
        message = self.refused(4, "step 2", "finetune", "--dataset", "drama", "--max_samples", 16, "--batch_size", 4, "--max_length", 16, "--warmup_steps", 0,
                               "--learning_rate", 1e30, "--clip_norm", 0, "--save_every", 1, "--valid_windows", 0, "--threads", 1,
                               "--output_dir", self.scratch / "out")
        self.assertIn("layer", message)
        kept = self.scratch / "out" / "checkpoints" / "step-000001"
        self.assertTrue((kept / "training" / "state-0-of-1.safetensors").is_file())


class Train(Learning):
    def test_makes_a_model_that_learned(self):
        out = self.scratch / "out"
        self.train(out, "--keep_best", steps=60)
        losses = self.losses(out)
        self.assertLess(losses[-1], losses[0] - 2)
        self.assertLess(self.perplexity(out / "model", self.scratch / "text.txt"), 0.2 * self.perplexity(out / "begin", self.scratch / "text.txt"))

    def test_going_on_equals_not_stopping(self):
        whole, parted = self.scratch / "whole", self.scratch / "parted"
        self.train(whole, "--save_every", 5)
        shutil.copytree(whole, parted)
        shutil.rmtree(parted / "checkpoints" / "step-000012")
        shutil.rmtree(parted / "model")
        self.train(parted, "--save_every", 5, "--resume")
        self.assertEqual(self.losses(whole), self.losses(parted))
        self.assertEqual((whole / "model" / "model.safetensors").read_bytes(), (parted / "model" / "model.safetensors").read_bytes())
        self.refused(2, "options differ", "train", "--config", self.scratch / "config.json", "--dataset", self.scratch / "text.txt", "--steps", 99,
                     "--output_dir", parted, "--resume")

    def test_sigterm_writes_a_checkpoint_and_says_how_to_go_on(self):
        for ranks in (0, 2):
            out = self.scratch / f"out{ranks}"
            config, text = self.write("config.json", json.dumps(TINY)), self.text()
            line = [*mpirun(ranks), PROGRAM, "train", "--config", config, "--dataset", text, "--batch_size", 4, "--max_length", 24, "--steps", 100000,
                    "--save_every", 3, "--valid_windows", 0, "--threads", 1, "--output_dir", out]
            process = subprocess.Popen(list(map(str, line)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            deadline = time.monotonic() + 120
            while not list(out.glob("checkpoints/step-??????")) and time.monotonic() < deadline:
                time.sleep(0.1)
            for pid in self.ranks_of(process):
                os.kill(pid, signal.SIGTERM)
            stdout, stderr = process.communicate(timeout=120)
            self.assertEqual(process.returncode, 0, stdout + stderr)
            self.assertIn("--resume", stdout)
            newest = max(path.name for path in out.glob("checkpoints/step-*"))
            self.assertIn(newest, stdout)

    def ranks_of(self, process):
        """Slurm signals the ranks themselves; mpirun would end the job at once."""
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        return [int(pid) for pid in children if Path(f"/proc/{pid}/comm").read_text().strip() == "moewire"] or [process.pid]

    def test_kills_at_any_moment_leave_only_whole_checkpoints(self):
        out, generator = self.scratch / "out", random.Random(1)
        config, text = self.write("config.json", json.dumps(TINY)), self.text()
        line = [PROGRAM, "train", "--config", config, "--dataset", text, "--batch_size", 4, "--max_length", 24, "--steps", 100000, "--save_every", 1,
                "--valid_windows", 0, "--threads", 1, "--output_dir", out]
        for attempt in range(KILLS):
            resumes = bool(list(out.glob("checkpoints/step-??????")))
            process = subprocess.Popen(list(map(str, line + (["--resume"] if resumes else []))), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            time.sleep(generator.uniform(0.3, 1.0) if resumes else 4)
            process.kill()
            stderr = process.communicate()[1].decode()
            self.assertEqual(process.returncode, -signal.SIGKILL, f"attempt {attempt}: {stderr}")
            for checkpoint in out.glob("checkpoints/step-??????"):
                self.load(checkpoint)
        self.assertTrue(list(out.glob("checkpoints/step-??????")))
        newest = max(out.glob("checkpoints/step-??????"))
        self.ok("eval", "--model", newest, "--dataset", text, "--window", 24, "--max_windows", 2, "--threads", 1)

    def load(self, checkpoint):
        """Every tensor of every file is there, whole."""
        files = list(checkpoint.rglob("*.safetensors"))
        self.assertEqual(sorted(path.name for path in files), ["model.safetensors", "state-0-of-1.safetensors"])
        self.json(checkpoint / "config.json"), self.json(checkpoint / "training" / "history.json")
        for path in files:
            content = path.read_bytes()
            size = int.from_bytes(content[:8], "little")
            header = json.loads(content[8:8 + size])
            ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
            self.assertEqual(8 + size + max(ends), len(content), path)

    def test_bad_configs_are_refused(self):
        self.refused(2, "config.json", "train", "--config", self.scratch / "nowhere", "--output_dir", self.scratch / "out")
        config = self.write("config.json", json.dumps(TINY))
        self.refused(2, "too small for 2 ranks", "train", "--config", config, "--dataset", self.text(), "--batch_size", 1, "--steps", 2, "--max_length", 16,
                     "--output_dir", self.scratch / "out", ranks=2)


try:
    import torch
    import transformers
except ImportError:
    transformers = None
    if os.environ.get("MOEWIRE_CI"):
        raise  # scripts/test.sh installs it: there nothing may be skipped


@unittest.skipIf(transformers is None, "transformers is not installed")
class Transformers(Learning):
    def test_reads_what_was_learned_with_equal_logits(self):
        self.train(self.scratch / "out")
        self.equal_logits(self.scratch / "out" / "model")

    def test_reads_a_fine_tuned_model_and_what_lora_merged(self):
        from safetensors.torch import load_file

        before = load_file(ROOT / "models" / MODEL / "model.safetensors")
        for learns, may_change in (("all", "."), ("lora:4", r"\.experts\.\d+\.w\d\.weight$")):
            out = self.scratch / learns.replace(":", "-")
            self.finetune(out, "--learn", learns, "--learning_rate", 0.003, ranks=2)
            self.equal_logits(out / "model")
            after = load_file(out / "model" / "model.safetensors")
            self.assertEqual(before.keys(), after.keys())
            changed = {name for name in before if not torch.equal(before[name], after[name])}
            self.assertEqual({name for name in changed if not re.search(may_change, name)}, set())
            self.assertGreater(len(changed), len(before) // 2)

    def equal_logits(self, folder):
        import h5py
        import numpy as np

        tokens = np.arange(4, 52).reshape(2, 24).tolist()
        self.ok("logits", "--model", folder, "--tokens", self.write("tokens.json", json.dumps(tokens)), "--output", self.scratch / "out.h5")
        with h5py.File(self.scratch / "out.h5") as file:
            ours = file["logits"][()]
        model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        with torch.no_grad():
            theirs = model(torch.tensor(tokens)).logits.numpy()
        self.assertLess(np.abs(ours - theirs).max() / np.abs(theirs).max(), 1e-4)


if __name__ == "__main__":
    unittest.main()
