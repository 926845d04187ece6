"""The figures of `moewire profile`: loads, chance, batches, pairs of experts, margins, texts beside each other."""

import json
from pathlib import Path

from plots.common import COLOURS, MARKERS, np, plt, save

from matplotlib.colors import PowerNorm

HATCHES = ["", "//", "..", "xx", "\\\\", "++", "oo", "--"]
PANELS_IN_ROW = 4
PANELS_AT_MOST = 16  # of a figure of small multiples


def plot_profile(source: Path, folder: Path):
    stats = json.loads(source.read_text())
    domains = stats.get("domains") or {stats["dataset"]: stats}
    for name, domain in domains.items():
        end = "" if len(domains) == 1 else f"_{name}"
        where = f"{domain['model']} on {domain['dataset']}, {domain['tokens']:,} tokens"
        draw_expert_load(domain, where, folder, f"expert_load{end}")
        draw_gini(domain, where, folder, f"gini_by_layer{end}")
        draw_batches(domain, where, folder, f"batches{end}")
        draw_margins(domain, where, folder, f"router_margin{end}")
        if domain["top_k"] > 1:
            draw_co_activation(domain, where, folder, f"co_activation{end}")
    if len(domains) > 1:
        draw_domains(domains, folder, "domains")


def layers_of(domain) -> list:
    return list(domain["layers"].values())


def grouped(axes, groups, series, width=0.8):
    """Bars of several series beside each other, told apart by colour and hatch. series: label -> values."""
    each = width / len(series)
    for i, (label, values) in enumerate(series.items()):
        axes.bar(np.arange(groups) + (i - (len(series) - 1) / 2) * each, values, each, color=COLOURS[i % 8], hatch=HATCHES[i % 8],
                 edgecolor="white", linewidth=0.5, label=label)


