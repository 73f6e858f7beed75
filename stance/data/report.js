"use strict";
// Sorting: a button in each header; a second press turns it round. Numbers sort as numbers, a dash last.
const number = (text) => { const found = parseFloat(text.replace("−", "-").replace(",", "")); return Number.isNaN(found) ? null : found; };
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0], heads = table.tHead ? [...table.tHead.rows[table.tHead.rows.length - 1].cells] : [];
  if (!body || body.rows.length < 2) continue;
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const turn = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", turn === 1 ? "ascending" : "descending");
      const value = (row) => { const cell = row.cells[column]; return cell ? (cell.dataset.value ?? cell.textContent.trim()) : ""; };
      const rows = [...body.rows].map((row, at) => ({ row, at, text: value(row), n: number(value(row)) }));
      const numeric = rows.some((r) => r.n !== null) && rows.every((r) => r.n !== null || ["", "–", "NaN"].includes(r.text));
      rows.sort((p, q) => {
        if (numeric && (p.n === null || q.n === null)) return (p.n === null) - (q.n === null) || p.at - q.at;
        return turn * (numeric ? p.n - q.n : p.text.localeCompare(q.text)) || p.at - q.at;
      });
      body.append(...rows.map((r) => r.row));
    });
  });
}
// Filters of the quotes: words anywhere in the row, and the group.
const words = document.getElementById("filter-words"), group = document.getElementById("filter-group");
const shown = document.getElementById("filter-count"), quotes = document.getElementById("quotes-table");
if (words && quotes) {
  document.getElementById("filters").hidden = false;
  const filter = () => {
    const wanted = words.value.trim().toLocaleLowerCase();
    let count = 0;
    for (const row of quotes.tBodies[0].rows) {
      const fits = (!group.value || row.dataset.group === group.value) && row.textContent.toLocaleLowerCase().includes(wanted);
      row.hidden = !fits;
      count += fits;
    }
    shown.textContent = `${count} of ${quotes.tBodies[0].rows.length} quotes shown`;
  };
  words.addEventListener("input", filter);
  group.addEventListener("change", filter);
  filter();
}
