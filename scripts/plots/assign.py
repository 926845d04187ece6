"""The figures of `moewire assign`: balance against quality."""

import json
from pathlib import Path

from plots.common import COLOURS, MARKERS, np, plt, save


def plot_assign(source: Path, folder: Path):
    results = json.loads(source.read_text())
    domains = results.get("domains") or {results["configuration"]["dataset"]: results}
    for name, domain in domains.items():
        draw_trade_off(domain, folder, "trade_off" + ("" if len(domains) == 1 else f"_{name}"))


def draw_trade_off(domain, folder, name):
    """Each policy by the imbalance that it leaves and the perplexity that it costs; bars are 95 % intervals over windows."""
    setting, own = domain["configuration"], domain["baseline"]
    figure, axes = plt.subplots(figsize=(8.2, 4.4))
    axes.plot(own["imbalance"]["average_gini"], own["perplexity"], "k*", markersize=13, label="baseline: the model's router")
    policies = {key: entry for key, entry in domain.items() if "verdict" in entry}
    for i, (label, entry) in enumerate(policies.items()):
        low, high = (own["perplexity"] * entry[f"perplexity_ratio_{end}"] for end in ("low", "high"))
        value = entry["perplexity"]
        axes.errorbar(entry["imbalance"]["average_gini"], value, yerr=[[max(0, value - low)], [max(0, high - value)]], color=COLOURS[i % 8],
                      marker=MARKERS[(i + i // 8) % 8], markersize=7, capsize=3, linestyle="none", fillstyle="full" if entry["causal"] else "none",
                      label=label + ("" if entry["causal"] else " (not causal)"))
    for rise, style in ((1.1, ":"), (1.2, "--")):
        axes.axhline(own["perplexity"] * rise, color="grey", linestyle=style, linewidth=1, label=f"perplexity + {100 * (rise - 1):.0f} %")
    worst = max([entry["perplexity"] for entry in policies.values()] + [own["perplexity"]])
    if worst > 3 * own["perplexity"]:
        axes.set_yscale("log")
    axes.set(xlabel="imbalance left: Gini coefficient of expert load, mean over layers", ylabel="perplexity",
             title=f"{setting['model']} on {setting['dataset']}, {setting['targets']:,} targets")
    axes.set_xlim(left=-0.01)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=8)
    save(figure, folder, name)