def few_ticks(axes, layers):
    axes.set_xticks(range(0, layers, max(1, layers // 16)))


def small_multiples(count, width, height):
    """(figure, axes of the panels drawn, layers drawn): every n-th layer where there are many."""
    shown = list(range(0, count, -(-count // PANELS_AT_MOST)))
    columns = min(PANELS_IN_ROW, len(shown)) if len(shown) != 4 else 2
    rows = -(-len(shown) // columns)
    figure, panels = plt.subplots(rows, columns, figsize=(width * columns + 0.9, height * rows + 0.6), squeeze=False, layout="constrained")
    for axes in panels.flat[len(shown):]:
        axes.set_visible(False)
    return figure, list(panels.flat[:len(shown)]), shown


def draw_expert_load(domain, where, folder, name):
    """Load relative to the mean: which expert in which layer, and the experts sorted by load beside what chance shows."""
    counts = np.array([layer["expert_counts"] for layer in layers_of(domain)], dtype=float)
    shares = counts / counts.mean(axis=1, keepdims=True)
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 3.9), layout="constrained")
    image = left.imshow(shares, cmap="cividis", aspect="auto", vmin=0)
    left.set(xlabel="expert", ylabel="MoE layer", yticks=range(0, len(shares), max(1, len(shares) // 8)), title="which expert")
    left.grid(False)
    figure.colorbar(image, ax=left, label="load / mean load")
    for layer, row in enumerate(-np.sort(-shares, axis=1)):
        right.plot(range(1, len(row) + 1), row, color=COLOURS[layer % 8], marker=MARKERS[layer % 8], markersize=4,
                   label=f"layer {layer}" if len(shares) <= 8 else None)
    right.axhline(1, color="grey", linewidth=1)
    right.axhline(domain["noise_ceiling"]["max_over_mean"], color="black", linestyle=":", label="busiest, uniform routing (99th percentile)")
    right.set(xlabel="expert, by falling load", ylabel="load / mean load", title="by falling load")
    right.set_ylim(bottom=0)
    right.legend(ncols=2, fontsize=8)
    figure.suptitle(f"Expert load: {where}")
    save(figure, folder, name)


def draw_gini(domain, where, folder, name):
    """Gini by layer, of experts and of each rank count, each panel beside its own floor and ceiling."""
    levels = {"experts": (layers_of(domain), domain)}
    for ranks, noise in domain["rank_level"].items():
        levels[f"{ranks} ranks"] = ([layer["ranks"][ranks] for layer in layers_of(domain)], noise)
    figure, panels = plt.subplots(1, len(levels), figsize=(2.9 * len(levels) + 1, 3.6), sharey=True, squeeze=False, layout="constrained")
    for axes, (title, (layers, noise)) in zip(panels[0], levels.items()):
        gini = [layer["gini"] for layer in layers]
        axes.bar(range(len(gini)), gini, color=COLOURS[0], label="measured")
        axes.axhline(noise["noise_ceiling"]["gini"], color="black", linestyle=":", linewidth=1.6, label="uniform routing, 99th percentile")
        axes.axhline(noise["noise_floor"]["gini"], color=COLOURS[1], linestyle="--", linewidth=1.6, label="uniform routing, mean")
        axes.set(xlabel="MoE layer", title=title)
        few_ticks(axes, len(gini))
    panels[0][0].set_ylabel("Gini coefficient of load")
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=8)
    figure.suptitle(f"Imbalance by layer: {where}")
    save(figure, folder, name)


def draw_batches(domain, where, folder, name):
    """Gini of single batches, beside the whole text's: small batches are uneven by chance alone."""
    batches = domain["batches"]
    levels = {"experts": (lambda layer: layer["batches"], batches)}
    for ranks, noise in batches["rank_level"].items():
        levels[f"{ranks} ranks"] = (lambda layer, ranks=ranks: layer["batches"]["ranks"][ranks], noise)
    figure, panels = plt.subplots(1, len(levels), figsize=(2.9 * len(levels) + 1, 3.8), sharey=True, squeeze=False, layout="constrained")
    for axes, (title, (of, noise)) in zip(panels[0], levels.items()):
        values = [of(layer)["gini_of_batches"] for layer in layers_of(domain)]
        boxes = axes.boxplot(values, positions=range(len(values)), widths=0.6, whis=(5, 95), patch_artist=True, flierprops={"markersize": 3},
                             medianprops={"color": "black"}, manage_ticks=False)
        for box in boxes["boxes"]:
            box.set_facecolor(COLOURS[4])
        axes.axhline(noise["noise_ceiling"]["gini"], color="black", linestyle=":", linewidth=1.6, label="uniform routing, 99th percentile")
        axes.axhline(noise["noise_floor"]["gini"], color=COLOURS[1], linestyle="--", linewidth=1.6, label="uniform routing, mean")
        axes.set(xlabel="MoE layer", title=title)
        few_ticks(axes, len(values))
    panels[0][0].set_ylabel("Gini coefficient of load")
    panels[0][0].set_ylim(bottom=0)
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend([boxes["boxes"][0], *handles], ["batches: quartiles, whiskers p5 to p95", *labels], loc="outside lower center", ncols=3, fontsize=8)
    figure.suptitle(f"{batches['count']} batches of {batches['batch_tokens']:,} tokens: {where}")
    save(figure, folder, name)


def draw_co_activation(domain, where, folder, name):
    """Tokens that chose both experts, in 1000 tokens. One scale for all layers, so that they compare; its root, so that one pair
    does not darken all others."""
    layers = layers_of(domain)
    matrices = [np.array(layer["co_activation"], dtype=float) / domain["tokens"] * 1000 for layer in layers]
    most = max(matrix.max() for matrix in matrices)
    figure, panels, shown = small_multiples(len(layers), 3.0, 2.9)
    for axes, layer in zip(panels, shown):
        matrix = np.ma.masked_array(matrices[layer], np.eye(len(matrices[layer]), dtype=bool))
        image = axes.imshow(matrix, cmap="cividis", norm=PowerNorm(0.5, vmin=0, vmax=max(most, 1e-9)))
        axes.set_facecolor("lightgrey")
        ticks = range(0, len(matrix), max(1, len(matrix) // 8))
        axes.set(title=f"layer {layer}", xlabel="expert", xticks=ticks, yticks=ticks)
        axes.grid(False)
    panels[0].set_ylabel("expert")
    figure.colorbar(image, ax=panels, label="tokens that chose both\n[of 1000 tokens]")
    figure.suptitle(f"Experts chosen together: {where}")
    save(figure, folder, name)


def draw_margins(domain, where, folder, name):
    """Shares of the tokens on a logarithmic axis: most margins are small, and the tail is what a policy cannot move."""
    layers = layers_of(domain)
    figure, panels, shown = small_multiples(len(layers), 3.3, 2.5)
    for axes, layer in zip(panels, shown):
        margin = layers[layer]["router_margin"]
        counts = np.array(margin["histogram"], dtype=float)
        edges = np.linspace(0, 1, len(counts) + 1)
        axes.bar(edges[:-1], 100 * counts / counts.sum(), 1 / len(counts), align="edge", color=COLOURS[0], edgecolor="white", linewidth=0.4)
        axes.axvline(margin["median"], color="black", linestyle="--", linewidth=1.3)
        axes.set(title=f"layer {layer}", xlabel="margin of score", ylabel="tokens [%]", xlim=(0, 1), yscale="log",
                 ylim=(50 / domain["tokens"], 150))
        axes.text(0.97, 0.93, f"median {margin['median']:.3f}\nbelow 0.01: {100 * margin['share_below_0.01']:.1f} %", transform=axes.transAxes,
                  ha="right", va="top", fontsize=8)
    figure.suptitle(f"Router margin, last chosen less best not chosen: {where}")
    save(figure, folder, name)


def draw_domains(domains, folder, name):
    """Gini of experts by layer and text, and the busiest rank of each text."""
    first = next(iter(domains.values()))
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 3.9), layout="constrained")
    grouped(left, first["num_layers"], {n: [layer["gini"] for layer in layers_of(d)] for n, d in domains.items()})
    left.axhline(max(d["noise_ceiling"]["gini"] for d in domains.values()), color="black", linestyle=":", label="uniform routing, 99th percentile")
    left.set(xlabel="MoE layer", ylabel="Gini coefficient of expert load", title="experts")
    few_ticks(left, first["num_layers"])
    counts = list(first["rank_level"])
    if counts:
        grouped(right, len(counts), {n: [np.mean([layer["ranks"][c]["max_over_mean"] for layer in layers_of(d)]) for c in counts]
                                     for n, d in domains.items()})
        for i, count in enumerate(counts):
            ceiling = max(d["rank_level"][count]["noise_ceiling"]["max_over_mean"] for d in domains.values())
            right.plot([i - 0.45, i + 0.45], [ceiling, ceiling], color="black", linestyle=":")
        right.set(xlabel="ranks, blocks of consecutive experts", ylabel="busiest rank / mean rank", title="ranks: tokens received, average over layers",
                  xticks=range(len(counts)), xticklabels=counts)
        right.set_ylim(bottom=1)
    else:
        right.set_visible(False)
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5, fontsize=8)
    figure.suptitle(f"Texts beside each other: {first['model']}")
    save(figure, folder, name)
