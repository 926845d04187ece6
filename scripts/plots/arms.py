"""The figure of `moewire finetune --arms`: what each fine-tune costs in perplexity, and what it buys in balance."""

import json
from pathlib import Path

from plots.common import COLOURS, MARKERS, plt, save

AXES = {"rank_max_over_mean": "busiest rank over the mean, hard counts", "simulated_p99_s": "simulated p99 of all layers (s)"}


def plot_arms(source: Path, folder: Path):
    results = json.loads(source.read_text())
    names = list(next(iter(results["arms"].values()))["datasets"])
    figure, panels = plt.subplots(len(names), len(AXES), figsize=(5.2 * len(AXES), 3.6 * len(names)), squeeze=False)
    for row, dataset in enumerate(names):
        for column, (key, label) in enumerate(AXES.items()):
            axes = panels[row][column]
            for i, (arm, entry) in enumerate(results["arms"].items()):
                figures = entry["datasets"][dataset]
                axes.plot(figures[key], figures["perplexity"], linestyle="none", color=COLOURS[i % 8], marker=MARKERS[(i + i // 8) % 8], markersize=7, label=arm)
            axes.set(xlabel=label, ylabel="perplexity", title=f"{dataset}{' (learned from)' if dataset in results['dataset'].split(',') else ''}")
    panels[0][-1].legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=8)
    figure.suptitle(f"{results['model']}: lower left is better, {results['steps']} steps")
    save(figure, folder, "arms")
