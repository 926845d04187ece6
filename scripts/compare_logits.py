#!/usr/bin/env python3
"""Logits and router picks of this program against transformers, on the same model and tokens, in float32.

    compare_logits.py MODEL_FOLDER [MODEL_FOLDER ...] [--sequences 2] [--positions 64] [--seed 1]

Prints the largest error relative to the logits' largest size, and how many tokens got other experts although their
router logits were no tie. Exit code 5 when the error exceeds --limit or picks differ. Needs transformers 5 and h5py.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import h5py
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
TIE = 1e-4  # relative: nearer logits may fall either way


def ours(program, folder, tokens):
    with tempfile.TemporaryDirectory() as scratch:
        file, output = Path(scratch) / "tokens.json", Path(scratch) / "out.h5"
        file.write_text(json.dumps(tokens))
        done = subprocess.run([program, "logits", "--model", folder, "--tokens", file, "--output", output], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(done.stderr.strip())
        with h5py.File(output) as h5:
            layers = range(len(h5["router"]))
            return h5["logits"][()], [(h5[f"router/{i}/scores"][()], h5[f"router/{i}/experts"][()]) for i in layers]


def theirs(folder, tokens):
    import torch
    import transformers

    transformers.logging.set_verbosity_error()
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, experts_implementation="eager").eval()
    picks = []
    for module in model.modules():
        if type(module).__name__.endswith("TopKRouter"):
            module.register_forward_hook(lambda _module, _input, out: picks.append(out[2].numpy()))
    with torch.inference_mode():
        out = model(torch.tensor(tokens), output_router_logits=True, use_cache=False)
    return out.logits.numpy(), [(scores.numpy(), chosen) for scores, chosen in zip(out.router_logits, picks)]


def other_picks(mine, other) -> int:
    """Tokens whose sets of experts differ, without those where any two of the best k + 1 logits are a tie."""
    scores, experts = other
    top_k = experts.shape[-1]
    best = -np.sort(-scores.reshape(-1, scores.shape[-1]), axis=-1)[:, :top_k + 1]
    tie = (np.abs(np.diff(best, axis=-1)) < TIE * np.abs(best).max(axis=-1, keepdims=True)).any(axis=-1)
    differ = (np.sort(mine[1].reshape(-1, top_k)) != np.sort(experts.reshape(-1, top_k))).any(axis=-1)
    return int((differ & ~tie).sum())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--sequences", type=int, default=2)
    parser.add_argument("--positions", type=int, default=64)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--limit", type=float, default=1e-5, help="largest relative error (default: %(default)s)")
    parser.add_argument("--program", default=ROOT / "build" / "release" / "bin" / "moewire")
    arguments = parser.parse_args()
    generator = np.random.default_rng(arguments.seed)
    worst_code = 0
    for folder in arguments.models:
        vocabulary = json.loads((Path(folder) / "config.json").read_text())["vocab_size"]
        tokens = generator.integers(0, vocabulary, (arguments.sequences, arguments.positions)).tolist()
        (logits, layers), (reference, their_layers) = ours(arguments.program, folder, tokens), theirs(folder, tokens)
        error = np.abs(logits - reference).max() / np.abs(reference).max()
        others = sum(map(other_picks, layers, their_layers))
        bad = error > arguments.limit or others > 0
        worst_code = 5 if bad else worst_code
        print(f"{Path(folder).name}: largest relative error {error:.2e}, other picks {others} of {sum(e.size // e.shape[-1] for _, e in layers)}"
              f"{'  <-- beyond the limit' if bad else ''}")
    return worst_code


if __name__ == "__main__":
    sys.exit(main())
