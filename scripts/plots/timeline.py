"""One forward pass in time: what every rank does when, the whole pass above and a few layers below."""

import sys
from pathlib import Path

from plots.common import COLOURS, np, plt, save, time_unit

RANKS_AT_MOST = 16
ROW = 0.78  # of the height between ranks
WAIT = {"facecolor": "#EDEDED", "edgecolor": "#9A9A9A", "hatch": "//////", "linewidth": 0}
# part -> (colour, legend). Parts that are not here share the last colour.
LOOK = {
    "attention": (COLOURS[4], "attention, dense layers"),
    "router": (COLOURS[3], "router"),
    "counts": (COLOURS[6], "counts (sort, exchange counts)"),
    "permute": ("#8C6D31", "permute, unpermute"),
    "unpermute": ("#8C6D31", "permute, unpermute"),
    "dispatch transfer": (COLOURS[0], "dispatch transfer"),
    "experts": (COLOURS[2], "experts"),
    "combine transfer": (COLOURS[5], "combine transfer"),
    "shared": (COLOURS[1], "shared experts"),
    "migrate transfer": (COLOURS[7], "expert weights move"),
}
WAITING = "wait for the last rank"


def plot_timeline(source: Path, folder: Path, case=None, iteration=None, layers=None):
    """`case`: a key, else the first with a timeline. `layers`: (first, last) of the lower panel, else the longest exchange's."""
    from moewire_trace import Trace, TraceError

    try:
        trace = Trace(source)
        with_one = [one for one in trace.cases if one.timeline_iterations]
        if not with_one:
            raise TraceError(f"{source} holds no timeline (schema {trace.root['schema_version']}; measured cases of mode in_model have one since 1.2)")
        chosen = [one for one in with_one if case in (None, one.key)]
        if not chosen:
            raise TraceError(f"no case {case} with a timeline; use one of: {', '.join(one.key for one in with_one)}")
        draw_timeline(trace, chosen[0], folder, f"timeline_{chosen[0].key}", iteration, layers)
    except TraceError as error:
        sys.exit(f"plot.py: {error}")


def draw_timelines(trace, groups, folder):
    """Of each group the baseline, and the fastest other case where it is another one."""
    drawn = 0
    for (model, dataset, plan, mode), cases in groups.items():
        cases = [case for case in cases if case.timeline_iterations and case.get("standing") != "bound"]
        usual = [case for case in cases if case.is_usual]
        fastest = min(usual or cases, key=lambda case: np.median(case.charged_s()), default=None)
        first = next((case for case in usual if case["strategy"] == "contiguous"), fastest)
        for case in ([first] if first is fastest else [first, fastest]) if cases else []:
            draw_timeline(trace, case, folder, f"timeline_{case.key}")
            drawn += 1
    if not drawn and any(key[3] == "in_model" for key in groups):
        print(f"plot: no timeline in this trace (schema {trace.root['schema_version']}; they came with 1.2)", file=sys.stderr)


