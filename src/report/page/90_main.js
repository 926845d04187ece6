// In what order does the page come to life? Light, filters, figures, tables, print.
"use strict";
(function () {
  const { element, table, showSeconds, showInterval, showBytes, showPercent } = moewire, { runs, provenance, differences, baseline } = moewire.data;
  const cell = (shown, value) => ({ shown, value: value ?? null });

  function setTheme(dark) {
    document.documentElement.dataset.theme = dark ? "dark" : "light";
    document.getElementById("theme").textContent = dark ? "Light" : "Dark";
  }

  const caseColumns = ["case", "status", "exchange p50 (95 %) [s]", "p95 [s]", "p99 [s]", "over contiguous (95 %) [1]", "verdict", "fastest in % of resamples", "iterations", "wait p50 [s]", "pass p50 [s]",
    "moving weights p50 [s]", "planning [s]", "perplexity", "rerouted [%]", "received max/mean [1]", "busiest port [B]", "bound / p50 [1]", "binding rank"];
  function caseRow(one) {
    const name = cell(one.key + (one.is_bound ? " [bound]" : "") + (moewire.manyRuns ? ` · ${one.runName}` : ""), one.key);
    if (!one.p50) return [name, `${one.status}${one.reason ? `: ${one.reason}` : ""}`, ...Array(caseColumns.length - 2).fill(null)];
    const a = one.against;
    return [name, one.status, cell(showInterval(one.p50), one.p50[0]), cell(showSeconds(one.p95[0]), one.p95[0]), cell(showSeconds(one.p99[0]), one.p99[0]),
      a ? cell(a[1] === null ? `${a[0].toFixed(3)} (too few)` : `${a[0].toFixed(3)} (${a[1].toFixed(3)} to ${a[2].toFixed(3)})`, a[0]) : null, a ? a[4] : null,
      one.chance === null ? null : cell((100 * one.chance).toFixed(0), 100 * one.chance), one.p50[3], cell(showSeconds(one.wait_p50_s), one.wait_p50_s), cell(showSeconds(one.pass[0]), one.pass[0]),
      one.migration_p50_s === null ? null : cell(showSeconds(one.migration_p50_s), one.migration_p50_s), cell(showSeconds(one.plan_s), one.plan_s), one.perplexity === null ? null : cell(one.perplexity.toFixed(4), one.perplexity),
      cell((100 * one.rerouted).toFixed(1), 100 * one.rerouted), cell(one.max_over_mean.toFixed(3), one.max_over_mean), cell(showBytes(one.port_bytes), one.port_bytes),
      one.p50[0] > 0 ? cell((one.bound_s / one.p50[0]).toFixed(2), one.bound_s / one.p50[0]) : null, cell(`${one.binding[0]} (${showPercent(one.binding[1], 0)})`, one.binding[0])];
  }

  // What was kept as JSON, a line each: settings by name, GPUs by rank.
  function unfolded(value) {
    if (!/^[[{]/.test(value)) return value;
    let known;
    try { known = JSON.parse(value); } catch { return value; }
    const line = (v) => (v !== null && typeof v === "object" ? Object.entries(v).map(([k, x]) => (Array.isArray(v) ? x : `${k} ${x}`)).join(", ") : String(v));
    if (Array.isArray(known)) return known.map((v, rank) => (typeof v === "object" ? `rank ${rank}: ` : "") + line(v)).join("\n");
    return Object.entries(known).map(([k, v]) => `${k} = ${line(v)}`).join("\n");
  }

  // Ranks on cores, or on as many GPUs as there are.
  function placeOf(facts) {
    let gpus = [];
    try { gpus = JSON.parse(facts.gpus || "[]"); } catch { /* another version's */ }
    const count = moewire.unique(gpus.map((g) => g.uuid)).length, nodes = facts.nodes === "1" ? "" : `, ${facts.nodes} nodes`;
    return count ? `${facts.ranks} ranks on ${count} ${count === 1 ? "GPU" : "GPUs"}${nodes}` : `${facts.ranks} ranks on ${facts.cores} cores${nodes}`;
  }

  function tables() {
    const place = document.getElementById("tables");
    const ofCases = element("div");
    place.append(ofCases);
    moewire.fillCases = () => ofCases.replaceChildren(table("Cases that pass the filters", caseColumns, moewire.chosen().map(caseRow)));
    moewire.fillCases();
    if (baseline.rows.length) {
      place.append(table(`Against the baseline ${baseline.name}`, ["case", "quantity", "then", "now", "cost (95 %) [1]", "tolerance [%]", "verdict", "why"], baseline.rows.map((r) => [r.key, r.quantity, r.then, r.now,
        r.cost ? cell(`${r.cost[0].toFixed(3)} (${r.cost[1].toFixed(3)} to ${r.cost[2].toFixed(3)})`, r.cost[0]) : null, 100 * r.tolerance, r.verdict, r.why || null])));
    }
    if (moewire.manyRuns) {
      place.append(table("What the runs were made with, where it differs", ["what", ...runs.map((r) => r.name)], provenance.map(([what, values]) => [what, ...values])));
      place.append(table("Cases of several runs", ["case", "run", "p50 there [s]", `p50 in ${runs[0].name} [s]`, "there against here"], differences.map((d) => [d.key, runs[d.run].name,
        cell(showSeconds(d.other_s), d.other_s), cell(showSeconds(d.first_s), d.first_s), d.said])));
    }
    for (const run of runs) {
      const of = moewire.manyRuns ? `, ${run.name}` : "";
      place.append(table(`What the seed study expects${of}`, ["expected", "found here", "95 % interval", "verdict"], run.expectations));
      if (run.accuracy.length) {
        place.append(table(`How near the cost models were${of}`, ["mode", "model", "exchanges", "median error [%]", "p95 error [%]", "bias [%]", "inside their interval [%]"], run.accuracy.map((a) => [a.mode, a.model + (a.is_rule ? " (rule)" : ""), a.exchanges,
          ...[a.median_error, a.p95_error, a.bias, a.coverage].map((v) => (v === null ? null : cell((100 * v).toFixed(1), 100 * v)))]),
        "Predicted over measured median, less one, for each layer and direction; every prediction was written before the first time of its case. Rules are simpler ones, worked out from the calibration; bound is the port bound."));
      }
      const steps = run.cases.filter((one) => one.steps).flatMap((one) => one.steps.map(([step, s]) => [one.key, step, cell(showSeconds(s), s)]));
      if (steps.length) place.append(table(`Inside a layer${of}`, ["case", "step", "median over iterations of the slowest rank, all layers [s]"], steps, "A sibling pass of mode in_model with every step stamped."));
      const percents = (v) => cell(`${v < 0 ? "" : "+"}${(100 * v).toFixed(1)}`, 100 * v);
      const additions = run.cases.flatMap((one) => (one.additions || []).map(([what, to, ratio, interval]) => [one.key, what, to, percents(ratio), interval && `${(100 * interval[0]).toFixed(1)} to ${(100 * interval[1]).toFixed(1)}`]));
      if (additions.length) place.append(table(`What stamps, permutations and weighted sums add${of}`, ["case", "what", "to", "adds [%]", "95 % interval"], additions, "Sibling passes of mode in_model, in turn: the ratio of two, less one."));
      place.append(table(`The run${of}`, ["what", "value"], run.facts.map(([what, value]) => [what, unfolded(value)])));
    }
  }

  function printing() {
    let before = null;
    const prepare = () => {
      before = { dark: moewire.isDark(), closed: [...document.querySelectorAll("#answer details:not([open])")] };
      setTheme(false);
      before.closed.forEach((d) => { d.open = true; });
      moewire.figures.forEach((f) => { f.isStale = true; });
      return moewire.drawAll();
    };
    const restore = () => {
      if (!before) return;
      setTheme(before.dark);
      before.closed.forEach((d) => { d.open = false; });
      before = null;
      moewire.redraw();
    };
    window.addEventListener("beforeprint", () => { if (!before) prepare(); });
    window.addEventListener("afterprint", restore);
    document.getElementById("print").addEventListener("click", async () => { await prepare(); window.print(); });
  }

  const first = runs[0] ? Object.fromEntries(runs[0].facts) : {};
  document.getElementById("about").textContent = runs.length === 0 ? "" : runs.length > 1 ? runs.map((r) => r.name).join(" · ")
    : [first.gpu && first.gpu !== "none" ? first.gpu : first.cpu, first.ranks && placeOf(first), first.transport, (first.created_utc || "").replace(/T(..:..).*/, " $1 UTC")].filter(Boolean).join(" · ");
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  setTheme(system.matches);
  system.addEventListener("change", (event) => { setTheme(event.matches); moewire.redraw(); });
  document.getElementById("theme").addEventListener("click", () => { setTheme(!moewire.isDark()); moewire.redraw(); });
  if (moewire.cases.length) {
    moewire.buildFilters();
    moewire.buildFigures();
  } else {
    document.getElementById("filters").remove();
    document.getElementById("plots").append(element("p", { class: "empty" }, "No case: no figure."));
  }
  tables();
  printing();
  moewire.ready = true;
})();
