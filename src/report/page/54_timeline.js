// Where does one forward pass go? Every step of every rank on one clock.
"use strict";
(function () {
  const { element, plain } = moewire;
  let key = null;  // of the case that is drawn
  const having = () => moewire.chosenMeasured("mode").filter((one) => one.timeline);
  const id = (one) => `${one.run}/${one.key}`;

  function build() {
    const all = having();
    const select = document.getElementById("timeline-case");
    if (!all.some((one) => id(one) === key)) key = all.length ? id(all[0]) : null;
    select.replaceChildren(...all.map((one) => element("option", { value: id(one), selected: id(one) === key }, one.key + (moewire.manyRuns ? ` · ${one.runName}` : ""))));
    select.disabled = all.length < 2;
    if (!all.length) return "No chosen case keeps a timeline: passes of mode in_model do.";
    const one = all.find((o) => id(o) === key), { steps, spans_us: spans, iteration } = one.timeline, layer = moewire.filter.layer;
    const chosen = spans.filter((s) => layer < 0 || s[1] === layer);
    const from = layer < 0 ? 0 : Math.min(...chosen.map((s) => s[3])), { factor, unit } = moewire.timeUnit([Math.max(...chosen.map((s) => s[5])) * 1e-6 - from * 1e-6]);
    const scale = (us) => (us * 1e-6) / factor;
    const stretches = steps.map((name, i) => ({ name, colour: moewire.colour(i), hatch: moewire.hatch(i === 0 ? 0 : 1 + (i % 7)), parts: [] }));
    const waits = { name: "wait for the last rank", colour: moewire.isDark() ? "#4a4f55" : "#c8ccd0", hatch: "/", parts: [] };
    for (const [step, l, rank, start, moves, end] of chosen) {
      if (moves > start) waits.parts.push([rank, start, moves, `wait before ${steps[step]}`, l]);
      if (end > moves) stretches[step].parts.push([rank, moves, end, steps[step], l]);
    }
    const traces = [...stretches, waits].filter((s) => s.parts.length).map((s) => ({
      type: "bar", orientation: "h", name: plain(s.name), y: s.parts.map((p) => `rank ${p[0]}`), base: s.parts.map((p) => scale(p[1] - from)), x: s.parts.map((p) => scale(p[2] - p[1])),
      marker: { color: s.colour, line: { width: 0 }, pattern: { shape: s.hatch, fillmode: "overlay", size: s === waits ? 6 : 9, solidity: s === waits ? 0.25 : 0.08, fgcolor: moewire.isDark() ? "#fff" : "#000" } }, text: s.parts.map((p) => plain(`${p[3]}, ${moewire.layerName(one, p[4])}`)), textposition: "none",
      hovertemplate: `%{y}: %{text}<br>%{x:.4g} ${unit} from %{base:.4g} ${unit}<extra></extra>`,
    }));
    const ranks = moewire.unique(chosen.map((s) => s[2])).sort((a, b) => a - b).map((r) => `rank ${r}`);
    return {
      traces, note: `Iteration ${iteration}, the median of the passes whose steps were stamped${layer < 0 ? "" : `; ${moewire.layerName(one, layer)} alone, from its first step`}.`,
      layout: { barmode: "overlay", height: 150 + 34 * ranks.length, bargap: 0.25, xaxis: moewire.axis(`since the ${layer < 0 ? "pass" : "layer"} began [${unit}]`), yaxis: moewire.axis("", { type: "category", categoryorder: "array", categoryarray: ranks.slice().reverse() }) },
      columns: ["rank", "layer", "step", "start [µs]", "moves from [µs]", "end [µs]"], rows: chosen.map(([step, l, rank, ...at]) => [rank, l, steps[step], ...at]),
    };
  }

  const figure = {
    id: "timeline", title: "One forward pass",
    note: "Steps of mode in_model, where they were stamped; hatched grey is waiting for the last rank to enter an exchange. Drag to look closer, double-click to come back.",
    extra: () => element("label", { class: "note" }, "Case: ", element("select", { id: "timeline-case", onchange: (event) => { key = event.target.value; figure.isStale = true; moewire.redraw(); } })),
    build,
  };
  moewire.figure(figure);
})();
