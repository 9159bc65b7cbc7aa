// The legal order of a key, on demand: every operation with the moment at which it may have
// taken effect.

const ORDER_ROWS = 100;

// Ids in order, from their differences.
function orderIds(packed) {
  const from = new Packed(packed), ids = [];
  let id = 0;
  while (!from.done) ids.push((id += from.signed()));
  return ids;
}

class OrderTable {
  constructor(data, operations, { section, choice, table, more, hint }) {
    Object.assign(this, { data, operations, table, more, hint, shown: 0, rows: [] });
    const names = data.orders.map((order) => `${order.key === null ? "the whole history" : `key ${order.key}`} (${countText(order.operations)})`);
    names.forEach((name, index) => choice.append(new Option(name, String(index))));
    choice.addEventListener("change", () => this.choose(Number(choice.value)));
    more.addEventListener("click", () => this.showMore());
    section.addEventListener("toggle", () => { if (section.open && !this.rows.length) this.choose(Number(choice.value)); });
  }

  choose(index) {
    const { operations } = this;
    let point = -Infinity;
    this.rows = orderIds(this.data.orders[index].packed).map((id) => {
      const i = operations.place(id);
      // As early as its invocation and those before it allow.
      if (i >= 0) point = Math.max(point, operations.start[i]);
      return { id, i, point };
    });
    this.shown = 0;
    this.table.replaceChildren();
    this.showMore();
  }

  showMore() {
    const { operations, rows } = this;
    for (const { id, i, point } of rows.slice(this.shown, this.shown + ORDER_ROWS)) {
      const row = element(this.table, "tr");
      this.shown++;
      element(row, "td", "", String(this.shown));
      if (i < 0) {
        element(row, "td", "", `operation ${id}, not on this page`).colSpan = 5;
        continue;
      }
      element(row, "td", "word", operations.label(i));
      const node = operations.name(operations.node[i]);
      element(row, "td", "word", `client ${operations.process[i]}${node === null ? "" : ` → ${node}`}`);
      element(row, "td", "", instantText(operations.start[i], 10));
      element(row, "td", "", operations.outcome(i) === 0 ? instantText(operations.end(i), 10) : "never answered");
      element(row, "td", "", instantText(point, 10));
    }
    const left = rows.length - this.shown;
    this.more.hidden = left <= 0;
    this.more.textContent = `Show ${countText(Math.min(left, ORDER_ROWS))} more of ${countText(left)}`;
  }
}
