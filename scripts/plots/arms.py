"""The figure of `moewire finetune --arms`: what each fine-tune costs in perplexity, and what it buys in balance."""

import json
from pathlib import Path

from plots.common import COLOURS, MARKERS, plt, save

AXES = {"rank_max_over_mean": ("busiest rank over the mean, hard counts", 1), "simulated_p99_s": ("simulated p99 of all layers (us)", 1e6)}
UNTRAINED = {"base": ("black", "o"), "loss_free_bias": ("black", "s"), "zero": ("black", "X")}


def marks(arms: dict) -> dict:
    """arm -> (colour, marker): a colour for each loss, a marker for each of its weights."""
    losses = list(dict.fromkeys(entry["loss"] for name, entry in arms.items() if name not in UNTRAINED))
    seen = dict.fromkeys(losses, 0)
    found = {}
    for name, entry in arms.items():
        if name in UNTRAINED:
            found[name] = UNTRAINED[name]
            continue
        loss = entry["loss"]
        found[name] = (COLOURS[losses.index(loss) % len(COLOURS)], MARKERS[seen[loss] % len(MARKERS)])
        seen[loss] += 1
    return found


def plot_arms(source: Path, folder: Path):
    results = json.loads(source.read_text())
    names, style = list(next(iter(results["arms"].values()))["datasets"]), marks(results["arms"])
    figure, panels = plt.subplots(len(names), len(AXES), figsize=(5.6 * len(AXES) + 1.5, 3.6 * len(names)), squeeze=False, layout="constrained")
    for row, dataset in enumerate(names):
        for column, (key, (label, scale)) in enumerate(AXES.items()):
            axes = panels[row][column]
            for arm, entry in results["arms"].items():
                figures = entry["datasets"][dataset]
                axes.plot(figures[key] * scale, figures["perplexity"], linestyle="none", color=style[arm][0], marker=style[arm][1], markersize=7, label=arm)
            axes.set(xlabel=label, ylabel="perplexity", title=f"{dataset}{' (learned from)' if dataset in results['dataset'].split(',') else ''}")
    figure.legend(*panels[0][0].get_legend_handles_labels(), loc="outside right center", fontsize=8)
    figure.suptitle(f"{results['model']}: lower left is better, {results['steps']} steps")
    save(figure, folder, "arms")
