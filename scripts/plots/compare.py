"""The figures of `moewire compare`: residuals against size and skew, predicted beside measured."""

import json
from pathlib import Path

from plots.common import COLOURS, MARKERS, plain_ticks, plt, save, time_unit


def by_strategy(exchanges: list) -> dict:
    groups = {}
    for one in exchanges:
        groups.setdefault(one["strategy"], []).append(one)
    return groups


def plot_residuals(told: dict, folder: Path, key: str, label: str, scale: str):
    figure, axes = plt.subplots(figsize=(6.4, 3.8))
    model = told["model"]
    for i, (name, group) in enumerate(sorted(by_strategy(told["exchanges"]).items())):
        seen = [one for one in group if model in one["predicted"] and one[key] > 0]
        axes.scatter([one[key] for one in seen], [100 * (one["predicted"][model]["s"] / one["measured_s"] - 1) for one in seen], s=14,
                     color=COLOURS[i % len(COLOURS)], marker=MARKERS[i % len(MARKERS)], label=name, alpha=0.7)
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set_xscale(scale)
    axes.set(xlabel=label, ylabel="predicted / measured - 1 [%]", title=f"Residuals of '{model}'")
    axes.legend(fontsize=8)
    save(figure, folder, f"residuals_against_{key}")


def plot_beside(told: dict, folder: Path):
    model = told["model"]
    seen = [one for one in told["exchanges"] if model in one["predicted"]]
    factor, unit = time_unit(max(one["measured_s"] for one in seen))
    figure, axes = plt.subplots(figsize=(4.8, 4.4))
    measured = [one["measured_s"] * factor for one in seen]
    predicted = [one["predicted"][model]["s"] * factor for one in seen]
    below = [one["predicted"][model]["s"] * factor - one["predicted"][model]["low_s"] * factor for one in seen]
    above = [one["predicted"][model]["high_s"] * factor - one["predicted"][model]["s"] * factor for one in seen]
    axes.errorbar(measured, predicted, yerr=[below, above], fmt="o", markersize=3, linewidth=0.6, color=COLOURS[0], alpha=0.6)
    ends = [min(measured + predicted), max(measured + predicted)]
    axes.plot(ends, ends, color="black", linewidth=0.8)
    axes.set(xscale="log", yscale="log", xlabel=f"measured [{unit}]", ylabel=f"predicted, 90 % interval [{unit}]")
    plain_ticks(axes.xaxis, axes.yaxis)
    save(figure, folder, "predicted_beside_measured")


def plot_compare(source: Path, folder: Path):
    told = json.loads(source.read_text())
    plot_residuals(told, folder, "busiest_bytes", "bytes of the busiest port", "log")
    plot_residuals(told, folder, "skew", "busiest port over mean port", "linear")
    plot_beside(told, folder)
