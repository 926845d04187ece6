#!/usr/bin/env python3
"""Draw the figures of a run.

    plot.py trace RUN.h5 --output FOLDER            traffic, load, percentiles, predicted against measured
    plot.py profile STATS.json --output FOLDER      expert and rank load, batches, co-activation, router margins
    plot.py simulation RESULTS.json --output FOLDER times against imbalance
"""

import argparse
import json
import sys
from pathlib import Path

from plots.common import COLOURS, MARKERS, byte_unit, np, percentile, plt, save, style, time_unit
from plots.profile import plot_profile


# --- simulation ----------------------------------------------------------------------------------------------------------


def plot_simulation(source: Path, folder: Path):
    results = json.loads(source.read_text())
    setting = results.pop("configuration")
    levels = sorted(results.values(), key=lambda level: level["imbalance_gini"])
    gini = [level["imbalance_gini"] for level in levels]
    factor, unit = time_unit(max(level["p99_max_time"] for level in levels))
    figure, axes = plt.subplots(figsize=(6.4, 3.8))
    for i, (key, label) in enumerate((("overall_max_time", "expected, slowest GPU"), ("p50_max_time", "P50 over seeds"),
                                      ("p99_max_time", "P99 over seeds"), ("mean_time", "expected, mean over GPUs"))):
        axes.plot(gini, [level[key] * factor for level in levels], color=COLOURS[i], marker=MARKERS[i], label=label)
    axes.set(xlabel="imbalance: Gini coefficient of expert popularity", ylabel=f"dispatch + combine [{unit}]",
             title=f"Flat network, {setting['num_gpus']} GPUs, {setting['num_experts']} experts, "
                   f"{setting['bandwidth_gbit_per_s']:g} Gbit/s, {setting['latency_us']:g} µs")
    axes.set_ylim(bottom=0)
    axes.legend()
    save(figure, folder, "time_against_imbalance")

    byte_factor, byte_name = byte_unit(max(max(level["per_gpu_received_bytes"]) for level in levels))
    figure, axes = plt.subplots(figsize=(6.4, 3.8))
    width = 0.8 / len(levels)
    gpus = np.arange(setting["num_gpus"])
    for i, level in enumerate(levels):
        axes.bar(gpus + (i - (len(levels) - 1) / 2) * width, np.array(level["per_gpu_received_bytes"]) / byte_factor, width,
                 color=COLOURS[i % 8], label=f"Gini {level['imbalance_gini']:.2f}")
    axes.set(xlabel="GPU", ylabel=f"received in the dispatch [{byte_name}]", title="Bytes into each GPU", xticks=gpus)
    axes.legend()
    save(figure, folder, "bytes_per_gpu")


# --- trace ---------------------------------------------------------------------------------------------------------------


def plot_trace(source: Path, folder: Path):
    from moewire_trace import Trace, TraceError

    try:
        trace = Trace(source)
    except TraceError as error:
        sys.exit(f"plot.py: {error}")
    groups = trace.groups()
    if not groups:
        print("plot: no measured case in this trace, no figures", file=sys.stderr)
    loads_done = set()
    for (model, dataset, plan, mode), cases in groups.items():
        name = f"{model}_{dataset}" + ("" if plan == dataset else f"_from_{plan}")
        where = f"{model} on {dataset}" + ("" if plan == dataset else f", planned on {plan}")
        draw_percentiles(cases, f"{where}, {mode}", folder, f"percentiles_{name}_{mode}")
        draw_wait(cases, f"{where}, {mode}", folder, f"wait_transfer_{name}_{mode}")
        if name in loads_done:
            continue
        loads_done.add(name)
        draw_traffic(cases, where, folder, f"traffic_{name}")
        draw_load_and_floor(cases, where, folder, f"load_{name}")
    draw_predictions(groups, folder)


