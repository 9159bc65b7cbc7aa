// The run on its time axis: lays the lanes out, and answers pointer and keys.

class RunView {
  constructor(svg, { data, operations, clients, readout, changed, picked }) {
    Object.assign(this, { svg, data, operations, clients, readout, changed, picked, cursor: null });
    this.faultRows = faultRows(data.faults);
    this.axis = new Axis(data.duration, () => this.schedule());
    this.pending = false;
    this.schedule();
    this.wirePointer();
    this.wireKeys();
  }

  // Draws once a frame however often it is asked to.
  schedule() {
    this.svg.dataset.from = String(Math.round(this.axis.from));
    this.svg.dataset.to = String(Math.round(this.axis.to));
    if (this.pending) return;
    this.pending = true;
    requestAnimationFrame(() => {
      this.pending = false;
      this.redraw();
    });
  }

  redraw() {
    const { svg, axis, data } = this;
    svg.replaceChildren();
    const width = svg.clientWidth;
    axis.left = width < 560 ? 58 : 84;
    axis.right = width - 2;
    drawPatterns(svg);
    const ground = draw(svg, "g", {}), lanes = draw(svg, "g", {});
    const faultsTop = 18;
    let top = faultsTop + faultRowsHeight(this.faultRows);
    top += drawNodes(lanes, axis, data, top);
    top += drawRate(lanes, axis, data, top);
    top += drawLatency(lanes, axis, data, top);
    if (data.contradiction) top += drawContradictionLane(lanes, axis, data.contradiction, top);
    top += this.drawClientLane(lanes, top, width);
    this.bottom = top;
    this.drawTicks(ground, top);
    // The marker first, so that it leaves the names of the faults legible.
    if (data.contradiction) this.drawMarker(lanes, top);
    drawFaults(lanes, axis, data, this.faultRows, faultsTop, top);
    svg.setAttribute("height", top + 22);
    this.drawCursor();
    this.changed(axis);
  }

  drawClientLane(g, top, width) {
    const { axis, clients, operations } = this;
    if (!operations.lanes) return 0;
    laneLabel(g, axis, top + 12, "clients");
    const drawn = clients.draw(axis, top, width);
    clients.groups().forEach(([node, first], k, all) => {
      const room = ((all[k + 1]?.[1] ?? operations.lanes) - first) * clients.pitch;
      if (room >= 9 && node !== null) draw(draw(g, "g", {}), "text", { x: axis.left - 6, y: top + first * clients.pitch + Math.min(room / 2 + 4, 20), "text-anchor": "end" }, fitText(node, axis.left - 56));
    });
    this.share = operations.total > operations.shown ? `${countText(drawn)} single operations drawn here, of ${countText(operations.shown)} on this page` : null;
    return clients.height + 8;
  }

  drawTicks(g, bottom) {
    const { axis } = this;
    const { step, times } = axis.ticks();
    for (const time of times) {
      const x = axis.x(time);
      draw(g, "line", { x1: x, x2: x, y1: 16, y2: bottom, stroke: colour("line") });
      const text = instantText(time, step), half = textWidth(text) / 2;
      draw(g, "text", { x: Math.min(Math.max(x, half), axis.right - half), y: bottom + 16, "text-anchor": "middle", class: "tick" }, text);
    }
  }

  drawMarker(g, bottom) {
    const { axis } = this, time = this.data.contradiction.complete;
    if (time < axis.from || time > axis.to) return;
    const x = axis.x(time), text = "✗ contradiction", width = textWidth(text) * 1.1;
    draw(g, "line", { x1: x, x2: x, y1: 14, y2: bottom, stroke: colour("bad"), "stroke-width": 2, "stroke-dasharray": "6 3" });
    const flip = x + width + 6 > axis.right;
    draw(g, "text", { x: flip ? x - 5 : x + 5, y: 12, "text-anchor": flip ? "end" : "start", style: "fill:var(--bad);font-weight:600" }, text);
  }

  // Where the replay stands.
  setCursor(time) {
    this.cursor = time;
    this.drawCursor();
  }

  drawCursor() {
    this.line?.remove();
    const { axis, cursor } = this;
    if (cursor === null || cursor < axis.from || cursor > axis.to) return;
    const x = axis.x(cursor), { contradiction } = this.data;
    // The marker of the contradiction is line enough.
    const top = contradiction && Math.abs(axis.x(contradiction.complete) - x) < 2 ? this.bottom : 16;
    this.line = draw(this.svg, "path", { d: `M${x} ${top}V${this.bottom}l-5 7h10l-5 -7z`, stroke: colour("ink"), fill: colour("ink"), "stroke-width": 1.2, "pointer-events": "none" });
  }

  jump() {
    const { operations, complete } = this.data.contradiction;
    const starts = operations.map((op) => op.start_ns / 1e3);
    const from = Math.min(...starts), span = Math.max(complete - from, 1000);
    this.axis.show(from - span * 0.15, complete + span * 0.15);
  }

