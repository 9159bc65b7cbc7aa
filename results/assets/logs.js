// Lines of the nodes' logs: those of the stretch that the axis shows, those that hold a word.

const LOG_ROWS_MAX = 200;

class LogList {
  constructor(data, { list, filter, summary }, goTo) {
    Object.assign(this, { data, list, filter, summary, goTo });
    filter.addEventListener("input", () => this.show(this.axis));
  }

  show(axis) {
    this.axis = axis;
    const { data, list, filter } = this;
    const words = filter.value.toLowerCase();
    const inView = data.log.filter(([time]) => time >= axis.from && time <= axis.to);
    const wanted = inView.filter(([, node, , text]) => !words || `${data.nodes[node].node} ${text}`.toLowerCase().includes(words));
    this.summary.textContent = words
      ? `Log lines in view with these words: ${countText(wanted.length)} of ${countText(inView.length)}`
      : `Log lines in view: ${countText(inView.length)}${this.kept()}`;
    list.replaceChildren();
    for (const line of wanted.slice(0, LOG_ROWS_MAX)) this.row(line);
    const more = wanted.length - LOG_ROWS_MAX;
    if (more > 0) element(list, "li", "more", `and ${countText(more)} more: zoom in or filter`);
    if (!wanted.length) element(list, "li", "more", data.log.length ? "No such line in what the axis shows." : "The nodes left no log whose lines tell the time.");
  }

  // How many of all lines the page has, where it has not all.
  kept() {
    const { log, log_lines: all } = this.data;
    return log.length < all ? ` (the page has ${countText(log.length)} of ${countText(all)})` : "";
  }

  row([time, node, number, text, trouble]) {
    const item = element(this.list, "li", trouble === null ? "" : "trouble");
    const at = element(item, "button", "", instantText(time, 1000));
    at.type = "button";
    at.title = "Show this moment in the replay";
    at.addEventListener("click", () => this.goTo(time));
    element(item, "b", "", this.data.nodes[node].node);
    element(item, "span", "", trouble === null ? text : `${trouble}: ${text}`).title = `line ${number} of its log`;
  }
}
