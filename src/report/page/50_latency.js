// How long do exchanges take, and who waits? Distributions of each case, and both halves of every rank's time.
"use strict";
(function () {
  const { plain } = moewire;
  const place = () => moewire.filter.layer + 1;
  const layerText = () => (moewire.filter.layer < 0 ? "all layers of a pass" : `layer ${moewire.filter.layer}`);
  const withLayer = (cases) => cases.filter((one) => one.ecdf.length > place());

  moewire.figure({
    id: "latency", title: "How long the exchanges take: distribution over iterations",
    note: "Dispatch and combine, of each the slowest rank from the last rank's entry on. Further left is faster; a long foot to the right is a long tail.",
    build() {
      const { shown, note } = moewire.firstOf(withLayer(moewire.chosenMeasured()), 12, "cases");
      if (!shown.length) return "No measured case passes the filters.";
      const { factor, unit } = moewire.timeUnit(shown.map((one) => one.ecdf[place()][Math.floor(one.ecdf[place()].length / 2)]));
      const traces = shown.map((one) => {
        const points = one.ecdf[place()], s = moewire.styleOf(one), n = points.length;
        return {
          type: "scatter", mode: "lines+markers", name: plain(moewire.nameOf(one)), x: points.map((v) => v / factor), y: points.map((_, i) => (i + 1) / n),
          line: { color: moewire.colour(s), dash: moewire.dash(s), width: 2, shape: "hv" },
          marker: { symbol: moewire.marker(s), size: 7, color: moewire.colour(s), maxdisplayed: 8 },
          hovertemplate: `${plain(moewire.nameOf(one))}<br>%{y:.0%} of iterations within %{x:.4g} ${unit}<extra></extra>`,
        };
      });
      // From zero where that costs little room; else from what is least.
      const least = Math.min(...shown.map((one) => one.ecdf[place()][0])), most = Math.max(...shown.map((one) => one.ecdf[place()][one.ecdf[place()].length - 1]));
      const from = least < 0.35 * most ? 0 : least - 0.04 * (most - least), range = [from / factor, (most + 0.03 * (most - from)) / factor];
      const ofGpu = shown.some((one) => one.clock === "gpu") ? "Entered and left by each GPU's own stream, on its own clock. " : "";
      const quantile = (one, f) => one.ecdf[place()][Math.max(0, Math.ceil(f * one.ecdf[place()].length - 1e-9) - 1)];
      return {
        traces, note: ofGpu + note,
        layout: { xaxis: moewire.axis(`exchanges of ${layerText()} [${unit}]`, { range }), yaxis: moewire.axis("share of iterations [1]", { range: [0, 1.02] }) },
        columns: ["case", "least [s]", "p50 [s]", "p95 [s]", "p99 [s]", "largest [s]"],
        rows: shown.map((one) => [moewire.nameOf(one), ...[1e-9, 0.5, 0.95, 0.99, 1].map((f) => quantile(one, f))]),
      };
    },
  });

  moewire.figure({
    id: "waits", title: "Waiting and transfer of every rank",
    note: "Median over iterations. Transfer counts from the last rank's entry; waiting before it is somebody else's lateness, not this exchange's cost.",
    build() {
      const { shown, note } = moewire.firstOf(withLayer(moewire.chosenMeasured()), 8, "cases");
      if (!shown.length) return "No measured case passes the filters.";
      const both = shown.flatMap((one) => one.wait_s[place()].map((w, r) => w + one.transfer_s[place()][r]));
      const { factor, unit } = moewire.timeUnit(both);
      const names = [], ranks = [], wait = [], transfer = [];
      for (const one of shown) {
        one.wait_s[place()].forEach((w, r) => {
          names.push(plain(moewire.nameOf(one)));
          ranks.push(`${r}`);
          wait.push(w / factor);
          transfer.push(one.transfer_s[place()][r] / factor);
        });
      }
      const bar = (name, y, colour, hatch) => ({
        type: "bar", name, x: [names, ranks], y, marker: { color: colour, pattern: { shape: hatch, fillmode: "overlay", fgcolor: moewire.isDark() ? "#fff" : "#000", size: 8, solidity: 0.12 } },
        hovertemplate: `%{x}: %{y:.4g} ${unit}<extra>${name}</extra>`,
      });
      return {
        traces: [bar("transfer", transfer, moewire.colour(0), ""), bar("wait for the last rank", wait, moewire.colour(7), "/")], note,
        layout: { barmode: "stack", bargap: 0.15, xaxis: moewire.axis("rank, by case", { tickangle: 0, tickfont: { size: 11 } }), yaxis: moewire.axis(`${layerText()} [${unit}]`) },
        columns: ["case", "rank", "wait [s]", "transfer [s]"],
        rows: shown.flatMap((one) => one.wait_s[place()].map((w, r) => [moewire.nameOf(one), r, w, one.transfer_s[place()][r]])),
      };
    },
  });
})();
