// Names of columns for the cells, which phones show as cards, and keys for tables that scroll.
document.addEventListener("DOMContentLoaded", () => {
  for (const table of document.querySelectorAll("article table:not([class])")) {
    const names = [...table.querySelectorAll("thead th")].map((cell) => cell.textContent.trim());
    for (const row of table.querySelectorAll("tbody tr"))
      [...row.cells].forEach((cell, column) => (cell.dataset.label = names[column] ?? ""));
  }
});

window.addEventListener("load", () => {
  for (const region of document.querySelectorAll(".md-typeset__scrollwrap, article pre > code"))
    if (region.scrollWidth > region.clientWidth) region.tabIndex = 0;
});
