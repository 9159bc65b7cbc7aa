// The legal order of a key, on demand: every operation with the moment at which it may have
// taken effect.

const ORDER_ROWS = 100;

// Ids in order, and how long after their invocation they may take effect.
function orderSteps(packed) {
  const from = new Packed(packed), steps = [];
  let id = 0;
  while (!from.done) steps.push({ id: (id += from.signed()), after: from.unsigned() });
  return steps;
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
    const order = this.data.orders[index];
    this.rows = orderSteps(order.packed).map(({ id, after }) => {
      const i = operations.place(id);
      return { id, i, point: i < 0 ? null : operations.start[i] + after };
    });
    this.hint.textContent = order.apart ? "The parts of this key, such as the elements of a set, are judged each by itself: what follows is an order for each of them, one after another." : "";
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
      element(row, "td", "", operations.outcome(i) === 0 ? instantText(operations.end(i), 10) : "outcome unknown");
      element(row, "td", "", instantText(point, 10));
    }
    const left = rows.length - this.shown;
    this.more.hidden = left <= 0;
    this.more.textContent = `Show ${countText(Math.min(left, ORDER_ROWS))} more of ${countText(left)}`;
  }
}
