// A click on a head sorts its table, a second one turns the order round. Cells sort by their first number, else as words.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => head.firstElementChild.addEventListener("click", () => {
    const down = head.ariaSort !== "descending";
    heads.forEach((other) => { other.ariaSort = null; });
    head.ariaSort = down ? "descending" : "ascending";
    const key = (row) => {
      const text = row.cells[column].textContent.trim();
      const number = parseFloat(text.replace(/,/g, ""));
      return Number.isNaN(number) ? text : number;
    };
    const order = (a, b) => {
      const [x, y] = [key(a), key(b)];
      if (typeof x !== typeof y) return typeof x === "number" ? -1 : 1;
      const found = typeof x === "number" ? x - y : x.localeCompare(y);
      return down ? -found : found;
    };
    const body = table.tBodies[0];
    body.append(...[...body.rows].sort(order));
  }));
}
