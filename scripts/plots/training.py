"""The figures of `moewire train` and `finetune`: losses, balance and perplexity over steps."""

import json
from pathlib import Path

from plots.common import COLOURS, np, plt, save


def smooth(values, width):
    """Mean over `width` neighbours, shorter at both ends."""
    total = np.concatenate([[0.0], np.cumsum(values)])
    ends = np.arange(1, len(values) + 1)
    begins = np.maximum(0, ends - width)
    return (total[ends] - total[begins]) / (ends - begins)


def plot_training(source: Path, folder: Path):
    history = json.loads(source.read_text())
    steps, epochs = history["steps"], history["epochs"]
    if not steps:
        return
    at, width = [step["step"] for step in steps], max(1, len(steps) // 50)

    def line(axes, key, label, colour):
        values = np.array([step[key] for step in steps])
        axes.plot(at, values, color=colour, alpha=0.2, linewidth=0.8)
        axes.plot(at, smooth(values, width), color=colour, label=label)

    figure, panels = plt.subplots(3, 1, figsize=(8.2, 9), sharex=True)
    line(panels[0], "lm_loss", "language model", COLOURS[0])
    line(panels[0], "total_loss", "total", COLOURS[1])
    panels[0].set(ylabel="loss (nats a token)", title=f"{history['model']}: {len(steps)} steps, lines are means of {width}")
    line(panels[1], "hard_gini", "hard Gini of experts' tokens", COLOURS[2])
    line(panels[1], "imbalance_loss", history["options"]["imbalance_loss"] + " loss", COLOURS[3])
    panels[1].set(ylabel="mean over layers")
    for i, name in enumerate(sorted({name for epoch in epochs for name in epoch.get("valid_perplexity", {})})):
        points = [(epoch["step"], epoch["valid_perplexity"][name]) for epoch in epochs if name in epoch.get("valid_perplexity", {})]
        panels[2].plot(*zip(*points), marker="o", color=COLOURS[i % 8], label=name)
    panels[2].set(ylabel="perplexity, valid split", xlabel="step")
    for panel in panels:
        if panel.get_legend_handles_labels()[0]:
            panel.legend(fontsize=8)
    save(figure, folder, "training")
