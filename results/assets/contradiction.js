// The contradiction: one row per operation, on an axis that keeps order and overlaps but
// compresses lengths, so that a bar of a millisecond beside one of a minute is legible.

const ROW_HEIGHT = 62;
const BAR_HEIGHT = 26;

// Maps nanoseconds to pixels: every stretch between two neighbouring moments gets a
// width that grows slowly with its length, and none less than what makes it visible.
function compressedScale(moments, left, right) {
  const sorted = [...new Set(moments)].sort((a, b) => a - b);
  const weights = sorted.slice(1).map((at, i) => Math.max(at - sorted[i], 1) ** 0.3);
  const total = weights.reduce((a, b) => a + b, 0) || 1;
  const floor = Math.min(26, (right - left) / Math.max(weights.length, 1) / 2);
  const spare = right - left - floor * weights.length;
  const places = new Map([[sorted[0], left]]);
  weights.forEach((weight, i) => places.set(sorted[i + 1], places.get(sorted[i]) + floor + (weight / total) * spare));
  return (at) => places.get(at);
}

function operationEnd(op, last) {
  return op.outcome === "ok" && op.end_ns !== null ? op.end_ns : last;
}

function drawContradiction(svg, contradiction) {
  svg.replaceChildren();
  const width = svg.clientWidth, narrow = width < 480;
  const gutter = narrow ? 100 : 128, left = gutter + 6, right = width - (narrow ? 24 : 44);
  const { operations } = contradiction;
  const points = operations.flatMap((op) => (op.placed ? [op.placed[1]] : []));
  const known = operations.flatMap((op) => [op.start_ns, op.end_ns ?? op.start_ns]).concat(points);
  // An indeterminate operation stays open for ever: it runs to the edge.
  const last = Math.max(...known) + 1;
  const moments = operations.flatMap((op) => [op.start_ns, operationEnd(op, last)]).concat(points);
  const scale = compressedScale(moments, left, right);
  const height = operations.length * ROW_HEIGHT + (contradiction.omitted ? 24 : 4);
  svg.setAttribute("height", height);
  drawHead(draw(svg, "defs", {}), "arrow", "bad");

  operations.forEach((op, row) => drawRowGround(svg, op, row, gutter, width));
  contradiction.orders.forEach((order) => drawOrder(svg, operations, order, scale, last));
  operations.forEach((op, row) => drawOperation(svg, op, row, { scale, last, left, right, out: row === contradiction.left_out }));
  drawGaps(svg, operations, contradiction.orders, scale, left);
  if (contradiction.omitted) {
    draw(svg, "text", { x: 0, y: height - 6 }, `and ${countText(contradiction.omitted)} more operations, in results.json`);
  }
}

function drawRowGround(svg, op, row, gutter, width) {
  const y = row * ROW_HEIGHT;
  if (row) draw(svg, "line", { x1: 0, x2: width, y1: y, y2: y, stroke: colour("line") });
  const who = `client ${op.client}${op.node === null ? "" : ` → ${op.node}`}`;
  const label = draw(svg, "text", { x: 0, y: y + 18, style: "fill:var(--ink);font-weight:600" }, fitText(who, gutter - 14));
  draw(label, "title", {}, who);
  draw(svg, "text", { x: 0, y: y + 35 }, fitText(`at ${(op.start_ns / 1e9).toFixed(3)} s`, gutter));
  const took = op.outcome === "ok" ? `for ${durationText((op.end_ns - op.start_ns) / 1e3)}`
    : op.outcome === "fail" ? "refused" : "outcome unknown";
  draw(svg, "text", { x: 0, y: y + 52 }, fitText(took, gutter));
}

const barTop = (row) => row * ROW_HEIGHT + 28;

// The moment at which it takes effect in the order of all but one, with its turn.
function drawPlaced(svg, { placed: [turn, point] }, y, scale) {
  const x = scale(point), middle = y + BAR_HEIGHT / 2;
  draw(svg, "path", { d: `M${x} ${y - 3}V${y + BAR_HEIGHT + 3}`, stroke: colour("ink"), "stroke-width": 1.5 });
  draw(svg, "circle", { cx: x, cy: middle, r: 8.5, fill: colour("panel"), stroke: colour("ink"), "stroke-width": 1.5 });
  draw(svg, "text", { x, y: middle + 4, "text-anchor": "middle", style: "fill:var(--ink);font-weight:700;stroke:none" }, String(turn));
}

function drawOperation(svg, op, row, { scale, last, left, right, out }) {
  const y = barTop(row);
  const x1 = scale(op.start_ns), x2 = Math.max(scale(operationEnd(op, last)), x1 + 6);
  const open = op.outcome !== "ok";
  const bar = draw(svg, "rect", { x: x1, y, width: x2 - x1, height: BAR_HEIGHT, rx: 5, fill: colour(open ? "info" : "ok"), ...(open && { "fill-opacity": 0.55, stroke: colour("info"), "stroke-dasharray": "4 3" }) });
  draw(bar, "title", {}, op.label);
  if (out) draw(svg, "rect", { x: x1 - 3, y: y - 3, width: x2 - x1 + 6, height: BAR_HEIGHT + 6, rx: 7, fill: "none", stroke: colour("bad"), "stroke-width": 2 });
  if (op.placed) drawPlaced(svg, op, y, scale);
  // Above the bar, as far right as needed to stay inside.
  const text = fitText(out ? `${op.label} ✗ no place` : op.label, right - left);
  const x = Math.max(left, Math.min(x1, right - textWidth(text) * 1.08));
  draw(svg, "text", { x, y: y - 7, style: `fill:var(--${out ? "bad" : "ink"});font-weight:600` }, text);
}

function drawOrder(svg, operations, { before, after, gap_ns: gap }, scale, last) {
  const x1 = scale(operationEnd(operations[before], last)), x2 = scale(operations[after].start_ns);
  const y1 = barTop(before) + BAR_HEIGHT / 2, y2 = barTop(after) + BAR_HEIGHT / 2;
  if (gap === null) {
    // No order in time: a dashed arc round the right, clear of the arrows.
    const end = scale(operationEnd(operations[after], last)), edge = svg.clientWidth - 2;
    draw(svg, "path", { d: `M${x1} ${y1}C${edge} ${y1} ${edge} ${y2} ${end} ${y2}`, fill: "none", stroke: colour("dim"), "stroke-dasharray": "3 4", "stroke-width": 1.4 });
    return;
  }
  const middle = (x1 + x2) / 2;
  draw(svg, "path", { d: `M${x1} ${y1}C${middle} ${y1} ${x1} ${y2} ${x2} ${y2}`, fill: "none", stroke: colour("bad"), "stroke-width": 1.6, "marker-end": "url(#arrow)" });
}

// How long before, written left of the later bar where its row is free: one for each
// row, the shortest where several operations came before.
function drawGaps(svg, operations, orders, scale, left) {
  const shortest = new Map();
  for (const { after, gap_ns: gap } of orders) {
    if (gap !== null) shortest.set(after, Math.min(gap, shortest.get(after) ?? Infinity));
  }
  for (const [after, gap] of shortest) {
    const text = `${durationText(gap / 1e3)} after`;
    const x = scale(operations[after].start_ns) - 10;
    if (x - textWidth(text) - 4 < left) continue;
    const y = barTop(after) + BAR_HEIGHT + 5;
    draw(svg, "text", { x, y, "text-anchor": "end", style: "fill:var(--bad)" }, text);
  }
}
