// The contradiction as a graph: an operation is a box, an arrow says what puts one before
// another. A way round the arrows is an order that cannot be.

function graphPlaces(count, width, height) {
  const [rx, ry] = [width / 2 - 84, height / 2 - 30];
  // The first at the top, the others clockwise.
  return Array.from({ length: count }, (_, i) => {
    const angle = -Math.PI / 2 + (i * 2 * Math.PI) / count;
    return [width / 2 + rx * Math.cos(angle), height / 2 + ry * Math.sin(angle)];
  });
}

const GRAPH_BOX = { width: 136, height: 34 };

// Where a line from the middle of a box towards (x, y) leaves it.
function boxEdge([cx, cy], [x, y]) {
  const [dx, dy] = [x - cx, y - cy];
  const scale = Math.min(GRAPH_BOX.width / 2 / Math.abs(dx || 1e-9), GRAPH_BOX.height / 2 / Math.abs(dy || 1e-9));
  return [cx + dx * scale, cy + dy * scale];
}

function drawGraph(svg, contradiction) {
  svg.replaceChildren();
  const used = [...new Set(contradiction.orders.flatMap(({ before, after }) => [before, after]))].sort((a, b) => a - b);
  const width = svg.clientWidth, height = used.length < 3 ? 130 : Math.min(190 + used.length * 22, 420);
  svg.setAttribute("height", height);
  drawHead(draw(svg, "defs", {}), "graph-head", "bad");
  const places = used.length === 2
    ? [[84, height / 2], [width - 84, height / 2]] : graphPlaces(used.length, width, height);
  const place = (row) => places[used.indexOf(row)];
  const lines = draw(svg, "g", {}), boxes = draw(svg, "g", {}), words = draw(svg, "g", {});
  const seen = new Map();
  for (const order of contradiction.orders) {
    const pair = [order.before, order.after].sort().join();
    seen.set(pair, (seen.get(pair) ?? 0) + 1);
    drawGraphArrow(lines, words, place(order.before), place(order.after), order, seen.get(pair));
  }
  for (const row of used) drawGraphBox(boxes, place(row), contradiction.operations[row]);
}

function drawGraphArrow(lines, words, from, to, order, turn) {
  const middle = [(from[0] + to[0]) / 2, (from[1] + to[1]) / 2];
  const length = Math.hypot(to[0] - from[0], to[1] - from[1]) || 1;
  // Two arrows between the same boxes bend to different sides.
  const bend = 22 * turn;
  const by = [(-(to[1] - from[1]) / length) * -bend, ((to[0] - from[0]) / length) * -bend];
  const control = [middle[0] + by[0], middle[1] + by[1]];
  const [x1, y1] = boxEdge(from, control), [x2, y2] = boxEdge(to, control);
  const inTime = order.gap_ns !== null;
  draw(lines, "path", {
    d: `M${x1} ${y1}Q${control[0]} ${control[1]} ${x2} ${y2}`, fill: "none", stroke: colour("bad"), "stroke-width": 1.8,
    "marker-end": "url(#graph-head)", ...(!inTime && { "stroke-dasharray": "5 4" }),
  });
  const text = inTime ? `${durationText(order.gap_ns / 1e3)} before` : order.why;
  // Beside the arrow, on the side to which it bends, so that it strikes nothing through.
  const off = [by[0] / Math.abs(bend), by[1] / Math.abs(bend)], away = 8 + Math.abs(off[0]) * textWidth(text) * 0.5;
  const at = [(x1 + 2 * control[0] + x2) / 4 + off[0] * away, (y1 + 2 * control[1] + y2) / 4 + off[1] * away];
  draw(words, "text", { x: at[0], y: at[1] + 4, "text-anchor": "middle", class: "rim", style: "fill:var(--bad)" }, text);
}

function drawGraphBox(boxes, [cx, cy], op) {
  const { width, height } = GRAPH_BOX;
  const open = op.outcome !== "ok";
  draw(boxes, "rect", { x: cx - width / 2, y: cy - height / 2, width, height, rx: 7, fill: colour("panel"), stroke: colour(open ? "info" : "ok"), "stroke-width": 1.8, ...(open && { "stroke-dasharray": "4 3" }) });
  const label = draw(boxes, "text", { x: cx, y: cy - 2, "text-anchor": "middle", style: "fill:var(--ink);font-weight:600" }, fitText(op.label, width - 14) || op.label.slice(0, 12));
  draw(label, "title", {}, op.label);
  draw(boxes, "text", { x: cx, y: cy + 12, "text-anchor": "middle" }, fitText(`client ${op.client}${op.node === null ? "" : ` → ${op.node}`}`, width - 10));
}
