// The lanes on the time axis. Each draws itself into a group from `top` down and returns
// the height it took.

// The visible part of a bar, at least a hair wide; null when out of view.
function visible(axis, start, end) {
  if (end < axis.from || start > axis.to) return null;
  const x = Math.max(axis.x(start), axis.left);
  return { x, width: Math.max(Math.min(axis.x(end), axis.right) - x, 1.5) };
}

function laneLabel(g, axis, y, text) {
  const label = draw(g, "text", { x: 0, y }, fitText(text, axis.left - 8));
  draw(label, "title", {}, text);
}

// Faults that overlap in time get rows of their own, up to a dozen; the rest share the last.
const FAULT_ROWS_MAX = 12;

function faultRows(faults) {
  const ends = [];
  return faults.map((fault) => {
    let row = ends.findIndex((end) => end <= fault.start);
    if (row < 0) row = Math.min(ends.length, FAULT_ROWS_MAX - 1);
    ends[row] = fault.end;
    return row;
  });
}

const faultRowsHeight = (rows) => (rows.reduce((most, row) => Math.max(most, row), 0) + 1) * 24 + 6;

// The most telling of a fault's names that fits.
function faultText(fault, width) {
  return [fault.label, fault.short, fault.f].find((text) => textWidth(text) <= width) ?? fitText(fault.short, width);
}

function drawFaults(g, axis, data, rows, top, bottom) {
  laneLabel(g, axis, top + 15, "faults");
  data.faults.forEach((fault, index) => {
    const at = visible(axis, fault.start, fault.end);
    if (!at) return;
    const y = top + rows[index] * 24;
    draw(g, "rect", { x: at.x, y: top, width: at.width, height: bottom - top, fill: faultColour(fault.f), opacity: 0.07 });
    // Paler while it is being brought about or undone: nobody knows how far.
    const around = visible(axis, ...fault.around);
    draw(g, "rect", { x: around.x, y: y + 3, width: around.width, height: 14, rx: 3, fill: faultColour(fault.f), opacity: 0.35 });
    const bar = draw(g, "rect", { x: at.x, y, width: at.width, height: 20, rx: 4, fill: faultColour(fault.f) });
    draw(bar, "title", {}, `${fault.label}, in force for ${durationText(fault.end - fault.start)}, undone ${durationText(fault.around[1] - fault.end)} later`);
    draw(g, "text", { x: at.x + 6, y: y + 14, style: "fill:var(--on-dark);pointer-events:none" }, faultText(fault, at.width - 12));
  });
}

function drawNodes(g, axis, data, top) {
  data.nodes.forEach((lane, index) => {
    const y = top + index * 20;
    laneLabel(g, axis, y + 12, lane.node);
    for (const [start, end, state, term] of lane.spans) {
      const at = visible(axis, start, end);
      if (!at) continue;
      const bar = draw(g, "rect", { x: at.x, y, width: Math.max(at.width - 0.5, 1), height: 16, rx: 2, fill: stateFill(state) });
      const words = term === null || term === undefined ? state : `${state}, term ${term}`;
      draw(bar, "title", {}, `${lane.node}: ${words}, ${durationText(end - start)}`);
      const short = term === null || term === undefined ? state : `term ${term}`;
      const text = state === "follower" || state === "up" ? "" : [words, short].find((t) => textWidth(t) <= at.width - 10) ?? "";
      draw(g, "text", { x: at.x + 5, y: y + 12, style: `fill:${colour(STATES[state][1])};pointer-events:none` }, text);
    }
  });
  drawLogTicks(g, axis, data, top);
  return data.nodes.length * 20 + 8;
}

// Lines of logs as notches under the bar of their node, trouble as a triangle that stands out.
function drawLogTicks(g, axis, data, top) {
  const paths = data.nodes.map(() => ["", ""]);
  let last = -1;
  for (const [time, node, , , trouble] of data.log) {
    if (time < axis.from || time > axis.to) continue;
    const x = Math.round(axis.x(time)), y = top + node * 20;
    if (trouble !== null) {
      paths[node][1] += `M${x - 4} ${y + 20}L${x} ${y + 11}L${x + 4} ${y + 20}Z`;
    } else if (last !== x + node * 1e5) {
      paths[node][0] += `M${x} ${y + 16}v3`;
      last = x + node * 1e5;
    }
  }
  paths.forEach(([lines, trouble]) => {
    if (lines) draw(g, "path", { d: lines, stroke: colour("dim"), "stroke-width": 1 });
    if (trouble) draw(g, "path", { d: trouble, fill: colour("bad"), stroke: colour("panel") });
  });
}