def draw_traffic(cases, where, folder, name):
    """Bytes of all layers from rank to rank, one panel a strategy."""
    figure, panels = plt.subplots(1, len(cases), figsize=(3.1 * len(cases) + 0.8, 3.4), squeeze=False, layout="constrained")
    totals = [case.data["traffic_bytes"].astype(float).sum(axis=0) for case in cases]
    factor, unit = byte_unit(max(total.max() for total in totals))
    most = max(total.max() for total in totals) / factor
    for axes, case, total in zip(panels[0], cases, totals):
        image = axes.imshow(total / factor, vmin=0, vmax=most, cmap="cividis")
        ranks = range(total.shape[0])
        axes.set(title=case["strategy"], xlabel="destination", xticks=ranks, yticks=ranks,
                 xticklabels=[f"rank {r}" for r in ranks], yticklabels=[f"rank {r}" for r in ranks])
        axes.tick_params(axis="x", rotation=45)
        axes.grid(False)
        if total.shape[0] <= 8:
            for s in ranks:
                for d in ranks:
                    value = total[s, d] / factor
                    axes.text(d, s, f"{value:.3g}", ha="center", va="center", fontsize=8, color="white" if value < 0.55 * most else "black")
    panels[0][0].set_ylabel("source")
    figure.colorbar(image, ax=panels[0], label=f"bytes in one dispatch, all layers [{unit}]")
    figure.suptitle(f"Traffic: {where}")
    save(figure, folder, name)


def draw_load_and_floor(cases, where, folder, name):
    """Expert load of each layer against what uniform routing would show, and tokens received by each rank."""
    load = cases[0].data["expert_load_tokens"].sum(axis=1).astype(float)
    layers, experts = load.shape
    tokens = load.sum(axis=1)[0] / cases[0]["top_k"]
    deviation = np.sqrt((experts / cases[0]["top_k"] - 1) / tokens)
    figure, panels = plt.subplots(1, 2, figsize=(11, 3.8), layout="constrained")
    axes = panels[0]
    for layer in range(layers):
        axes.plot(range(1, experts + 1), -np.sort(-load[layer]) / load[layer].mean(), color=COLOURS[layer % 8],
                  marker=MARKERS[layer % 8], markersize=4, label=f"layer {layer}")
    axes.axhspan(1 - 2 * deviation, 1 + 2 * deviation, color="grey", alpha=0.3, label="uniform routing, ±2 standard deviations")
    axes.set(xlabel="expert, by falling load", ylabel="load / mean load", title="experts")
    axes.set_ylim(bottom=0)
    axes.legend(fontsize=8)
    axes = panels[1]
    width = 0.8 / len(cases)
    for i, case in enumerate(cases):
        received = case.data["traffic_bytes"].astype(float).sum(axis=1)
        ratio = received.max(axis=1) / received.mean(axis=1)
        axes.bar(np.arange(layers) + (i - (len(cases) - 1) / 2) * width, ratio - 1, width, bottom=1, color=COLOURS[i % 8], label=case["strategy"])
    axes.axhline(1, color="grey", linewidth=1)
    axes.set(xlabel="MoE layer", ylabel="busiest rank / mean rank, received", title="ranks", xticks=range(layers))
    axes.set_ylim(bottom=0.9)
    axes.legend(fontsize=8)
    figure.suptitle(f"Load: {where}")
    save(figure, folder, name)


def draw_percentiles(cases, where, folder, name):
    figure, axes = plt.subplots(figsize=(6.8, 3.8))
    samples = [case.exchange_s() for case in cases]
    factor, unit = time_unit(max(percentile(s, 0.5) for s in samples))
    for i, (fraction, label) in enumerate(((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))):
        axes.bar(np.arange(len(cases)) + (i - 1) * 0.26, [percentile(s, fraction) * factor for s in samples], 0.26,
                 color=COLOURS[i], label=label)
    axes.plot(np.arange(len(cases)), [bound_s(case) * factor for case in cases], "k_", markersize=26, label="bound")
    axes.set(xticks=range(len(cases)), xticklabels=[case["strategy"] for case in cases], ylabel=f"exchanges of one pass [{unit}]",
             title=f"{where} (n = {len(samples[0])})")
    axes.legend()
    save(figure, folder, name)


