"""The figures of `moewire simulate` on described machines: times against whatever was swept."""

import json
from pathlib import Path

from plots.common import COLOURS, MARKERS, np, plt, save, time_unit

AXES = (("imbalance_gini", "imbalance: Gini coefficient of expert popularity", "Gini {:g}"), ("ranks", "ranks", "{} ranks"),
        ("bandwidth_gbit_per_s", "bandwidth of a card, or of a port [Gbit/s]", "{:g} Gbit/s"))
MOST_LINES = 8


def name_of(one: dict, axis: str, shared: set) -> str:
    parts = [one[key] for key in ("strategy", "cost_model") if key in one and key not in shared]
    parts += [said.format(one[key]) for key, _, said in AXES if key != axis and key in one and key not in shared]
    return ", ".join(parts + ([] if "imbalance_gini" in one else [one["source"]])) or one["cost_model"]


def lines_over(results: list, axis: str) -> dict:
    """Results that differ in `axis` alone, by what else tells them apart."""
    told = [one for one in results if axis in one]
    keys = ("strategy", "cost_model", *(key for key, _, _ in AXES))
    shared = {key for key in keys if len({one.get(key) for one in told}) == 1}
    lines = {}
    for one in told:
        lines.setdefault(name_of(one, axis, shared), []).append(one)
    return {name: sorted(line, key=lambda one: one[axis]) for name, line in lines.items() if len({one[axis] for one in line}) > 1}


def some_of(lines: dict) -> dict:
    """As many as can be told apart, spread evenly over all."""
    chosen = np.unique(np.linspace(0, len(lines) - 1, min(len(lines), MOST_LINES)).round().astype(int))
    return {name: lines[name] for i, name in enumerate(lines) if i in chosen}


def draw_lines(axes, lines: dict, axis: str, factor: float):
    for i, (name, line) in enumerate(lines.items()):
        look = {"color": COLOURS[i % len(COLOURS)], "marker": MARKERS[i % len(MARKERS)]}
        axes.plot([one[axis] for one in line], [one["time_s"] * factor for one in line], label=name, **look)
        drawn = [one for one in line if "p99_s" in one]
        if drawn and len(lines) <= 4:
            axes.plot([one[axis] for one in drawn], [one["p99_s"] * factor for one in drawn], label=f"P99: {name}", linestyle=":",
                      alpha=0.7, **look)


def plot_what_if(source: Path, folder: Path):
    told = json.loads(source.read_text())
    for axis, label, _ in AXES:
        lines = lines_over(told["results"], axis)
        if not lines:
            continue
        shown = some_of(lines)
        times = [one["time_s"] for line in shown.values() for one in line]
        factor, unit = time_unit(max(times))
        figure, axes = plt.subplots(figsize=(6.4, 3.8))
        draw_lines(axes, shown, axis, factor)
        few = "" if len(shown) == len(lines) else f" ({len(shown)} of {len(lines)} lines)"
        axes.set(xlabel=label, ylabel=f"dispatch + combine [{unit}]", title=f"Predicted on {Path(told['topology']).stem}{few}")
        if axis != "imbalance_gini":
            values = sorted({one[axis] for line in shown.values() for one in line})
            axes.set_xscale("log", base=2)
            axes.set_xticks(values, [f"{value:g}" if value < 1e5 else f"{value:,.0f}" for value in values])
            axes.minorticks_off()
        if min(times) > 0 and max(times) / min(times) > 100:
            axes.set_yscale("log")
        else:
            axes.set_ylim(bottom=0)
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), borderaxespad=0)
        save(figure, folder, f"time_against_{axis}")
