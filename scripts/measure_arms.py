#!/usr/bin/env python3
"""Measure the exchanges of every arm of `moewire finetune --arms`: does a balance loss make them faster on this machine?

    measure_arms.py ARMS_FOLDER [--ranks 4] [--rounds 5] [--iterations 30] [--tokens_per_rank 512] [--dataset NAME] [--strategies A,B]
                    [--arms A,B] [--device cpu|cuda] [--dtype NAME] [--mpirun "mpirun --oversubscribe --bind-to none"] [--program PROGRAM]

Each round measures all arms in a random order. An arm is compared with the arm `zero` (as many steps, no balance loss) of the same round and
strategy; the interval is Student's over the rounds' log ratios. Writes arms_measured.json, arms_measured.md and the traces' folder
measured/ into ARMS_FOLDER, and prints the table with one sentence for each strategy.
"""

import argparse
import json
import math
import random
import shlex
import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from moewire_trace import Trace

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = "zero"
STUDENT_975 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)  # 1 .. 9 degrees of freedom


def nearest_rank(samples, percent):
    ordered = np.sort(samples)
    return float(ordered[max(0, math.ceil(percent / 100 * len(ordered) - 1e-9) - 1)])


def interval(log_ratios):
    """Mean ratio and its 95 % interval. Two rounds say too little of their own spread: (ratio, 0, inf)."""
    mean = statistics.fmean(log_ratios)
    if len(log_ratios) < 3:
        return math.exp(mean), 0.0, math.inf
    wide = STUDENT_975[min(len(log_ratios) - 1, len(STUDENT_975)) - 1] * statistics.stdev(log_ratios) / math.sqrt(len(log_ratios))
    return math.exp(mean), math.exp(mean - wide), math.exp(mean + wide)


def model_of(folder, results, arm):
    learned = folder / arm / "model"
    return str(learned) if learned.is_dir() else results.get("source", results["model"])


def measure(options, folder, results, arm, round_number):
    """strategy -> exchange times of each pass, of one arm in one round. Unit: seconds."""
    trace = folder / "measured" / f"{arm}_{round_number}.h5"
    policy = results["arms"][arm].get("policy") or ""
    command = [*(shlex.split(options.mpirun) + ["-n", str(options.ranks)] if options.ranks > 1 else []), options.program, "measure",
               "--model", model_of(folder, results, arm), "--dataset", options.dataset or results["dataset"].split(",")[0], "--strategies", options.strategies,
               "--tokens_per_rank", str(options.tokens_per_rank), "--iterations", str(options.iterations), "--mode", "replay", "--output", str(trace),
               "--device", options.device, "--dtype", options.dtype]
    if policy:
        command += ["--policies", policy]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"measure_arms.py: arm {arm}: exit {done.returncode} of {shlex.join(command)}\n{done.stderr[-2000:]}")
    cases = [case for case in Trace(trace).cases if case.measured]
    return {case["strategy"]: case.exchange_s() for case in cases if (case.get("policy", "native") != "native") == bool(policy)}


def compare(samples, strategy):
    """arm -> figures of one strategy. `samples`: [round][arm][strategy]."""
    found = {}
    for arm in samples[0]:
        times = [round_[arm][strategy] for round_ in samples]
        entry = {}
        for percent in (50, 99):
            own = [nearest_rank(t, percent) for t in times]
            ratios = [math.log(value / nearest_rank(round_[REFERENCE][strategy], percent)) for value, round_ in zip(own, samples)]
            ratio, low, high = interval(ratios)
            entry[f"p{percent}_s"] = statistics.median(own)
            entry[f"p{percent}_ratio"] = {"ratio": ratio, "low": low, "high": high}
        found[arm] = entry
    return found


