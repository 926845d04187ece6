"""The figures of a trace: traffic, load, percentiles, waiting, plans on other texts, predicted against measured, timelines."""

import sys
from pathlib import Path

from plots.common import COLOURS, MARKERS, byte_unit, np, percentile, plain_ticks, plt, save, time_unit
from plots.timeline import draw_timelines

PANELS_IN_ROW = 4
PANELS_AT_MOST = 16  # of a figure of small multiples


def plot_trace(source: Path, folder: Path):
    from moewire_trace import Trace, TraceError

    try:
        trace = Trace(source)
    except TraceError as error:
        sys.exit(f"plot.py: {error}")
    groups = trace.groups()
    if not groups:
        print("plot: no measured case in this trace, no figures", file=sys.stderr)
    loads_done = set()
    for (model, dataset, plan, mode), cases in groups.items():
        name = f"{model}_{dataset}" + ("" if plan == dataset else f"_from_{plan}")
        where = f"{model} on {dataset}" + ("" if plan == dataset else f", planned on {plan}")
        draw_percentiles(cases, f"{where}, {mode}", folder, f"percentiles_{name}_{mode}")
        draw_wait(cases, f"{where}, {mode}", folder, f"wait_transfer_{name}_{mode}")
        if name in loads_done:
            continue
        loads_done.add(name)
        draw_traffic(cases, where, folder, f"traffic_{name}")
        draw_load_and_floor(cases, where, folder, f"load_{name}")
    draw_plan_matrix(groups, folder)
    draw_predictions(groups, folder)
    draw_timelines(trace, groups, folder)


