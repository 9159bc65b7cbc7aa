// Puts the drawings on the page and wires them to pointer, keyboard and buttons.

const data = JSON.parse(document.getElementById("data").textContent);
const svg = document.getElementById("axis");
const readout = document.getElementById("readout");
const axis = new Axis(data.duration, redraw);
let plotBottom = 0;

function redraw() {
  svg.replaceChildren();
  const width = svg.clientWidth;
  axis.left = width < 560 ? 58 : 84;
  axis.right = width - 2;
  drawPatterns(svg);
  const ground = draw(svg, "g", {}), lanes = draw(svg, "g", {});
  const faultsTop = 18;
  let top = faultsTop;
  top += Math.max(faultRowsHeight(), 30);
  top += drawNodes(lanes, axis, data, top);
  top += drawRate(lanes, axis, data, top);
  top += drawLatency(lanes, axis, data, top);
  if (data.contradiction) top += drawContradictionLane(lanes, axis, data.contradiction, top);
  plotBottom = top;
  drawTicks(ground, top);
  // The marker first, so that it leaves the names of the faults legible.
  if (data.contradiction) drawMarker(lanes, top);
  drawFaults(lanes, axis, data, faultsTop, top);
  svg.setAttribute("height", top + 22);
}

function faultRowsHeight() {
  const rows = faultRows(data.faults);
  return (rows.length ? Math.max(...rows) + 1 : 1) * 24 + 6;
}

function drawTicks(g, bottom) {
  const { step, times } = axis.ticks();
  for (const time of times) {
    const x = axis.x(time);
    draw(g, "line", { x1: x, x2: x, y1: 16, y2: bottom, stroke: colour("line") });
    const text = instantText(time, step), half = textWidth(text) / 2;
    draw(g, "text", { x: Math.min(Math.max(x, half), axis.right - half), y: bottom + 16, "text-anchor": "middle" }, text);
  }
}

function drawMarker(g, bottom) {
  const time = data.contradiction.complete;
  if (time < axis.from || time > axis.to) return;
  const x = axis.x(time), text = "✗ contradiction", width = textWidth(text) * 1.1;
  draw(g, "line", { x1: x, x2: x, y1: 14, y2: bottom, stroke: colour("bad"), "stroke-width": 2, "stroke-dasharray": "6 3" });
  const flip = x + width + 6 > axis.right;
  draw(g, "text", { x: flip ? x - 5 : x + 5, y: 12, "text-anchor": flip ? "end" : "start", style: "fill:var(--bad);font-weight:600" }, text);
}

function jump() {
  const { operations, complete } = data.contradiction;
  const starts = operations.map((op) => op.start_ns / 1e3);
  const from = Math.min(...starts), span = Math.max(complete - from, 1000);
  axis.show(from - span * 0.15, complete + span * 0.15);
}

// What was going on at a point of the run, in words.
function describe(time) {
  const column = columns(axis, data, 6).find((c) => time >= c.start && time < c.end);
  const parts = [instantText(time, (axis.to - axis.from) / 500)];
  if (column) {
    parts.push(`${countText(sum(data.ok, column) / ((column.end - column.start) / 1e6))} ok/s`);
    const p50 = quantile(data, column, 0.5);
    if (p50 !== null) parts.push(`p50 ${durationText(p50)}, p99 ${durationText(quantile(data, column, 0.99))}`);
  }
  for (const lane of data.nodes) {
    const span = lane.spans.find(([start, end]) => time >= start && time < end);
    if (span && !["follower", "up"].includes(span[2])) parts.push(`${lane.node} ${span[2]}${span[3] == null ? "" : `, term ${span[3]}`}`);
  }
  const force = data.faults.filter((f) => time >= f.start && time < f.end).map((f) => f.label);
  if (force.length) parts.push(`in force: ${force.join("; ")}`);
  return parts.join(" · ");
}

function pointerX(event) {
  return event.clientX - svg.getBoundingClientRect().left;
}

