#!/usr/bin/env python3
"""Planning time against the published planner: bench_planning.py PATH/TO/eplb.py (deepseek-ai/EPLB; needs torch).

Both plan copies for 256 experts on 64 ranks and 60 layers in this run; without eplb.py, only ours is printed.
"""

import importlib.util
import os
import re
import subprocess
import sys
import time
from pathlib import Path

PROGRAM = os.environ.get("MOEWIRE_PROGRAM", Path(__file__).resolve().parent.parent / "build" / "release" / "bin" / "moewire")
EXPERTS, RANKS, LAYERS, REPETITIONS = 256, 64, 60, 5


def published_s(path):
    import torch

    spec = importlib.util.spec_from_file_location("eplb", path)
    eplb = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(eplb)
    weight = torch.distributions.LogNormal(0.0, 1.0).sample((LAYERS, EXPERTS)) * 1000
    took = []
    for _ in range(REPETITIONS):
        start = time.perf_counter()
        eplb.rebalance_experts(weight, EXPERTS + RANKS, 1, 1, RANKS)
        took.append(time.perf_counter() - start)
    return sorted(took)[REPETITIONS // 2]


def main():
    table = subprocess.run([PROGRAM, "plan", "--experts", str(EXPERTS), "--ranks", str(RANKS), "--layers", str(LAYERS), "--repetitions", str(REPETITIONS),
                            "--strategies", "contiguous,eplb_pack,eplb_replicated,exact_pack:nodes=10000,co_activation"], capture_output=True, text=True, check=True).stdout
    print(table, end="")
    if len(sys.argv) > 1:
        value, unit = re.search(r"^eplb_replicated\s+([\d.]+) (us|ms|s)\b", table, re.MULTILINE).groups()
        ours = float(value) * {"us": 1e-6, "ms": 1e-3, "s": 1}[unit]
        theirs = published_s(sys.argv[1])
        print(f"published EPLB, the same shape: {theirs * 1e3:.1f} ms; published / ours: {theirs / ours:.1f}")


main()