def bound_s(case):
    return sum(case.data[f"predicted/{direction}/bound_s"].sum() for direction in ("dispatch", "combine"))


def draw_wait(cases, where, folder, name):
    """Median over iterations of each rank's waiting and transfer, summed over layers and directions."""
    ranks = cases[0].data["measured/dispatch_wait_s"].shape[2]
    figure, panels = plt.subplots(1, len(cases), figsize=(2.7 * len(cases) + 0.8, 3.3), sharey=True, squeeze=False, layout="constrained")
    parts = [{q: sum(np.median(case.data[f"measured/{d}_{q}"].sum(axis=1), axis=0) for d in ("dispatch", "combine"))
              for q in ("wait_s", "transfer_s")} for case in cases]
    factor, unit = time_unit(max((p["wait_s"] + p["transfer_s"]).max() for p in parts))
    for axes, case, part in zip(panels[0], cases, parts):
        axes.bar(range(ranks), part["transfer_s"] * factor, color=COLOURS[0], label="transfer")
        axes.bar(range(ranks), part["wait_s"] * factor, bottom=part["transfer_s"] * factor, color=COLOURS[1], hatch="//", label="wait for the last rank")
        axes.set(title=case["strategy"], xlabel="rank", xticks=range(ranks))
    panels[0][0].set_ylabel(f"exchanges of one pass [{unit}]")
    panels[0][0].legend(fontsize=8)
    figure.suptitle(f"Waiting and transfer: {where}")
    save(figure, folder, name)


def draw_predictions(groups, folder):
    """Predicted against the measured median, every layer and direction of every case; intervals where a model has them."""
    models = sorted({model for cases in groups.values() for case in cases for model in case.models()})
    if not models:
        return
    figure, panels = plt.subplots(1, len(models), figsize=(3.9 * len(models), 3.9), squeeze=False, layout="constrained")
    for axes, model in zip(panels[0], models):
        limits = [np.inf, 0]
        for m, mode in enumerate(sorted({key[3] for key in groups})):
            measured, predicted, low, high = [], [], [], []
            for key, cases in groups.items():
                for case in cases if key[3] == mode else []:
                    for direction in ("dispatch", "combine"):
                        if f"predicted/{direction}/{model}_s" not in case.data:
                            continue
                        p = case.predicted_s(direction, model)
                        measured.extend(np.median(case.slowest_s(direction), axis=0))
                        predicted.extend(p["time"]), low.extend(p["low"]), high.extend(p["high"])
            if not measured:
                continue
            measured, predicted, low, high = (np.array(v) * 1e6 for v in (measured, predicted, low, high))
            if (high > low).any():
                axes.vlines(measured, low, high, color=COLOURS[m], alpha=0.25)
            axes.plot(measured, predicted, MARKERS[m], color=COLOURS[m], markersize=4, alpha=0.8, label=mode)
            shown = np.concatenate([measured, predicted[predicted > 0]])
            limits = [min(limits[0], shown.min()), max(limits[1], shown.max())]
        line = np.array([limits[0] * 0.8, limits[1] * 1.25])
        axes.plot(line, line, color="grey", linewidth=1)
        axes.set(xscale="log", yscale="log", xlabel="measured median [µs]", ylabel="predicted [µs]", title=f"model {model}")
        axes.legend(fontsize=8)
    figure.suptitle("Predicted before, measured after: each layer and direction")
    save(figure, folder, "predicted_measured")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("trace", "profile", "simulation"))
    parser.add_argument("source", type=Path)
    parser.add_argument("--output", type=Path, required=True, help="folder for the PNG files")
    arguments = parser.parse_args()
    if not arguments.source.is_file():
        sys.exit(f"plot.py: no file {arguments.source}")
    arguments.output.mkdir(parents=True, exist_ok=True)
    style()
    {"trace": plot_trace, "profile": plot_profile, "simulation": plot_simulation}[arguments.what](arguments.source, arguments.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
