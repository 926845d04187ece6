// What does every part of the page share? The data, numbers with units, the palette, and elements.
"use strict";
const moewire = { data: JSON.parse(document.getElementById("data").textContent), figures: [], ready: false };

(function () {
  // Okabe and Ito's palette, which the colour-blind tell apart, and two of Tol's; dashes, markers and hatches say the same again.
  moewire.colours = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d31", "#7f7f7f", "#882255", "#999933"];
  moewire.darkColours = ["#4aa8e0", "#ff8a3d", "#2fc99a", "#e29bc4", "#f2b630", "#8fd0f5", "#c7a35c", "#b0b0b0", "#d26aa0", "#c9c95a"];
  moewire.dashes = ["solid", "dash", "dot", "dashdot", "longdash", "longdashdot"];
  moewire.markers = ["circle", "square", "triangle-up", "diamond", "x", "cross", "star", "hexagon", "triangle-down", "pentagon"];
  moewire.hatches = ["", "/", "x", "-", "|", "+", ".", "\\"];

  moewire.isDark = () => document.documentElement.dataset.theme === "dark";
  moewire.colour = (i) => (moewire.isDark() ? moewire.darkColours : moewire.colours)[i % moewire.colours.length];
  // Beyond ten, colours come again with another dash, marker and hatch.
  moewire.dash = (i) => moewire.dashes[(i + Math.floor(i / moewire.colours.length)) % moewire.dashes.length];
  moewire.marker = (i) => moewire.markers[(i + Math.floor(i / moewire.colours.length)) % moewire.markers.length];
  moewire.hatch = (i) => moewire.hatches[i % moewire.hatches.length];

  // A name as plotly shows it: plotly reads a few tags and entities, and a name may hold either.
  moewire.plain = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

  // Names of anybody go in as text, never as markup.
  moewire.element = function (tag, attributes, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (name === "class") made.className = value;
      else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else if (value === true) made.setAttribute(name, "");
      else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
    }
    for (const child of children.flat()) {
      if (child !== null && child !== undefined) made.append(child);
    }
    return made;
  };

  const times = [[1, "s"], [1e-3, "ms"], [1e-6, "µs"], [1e-9, "ns"]];
  const sizes = [[2 ** 30, "GiB"], [2 ** 20, "MiB"], [2 ** 10, "KiB"], [1, "B"]];
  const scaleFor = (scales, largest) => scales.find(([factor]) => largest >= factor) || scales[scales.length - 1];
  // {factor, unit} in which the largest of some values is a number of one to three digits.
  moewire.timeUnit = (values) => {
    const [factor, unit] = scaleFor(times, Math.max(0, ...values.filter(Number.isFinite).map(Math.abs)));
    return { factor, unit };
  };
  moewire.byteUnit = (largest) => {
    const [factor, unit] = scaleFor(sizes, largest);
    return { factor, unit };
  };
  const digits = (value) => Number(value.toPrecision(3)).toString();
  moewire.showSeconds = (s) => {
    if (s === null || s === undefined) return "-";
    const [factor, unit] = scaleFor(times, Math.abs(s));
    return `${digits(s / factor)} ${unit}`;
  };
  moewire.showBytes = (b) => {
    const [factor, unit] = scaleFor(sizes, Math.abs(b));
    return `${digits(b / factor)} ${unit}`;
  };
  moewire.showInterval = (q) => (q === null || q === undefined ? "-"
    : q[1] === null ? `${moewire.showSeconds(q[0])} (n = ${q[3]}: too few)`
      : `${moewire.showSeconds(q[0])} (${moewire.showSeconds(q[1])} to ${moewire.showSeconds(q[2])})`);
  moewire.showPercent = (ratio, places = 1) => (ratio === null || ratio === undefined ? "-" : `${(100 * ratio).toFixed(places)} %`);
  moewire.unique = (values) => [...new Set(values)];

  // Every case of every run, with its run beside it.
  moewire.cases = moewire.data.runs.flatMap((run, index) => run.cases.map((one) => ({ ...one, run: index, runName: run.name })));
  moewire.array = (place) => moewire.data.arrays[place];
  moewire.manyRuns = moewire.data.runs.length > 1;

  // The same colour, dash and marker for a label wherever it stands.
  const labels = moewire.unique(moewire.cases.map((one) => one.label));
  moewire.styleOf = (one) => labels.indexOf(one.label) + (moewire.manyRuns ? one.run * labels.length : 0);
  const saysRun = () => moewire.manyRuns && moewire.filter.run === "all";
  moewire.nameOf = (one) => one.label + (one.is_bound ? " [bound]" : "") + (saysRun() ? ` · ${one.runName}` : "");
  moewire.layerName = (one, layer) => {
    const ofBatch = Math.max(1, one.exchanges.length / 2 / (one.batches || 1));
    return one.batches > 1 ? `batch ${Math.floor(layer / ofBatch)}, layer ${layer % ofBatch}` : `layer ${layer}`;
  };
})();