function wirePointer() {
  let dragFrom = null, shade = null;
  svg.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    dragFrom = Math.max(pointerX(event), axis.left);
    svg.setPointerCapture(event.pointerId);
  });
  svg.addEventListener("pointermove", (event) => {
    const x = Math.min(Math.max(pointerX(event), axis.left), axis.right);
    readout.textContent = describe(axis.time(x));
    if (dragFrom === null) return;
    shade ??= draw(svg, "rect", { y: 16, height: plotBottom - 16, fill: colour("ok"), opacity: 0.18 });
    shade.setAttribute("x", Math.min(x, dragFrom));
    shade.setAttribute("width", Math.abs(x - dragFrom));
  });
  const end = (event) => {
    const x = Math.min(Math.max(pointerX(event), axis.left), axis.right);
    const from = dragFrom;
    dragFrom = null;
    shade?.remove();
    shade = null;
    // A click is no drag.
    if (from !== null && event.type === "pointerup" && Math.abs(x - from) > 4) {
      axis.show(axis.time(Math.min(x, from)), axis.time(Math.max(x, from)));
    }
  };
  svg.addEventListener("pointerup", end);
  svg.addEventListener("pointercancel", end);
  svg.addEventListener("dblclick", () => axis.reset());
}

function wireKeys() {
  const onAxis = {
    "+": () => axis.zoom(0.5), "=": () => axis.zoom(0.5), "-": () => axis.zoom(2),
    ArrowLeft: () => axis.pan(-0.25), ArrowRight: () => axis.pan(0.25), 0: () => axis.reset(), Home: () => axis.reset(),
  };
  svg.addEventListener("keydown", (event) => {
    const action = onAxis[event.key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    action();
    readout.textContent = `${instantText(axis.from, (axis.to - axis.from) / 100)} to ${instantText(axis.to, (axis.to - axis.from) / 100)}`;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "j" || event.ctrlKey || event.metaKey || event.altKey || !data.contradiction) return;
    jump();
    svg.scrollIntoView({ block: "nearest" });
  });
}

function drawLegend() {
  const legend = document.getElementById("legend");
  const states = new Set(data.nodes.flatMap((lane) => lane.spans.map((span) => span[2])));
  const entry = (text, paint) => {
    const item = document.createElement("li");
    const icon = draw(item, "svg", { viewBox: "0 0 14 12", "aria-hidden": "true" });
    paint(icon);
    item.append(text);
    legend.append(item);
  };
  const swatch = (fill) => (icon) => draw(icon, "rect", { width: 14, height: 12, rx: 2, fill });
  for (const state of Object.keys(STATES)) if (states.has(state)) entry(state, swatch(stateFill(state)));
  for (const f of new Set(data.faults.map((fault) => fault.f))) entry(f, swatch(faultColour(f)));
  entry("ok: rate, p50 line and p50–p99 band; dots beyond p99 of the run", (icon) => draw(icon, "path", { d: POINT_SHAPES.ok(7, 6), fill: colour("ok") }));
  entry("indeterminate", (icon) => draw(icon, "path", { d: POINT_SHAPES.info(7, 6), fill: colour("info") }));
  entry("failed", (icon) => draw(icon, "path", { d: POINT_SHAPES.fail(7, 6), stroke: colour("fail"), "stroke-width": 1.5 }));
}

function drawAll() {
  redraw();
  const drawing = document.getElementById("contradiction");
  if (drawing) drawContradiction(drawing, data.contradiction);
}

document.getElementById("whole").addEventListener("click", () => axis.reset());
document.getElementById("closer").addEventListener("click", () => axis.zoom(0.5));
document.getElementById("farther").addEventListener("click", () => axis.zoom(2));
document.getElementById("jump")?.addEventListener("click", jump);
wirePointer();
wireKeys();
drawLegend();
drawAll();
window.addEventListener("resize", drawAll);
