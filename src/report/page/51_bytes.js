// Where do rows go? Bytes from rank to rank, and tokens of experts against what chance alone would show.
"use strict";
(function () {
  const { plain } = moewire;

  // Bytes of one layer or of all: [source][destination].
  function matrixOf(one) {
    const all = moewire.array(one.traffic), ranks = Math.round(Math.sqrt(all[0].length));
    const layer = one.traffic_by_layer ? moewire.filter.layer : -1;
    const flat = layer < 0 ? all[0].map((_, i) => all.reduce((sum, m) => sum + m[i], 0)) : all[layer];
    return flat && Array.from({ length: ranks }, (_, s) => flat.slice(s * ranks, (s + 1) * ranks));
  }

  moewire.figure({
    id: "traffic", title: "Bytes from rank to rank",
    note: "One dispatch; combine goes back the other way. The slider above chooses a layer. What stays on a rank lies on the diagonal.",
    build() {
      const having = moewire.chosen().filter((one) => one.traffic !== undefined && (!one.traffic_by_layer || moewire.filter.layer < moewire.array(one.traffic).length));
      const { shown, note } = moewire.firstOf(having, 8, "cases");
      if (!shown.length) return "No case with traffic passes the filters.";
      const matrices = shown.map(matrixOf), largest = Math.max(...matrices.flat(2)), least = Math.min(...matrices.flat(2));
      const { factor, unit } = moewire.byteUnit(largest);
      const { cells, down } = moewire.grid(shown.length, 4), ranks = matrices[0].length;
      const layout = { height: 134 + 225 * down, annotations: [], margin: { l: 56, r: 16, t: 58, b: 52 }, coloraxis: {
        colorscale: "Cividis", cmin: least < 0.3 * largest ? 0 : least / factor, cmax: largest / factor, colorbar: { title: { text: `bytes [${unit}]`, side: "right" }, thickness: 14 } } };
      const traces = shown.map((one, i) => {
        const cell = cells[i], z = matrices[i].map((row) => row.map((b) => b / factor));
        layout[`xaxis${cell.suffix}`] = moewire.axis("destination rank", { domain: cell.x, anchor: `y${cell.suffix}`, dtick: ranks > 16 ? 8 : 1, showgrid: false, zeroline: false, automargin: false });
        layout[`yaxis${cell.suffix}`] = moewire.axis(i % 4 ? "" : "source rank", { domain: cell.y, anchor: `x${cell.suffix}`, autorange: "reversed", dtick: ranks > 16 ? 8 : 1, showgrid: false, zeroline: false, automargin: false });
        layout.annotations.push(moewire.heading(cell, moewire.nameOf(one)));
        return {
          type: "heatmap", z, coloraxis: "coloraxis", xaxis: `x${cell.suffix}`, yaxis: `y${cell.suffix}`, xgap: 1, ygap: 1,
          texttemplate: ranks <= 4 ? "%{z:.3g}" : ranks <= 8 && shown.length <= 2 ? "%{z:.2g}" : "",
          hovertemplate: `${plain(moewire.nameOf(one))}<br>rank %{y} to rank %{x}: %{z:.4g} ${unit}<extra></extra>`,
        };
      });
      const summed = shown.some((one) => !one.traffic_by_layer) ? " Layers are summed: there are too many for a page." : "";
      return {
        traces, layout, note: note + summed, columns: ["case", "source rank", "destination rank", "bytes [B]"],
        rows: shown.flatMap((one, i) => matrices[i].flatMap((row, s) => row.map((b, d) => [moewire.nameOf(one), s, d, Math.round(b)]))),
      };
    },
  });

  // One case of each routing: placements do not change what experts get.
  function routings() {
    const seen = new Map();
    for (const one of moewire.chosen()) {
      const key = `${one.run}/${one.model}/${one.text}/${one.policy}/${one.load}`;
      if (one.load !== undefined && !seen.has(key)) seen.set(key, one);
    }
    return [...seen.values()];
  }
  const routingName = (one) => `${one.model} on ${one.text}` + (one.policy === "native" ? "" : `, ${one.policy}`) + (moewire.manyRuns ? ` · ${one.runName}` : "");

  function byLayer(one) {
    const load = moewire.array(one.load), most = Math.min(load.length, 12);
    const experts = load[0].length, x = load[0].map((_, i) => i + 1);
    const traces = load.slice(0, most).map((tokens, l) => ({
      type: "scatter", mode: "lines+markers", name: moewire.layerName(one, l), x, y: tokens.slice().sort((a, b) => b - a).map((t) => t / one.load_mean[l]),
      line: { color: moewire.colour(l), dash: moewire.dash(l) }, marker: { symbol: moewire.marker(l), size: 6, maxdisplayed: 16 },
      hovertemplate: `${moewire.layerName(one, l)}: %{y:.3f} of the mean<extra></extra>`,
    }));
    const widest = Math.max(...one.load_deviation.map((d, l) => (2 * d) / one.load_mean[l]));
    const band = (y, fill) => ({ type: "scatter", mode: "lines", x: [1, experts], y: [y, y], line: { width: 1, color: moewire.colour(7), dash: "dot" }, fill, fillcolor: "rgba(127,127,127,0.25)",
      name: "uniform routing, ±2 standard deviations", showlegend: fill === "tonexty", hoverinfo: "skip" });
    return { traces: [band(1 - widest, "none"), band(1 + widest, "tonexty"), ...traces],
      layout: { xaxis: moewire.axis("expert, by falling load [rank in order]"), yaxis: moewire.axis("load over mean load [1]", { rangemode: "tozero" }), legend: { traceorder: "normal", x: 1.01, y: 1, xanchor: "left", font: { size: 12 } } },
      note: load.length > most ? `The first ${most} of ${load.length} layers are drawn; the slider shows any.` : "" };
  }

  function ofLayer(one, l) {
    const tokens = moewire.array(one.load)[l], mean = one.load_mean[l], d = 2 * one.load_deviation[l];
    return { traces: [{ type: "bar", name: moewire.layerName(one, l), x: tokens.map((_, e) => e), y: tokens, marker: { color: moewire.colour(0) }, hovertemplate: "expert %{x}: %{y} tokens<extra></extra>" }],
      layout: { xaxis: moewire.axis("expert"), yaxis: moewire.axis("load [tokens]"),
        shapes: [{ type: "rect", xref: "paper", x0: 0, x1: 1, y0: mean - d, y1: mean + d, fillcolor: "rgba(127,127,127,0.35)", line: { width: 0 } },
          { type: "line", xref: "paper", x0: 0, x1: 1, y0: mean, y1: mean, line: { dash: "dot", color: moewire.colour(1) } }] },
      note: `Dotted: the mean; grey: uniform routing, ±2 standard deviations. Gini ${one.gini[l].toFixed(3)}` +
        (one.gini_floor === undefined ? "." : `; chance alone: ${one.gini_floor.toFixed(3)}.`) };
  }

  moewire.figure({
    id: "load", title: "Tokens of each expert, against chance",
    note: "The test text under its routing; layers are never summed, as skews would cancel. Within the grey band an imbalance is what uniform routing would show too.",
    build() {
      const all = routings();
      if (!all.length) return "No case with expert loads passes the filters.";
      const one = all[0], layer = moewire.filter.layer;
      if (layer >= one.load_mean.length) return "This routing has fewer layers.";
      const drawn = layer < 0 ? byLayer(one) : ofLayer(one, layer);
      const others = all.length > 1 ? ` One routing of ${all.length} is drawn; filter by model, text or policy for others.` : "";
      return {
        ...drawn, note: `${routingName(one)}. ${drawn.note}${others}`, columns: ["layer", "expert", "load [tokens]", "uniform mean [tokens]", "standard deviation [tokens]"],
        rows: moewire.array(one.load).flatMap((tokens, l) => (layer < 0 || l === layer ? tokens.map((t, e) => [moewire.layerName(one, l), e, t, one.load_mean[l], one.load_deviation[l]]) : [])),
      };
    },
  });
})();