def small_multiples(cases, width, height, **options):
    """Panels for as many cases as fit, in rows of four; the others are left out, and named on the terminal."""
    if len(cases) > PANELS_AT_MOST:
        print(f"plot: {len(cases) - PANELS_AT_MOST} of {len(cases)} cases have no panel", file=sys.stderr)
    shown = cases[:PANELS_AT_MOST]
    columns = min(len(shown), PANELS_IN_ROW)
    rows = -(-len(shown) // columns)
    figure, panels = plt.subplots(rows, columns, figsize=(width * columns + 0.8, height * rows), squeeze=False, layout="constrained", **options)
    flat = list(panels.ravel())
    for axes in flat[len(shown):]:
        axes.set_axis_off()
    return figure, list(zip(flat, shown))


def draw_traffic(cases, where, folder, name):
    """Bytes of all layers from rank to rank, one panel a case."""
    figure, panels = small_multiples(cases, 3.1, 3.2)
    totals = {case.key: case.data["traffic_bytes"].astype(float).sum(axis=0) for case in cases}
    factor, unit = byte_unit(max(total.max() for total in totals.values()))
    most = max(total.max() for total in totals.values()) / factor
    for axes, case in panels:
        total = totals[case.key]
        image = axes.imshow(total / factor, vmin=0, vmax=most, cmap="cividis")
        ranks = range(total.shape[0])
        axes.set(xlabel="destination rank", ylabel="source rank", xticks=ranks, yticks=ranks)
        axes.set_title(case.label, fontsize=9)
        axes.grid(False)
        if total.shape[0] <= 8:
            for s in ranks:
                for d in ranks:
                    value = total[s, d] / factor
                    axes.text(d, s, f"{value:.3g}", ha="center", va="center", fontsize=8, color="white" if value < 0.55 * most else "black")
    figure.colorbar(image, ax=[axes for axes, _ in panels], label=f"bytes in one dispatch, all layers [{unit}]")
    figure.suptitle(f"Traffic: {where}")
    save(figure, folder, name)


def draw_load_and_floor(cases, where, folder, name):
    """Expert load of each layer against what uniform routing would show, and what the busiest rank receives."""
    first = cases[0]
    batches = first.get("batches", 1)
    load = first.data["expert_load_tokens"].sum(axis=1).astype(float)
    load = load.reshape(batches, -1, load.shape[1]).sum(axis=0)
    layers, experts = load.shape
    tokens = load.sum(axis=1)[0] / first["top_k"]
    deviation = np.sqrt((experts / first["top_k"] - 1) / tokens)
    figure, panels = plt.subplots(1, 2, figsize=(11, max(3.8, 0.24 * len(cases) + 1.2)), layout="constrained")
    axes = panels[0]
    for layer in range(layers):
        axes.plot(range(1, experts + 1), -np.sort(-load[layer]) / load[layer].mean(), color=COLOURS[layer % 8],
                  marker=MARKERS[layer % 8], markersize=4, label=f"layer {layer}")
    axes.axhspan(1 - 2 * deviation, 1 + 2 * deviation, color="grey", alpha=0.3, label="uniform routing, ±2 standard deviations")
    axes.set(xlabel="expert, by falling load", ylabel="load / mean load", title=f"experts ({first.get('policy', 'native')} routing)")
    axes.set_ylim(bottom=0)
    axes.legend(fontsize=8)
    axes = panels[1]
    for i, case in enumerate(cases):
        received = case.data["traffic_bytes"].astype(float).sum(axis=1)
        ratio = received.max(axis=1) / received.mean(axis=1)
        axes.barh(i, ratio.mean(), color=COLOURS[0])
        axes.plot(ratio, np.full(len(ratio), i), "k|", markersize=8, label="one layer of one batch" if i == 0 else None)
    axes.set(xlabel="busiest rank / mean rank, rows received (bar: mean over layers)", title="ranks",
             yticks=range(len(cases)), yticklabels=[case.label for case in cases])
    axes.set_xlim(left=0.9)
    axes.invert_yaxis()
    axes.legend(fontsize=8)
    figure.suptitle(f"Load: {where}")
    save(figure, folder, name)


def draw_percentiles(cases, where, folder, name):
    figure, axes = plt.subplots(figsize=(7.4, 0.42 * len(cases) + 1.6))
    samples = [case.charged_s() for case in cases]
    factor, unit = time_unit(max(percentile(s, 0.5) for s in samples))
    for fraction, label, marker, colour in ((0.5, "p50", "o", COLOURS[0]), (0.95, "p95", "s", COLOURS[1]), (0.99, "p99", "^", COLOURS[2])):
        axes.plot([percentile(s, fraction) * factor for s in samples], range(len(cases)), marker, color=colour, label=label)
    moved = [np.median(case.migration_s()) * factor for case in cases]
    if max(moved) > 0:
        axes.barh(range(len(cases)), moved, 0.5, color=COLOURS[3], alpha=0.6, hatch="//", label="p50 of moving weights")
    axes.plot([bound_s(case) * factor for case in cases], range(len(cases)), "k|", markersize=12, label="bound")
    axes.set(yticks=range(len(cases)), yticklabels=[case.label for case in cases], title=f"{where} (n = {len(samples[0])})",
             xlabel=f"exchanges of one pass, moving weights included [{unit}]")
    axes.set_xlim(left=0)
    axes.invert_yaxis()
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    save(figure, folder, name)


def bound_s(case):
    return sum(case.data[f"predicted/{direction}/bound_s"].sum() for direction in ("dispatch", "combine"))


def draw_wait(cases, where, folder, name):
    """Median over iterations of each rank's waiting and transfer, summed over layers and directions."""
    figure, panels = small_multiples(cases, 2.7, 2.9, sharey=True)
    parts = {case.key: {q: sum(np.median(case.data[f"measured/{d}_{q}"].sum(axis=1), axis=0) for d in ("dispatch", "combine"))
                        for q in ("wait_s", "transfer_s")} for case in cases}
    factor, unit = time_unit(max((p["wait_s"] + p["transfer_s"]).max() for p in parts.values()))
    for axes, case in panels:
        part = parts[case.key]
        ranks = range(len(part["wait_s"]))
        axes.bar(ranks, part["transfer_s"] * factor, color=COLOURS[0], label="transfer")
        axes.bar(ranks, part["wait_s"] * factor, bottom=part["transfer_s"] * factor, color=COLOURS[1], hatch="//", label="wait for the last rank")
        axes.set(xlabel="rank", xticks=ranks, ylabel=f"one pass [{unit}]")
        axes.set_title(case.label, fontsize=9)
    panels[0][0].legend(fontsize=8)
    figure.suptitle(f"Waiting and transfer: {where}")
    save(figure, folder, name)


def draw_plan_matrix(groups, folder):
    """Time over that of contiguous for every plan text (row) on every test text (column), one panel a strategy."""
    for mode in sorted({key[3] for key in groups}):
        plans = sorted({key[2] for key in groups if key[3] == mode})
        tests = sorted({key[1] for key in groups if key[3] == mode})
        crossed = any(key[1] != key[2] for key in groups if key[3] == mode)
        if not crossed or len({key[0] for key in groups}) > 1:
            continue
        ratios = {}
        for (_, test, plan, its_mode), cases in groups.items():
            usual = {case["strategy"]: case for case in cases if case.is_usual}
            if its_mode != mode or "contiguous" not in usual:
                continue
            for strategy, case in usual.items():
                if strategy not in ("contiguous", "contiguous_twin"):
                    ratio = np.median(case.charged_s() / usual["contiguous"].charged_s())
                    ratios.setdefault(strategy, np.full((len(plans), len(tests)), np.nan))[plans.index(plan), tests.index(test)] = ratio
        figure, panels = small_multiples(sorted(ratios), 2.9, 3.0)
        away = max(np.nanmax(np.abs(r - 1)) for r in ratios.values())
        for axes, strategy in panels:
            image = axes.imshow(ratios[strategy], cmap="PuOr_r", vmin=1 - away, vmax=1 + away)
            axes.set(xlabel="run on", ylabel="planned on", xticks=range(len(tests)), yticks=range(len(plans)), xticklabels=tests, yticklabels=plans)
            axes.tick_params(axis="x", rotation=30)
            axes.set_title(strategy, fontsize=9)
            axes.grid(False)
            for p, plan in enumerate(plans):
                for t, test in enumerate(tests):
                    axes.text(t, p, f"{ratios[strategy][p, t]:.2f}", ha="center", va="center", fontsize=9, weight="bold" if plan == test else "normal")
        figure.colorbar(image, ax=[axes for axes, _ in panels], label="time / time of contiguous")
        figure.suptitle(f"Plans on other texts, {mode} (bold: planned on the same text)")
        save(figure, folder, f"plan_matrix_{mode}")


def draw_predictions(groups, folder):
    """Predicted against the measured median, every layer and direction of every case; intervals where a model has them."""
    models = sorted({model for cases in groups.values() for case in cases for model in case.models()})
    if not models:
        return
    figure, panels = plt.subplots(1, len(models), figsize=(3.9 * len(models), 3.9), squeeze=False, layout="constrained")
    for axes, model in zip(panels[0], models):
        limits = [np.inf, 0]
        for m, mode in enumerate(sorted({key[3] for key in groups})):
            measured, predicted, low, high = [], [], [], []
            for key, cases in groups.items():
                for case in cases if key[3] == mode else []:
                    for direction in ("dispatch", "combine"):
                        if f"predicted/{direction}/{model}_s" not in case.data:
                            continue
                        p = case.predicted_s(direction, model)
                        measured.extend(np.median(case.slowest_s(direction), axis=0))
                        predicted.extend(p["time"]), low.extend(p["low"]), high.extend(p["high"])
            if not measured:
                continue
            measured, predicted, low, high = (np.array(v) * 1e6 for v in (measured, predicted, low, high))
            if (high > low).any():
                axes.vlines(measured, low, high, color=COLOURS[m], alpha=0.25)
            axes.plot(measured, predicted, MARKERS[m], color=COLOURS[m], markersize=4, alpha=0.8, label=mode)
            shown = np.concatenate([measured, predicted[predicted > 0]])
            limits = [min(limits[0], shown.min()), max(limits[1], shown.max())]
        line = np.array([limits[0] * 0.8, limits[1] * 1.25])
        axes.plot(line, line, color="grey", linewidth=1)
        axes.set(xscale="log", yscale="log", xlabel="measured median [µs]", ylabel="predicted [µs]", title=f"model {model}")
        plain_ticks(axes.xaxis, axes.yaxis)
        axes.legend(fontsize=8)
    figure.suptitle("Predicted before, measured after: each layer and direction")
    save(figure, folder, "predicted_measured")
