#!/usr/bin/env python3
"""One forward pass, this program against transformers: same model, same tokens and threads, in turn. Prints the ratio.

    bench_forward.py MODEL_FOLDER [MODEL_FOLDER ...] [--sequences 8] [--positions 256] [--threads 1] [--repeat 15] [--rounds 5]

Needs transformers 5 beside torch (`pip install -r tests/requirements.txt`, which scripts/test.sh does).
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def ours(program, model, tokens, threads, repeat):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "tokens.json"
        file.write_text(json.dumps(tokens))
        done = subprocess.run([program, "logits", "--model", model, "--tokens", file, "--output", Path(folder) / "out.h5", "--threads", str(threads),
                               "--repeat", str(repeat)], check=True, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": str(threads)})
    return float(re.search(r"median ([\d.]+) s", done.stdout)[1])


def theirs(model, tokens, repeat):
    import torch

    ids = torch.tensor(tokens)
    times = []
    with torch.inference_mode():
        model(ids, use_cache=False)
        for _ in range(repeat):
            start = time.perf_counter()
            model(ids, use_cache=False)
            times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--sequences", type=int, default=8)
    parser.add_argument("--positions", type=int, default=256)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeat", type=int, default=15, help="passes of each side in a round")
    parser.add_argument("--rounds", type=int, default=5, help="turns")
    parser.add_argument("--program", default=ROOT / "build" / "release" / "bin" / "moewire")
    arguments = parser.parse_args()
    try:
        import torch
        import transformers
    except ImportError as missing:
        sys.exit(f"bench_forward.py: {missing}; pip install transformers beside torch")
    torch.set_num_threads(arguments.threads)
    transformers.logging.set_verbosity_error()
    print(f"transformers {transformers.__version__}, torch {torch.__version__}, {arguments.sequences} x {arguments.positions} tokens, float32, {arguments.threads} threads")
    generator = torch.Generator().manual_seed(1)
    for folder in arguments.models:
        model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        tokens = torch.randint(3, model.config.vocab_size, (arguments.sequences, arguments.positions), generator=generator).tolist()
        ratios = []
        for _ in range(arguments.rounds):
            a, b = ours(arguments.program, folder, tokens, arguments.threads, arguments.repeat), theirs(model, tokens, arguments.repeat)
            ratios.append(b / a)
            print(f"  {Path(folder).name}: ours {a * 1e3:.1f} ms, transformers {b * 1e3:.1f} ms, ratio {b / a:.2f}")
        print(f"{Path(folder).name}: transformers / ours, median of {arguments.rounds} rounds: {statistics.median(ratios):.2f} (above 1: ours is faster)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