// Groups of whole buckets, at least `pixels` wide, over the visible part.
function columns(axis, data, pixels) {
  const perPixel = (axis.to - axis.from) / (axis.right - axis.left);
  const size = Math.max(1, Math.ceil((pixels * perPixel) / data.bucket));
  const first = Math.floor(axis.from / data.bucket / size) * size;
  const list = [];
  for (let i = first; i < data.ok.length && i * data.bucket < axis.to; i += size) {
    list.push({ first: i, last: Math.min(i + size, data.ok.length), start: i * data.bucket, end: Math.min((i + size) * data.bucket, data.duration) });
  }
  return list;
}

function sum(counts, column) {
  let total = 0;
  for (let i = column.first; i < column.last; i++) total += counts[i];
  return total;
}

// A filled step line; `heights` are pixels above `base`, per column.
function stepPath(axis, list, heights, base) {
  let d = "";
  list.forEach((column, i) => {
    const x1 = Math.max(axis.x(column.start), axis.left), x2 = Math.min(axis.x(column.end), axis.right);
    const y = (base - heights[i]).toFixed(1);
    d += `${d ? "L" : "M"}${x1.toFixed(1)} ${y}L${x2.toFixed(1)} ${y}`;
  });
  return d;
}

function closed(axis, list, d, base) {
  const x1 = Math.max(axis.x(list[0].start), axis.left), x2 = Math.min(axis.x(list.at(-1).end), axis.right);
  return `${d}L${x2.toFixed(1)} ${base}L${x1.toFixed(1)} ${base}Z`;
}

function drawRate(g, axis, data, top) {
  const height = 74, base = top + height;
  const list = columns(axis, data, 4);
  const perSecond = (counts) => list.map((c) => sum(counts, c) / Math.max((c.end - c.start) / 1e6, 1e-9));
  const ok = perSecond(data.ok), info = perSecond(data.info), fail = perSecond(data.fail);
  const most = ok.reduce((most, v, i) => Math.max(most, v + info[i] + fail[i]), 1e-9);
  const scale = (value) => (value / most) * (height - 8);
  laneLabel(g, axis, top + 14, "per s");
  const stacked = [["fail", ok.map((v, i) => v + info[i] + fail[i])], ["info", ok.map((v, i) => v + info[i])], ["ok", ok]];
  if (list.length) {
    for (const [name, values] of stacked) {
      const d = stepPath(axis, list, values.map(scale), base);
      if (name === "ok") draw(g, "path", { d: closed(axis, list, d, base), fill: colour("panel") });
      draw(g, "path", { d: closed(axis, list, d, base), fill: colour(name), opacity: name === "ok" ? 0.35 : 0.9 });
      if (name === "ok") draw(g, "path", { d, fill: "none", stroke: colour("ok"), "stroke-width": 1.3 });
    }
  }
  draw(g, "line", { x1: axis.left, x2: axis.right, y1: base, y2: base, stroke: colour("line") });
  const highest = rateText(most < 1e-6 ? 0 : most);
  laneLabel(g, axis, top + 30, textWidth(`max ${highest}`) <= axis.left - 8 ? `max ${highest}` : highest);
  return height + 14;
}

// The latency in microseconds below which `share` of a column's operations stayed.
function quantile(data, column, share) {
  const bins = new Map();
  let total = 0;
  for (let i = column.first; i < column.last; i++) {
    const row = data.latency[i];
    for (let k = 0; k < row.length; k += 2) {
      bins.set(row[k], (bins.get(row[k]) ?? 0) + row[k + 1]);
      total += row[k + 1];
    }
  }
  if (!total) return null;
  let below = 0;
  for (const bin of [...bins.keys()].sort((a, b) => a - b)) {
    below += bins.get(bin);
    if (below >= share * total) return 10 ** ((bin + 0.5) / data.bins);
  }
  return null;
}

