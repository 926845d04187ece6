"""The figures of `moewire simulate`: times against imbalance."""

import json
from pathlib import Path

from plots.common import COLOURS, MARKERS, byte_unit, np, plt, save, time_unit


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
