// How does a figure come about? Drawn when it is looked at, again when filters or light change, numbers beside it.
"use strict";
(function () {
  const { element } = moewire;

  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  moewire.axis = (title, more) => ({
    title: { text: title, standoff: 8, font: { size: 13 } }, gridcolor: css("--line"), zerolinecolor: css("--line"), linecolor: css("--quiet"), automargin: true, ...more,
  });
  const layoutOf = (more) => ({
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { color: css("--text"), family: "system-ui, Liberation Sans, DejaVu Sans, sans-serif", size: 13 },
    hoverlabel: { font: { size: 13 }, align: "left", namelength: -1 }, margin: { l: 64, r: 16, t: 40, b: 52 }, height: 430,
    modebar: { bgcolor: "rgba(0,0,0,0)", color: css("--quiet"), activecolor: css("--accent") },
    legend: { orientation: "v", x: 1.01, y: 1, xanchor: "left", font: { size: 12 }, tracegroupgap: 0 }, ...more,
  });
  const config = {
    displaylogo: false, responsive: true, modeBarButtonsToRemove: ["lasso2d", "select2d", "autoScale2d"],
    toImageButtonOptions: { format: "svg" },
  };

  // spec: {id, title, note, build(): {traces, layout, columns, rows} or a text that says why there is nothing}
  moewire.figure = (spec) => moewire.figures.push(spec);

  function say(figure, text) {
    if (figure.isDrawn) Plotly.purge(figure.plot);
    figure.isDrawn = false;
    figure.plot.replaceChildren(element("p", { class: "empty" }, text));
    figure.numbers.hidden = true;
  }

  // The library is large: it is read when the page stands, before the first figure.
  let state = "unread";
  moewire.readLibrary = function () {
    if (state !== "unread") return;
    state = "read";
    const source = document.getElementById("library");
    const script = document.createElement("script");
    script.nonce = source.nonce;
    script.textContent = source.textContent;
    document.head.append(script);
  };

  function draw(figure) {
    moewire.readLibrary();
    figure.isStale = false;
    const built = figure.build();
    if (typeof built === "string") return say(figure, built);
    figure.numbers.hidden = false;
    figure.columns = built.columns;
    figure.rows = built.rows;
    if (figure.numbers.open) fillNumbers(figure);
    if (built.note !== undefined) figure.noteBelow.textContent = built.note;
    if (typeof Plotly === "undefined") {  // the report was made where there was none
      figure.plot.replaceChildren(element("p", { class: "empty" }, "Drawn only where plotly was found when the report was made; the numbers are below."));
      figure.numbers.open = true;
      return undefined;
    }
    if (!figure.isDrawn) figure.plot.replaceChildren();
    figure.isDrawn = true;
    return Plotly.react(figure.plot, built.traces, layoutOf(built.layout), { ...config, toImageButtonOptions: { format: "svg", filename: figure.id } });
  }

  const fillNumbers = (figure) => figure.numbers.lastChild.replaceChildren(moewire.table("", figure.columns, figure.rows));

  function place(figure) {
    figure.plot = element("div", { class: "plot", role: "img", "aria-label": `${figure.title}. Its numbers are in the table below it.` });
    figure.noteBelow = element("p", { class: "note" });
    figure.numbers = element("details", { class: "numbers", ontoggle: () => { if (figure.numbers.open && figure.columns) fillNumbers(figure); } },
      element("summary", {}, "Numbers"), element("div"));
    figure.isStale = true;
    figure.section = element("section", { class: "figure", id: `figure-${figure.id}` }, element("h3", {}, figure.title),
      element("p", { class: "note" }, figure.note), figure.extra ? figure.extra() : null, figure.plot, figure.noteBelow, figure.numbers);
    return figure.section;
  }

  moewire.drawOne = (id) => Promise.resolve(draw(moewire.figures.find((f) => f.id === id)));
  moewire.drawAll = () => Promise.all(moewire.figures.filter((f) => f.isStale).map(draw));
  moewire.redraw = function () {
    for (const figure of moewire.figures) {
      figure.isStale = true;
      if (figure.isSeen) draw(figure);
    }
    if (moewire.fillCases) moewire.fillCases();
  };

  moewire.buildFigures = function () {
    const plots = document.getElementById("plots");
    plots.append(...moewire.figures.map(place));
    // After the first picture of the page is on the screen.
    const later = (work) => requestAnimationFrame(() => setTimeout(work));
    const seen = new IntersectionObserver((entries) => later(() => {
      for (const entry of entries) {
        const figure = moewire.figures.find((f) => f.section === entry.target);
        figure.isSeen = entry.isIntersecting;
        if (figure.isSeen && figure.isStale) draw(figure);
      }
    }), { rootMargin: "300px" });
    later(moewire.readLibrary);
    moewire.figures.forEach((figure) => seen.observe(figure.section));
  };

  // At most so many of a list, and words for those left out.
  moewire.firstOf = (list, most, what) => ({
    shown: list.slice(0, most),
    note: list.length > most ? `The first ${most} of ${list.length} ${what} are drawn; the filters choose others.` : "",
  });

  // Places of small pictures in rows of `columns`: domains for axes x1, x2, ...
  moewire.grid = function (count, columns, gapX = 0.06, gapY = 0.16) {
    const across = Math.min(count, columns), down = Math.ceil(count / across);
    const width = (1 - gapX * (across - 1)) / across, height = (1 - gapY * (down - 1)) / down;
    const cells = [];
    for (let i = 0; i < count; ++i) {
      const x = (i % across) * (width + gapX), top = 1 - Math.floor(i / across) * (height + gapY);
      cells.push({ x: [x, Math.min(1, x + width)], y: [Math.max(0, top - height), top], suffix: i === 0 ? "" : String(i + 1) });
    }
    return { cells, down };
  };
  moewire.heading = (cell, text) => ({
    text: moewire.plain(text), x: (cell.x[0] + cell.x[1]) / 2, y: cell.y[1], xref: "paper", yref: "paper", xanchor: "center", yanchor: "bottom", showarrow: false, font: { size: 12 },
  });
})();