def sentence(strategy, figures):
    """What losses did to the median exchange under one strategy, beyond noise or not."""
    parts, silent = [], []
    for arm, entry in figures.items():
        r = entry["p50_ratio"]
        if arm in (REFERENCE, "base"):
            continue
        if r["high"] < 1:
            parts.append(f"{arm} lowers exchange time by {100 * (1 - r['high']):.1f} to {100 * (1 - r['low']):.1f} %")
        elif r["low"] > 1:
            parts.append(f"{arm} raises it by {100 * (r['low'] - 1):.1f} to {100 * (r['high'] - 1):.1f} %")
        else:
            silent.append(arm)
    if silent:
        parts.append(f"no effect beyond noise: {', '.join(silent)}")
    return f"{strategy}, beside `{REFERENCE}`: " + "; ".join(parts) + "."


def table(measured, results):
    lines = ["| strategy | arm | weight | p50 [us] | p50 / zero (95 %) | p99 [us] | p99 / zero (95 %) |", "|---|---|---|---|---|---|---|"]
    for strategy, figures in measured["strategies"].items():
        for arm, e in figures.items():
            cells = [f"{e[f'p{p}_s'] * 1e6:.1f} | {e[f'p{p}_ratio']['ratio']:.3f} ({e[f'p{p}_ratio']['low']:.3f}-{e[f'p{p}_ratio']['high']:.3f})" for p in (50, 99)]
            lines.append(f"| {strategy} | {arm} | {results['arms'][arm]['weight']:.4g} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", *(f"{sentence(strategy, figures)}\n" for strategy, figures in measured["strategies"].items())])


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--ranks", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--iterations", type=int, default=30)
    parser.add_argument("--tokens_per_rank", type=int, default=512)
    parser.add_argument("--dataset", help="default: the first text that was learned from")
    parser.add_argument("--strategies", default="contiguous,eplb_pack,eplb_replicated")
    parser.add_argument("--arms", help="of the folder's arms only these, and what they are compared with; default: all")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"), help="between which memories; cuda: one GPU a rank")
    parser.add_argument("--dtype", default="float32", help="of the rows: float32, bfloat16 or float16")
    parser.add_argument("--mpirun", default="mpirun --oversubscribe --bind-to none")
    parser.add_argument("--program", default=str(ROOT / "build/release/bin/moewire"))
    parser.add_argument("--seed", type=int, default=0, help="of the order of arms")
    options = parser.parse_args(arguments)
    if options.rounds < 1:
        parser.error("--rounds is below 1: nothing would be measured")
    if not (options.folder / "arms_results.json").is_file():
        parser.error(f"{options.folder} holds no arms_results.json; make it by `moewire finetune --arms quick --output_dir {options.folder}`")
    return options


def main(arguments=None):
    options = parse(arguments)
    results = json.loads((options.folder / "arms_results.json").read_text())
    if REFERENCE not in results["arms"]:
        sys.exit(f"measure_arms.py: {options.folder} has no arm `{REFERENCE}` to compare with; run finetune --arms to its end")
    chosen = [REFERENCE, *options.arms.split(",")] if options.arms else list(results["arms"])
    if unknown := [arm for arm in chosen if arm not in results["arms"]]:
        sys.exit(f"measure_arms.py: {options.folder} has no arm {', '.join(unknown)}; it has {', '.join(results['arms'])}")
    chosen = [arm for arm in results["arms"] if arm in chosen]
    (options.folder / "measured").mkdir(exist_ok=True)
    order, samples = random.Random(options.seed), []
    for round_number in range(options.rounds):
        arms = order.sample(chosen, len(chosen))
        found = {arm: measure(options, options.folder, results, arm, round_number) for arm in arms}
        samples.append({arm: found[arm] for arm in chosen})
        print(f"round {round_number + 1} of {options.rounds}", file=sys.stderr)
    strategies = [name for name in options.strategies.split(",") if all(name in of_arm for of_arm in samples[0].values())]
    measured = {"device": options.device, "dtype": options.dtype,
                "ranks": options.ranks, "rounds": options.rounds, "iterations": options.iterations, "tokens_per_rank": options.tokens_per_rank,
                "strategies": {strategy: compare(samples, strategy) for strategy in strategies}}
    (options.folder / "arms_measured.json").write_text(json.dumps(measured, indent=1) + "\n")
    text = table(measured, results)
    (options.folder / "arms_measured.md").write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
