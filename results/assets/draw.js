// Elements, texts and colours that every drawing uses. Text from outside goes through
// textContent only.

const SVG = "http://www.w3.org/2000/svg";
const colour = (name) => `var(--${name})`;

function draw(parent, tag, attributes, text) {
  const element = document.createElementNS(SVG, tag);
  for (const name in attributes) element.setAttribute(name, attributes[name]);
  if (text !== undefined) element.textContent = text;
  parent.append(element);
  return element;
}

// An HTML element with a class and a text.
function element(parent, tag, name, text) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  if (text !== undefined) made.textContent = text;
  parent?.append(made);
  return made;
}

const pen = document.createElement("canvas").getContext("2d");
const widths = new Map();

function textWidth(text) {
  const known = widths.get(text);
  if (known !== undefined) return known;
  if (widths.size > 20000) widths.clear();
  pen.font = "12px system-ui, sans-serif";
  const width = pen.measureText(text).width;
  widths.set(text, width);
  return width;
}

// As much of `text` as fits into `width`, or nothing rather than a stump.
function fitText(text, width) {
  if (textWidth(text) <= width) return text;
  let low = 0, high = text.length;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (textWidth(text.slice(0, middle) + "…") <= width) low = middle; else high = middle - 1;
  }
  return low < 3 ? "" : text.slice(0, low) + "…";
}

// The first place in a sorted list, of `length` entries, whose value is beyond `limit`.
function firstBeyond(length, value, limit) {
  let low = 0, high = length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (value(middle) > limit) high = middle; else low = middle + 1;
  }
  return low;
}

const OWN_COLOURS = new Set(["kill", "pause", "partition"]);
const faultColour = (f) => colour(OWN_COLOURS.has(f) ? f : "other");
const STATES = {
  leader: ["leader", "on-dark"], candidate: ["candidate", "on-light"], follower: ["follower", "ink"],
  up: ["up", "ink"], paused: ["pause", "on-dark"], killed: ["kill", "on-dark"], silent: ["other", "on-dark"],
};

// Hatchings, so that a node that is gone differs by more than its colour.
function drawPatterns(svg) {
  const defs = draw(svg, "defs", {});
  for (const [id, fill, angle] of [["killed", "kill", 45], ["paused", "pause", 90], ["silent", "other", -45]]) {
    const pattern = draw(defs, "pattern", { id: `${svg.id}-${id}`, width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: `rotate(${angle})` });
    draw(pattern, "rect", { width: 6, height: 6, fill: colour(fill) });
    draw(pattern, "line", { x1: 0, x2: 6, y1: 1, y2: 1, stroke: "#fff", "stroke-opacity": 0.22, "stroke-width": 1.5 });
  }
  return defs;
}

// An arrow's head in a colour, to be named by `marker-end`.
function drawHead(defs, id, name) {
  const head = draw(defs, "marker", { id, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 8, markerHeight: 8, orient: "auto" });
  draw(head, "path", { d: "M0 0L8 4L0 8Z", fill: colour(name) });
}

// The hatchings belong to the drawing on the axis, which is always there.
const stateFill = (state) => (["killed", "paused", "silent"].includes(state) ? `url(#axis-${state})` : colour(STATES[state][0]));
