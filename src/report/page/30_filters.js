// Which cases are looked at? One row of filters over all figures and the table of cases.
"use strict";
(function () {
  const { element, cases } = moewire;
  const every = "all";
  const fields = [
    ["run", "Run", (one) => one.runName], ["model", "Model", (one) => one.model], ["text", "Text", (one) => one.text],
    ["plan", "Planned on", (one) => one.plan], ["mode", "Mode", (one) => one.mode], ["shape", "Shape", (one) => one.shape],
    ["transport", "Transport", (one) => one.transport], ["policy", "Policy", (one) => one.policy], ["payload", "Payload", (one) => one.payload],
  ];
  const state = { layer: -1, strategies: new Set(cases.map((one) => one.strategy)) };
  const measured = cases.filter((one) => one.p50);
  const layers = Math.max(0, ...cases.map((one) => (one.ecdf ? one.ecdf.length - 1 : 0)));

  // The first measured comparison is shown, so that curves can be told apart; the rest is one choice away.
  function initial(name, of, options) {
    if (options.length === 1) return options[0];
    const first = measured[0];
    return first && ["model", "text", "plan", "mode"].includes(name) ? of(first) : every;
  }

  function changed() {
    moewire.redraw();
    describe();
  }

  function select([name, title, of]) {
    const options = moewire.unique(cases.map(of));
    state[name] = initial(name, of, options);
    const choice = element("select", { id: `filter-${name}`, title: options.length === 1 ? options[0] : null, onchange: (event) => { state[name] = event.target.value; changed(); } },
      options.length > 1 ? element("option", { value: every }, every) : null,
      options.map((value) => element("option", { value, selected: value === state[name] }, value)));
    if (name === "run" && options.length === 1) return null;
    return element("label", {}, title, choice);
  }

  function strategies() {
    const names = moewire.unique(cases.map((one) => one.strategy));
    const count = element("summary", {}, `${names.length} of ${names.length}`);
    const boxes = [];
    const set = (name, on) => {
      if (on) state.strategies.add(name);
      else state.strategies.delete(name);
      count.textContent = `${state.strategies.size} of ${names.length}`;
    };
    const all = (on) => { boxes.forEach((box) => { box.checked = on; }); names.forEach((name) => set(name, on)); changed(); };
    const lines = names.map((name) => {
      const box = element("input", { type: "checkbox", checked: true, onchange: (event) => { set(name, event.target.checked); changed(); } });
      box.dataset.strategy = name;
      boxes.push(box);
      return element("label", {}, box, name);
    });
    const list = element("details", { id: "filter-strategies" }, count, element("div", {},
      element("button", { type: "button", onclick: () => all(true) }, "All"), " ",
      element("button", { type: "button", onclick: () => all(false) }, "None"), lines));
    list.addEventListener("keydown", (event) => { if (event.key === "Escape") { list.open = false; count.focus(); } });
    document.addEventListener("click", (event) => { if (!list.contains(event.target)) list.open = false; });
    return element("fieldset", { style: "border:0;padding:0;margin:0" }, element("span", {}, "Strategies"), list);
  }

  function slider() {
    const shown = element("output", { id: "layer-shown" }, "all layers");
    const range = element("input", { type: "range", id: "filter-layer", min: -1, max: Math.max(-1, layers - 1), step: 1, value: -1, disabled: layers < 1,
      "aria-valuetext": "all layers",
      oninput: (event) => {
        state.layer = Number(event.target.value);
        const one = measured.find((c) => c.ecdf.length - 1 > state.layer);
        shown.textContent = state.layer < 0 ? "all layers" : moewire.layerName(one, state.layer);
        range.setAttribute("aria-valuetext", shown.textContent);
        changed();
      } });
    return element("label", {}, element("span", {}, "Layer: ", shown), range);
  }

  moewire.filter = state;
  const passes = (one, without) => fields.every(([name, , of]) => name === without || state[name] === every || of(one) === state[name]) && state.strategies.has(one.strategy);
  // Cases that pass the filters; `without` names one that does not count.
  moewire.chosen = (without) => cases.filter((one) => passes(one, without));
  moewire.chosenMeasured = (without) => moewire.chosen(without).filter((one) => one.p50);

  function describe() {
    const all = moewire.chosen(), n = all.filter((one) => one.p50).length;
    const others = all.length - n;
    document.getElementById("chosen").textContent = `${n} measured ${n === 1 ? "case" : "cases"} chosen` +
      (others > 0 ? `, and ${others} that ${others === 1 ? "was" : "were"} not measured` : "") + ".";
  }

  moewire.buildFilters = function () {
    const form = document.getElementById("filters");
    form.addEventListener("submit", (event) => event.preventDefault());
    form.append(...fields.map(select).filter(Boolean), strategies(), slider());
    describe();
  };
})();
