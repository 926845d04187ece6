#!/usr/bin/env python3
"""Our cost models beside SimGrid on the same skewed exchange, and how they grow: bench_simulators.py [FOLDER [growth]].

Compiles two small programs: ours against the libraries of build/release, the peer against SimGrid (Debian: libsimgrid-dev). Both get one matrix: rows of
8 KiB from every rank to every other, destinations by a power law, on a flat star of 50 GB/s ports, all flows at once. SimGrid shares links by max-min
rates (CM02), as `flow` does there; LV08 is its default, which corrects for TCP. Processor seconds from the matrix or the platform to the result, median of
the repetitions, which alternate. A run of SimGrid that takes more processor time than LIMIT_S is cut off and said so. Writes FOLDER/peer.csv, growth.csv and growth.png; with `growth` peer.csv is that of an earlier call.
"""

import csv
import os
import re
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = Path(os.environ.get("MOEWIRE_BUILD", ROOT / "build" / "release"))
LIMIT_S = float(os.environ.get("MOEWIRE_BENCH_LIMIT_S", 40))
REPETITIONS = 3
PEER_RANKS = (32, 64, 128, 256)
MOST_FLOW_RANKS = int(os.environ.get("MOEWIRE_BENCH_FLOW_RANKS", 8192))  # 67 million flows take 7 GB
GROWTH_RANKS = tuple(int(text) for text in os.environ.get("MOEWIRE_BENCH_RANKS", "8 32 128 512 1024 2048 4096 8192").split())
PORT_BYTES_PER_S, LATENCY_S = 50e9, 4e-6
DGX = ROOT / "bench" / "topologies" / "dgx_h100_1024_nodes.toml"


def compile_programs(folder):
    archives = [BUILD / f"libmoewire_{room}.a" for room in ("traffic", "assignment", "routing", "base")]
    ours, peer = folder / "ours", folder / "peer"
    subprocess.run(["g++", "-std=c++20", "-O3", f"-I{ROOT / 'src'}", ROOT / "scripts" / "bench_simulators_ours.cpp", "-Wl,--whole-archive",
                    BUILD / "libmoewire_simulate.a", BUILD / "libmoewire_topology.a", "-Wl,--no-whole-archive", *archives, "-lyaml-cpp", "-lpugixml",
                    "-lfmt", "-lxxhash", "-o", ours], check=True)
    subprocess.run(["g++", "-std=c++20", "-O3", ROOT / "scripts" / "bench_simulators_simgrid.cpp", "-lsimgrid", "-o", peer], check=True)
    return ours, peer


def run(command, limit_s=10 * LIMIT_S):
    """(predicted seconds, processor seconds) of every line printed; nothing where it was cut off."""
    def limit():
        resource.setrlimit(resource.RLIMIT_CPU, (int(limit_s), int(limit_s) + 1))
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, preexec_fn=limit)
    if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        return []
    done.check_returncode()
    return [tuple(map(float, line.split())) for line in done.stdout.splitlines() if re.fullmatch(r"[\d.e+-]+ [\d.e+-]+", line)]


def middle(results):
    return (results[0][0], statistics.median(spent for _, spent in results)) if results else (None, None)


def beside_the_peer(ours, peer, folder):
    rows, cut = [], set()
    for ranks in PEER_RANKS:
        matrix = folder / "matrix.txt"
        run([ours, ranks, "bound", "star", 1, matrix])
        results = {"flow": [], "closed_form": [], "bound": [], "CM02": [], "LV08": []}
        for repetition in range(REPETITIONS):
            for model in ("flow", "closed_form", "bound"):
                results[model] += run([ours, ranks, model, "star", 1])
            for model in ("CM02", "LV08"):
                if model == "LV08" and ranks > 64:
                    continue  # it differs in factors alone, not in how long it takes
                # What took too long once is not tried again.
                if (model, ranks) not in cut:
                    found = run([peer, matrix, PORT_BYTES_PER_S, LATENCY_S, model], LIMIT_S)
                    results[model] += found
                    if not found or found[0][1] > LIMIT_S / 8:
                        cut.add((model, ranks))
        row = {"ranks": ranks}
        for model, found in results.items():
            row[f"{model}_predicted_s"], row[f"{model}_cpu_s"] = middle(found)
        rows.append(row)
        for model in ("CM02", "LV08") if ranks <= 64 else ("CM02",):
            spent = row[f"{model}_cpu_s"]
            ratio = f"{spent / row['flow_cpu_s']:.0f} times flow's" if spent else f"cut off after {LIMIT_S:.0f} s, more than {LIMIT_S / row['flow_cpu_s']:.0f} times flow's"
            predicted = row[f"{model}_predicted_s"]
            beside = f"{predicted * 1e3:.4f} ms, {predicted / row['flow_predicted_s'] - 1:+.2%}" if predicted else "-"
            print(f"{ranks:>5} ranks  flow {row['flow_cpu_s']:.4f} s: {row['flow_predicted_s'] * 1e3:.4f} ms   SimGrid {model} "
                  f"{f'{spent:.3f} s' if spent else '-'}: {beside}   {ratio}", flush=True)
    return rows


def growth(ours):
    rows = []
    for ranks in GROWTH_RANKS:
        # Large matrices need gigabytes: once is enough, and only where all ports are alike.
        repetitions = REPETITIONS if ranks <= 1024 else 1
        for machine, name in (("star", "star"), (DGX, "dgx_h100")):
            for model in ("bound", "closed_form", "flow"):
                if model == "flow" and ranks > (MOST_FLOW_RANKS if name == "star" else 1024):
                    continue
                predicted, spent = middle(run([ours, ranks, model, machine, repetitions]))
                rows.append({"ranks": ranks, "machine": name, "model": model, "predicted_s": predicted, "cpu_s": spent})
                print(f"{ranks:>5} ranks  {name:>8}  {model:>11}  " + (f"{spent * 1e3:>12.3f} ms" if spent is not None else "cut off"), flush=True)
    return rows


def write(file, rows):
    with open(file, "w", newline="") as out:
        writer = csv.DictWriter(out, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def draw(file, rows, beside):
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    figure, axes = plt.subplots(figsize=(7, 4.5))
    for name, style in (("star", "-"), ("dgx_h100", "--")):
        for model, colour in (("bound", "tab:gray"), ("closed_form", "tab:blue"), ("flow", "tab:orange")):
            points = [(row["ranks"], row["cpu_s"]) for row in rows if (row["machine"], row["model"]) == (name, model) and row["cpu_s"]]
            if points:
                axes.plot(*zip(*points), style, color=colour, marker="o", markersize=3, label=f"{model}, {name}")
    peer = [(row["ranks"], row["CM02_cpu_s"]) for row in beside if row["CM02_cpu_s"]]
    if peer:
        axes.plot(*zip(*peer), "-", color="tab:red", marker="s", markersize=3, label="SimGrid CM02, star")
    axes.set(xscale="log", yscale="log", xlabel="ranks, all to all others", ylabel="processor time [s]")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(file, dpi=110)


def main():
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        ours, peer = compile_programs(Path(scratch))
        if sys.argv[2:] == ["growth"]:
            with open(folder / "peer.csv", newline="") as told:
                beside = [{key: float(value) if value else None for key, value in row.items()} for row in csv.DictReader(told)]
        else:
            beside = beside_the_peer(ours, peer, Path(scratch))
            write(folder / "peer.csv", beside)
        rows = growth(ours)
        write(folder / "growth.csv", rows)
        draw(folder / "growth.png", rows, beside)


main()
