"""The figures of `moewire simulate` on described machines: times against whatever was swept."""

import json
from pathlib import Path

from plots.common import COLOURS, MARKERS, plt, save, time_unit

AXES = (("imbalance_gini", "imbalance: Gini coefficient of expert popularity"), ("ranks", "ranks"),
        ("bandwidth_gbit_per_s", "bandwidth of a card, or of a port [Gbit/s]"))


def lines_over(results: list, axis: str) -> dict:
    """Results that differ in `axis` alone, by what they have in common."""
    lines = {}
    for one in results:
        if axis not in one:
            continue
        others = [one[key] for key, _ in AXES if key != axis and key in one]
        named = [one[key] for key in ("strategy", "cost_model") if key in one] + ([] if "imbalance_gini" in one else [one["source"]])
        lines.setdefault(", ".join(f"{value:g}" if isinstance(value, float) else str(value) for value in named + others), []).append(one)
    return {name: sorted(line, key=lambda one: one[axis]) for name, line in lines.items() if len({one[axis] for one in line}) > 1}


def plot_what_if(source: Path, folder: Path):
    told = json.loads(source.read_text())
    factor, unit = time_unit(max(one["time_s"] for one in told["results"]))
    for axis, label in AXES:
        lines = lines_over(told["results"], axis)
        if not lines:
            continue
        figure, axes = plt.subplots(figsize=(6.4, 3.8))
        for i, (name, line) in enumerate(list(lines.items())[:8]):
            axes.plot([one[axis] for one in line], [one["time_s"] * factor for one in line], color=COLOURS[i % len(COLOURS)],
                      marker=MARKERS[i % len(MARKERS)], label=name)
        axes.set(xlabel=label, ylabel=f"dispatch + combine [{unit}]", title=f"Predicted on {told['topology']}")
        if axis != "imbalance_gini":
            axes.set_xscale("log", base=2)
        axes.set_ylim(bottom=0)
        axes.legend()
        save(figure, folder, f"time_against_{axis}")
