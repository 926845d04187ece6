// Was it foreseen? Predictions beside measurements, and what imbalance costs.
"use strict";
(function () {
  const { plain } = moewire;

  // [{one, direction, layer, measured, forecast}] of the chosen cases and layer.
  function exchanges() {
    return moewire.chosenMeasured().flatMap((one) => one.exchanges.map((measured, i) => {
      const layers = one.exchanges.length / 2;
      return { one, direction: i < layers ? "dispatch" : "combine", layer: i % layers, measured,
        // [time, low, high] of a cost model; a rule has no interval
        forecast: ({ name, isRule }) => (isRule ? (one.rules[name] ? Array(3).fill(one.rules[name][i]) : null) : one.forecasts[name] ? one.forecasts[name][i] : null) };
    })).filter((e) => moewire.filter.layer < 0 || e.layer === moewire.filter.layer);
  }

  // Cost models that were frozen or fitted for the run, then those that were not, then rules.
  const first = ["calibrated", "line"];
  const ranked = (names) => [...first.filter((n) => names.includes(n)), ...names.filter((n) => !first.includes(n))];
  const namesOf = (field) => moewire.unique(moewire.cases.flatMap((one) => Object.keys(one[field] || {})));
  const predictors = () => [...ranked(namesOf("forecasts")).map((name) => ({ name, isRule: false })), ...namesOf("rules").map((name) => ({ name, isRule: true }))];

  function marksOf(predictor, m, all, factor, unit) {
    const having = all.filter((e) => e.forecast(predictor) && e.forecast(predictor)[0] > 0), f = having.map(({ forecast }) => forecast(predictor));
    const bars = (more) => ({ type: "data", symmetric: false, thickness: 1, width: 0, ...more });
    const { name, isRule } = predictor;
    return {
      having, f, trace: {
        type: "scatter", mode: "markers", name: plain(name), legendgroup: isRule ? "rules" : "models", legendgrouptitle: { text: isRule ? "simpler rules" : "cost models", font: { size: 12 } },
        x: having.map((e) => e.measured[0] / factor), y: f.map((v) => v[0] / factor),
        error_y: bars({ array: f.map((v) => (v[2] - v[0]) / factor), arrayminus: f.map((v) => (v[0] - v[1]) / factor), visible: f.some((v) => v[2] > v[1]) }),
        error_x: bars({ array: having.map((e) => ((e.measured[2] ?? e.measured[0]) - e.measured[0]) / factor), arrayminus: having.map((e) => (e.measured[0] - (e.measured[1] ?? e.measured[0])) / factor), visible: !isRule }),
        marker: { symbol: moewire.marker(m) + (isRule ? "-open" : ""), color: moewire.colour(m), size: isRule ? 6 : 7, opacity: 0.8 },
        text: having.map((e) => plain(`${moewire.nameOf(e.one)}, ${e.one.text}, ${e.direction} of ${moewire.layerName(e.one, e.layer)}`)),
        hovertemplate: `%{text}<br>measured %{x:.4g} ${unit}, ${plain(name)} %{y:.4g} ${unit}<extra></extra>`,
      },
    };
  }

  moewire.figure({
    id: "prediction", title: "Predicted before, measured after",
    note: "Each mark is one exchange of one layer: its measured median across, what a model predicted before any time existed upwards; bars are 95 % of the median and the model's own interval. On the line a prediction is right.",
    build() {
      const all = exchanges(), asked = predictors();
      if (!all.length || !asked.length) return "No measured exchange with a prediction passes the filters.";
      const { factor, unit } = moewire.timeUnit(all.map((e) => e.measured[0]));
      const rows = [], traces = [];
      asked.forEach((predictor, m) => {
        const { having, f, trace } = marksOf(predictor, m, all, factor, unit);
        having.forEach((e, i) => rows.push([predictor.name, e.one.key, e.direction, e.layer, e.measured[0], ...f[i], f[i][0] / e.measured[0] - 1]));
        if (having.length) traces.push(trace);
      });
      const values = traces.flatMap((t) => [...t.x, ...t.y]).filter((v) => v > 0), ends = [Math.min(...values) * 0.8, Math.max(...values) * 1.25];
      const measured = all.map((e) => e.measured[0] / factor), across = [Math.log10(Math.min(...measured) / 1.5), Math.log10(Math.max(...measured) * 1.5)];
      traces.push({ type: "scatter", mode: "lines", name: "predicted = measured", legendgroup: "models", x: ends, y: ends, line: { color: moewire.colour(7), dash: "dot" }, hoverinfo: "skip" });
      const ofRules = asked.some((p) => p.isRule) ? " Open marks: simpler rules that know the calibration alone; bound is the sixth of them, the port bound." : "";
      return {
        traces, layout: { xaxis: moewire.axis(`measured median [${unit}]`, { type: "log", range: across }), yaxis: moewire.axis(`predicted [${unit}]`, { type: "log" }), height: 480 },
        note: `Models in this report: ${asked.filter((p) => !p.isRule).map((p) => p.name).join(", ")}. What each assumes is said by “moewire list”.${ofRules}`,
        columns: ["model", "case", "direction", "layer", "measured [s]", "predicted [s]", "low [s]", "high [s]", "error [1]"], rows,
      };
    },
  });

  // The fitted line of a case's comparison.
  const lineOf = (one) => moewire.data.runs[one.run].lines.find((l) => l.model === one.model && l.text === one.text && l.plan === one.plan && l.mode === one.mode);

  moewire.figure({
    id: "imbalance", title: "What imbalance costs",
    note: "Each mark is one layer of one placement: how much more than the mean its busiest rank receives, and how long its two exchanges take. The line is fitted over all placements of a comparison.",
    build() {
      const cases = moewire.chosenMeasured().filter((one) => one.is_usual && one.layer_ratio.length);
      if (!cases.length) return "No measured placement with the usual policy and payload passes the filters.";
      const layer = moewire.filter.layer, picked = (values) => (layer < 0 ? values : values.slice(layer, layer + 1));
      const { shown, note } = moewire.firstOf(cases, 40, "cases");
      const { factor, unit } = moewire.timeUnit(shown.flatMap((one) => one.layer_p50_s));
      const named = new Set();
      const traces = shown.map((one) => {
        const s = moewire.styleOf(one), first = !named.has(moewire.nameOf(one));
        named.add(moewire.nameOf(one));
        return { type: "scatter", mode: "markers", name: plain(moewire.nameOf(one)), legendgroup: `${s}`, showlegend: first, x: picked(one.layer_ratio), y: picked(one.layer_p50_s).map((v) => v / factor),
          marker: { symbol: moewire.marker(s), color: moewire.colour(s), size: 8 }, hovertemplate: `${plain(moewire.nameOf(one))} on ${plain(one.text)}<br>max/mean %{x:.3f}: %{y:.4g} ${unit}<extra></extra>` };
      });
      const lines = moewire.unique(shown.map(lineOf).filter(Boolean));
      const most = Math.max(...shown.flatMap((one) => one.layer_ratio));
      lines.forEach((line, i) => traces.push({
        type: "scatter", mode: "lines", name: plain(`line: ${line.text}, ${line.mode}`), x: [1, most], y: [line.at_even_s, line.at_even_s + line.slope_s[0] * (most - 1)].map((v) => v / factor),
        line: { dash: moewire.dash(i), color: moewire.isDark() ? "#dddddd" : "#333333", width: 2 }, hoverinfo: "skip" }));
      const said = lines.slice(0, 3).map((l) => `${l.text}, ${l.mode}: ${moewire.showSeconds(l.slope_s[0] / 10)} for each tenth (95 %: ${moewire.showSeconds(l.slope_s[1] / 10)} to ${moewire.showSeconds(l.slope_s[2] / 10)})`);
      return {
        traces, note: `${said.join("; ")}${said.length ? ". " : ""}${note}`, layout: { xaxis: moewire.axis("received by the busiest rank over the mean [1]"), yaxis: moewire.axis(`dispatch and combine of a layer, median [${unit}]`, { rangemode: "tozero" }) },
        columns: ["case", "layer", "received max/mean [1]", "exchanges p50 [s]"],
        rows: shown.flatMap((one) => one.layer_ratio.map((r, l) => [one.key, l, r, one.layer_p50_s[l]]).filter((row) => layer < 0 || row[1] === layer)),
      };
    },
  });
})();
