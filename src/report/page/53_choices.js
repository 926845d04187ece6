// What is given for speed? Perplexity against the tail, and plans on texts that they were not made for.
"use strict";
(function () {
  const { plain } = moewire;

  // Those that no other beats in both.
  const front = (cases) => cases.filter((a) => !cases.some((b) => b.p99[0] <= a.p99[0] && b.perplexity <= a.perplexity && (b.p99[0] < a.p99[0] || b.perplexity < a.perplexity)))
    .sort((a, b) => a.p99[0] - b.p99[0]);

  moewire.figure({
    id: "pareto", title: "Perplexity against the tail of the exchanges",
    note: "Lower is the better text, further left the faster tail. Placements and copies never change the output and lie on one height; policies do. Ringed: nothing else is better in both.",
    build() {
      const cases = moewire.chosenMeasured().filter((one) => one.perplexity !== null && !one.is_bound);
      if (!cases.length) return "No measured case with a perplexity passes the filters (controls and made-up weights have none).";
      const { shown, note } = moewire.firstOf(cases, 60, "cases");
      const { factor, unit } = moewire.timeUnit(shown.map((one) => one.p99[0]));
      const traces = shown.map((one) => {
        const s = moewire.styleOf(one), end = (i) => Math.abs((one.p99[i] ?? one.p99[0]) - one.p99[0]) / factor;
        return { type: "scatter", mode: "markers", name: plain(moewire.nameOf(one)), x: [one.p99[0] / factor], y: [one.perplexity], marker: { symbol: moewire.marker(s), color: moewire.colour(s), size: 10 },
          error_x: { type: "data", symmetric: false, array: [end(2)], arrayminus: [end(1)], thickness: 1, width: 3 },
          hovertemplate: `${plain(moewire.nameOf(one))} on ${plain(one.text)}, ${plain(one.mode)}<br>p99 %{x:.4g} ${unit}, perplexity %{y:.4f}<extra></extra>` };
      });
      const best = front(shown);
      traces.push({ type: "scatter", mode: "lines+markers", name: "front", x: best.map((o) => o.p99[0] / factor), y: best.map((o) => o.perplexity), line: { color: moewire.colour(7), dash: "dot", shape: "vh" },
        marker: { symbol: "circle-open", size: 18, color: moewire.isDark() ? "#ffffff" : "#000000" }, hoverinfo: "skip" });
      return {
        traces, note: `${note} p99 of few iterations is the largest sample: see what the figures do not show.`, layout: { xaxis: moewire.axis(`exchanges of a pass, p99 [${unit}]`), yaxis: moewire.axis("perplexity [1]") },
        columns: ["case", "p99 [s]", "perplexity", "on the front"], rows: shown.map((one) => [one.key, one.p99[0], one.perplexity, best.includes(one) ? "yes" : "no"]),
      };
    },
  });

  moewire.figure({
    id: "texts", title: "Plans on other texts",
    note: "Time over that of contiguous in the same comparison: planned on the text of the row, run on the text of the column. Below 1 is faster.",
    build() {
      const all = moewire.data.runs.flatMap((run) => run.matrices.map((m) => ({ ...m, runName: run.name })));
      const { filter } = moewire;
      const chosen = all.filter((m) => (filter.model === "all" || m.model === filter.model) && (filter.mode === "all" || m.mode === filter.mode) && filter.strategies.has(m.strategy));
      if (!chosen.length) return "No plan was run on another text than its own.";
      const { shown, note } = moewire.firstOf(chosen, 8, "strategies");
      const { cells, down } = moewire.grid(shown.length, 3, 0.12, 0.3);
      const away = Math.max(0.02, ...shown.flatMap((m) => m.cells.flat().filter(Boolean).map((c) => Math.abs(c[0][0] - 1))));
      const layout = { height: 144 + 270 * down, annotations: [], margin: { l: 100, r: 16, t: 60, b: 70 }, coloraxis: {
        colorscale: "Cividis", cmin: 1 - away, cmax: 1 + away, colorbar: { title: { text: "time over contiguous [1]", side: "right" }, thickness: 14 } } };
      const traces = shown.map((m, i) => {
        const cell = cells[i];
        layout[`xaxis${cell.suffix}`] = moewire.axis("run on", { domain: cell.x, anchor: `y${cell.suffix}`, showgrid: false, type: "category" });
        layout[`yaxis${cell.suffix}`] = moewire.axis(i % 3 ? "" : "planned on", { domain: cell.y, anchor: `x${cell.suffix}`, showgrid: false, type: "category", autorange: "reversed" });
        layout.annotations.push(moewire.heading(cell, `${m.strategy}, ${m.mode}` + (moewire.manyRuns ? ` · ${m.runName}` : "")));
        return { type: "heatmap", x: m.texts.map(plain), y: m.plans.map(plain), z: m.cells.map((row) => row.map((c) => (c ? c[0][0] : null))), coloraxis: "coloraxis", xaxis: `x${cell.suffix}`, yaxis: `y${cell.suffix}`,
          xgap: 2, ygap: 2, texttemplate: "%{z:.3f}", customdata: m.cells.map((row) => row.map((c) => (c ? `${c[0][1]} to ${c[0][2]}; received max/mean ${c[1]}` : ""))),
          hovertemplate: "planned on %{y}, run on %{x}: %{z:.3f}<br>95 %: %{customdata}<extra></extra>" };
      });
      return { traces, layout, note, columns: ["strategy", "mode", "planned on", "run on", "time over contiguous [1]", "low", "high", "received max/mean [1]"],
        rows: shown.flatMap((m) => m.plans.flatMap((p, i) => m.texts.map((t, j) => (m.cells[i][j] ? [m.strategy, m.mode, p, t, ...m.cells[i][j][0].slice(0, 3), m.cells[i][j][1]] : null)).filter(Boolean))) };
    },
  });
})();