// The decades the run's latencies span, the same at every zoom.
function latencyDecades(data) {
  let low = Infinity, high = 0;
  for (const row of data.latency) {
    if (!row.length) continue;
    low = Math.min(low, row[0]);
    high = Math.max(high, row.at(-2) + 1);
  }
  for (const [, took] of [...data.indeterminate, ...data.failed]) {
    if (took > 0) high = Math.max(high, Math.log10(took) * data.bins);
  }
  if (!high) return [3, 6];
  const from = Math.floor(Math.min(low, high) / data.bins);
  return [from, Math.max(Math.ceil(high / data.bins), from + 1)];
}

const POINT_SHAPES = {
  ok: (x, y) => `M${x - 1.6} ${y}a1.6 1.6 0 1 0 3.2 0a1.6 1.6 0 1 0 -3.2 0`,
  info: (x, y) => `M${x} ${y - 3.6}L${x + 3.6} ${y}L${x} ${y + 3.6}L${x - 3.6} ${y}Z`,
  fail: (x, y) => `M${x - 2.6} ${y - 2.6}L${x + 2.6} ${y + 2.6}M${x + 2.6} ${y - 2.6}L${x - 2.6} ${y + 2.6}`,
};

function drawPoints(g, axis, points, name, y) {
  let d = "";
  for (const [time, took] of points) {
    if (time >= axis.from && time <= axis.to) d += POINT_SHAPES[name](Math.round(axis.x(time) * 10) / 10, Math.round(y(took) * 10) / 10);
  }
  const paint = name === "fail" ? { stroke: colour(name), fill: "none" } : { fill: colour(name) };
  draw(g, "path", { d, ...paint, opacity: name === "ok" ? 0.55 : 0.85 });
}

function drawLatency(g, axis, data, top) {
  const height = 110, base = top + height;
  const [low, high] = latencyDecades(data);
  const y = (us) => base - ((Math.log10(Math.max(us, 10 ** low)) - low) / (high - low)) * (height - 6);
  laneLabel(g, axis, top + 6, "latency");
  for (let decade = low; decade <= high; decade++) {
    draw(g, "line", { x1: axis.left, x2: axis.right, y1: y(10 ** decade), y2: y(10 ** decade), stroke: colour("line") });
    const text = durationText(10 ** decade).replace(/\.0+ /, " ");
    // The topmost stands beside the lane's name, where there is room for both.
    if (decade < high || axis.left > 70) draw(g, "text", { x: axis.left - 6, y: y(10 ** decade) + 4, "text-anchor": "end" }, text);
  }
  const list = columns(axis, data, 6);
  let run = [];
  const flush = () => {
    if (run.length) {
      const upper = stepPath(axis, run.map((r) => r.column), run.map((r) => base - y(r.p99)), base);
      const lower = stepPath(axis, run.map((r) => r.column), run.map((r) => base - y(r.p50)), base);
      const back = lower.slice(1).split("L").reverse().join("L");
      draw(g, "path", { d: `${upper}L${back}Z`, fill: colour("ok"), opacity: 0.25 });
      draw(g, "path", { d: lower, fill: "none", stroke: colour("ok"), "stroke-width": 1.5 });
    }
    run = [];
  };
  for (const column of list) {
    const p50 = quantile(data, column, 0.5);
    if (p50 === null) flush(); else run.push({ column, p50, p99: quantile(data, column, 0.99) });
  }
  flush();
  drawPoints(g, axis, data.slow, "ok", y);
  drawPoints(g, axis, data.failed, "fail", y);
  drawPoints(g, axis, data.indeterminate, "info", y);
  return height + 16;
}

// The operations of the contradiction in their true places.
function drawContradictionLane(g, axis, contradiction, top) {
  laneLabel(g, axis, top + 10, "conflict");
  contradiction.operations.slice(0, 12).forEach((op, index) => {
    const start = op.start_ns / 1e3, end = op.outcome === "ok" ? op.end_ns / 1e3 : axis.duration;
    const at = visible(axis, start, end);
    if (!at) return;
    const y = top + index * 9;
    const bar = draw(g, "rect", { x: at.x, y, width: Math.max(at.width, 3), height: 7, rx: 2, fill: colour(op.outcome === "ok" ? "ok" : "info"), opacity: op.outcome === "ok" ? 1 : 0.5 });
    draw(bar, "title", {}, op.label);
  });
  return Math.min(contradiction.operations.length, 12) * 9 + 8;
}