  // What was going on at a point of the run, in words.
  describe(time, x, y) {
    const { axis, data } = this;
    const column = columns(axis, data, 6).find((c) => time >= c.start && time < c.end);
    const parts = [instantText(time, (axis.to - axis.from) / 500)];
    const i = this.clients.at(axis, x, y);
    if (i >= 0) parts.push(this.operations.sentence(i));
    if (column) {
      parts.push(`${rateText(sum(data.ok, column) / ((column.end - column.start) / 1e6))} ok/s`);
      const p50 = quantile(data, column, 0.5);
      if (p50 !== null) parts.push(`p50 ${durationText(p50)}, p99 ${durationText(quantile(data, column, 0.99))}`);
    }
    for (const lane of data.nodes) {
      const span = lane.spans.find(([start, end]) => time >= start && time < end);
      if (span && !["follower", "up"].includes(span[2])) parts.push(`${lane.node} ${span[2]}${span[3] == null ? "" : `, term ${span[3]}`}`);
    }
    const force = data.faults.filter((f) => time >= f.start && time < f.end).map((f) => f.label);
    if (force.length) parts.push(`in force: ${force.join("; ")}`);
    if (this.share) parts.push(this.share);
    return parts.join(" · ");
  }

  place(event) {
    const box = this.svg.getBoundingClientRect();
    return [Math.min(Math.max(event.clientX - box.left, this.axis.left), this.axis.right), event.clientY - box.top];
  }

  wirePointer() {
    const { svg, axis } = this;
    let dragFrom = null, shade = null;
    svg.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      dragFrom = this.place(event)[0];
      svg.setPointerCapture(event.pointerId);
    });
    svg.addEventListener("pointermove", (event) => {
      const [x, y] = this.place(event);
      this.readout.textContent = this.describe(axis.time(x), x, y);
      if (dragFrom === null) return;
      // A drawing made anew meanwhile has lost it.
      if (!shade?.isConnected) shade = draw(svg, "rect", { y: 16, height: this.bottom - 16, fill: colour("ok"), opacity: 0.18 });
      shade.setAttribute("x", Math.min(x, dragFrom));
      shade.setAttribute("width", Math.abs(x - dragFrom));
    });
    const end = (event) => {
      const [x] = this.place(event), from = dragFrom;
      dragFrom = null;
      shade?.remove();
      shade = null;
      if (from === null || event.type !== "pointerup") return;
      // A click is no drag: it says which moment to look at.
      if (Math.abs(x - from) > 4) axis.show(axis.time(Math.min(x, from)), axis.time(Math.max(x, from)));
      else this.picked(axis.time(x));
    };
    svg.addEventListener("pointerup", end);
    svg.addEventListener("pointercancel", end);
    svg.addEventListener("dblclick", () => axis.reset());
    // Like a map: with a modifier, so that the page still scrolls.
    svg.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.shiftKey) return;
      event.preventDefault();
      const [x] = this.place(event), by = event.deltaY || event.deltaX;
      const middle = axis.time(x), factor = by > 0 ? 1.25 : 0.8;
      axis.show(middle - (middle - axis.from) * factor, middle + (axis.to - middle) * factor);
    }, { passive: false });
  }

  wireKeys() {
    const { axis } = this;
    const onAxis = {
      "+": () => axis.zoom(0.5), "=": () => axis.zoom(0.5), "-": () => axis.zoom(2),
      ArrowLeft: () => axis.pan(-0.25), ArrowRight: () => axis.pan(0.25), 0: () => axis.reset(), Home: () => axis.reset(),
    };
    this.svg.addEventListener("keydown", (event) => {
      const action = onAxis[event.key];
      if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      action();
      this.readout.textContent = `${instantText(axis.from, (axis.to - axis.from) / 100)} to ${instantText(axis.to, (axis.to - axis.from) / 100)}`;
    });
  }
}

function drawLegend(data, legend) {
  const states = new Set(data.nodes.flatMap((lane) => lane.spans.map((span) => span[2])));
  const entry = (text, paint) => {
    const item = element(legend, "li");
    paint(draw(item, "svg", { viewBox: "0 0 14 12", "aria-hidden": "true" }));
    item.append(text);
  };
  const swatch = (fill) => (icon) => draw(icon, "rect", { width: 14, height: 12, rx: 2, fill });
  for (const state of Object.keys(STATES)) if (states.has(state)) entry(state, swatch(stateFill(state)));
  for (const f of new Set(data.faults.map((fault) => fault.f))) entry(f, swatch(faultColour(f)));
  entry("ok: rate, p50 line and p50–p99 band; dots beyond p99 of the run; solid bars", (icon) => draw(icon, "path", { d: POINT_SHAPES.ok(7, 6), fill: colour("ok") }));
  entry("indeterminate: striped bars", (icon) => draw(icon, "path", { d: POINT_SHAPES.info(7, 6), fill: colour("info") }));
  entry("failed: hollow bars", (icon) => draw(icon, "path", { d: POINT_SHAPES.fail(7, 6), stroke: colour("fail"), "stroke-width": 1.5 }));
  if (data.log.length) entry("log line", (icon) => draw(icon, "path", { d: "M4 3v6M7 3v6M10 3v6", stroke: colour("dim") }));
  if (data.log.some((line) => line[4] !== null)) entry("trouble in a log", (icon) => draw(icon, "path", { d: "M3 10L7 2L11 10Z", fill: colour("bad") }));
}
