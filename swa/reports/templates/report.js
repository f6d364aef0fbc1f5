"use strict";
(() => {
  const root = document.documentElement;

  // Colours: the reader's choice for this page, else the system's.
  const button = document.getElementById("theme");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme || (dark.matches ? "dark" : "light")) === "dark";
  const label = () => {
    button.textContent = isDark() ? "Light" : "Dark";
    button.setAttribute("aria-label", isDark() ? "Show in light colours" : "Show in dark colours");
  };
  button.hidden = false;
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    label();
  });
  dark.addEventListener("change", label);
  label();

  // On a narrow screen the contents stand above the report: closed until asked for.
  if (matchMedia("(max-width: 72rem)").matches) document.getElementById("contents").open = false;

  // Tables: a button in each heading sorts; what has no value is last in either direction.
  const key = (row, column) => row.cells[column].dataset.sort;
  const compare = (numeric, direction) => (a, b) => {
    if (a === "" || b === "") return (a === "") - (b === "");
    return direction * (numeric ? Number(a) - Number(b) : a.localeCompare(b, "en", { numeric: true }));
  };
  const sort = (table, heading) => {
    const headings = [...table.tHead.rows[0].cells];
    const column = headings.indexOf(heading);
    const rows = [...table.tBodies[0].rows];
    const given = rows.map((row) => key(row, column)).filter((value) => value !== "");
    const numeric = given.every((value) => !Number.isNaN(Number(value)) && !value.endsWith(" "));
    const sorted = heading.getAttribute("aria-sort");
    const descending = sorted === null ? numeric : sorted === "ascending";
    headings.forEach((other) => other.removeAttribute("aria-sort"));
    heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
    const order = compare(numeric, descending ? -1 : 1);
    rows.sort((a, b) => order(key(a, column), key(b, column)));
    table.tBodies[0].append(...rows);
  };
  for (const table of document.querySelectorAll(".sortable table")) {
    for (const heading of table.tHead.rows[0].cells) {
      const control = document.createElement("button");
      control.type = "button";
      control.append(...heading.childNodes);
      heading.append(control);
      control.addEventListener("click", () => sort(table, heading));
    }
  }

  // Filters: a row stays when it holds every word.
  for (const tools of document.querySelectorAll(".tools")) {
    const rows = [...tools.parentElement.querySelector("tbody").rows];
    const said = tools.querySelector("output");
    tools.hidden = false;
    tools.querySelector("input").addEventListener("input", (event) => {
      const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const row of rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
        shown += !row.hidden;
      }
      said.textContent = words.length ? `${shown} of ${rows.length} rows` : "";
    });
  }

  // On paper nothing stays folded; afterwards all is as it was.
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details:not([open])")];
    folded.forEach((one) => (one.open = true));
  });
  addEventListener("afterprint", () => folded.forEach((one) => (one.open = false)));
})();