def draw_timeline(trace, case, folder, name, iteration=None, layers=None):
    timeline = case.timeline(iteration)
    of_batch = len(timeline.start_s) // case.get("batches", 1)
    shown, why = window_of(timeline, of_batch, layers)
    ranks = np.unique(np.linspace(0, len(timeline.pass_end_s) - 1, min(len(timeline.pass_end_s), RANKS_AT_MOST)).round().astype(int))
    factor, unit = time_unit(timeline.pass_end_s.max())
    height = 0.3 * len(ranks) + 0.85
    figure, (whole, zoom) = plt.subplots(2, 1, figsize=(12.5, 2 * height + 1.9), layout="constrained")
    edges = edges_of(timeline, shown)
    draw_rows(whole, timeline, ranks, factor, (0, timeline.pass_end_s.max()), of_batch)
    draw_rows(zoom, timeline, ranks, factor, edges, of_batch)
    whole.set_xlabel(f"time since the first rank began the pass [{unit}]")
    zoom.set_xlabel(f"time [{unit}]: {why}")
    if edges[1] - edges[0] < 0.98 * timeline.pass_end_s.max():
        frame(whole, zoom, edges, factor, len(ranks))
    handles = legend_of(timeline)
    figure.legend(*zip(*handles), loc="outside lower center", ncols=min(6, -(-len(handles) // 2)), fontsize=8.5, frameon=False,
                  title="in brackets: share of a rank's pass, mean over ranks", title_fontsize=8.5)
    figure.suptitle(title_of(trace, case, timeline, len(ranks)), fontsize=11)
    save(figure, folder, name)


def title_of(trace, case, timeline, rows):
    plan = "" if case["plan_dataset"] == case["dataset"] else f", planned on {case['plan_dataset']}"
    count = len(timeline.pass_end_s)
    slowest = (case.data["timeline/pass_end_s"] - case.data["timeline/pass_start_s"]).max(axis=1)
    which = ["fastest", "median", "slowest"][min(2, int((slowest < slowest[case.timeline_iterations.index(timeline.iteration)]).sum()))]
    which = f", the {which} pass" if len(slowest) == 3 else ""
    some = "" if rows == count else f", {rows} of them shown"
    root = trace.root
    nodes = f"{root['nodes']} nodes of " if root.get("nodes", 1) > 1 else ""
    machine = f"{root.get('host', '?')}: {nodes}{root.get('cores', '?')} cores, {root.get('cpu', '?')}"
    if root.get("gpu", "none") != "none":
        machine += f", {root['gpu']}"
    return (f"One forward pass: {case['model']} on {case['dataset']}{plan}, {case.label}, mode {case['mode']}, iteration {timeline.iteration}{which}\n"
            f"{count} rank{'s' if count > 1 else ''}{some}, {case['tokens_per_rank']:,} tokens each, {case['transport']}; {machine}")


def window_of(timeline, of_batch, layers):
    """The layers of the lower panel (first, last), and the words that say why."""
    if layers is not None:
        if not 0 <= layers[0] <= layers[1] < len(timeline.start_s):
            sys.exit(f"plot.py: layers {layers[0]}-{layers[1]} are none of 0-{len(timeline.start_s) - 1}")
        return layers, f"layers {layers[0]} to {layers[1]}"
    longest = max((part for part in timeline.parts() if part[0] in ("dispatch transfer", "combine transfer")), key=lambda part: part[4] - part[3])
    name, layer, rank, start, end = longest
    factor, unit = time_unit(end - start)
    batch = f" of batch {layer // of_batch}" if of_batch < len(timeline.start_s) else ""
    return (layer, layer), f"layer {layer % of_batch}{batch}, whose {name.split()[0]} is the longest transfer of the pass ({(end - start) * factor:.3g} {unit} on rank {rank})"


def edges_of(timeline, layers):
    ran = timeline.end_s > timeline.start_s
    ran[:, [name == "migrate" for name in timeline.steps]] = False  # of a whole batch, before its first layer
    within = slice(layers[0], layers[1] + 1)
    return timeline.start_s[within][ran[within]].min(), timeline.end_s[within][ran[within]].max()


def draw_rows(axes, timeline, ranks, factor, edges, of_batch):
    """One row a rank, from `edges[0]` to `edges[1]`."""
    bars: dict = {}
    for name, _, rank, start, end in timeline.parts():
        if rank in ranks and end > start and end > edges[0] and start < edges[1]:
            key = WAITING if name.endswith(" wait") else name
            bars.setdefault((key, int(np.searchsorted(ranks, rank))), []).append((start * factor, (end - start) * factor))
    for (name, row), spans in bars.items():
        look = WAIT if name == WAITING else {"facecolor": LOOK.get(name, ("#BBBBBB", ""))[0], "linewidth": 0}
        axes.broken_barh(spans, (row - ROW / 2, ROW), **look)
    for row, rank in enumerate(ranks):  # where a rank begins and ends
        axes.plot([timeline.pass_start_s[rank] * factor, timeline.pass_end_s[rank] * factor], [row + ROW / 2 + 0.04] * 2, color="#666666", linewidth=0.7)
    axes.set(xlim=(edges[0] * factor, edges[1] * factor), ylim=(len(ranks) - 0.45, -0.55), yticks=range(len(ranks)), yticklabels=[f"rank {rank}" for rank in ranks])
    axes.grid(False)
    axes.tick_params(axis="y", length=0)
    mark_layers(axes, timeline, factor, edges, of_batch)


def mark_layers(axes, timeline, factor, edges, of_batch):
    """A line where the first rank begins each layer, and its number above."""
    ran = timeline.end_s > timeline.start_s
    ran[:, [name == "migrate" for name in timeline.steps]] = False
    starts = np.where(ran, timeline.start_s, np.inf).min(axis=(1, 2))
    inside = [layer for layer in range(len(starts)) if edges[0] - 1e-12 <= starts[layer] < edges[1]]
    every = max(1, -(-len(inside) // 24))
    labelled = [layer for layer in inside if layer % of_batch % every == 0]
    for layer in labelled:
        first = layer % of_batch == 0
        axes.axvline(starts[layer] * factor, color="black", linewidth=1.3 if first else 0.6, linestyle="-" if first else (0, (4, 3)))
    above = axes.secondary_xaxis("top")
    above.set_xticks([starts[layer] * factor for layer in labelled])
    above.set_xticklabels([f"{layer % of_batch}" if len(labelled) > 12 else f"layer {layer % of_batch}" for layer in labelled], fontsize=8, ha="left")
    above.tick_params(length=0, pad=1)
    above.spines["top"].set_visible(False)
    if len(labelled) > 12:
        above.set_xlabel("layer", fontsize=8, loc="left", labelpad=2)


def frame(whole, zoom, edges, factor, rows):
    """What of the whole pass the lower panel shows."""
    from matplotlib.patches import ConnectionPatch, Rectangle

    left, right = edges[0] * factor, edges[1] * factor
    whole.xaxis.label.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 1})
    whole.add_patch(Rectangle((left, -0.52), right - left, rows + 0.04, fill=False, edgecolor="black", linewidth=1.6, zorder=5))
    for x, corner in ((left, 0), (right, 1)):
        whole.figure.add_artist(ConnectionPatch((x, rows - 0.48), (corner, 1), coordsA="data", coordsB="axes fraction", axesA=whole, axesB=zoom, color="black", linewidth=0.6, alpha=0.5, linestyle=":", zorder=-1))


def legend_of(timeline):
    """(patch, text) in the order of a layer, with each part's share of the pass, mean over ranks."""
    from matplotlib.patches import Patch

    together, patches = {}, {}
    for name, share in timeline.shares().items():
        if name == "other":
            label, look = "other", {"facecolor": "white", "edgecolor": "#BBBBBB"}
        elif name.endswith(" wait"):
            label, look = WAITING, {**WAIT, "linewidth": 0.5}
        else:
            colour, label = LOOK.get(name, ("#BBBBBB", name))
            look = {"facecolor": colour}
        together[label] = together.get(label, 0) + share.mean()
        patches[label] = look
    order = [text for _, text in LOOK.values()] + [WAITING]
    labels = sorted(together, key=lambda label: order.index(label) if label in order else len(order) + (label == "other"))
    return [(Patch(**patches[label]), f"{label} ({100 * together[label]:.1f} %)") for label in labels]
