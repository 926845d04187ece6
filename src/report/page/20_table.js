// How is a table read? Sorted by any column, copied as cells; numbers sort as numbers.
"use strict";
(function () {
  const { element } = moewire;

  // A cell is a text, a number, or {shown, value}: `value` is what sorting and copying see.
  const shownOf = (cell) => (cell === null || cell === undefined ? "-" : typeof cell === "object" ? cell.shown : String(cell));
  const valueOf = (cell) => (cell !== null && typeof cell === "object" ? cell.value : cell);
  const isNumber = (cell) => typeof valueOf(cell) === "number";

  // `code` between backticks, a number and its unit on one line, several lines where the text has them.
  const withCode = (text) => text.replace(/(\d) %/g, "$1\u00a0%").split("`").map((part, i, all) => (i % 2 && i < all.length - 1 ? element("code", {}, part) : part));

  function compare(a, b) {
    const x = valueOf(a), y = valueOf(b);
    if (x === null || x === undefined) return y === null || y === undefined ? 0 : 1;
    if (y === null || y === undefined) return -1;
    return typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y));
  }

  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = element("textarea", { class: "visually-hidden" });
      area.value = text;
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    document.getElementById("said").textContent = "The table is on the clipboard.";
  }

  const oneLine = (text) => String(text ?? "").replace(/[\t\r\n]+/g, " ");
  moewire.tableText = (columns, rows) =>
    [columns.map((c) => c + ""), ...rows.map((row) => row.map((cell) => oneLine(valueOf(cell))))].map((line) => line.join("\t")).join("\n");

  // `columns`: headings. `rows`: arrays of cells. Returns an element with the table and its button.
  moewire.table = function (title, columns, rows, note) {
    let order = rows.slice();
    const numeric = columns.map((_, c) => rows.length > 0 && rows.every((row) => isNumber(row[c]) || valueOf(row[c]) === null));
    const isName = columns.map((_, c) => rows.every((row) => { const text = shownOf(row[c]); return text.length < 16 || (!text.includes(" ") && text.length < 90); }));
    const classes = columns.map((_, c) => (numeric[c] ? "number" : isName[c] ? "name" : null));
    const body = element("tbody");
    const fill = () => body.replaceChildren(...order.map((row) =>
      element("tr", {}, row.map((cell, c) => element("td", { class: classes[c] }, withCode(shownOf(cell)))))));
    // Cells that show their own unit need none above; what is copied does.
    const saysUnit = columns.map((_, c) => rows.some((row) => row[c] !== null && typeof row[c] === "object" && /[a-zµ]/i.test(row[c].shown)));
    const headings = columns.map((name, c) => element("th", { scope: "col", class: numeric[c] ? "number" : null },
      element("button", { type: "button", onclick: () => sort(c) }, withCode(saysUnit[c] ? name.replace(/ \[(s|B)\]$/, "") : name))));
    function sort(c) {
      const up = headings[c].getAttribute("aria-sort") !== "ascending";
      headings.forEach((h) => h.removeAttribute("aria-sort"));
      headings[c].setAttribute("aria-sort", up ? "ascending" : "descending");
      order = rows.slice().sort((a, b) => (up ? 1 : -1) * compare(a[c], b[c]));
      fill();
    }
    fill();
    const button = element("button", { type: "button", onclick: () => copy(moewire.tableText(columns, order)) }, "Copy");
    return element("div", { class: "table" },
      element("div", { class: "bar" }, title ? element("h3", {}, title) : null, button), note ? element("p", { class: "note" }, note) : null,
      element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": title || "numbers" },
        element("table", {}, element("thead", {}, element("tr", {}, headings)), body)));
  };
})();
