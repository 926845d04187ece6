#!/usr/bin/env python3
"""Simulating many ranks: from sums over ranks against the whole matrix, in the same run: bench_sums.py [REPETITIONS].

Processor time and memory of `moewire simulate` (one thread, start-up included and named), one load at Gini 0.3, an expert a rank, a thousand
tokens a rank, on DGX H100 nodes; and how far the two results lie apart. The median of the repetitions, which alternate.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = os.environ.get("MOEWIRE_PROGRAM", ROOT / "build" / "release" / "bin" / "moewire")
MOST_DENSE = 2048
RANKS = (2, 128, 512, 2048, 16384, 100_000, 1_000_000)


def simulate(ranks, model, folder):
    command = [PROGRAM, "simulate", "--no_plots", "--output_dir", folder, "--topology", "dgx_h100_1024_nodes", "--ranks", ranks, "--num_experts", ranks,
               "--num_tokens", 1000 * ranks, "--imbalance_levels", 0.3, "--seeds", 0, "--cost_model", model]
    child = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL, env={**os.environ, "MOEWIRE_HOME": str(ROOT)})
    _, status, used = os.wait4(child.pid, 0)
    if status != 0:
        sys.exit(f"{command} ended with {status}")
    told, = json.loads((Path(folder) / "simulation_results.json").read_text())["results"]
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, told["time_s"]


def main():
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    print(f"{'ranks':>9}  {'sums':>9}  {'matrix':>9}  {'ratio':>7}  {'sums MiB':>8}  {'matrix MiB':>10}  {'results differ by':>17}")
    with tempfile.TemporaryDirectory() as folder:
        for ranks in RANKS:
            models = ("sums", "bound") if ranks <= MOST_DENSE else ("sums",)
            runs = [{model: simulate(ranks, model, folder) for model in models} for _ in range(repetitions)]
            middle = {model: sorted(run[model] for run in runs)[repetitions // 2] for model in models}
            sums_s, sums_mib, sums_told_s = middle["sums"]
            line = f"{ranks:>9,}  {sums_s:>7.2f} s"
            if "bound" in middle:
                dense_s, dense_mib, dense_told_s = middle["bound"]
                line += f"  {dense_s:>7.2f} s  {dense_s / sums_s:>7.1f}  {sums_mib:>8.0f}  {dense_mib:>10.0f}  {abs(sums_told_s / dense_told_s - 1):>16.2%}"
            else:
                line += f"  {'-':>9}  {'-':>7}  {sums_mib:>8.0f}  {'-':>10}  {'-':>17}"
            print(line, flush=True)


main()
