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
            return h5["logits"][()], [tuple(h5[f"router/{i}/{part}"][()] for part in ("scores", "experts", "weights")) for i in layers]


def theirs(folder, tokens):
    import torch
    import transformers

    transformers.logging.set_verbosity_error()
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, experts_implementation="eager").eval()
    routed = []  # logits, picks and weights of each router, as it hands them on
    for module in model.modules():
        if type(module).__name__.lower().endswith("topkrouter"):
            module.register_forward_hook(lambda _module, _input, out: routed.append((out[0].numpy(), out[2].numpy(), out[1].numpy())))
    with torch.inference_mode():
        out = model(torch.tensor(tokens), use_cache=False)
    return out.logits.numpy(), routed


def by_expert(layer):
    """Weights [token, choice] in the order of the experts: routers do not all sort their picks."""
    experts, weights = (part.reshape(-1, part.shape[-1]) for part in layer[1:])
    return np.take_along_axis(weights, np.argsort(experts, axis=-1), axis=-1)


def weight_error(mine, other) -> float:
    """Largest difference of weights over tokens with the same experts."""
    same = (np.sort(mine[1].reshape(-1, mine[1].shape[-1])) == np.sort(other[1].reshape(-1, other[1].shape[-1]))).all(axis=-1)
    return float(np.abs(by_expert(mine) - by_expert(other))[same].max(initial=0))


def other_picks(mine, other) -> int:
    """Tokens whose sets of experts differ, without those where any two of the best k + 1 logits are a tie."""
    scores, experts, _ = other
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
        weights = max(map(weight_error, layers, their_layers))
        bad = error > arguments.limit or others > 0 or weights > arguments.limit
        worst_code = 5 if bad else worst_code
        print(f"{Path(folder).name}: largest relative error {error:.2e}, of weights {weights:.1e}, other picks {others} of {sum(e.size // e.shape[-1] for _, e, _ in layers)}"
              f"{'  <-- beyond the limit' if bad else ''}")
    return worst_code


if __name__ == "__main__":
    sys.exit(main())
