// Did it change? The same cases in several runs, and a run against its baseline.
"use strict";
(function () {
  const { plain } = moewire, { differences, baseline, runs } = moewire.data;

  // Ratios as dots with intervals, one line a case; 1 is no change.
  function dots(names, ratios, colourOf, title, band) {
    const end = (q, i) => (q[i] === null || q[i] === undefined ? 0 : Math.abs(q[i] - q[0]));
    return {
      traces: [{ type: "scatter", mode: "markers", showlegend: false, y: names.map(plain), x: ratios.map((q) => q[0]), marker: { size: 9, color: ratios.map((_, i) => colourOf(i).colour), symbol: ratios.map((_, i) => colourOf(i).marker) },
        error_x: { type: "data", symmetric: false, array: ratios.map((q) => end(q, 2)), arrayminus: ratios.map((q) => end(q, 1)), thickness: 1.5, width: 4, color: moewire.isDark() ? "#c0c6cc" : "#444444" }, hovertemplate: "%{y}<br>%{x:.4f}<extra></extra>" }],
      layout: { height: 110 + 24 * names.length, margin: { l: 300, r: 20, t: 20, b: 52 }, xaxis: moewire.axis(title, { zeroline: false }), yaxis: moewire.axis("", { autorange: "reversed", type: "category" }),
        shapes: [{ type: "line", yref: "paper", x0: 1, x1: 1, y0: 0, y1: 1, line: { dash: "dot", color: moewire.colour(7) } }, ...(band || [])] },
    };
  }
  const looks = { better: [2, "triangle-down"], same: [7, "circle"], worse: [1, "triangle-up"], "cannot tell": [5, "circle-open"] };
  const lookOf = (verdict) => ({ colour: moewire.colour(looks[verdict][0]), marker: looks[verdict][1] });

  if (moewire.manyRuns) {
    moewire.figure({
      id: "runs", title: "The same cases in other runs",
      note: `Median exchange there over that of ${runs[0].name}, with 95 % intervals of resampled medians: runs do not pair, and what else differed between them is in the table of provenance.`,
      build() {
        const chosen = differences.filter((d) => moewire.filter.run === "all" || runs[d.run].name === moewire.filter.run || moewire.filter.run === runs[0].name);
        if (!chosen.length) return "No case was measured in more than one run.";
        const { shown, note } = moewire.firstOf(chosen, 40, "cases");
        const verdict = (d) => (d.ratio[1] === null ? "cannot tell" : d.ratio[2] < 1 ? "better" : d.ratio[1] > 1 ? "worse" : "cannot tell");
        return { ...dots(shown.map((d) => d.key + (runs.length > 2 ? ` · ${runs[d.run].name}` : "")), shown.map((d) => d.ratio), (i) => lookOf(verdict(shown[i])), `time over that in ${plain(runs[0].name)} [1]`), note,
          columns: ["case", "run", "p50 there [s]", "p50 in the first [s]", "ratio [1]", "low", "high"], rows: chosen.map((d) => [d.key, runs[d.run].name, d.other_s, d.first_s, ...d.ratio.slice(0, 3)]) };
      },
    });
  }

  if (baseline.rows.length) {
    moewire.figure({
      id: "baseline", title: `Against the baseline ${baseline.name}`,
      note: "What it costs now over what it cost then: above 1 is a longer time or a smaller throughput. Better and worse are said only where the whole interval lies beyond the tolerance.",
      build() {
        const found = baseline.rows.filter((row) => row.cost);
        if (!found.length) return "No figure of the baseline is in this run.";
        const { shown, note } = moewire.firstOf(found, 40, "figures");
        const missing = baseline.rows.length - found.length;
        return { ...dots(shown.map((r) => `${r.key} · ${r.quantity}`), shown.map((r) => r.cost), (i) => lookOf(shown[i].verdict), "cost now over cost then [1]"),
          note: `${note}${missing ? ` ${missing} figures are missing from this run.` : ""}`, columns: ["case", "quantity", "then", "now", "cost [1]", "low", "high", "tolerance", "verdict"],
          rows: found.map((r) => [r.key, r.quantity, r.then, r.now, ...r.cost, r.tolerance, r.verdict]) };
      },
    });
  }
})();
