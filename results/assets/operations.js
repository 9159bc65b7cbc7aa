// Single operations: unpacked from the page's data, found by place, drawn as bars, one line
// for each client. Columns are typed arrays; `i` is always a place in them.

const OUTCOMES = ["ok", "fail", "info"];
const OUTCOME_WORDS = ["ok", "failed", "indeterminate"];

// Reads numbers of seven bits a byte, the lowest first.
class Packed {
  constructor(base64) {
    const text = atob(base64);
    this.bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) this.bytes[i] = text.charCodeAt(i);
    this.at = 0;
  }

  get done() {
    return this.at >= this.bytes.length;
  }

  byte() {
    return this.bytes[this.at++];
  }

  unsigned() {
    let value = 0, scale = 1;
    for (;;) {
      const byte = this.bytes[this.at++];
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
  }

  signed() {
    const value = this.unsigned();
    return value % 2 ? -(value + 1) / 2 : value / 2;
  }
}

class Operations {
  constructor({ total, shown, lanes, names, texts, packed }) {
    Object.assign(this, { total, shown, lanes, names, texts });
    const numbers = () => new Float64Array(shown), small = () => new Uint32Array(shown);
    this.id = small();
    this.start = numbers();
    this.took = numbers();
    this.flags = new Uint8Array(shown);
    this.lane = new Uint16Array(shown);
    this.process = numbers();
    this.f = small();
    this.node = small();
    this.key = small();
    this.error = small();
    this.values = [numbers(), numbers(), numbers(), numbers()];
    this.unpack(new Packed(packed));
    this.ofLane = Array.from({ length: lanes }, () => []);
    for (let i = 0; i < shown; i++) this.ofLane[this.lane[i]].push(i);
    for (const list of this.ofLane) list.sort((a, b) => this.start[a] - this.start[b]);
    // The latest end of all up to a place: clients that share a line overlap.
    this.latestEnd = this.ofLane.map((list) => {
      let latest = -Infinity;
      return Float64Array.from(list, (i) => (latest = Math.max(latest, this.end(i))));
    });
  }

  // The first place in a line from which on operations may reach up to `time` or beyond.
  firstReaching(lane, time) {
    const ends = this.latestEnd[lane];
    return firstBeyond(ends.length, (k) => ends[k], time - 1);
  }

  unpack(from) {
    let id = 0, start = 0;
    for (let i = 0; i < this.shown; i++) {
      this.id[i] = id += from.unsigned();
      this.start[i] = start += from.signed();
      this.took[i] = from.unsigned();
      const flags = (this.flags[i] = from.byte());
      this.lane[i] = from.unsigned();
      this.process[i] = from.unsigned();
      this.f[i] = from.unsigned();
      this.node[i] = from.unsigned();
      this.key[i] = from.unsigned();
      if (flags & 3) this.error[i] = from.unsigned();
      this.unpackValue(from, i, (flags >> 2) & 3, 0);
      this.unpackValue(from, i, (flags >> 4) & 3, 2);
    }
  }

  unpackValue(from, i, kind, place) {
    if (kind === 1 || kind === 2) this.values[place][i] = from.signed();
    if (kind === 2) this.values[place + 1][i] = from.signed();
    if (kind === 3) this.values[place][i] = from.unsigned();
  }

  name(index) {
    return index ? this.names[index - 1] : null;
  }

  outcome(i) {
    return this.flags[i] & 3;
  }

  end(i) {
    return this.start[i] + this.took[i];
  }

  // An argument (place 0) or result (place 2) as people write it; null for none.
  value(i, place) {
    const kind = (this.flags[i] >> (place ? 4 : 2)) & 3;
    const first = this.values[place][i];
    if (kind === 0) return null;
    if (kind === 1) return String(first);
    return kind === 2 ? `[${first},${this.values[place + 1][i]}]` : this.texts[first];
  }

  // The operation in a few words: `write 31`, `read → 31`, `cas 3 to 4`.
  label(i) {
    const f = this.name(this.f[i]), argument = this.value(i, 0), result = this.value(i, 2);
    const pair = ((this.flags[i] >> 2) & 3) === 2;
    const called = argument === null ? f
      : f === "cas" && pair ? `cas ${this.values[0][i]} to ${this.values[1][i]}` : `${f} ${argument}`;
    if (this.outcome(i) !== 0 || (result === null && argument !== null)) return called;
    return `${called} → ${result ?? "nothing"}`;
  }

  // All about an operation, on one line.
  sentence(i) {
    const node = this.name(this.node[i]), key = this.name(this.key[i]), error = this.name(this.error[i]);
    const at = `${node === null ? "" : ` → ${node}`}: ${this.label(i)}${key === null ? "" : ` on key ${key}`}`;
    const took = this.flags[i] & 64 ? "never completed" : `after ${durationText(this.took[i])}`;
    return `client ${this.process[i]}${at}, ${OUTCOME_WORDS[this.outcome(i)]} ${took}${error === null ? "" : ` (${error})`}, invoked at ${instantText(this.start[i], 100)}`;
  }

  // The operation of a line that was last invoked at `time`; -1 for none.
  lastInvoked(lane, time) {
    const list = this.ofLane[lane];
    const place = firstBeyond(list.length, (k) => this.start[list[k]], time);
    return place ? list[place - 1] : -1;
  }

  // By the number of an operation in the history; -1 if the page does not hold it.
  place(id) {
    const place = firstBeyond(this.shown, (k) => this.id[k], id) - 1;
    return place >= 0 && this.id[place] === id ? place : -1;
  }
}

// The lane with a line for each client, on a canvas under the drawing of the axis.
class ClientLanes {
  constructor(canvas, operations, contradiction) {
    Object.assign(this, { canvas, operations, key: null, top: 0 });
    this.pitch = Math.max(1, Math.min(11, Math.floor(280 / Math.max(operations.lanes, 1))));
    this.height = operations.lanes * this.pitch;
    const ids = (contradiction?.operations ?? []).map((op) => operations.place(op.id));
    this.special = new Set(ids.filter((i) => i >= 0));
  }

  // Draws what `axis` shows; `top` is where the lane begins in the stage. Says how many
  // operations it drew.
  draw(axis, top, width) {
    const { canvas, operations, height } = this;
    this.top = top;
    const ratio = window.devicePixelRatio || 1;
    canvas.style.top = `${top}px`;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.max(1, Math.round(height * ratio));
    const paint = canvas.getContext("2d");
    paint.scale(ratio, ratio);
    paint.font = "10px system-ui, sans-serif";
    paint.textBaseline = "middle";
    const style = getComputedStyle(document.documentElement);
    this.paints = Object.fromEntries(["ok", "fail", "info", "bad", "panel", "on-ok", "ink"].map((name) => [name, style.getPropertyValue(`--${name}`)]));
    let drawn = 0;
    const all = () => true, wanted = (i) => operations.name(operations.key[i]) === this.key;
    // Those of the key that is asked for come last, so that no other hides them.
    const layers = this.key === null ? [[1, all]] : [[0.13, (i) => !wanted(i)], [1, wanted]];
    for (const [alpha, belongs] of layers) {
      paint.globalAlpha = alpha;
      for (let lane = 0; lane < operations.lanes; lane++) drawn += this.drawLine(paint, axis, lane, belongs);
    }
    for (const i of this.special) this.drawSpecial(paint, axis, i);
    return drawn;
  }

  // Runs of lines whose clients speak to one node: the node and the first line.
  groups() {
    const { operations } = this, groups = [];
    for (let lane = 0; lane < operations.lanes; lane++) {
      const node = operations.name(operations.node[operations.ofLane[lane][0]] ?? 0);
      if (!groups.length || groups.at(-1)[0] !== node) groups.push([node, lane]);
    }
    return groups;
  }

  bar(axis, i) {
    const x1 = Math.max(axis.x(this.operations.start[i]), axis.left), x2 = Math.min(axis.x(this.operations.end(i)), axis.right);
    return { x: x1, width: Math.max(x2 - x1 - (x2 - x1 > 3 ? 0.5 : 0), 1), y: this.operations.lane[i] * this.pitch };
  }

  // What went wrong lies on top, so that it is not hidden by what is long. Says how many are seen.
  drawLine(paint, axis, lane, belongs) {
    const { operations } = this, list = operations.ofLane[lane];
    const byOutcome = [[], [], []];
    for (let k = operations.firstReaching(lane, axis.from); k < list.length && operations.start[list[k]] <= axis.to; k++) {
      const i = list[k];
      if (operations.end(i) >= axis.from && belongs(i)) byOutcome[operations.outcome(i)].push(i);
    }
    byOutcome.forEach((some, outcome) => this.drawBars(paint, axis, some, outcome));
    return byOutcome[0].length + byOutcome[1].length + byOutcome[2].length;
  }

  drawBars(paint, axis, some, outcome) {
    const { pitch } = this;
    const thick = Math.max(pitch - (pitch > 3 ? 1 : 0), 1);
    let painted = -1;
    for (const i of some) {
      const { x, width, y } = this.bar(axis, i);
      // What lies on pixels that are painted already is not painted again.
      if (x + width <= painted) continue;
      painted = Math.ceil(x + width);
      this.paintBar(paint, i, outcome, { x, y, width, thick });
    }
  }

  // Solid is ok, hollow failed, striped never told how it ended.
  paintBar(paint, i, outcome, { x, y, width, thick }) {
    const hollow = outcome === 1 && width > 4 && thick > 3;
    paint.fillStyle = this.paints[OUTCOMES[outcome]];
    paint.fillRect(x, y, width, thick);
    if (hollow) {
      paint.fillStyle = this.paints.panel;
      paint.fillRect(x + 1, y + 1, width - 2, thick - 2);
    }
    if (outcome === 2 && width > 8 && thick > 3) {
      paint.fillStyle = this.paints.panel;
      for (let stripe = x + 3; stripe < x + width - 1; stripe += 6) paint.fillRect(stripe, y + 1, 1.5, thick - 2);
    }
    if (thick < 9 || width < 30 || outcome === 2) return;
    const text = fitText(this.operations.label(i), (width - 6) * 1.2);
    paint.fillStyle = this.paints[hollow ? "ink" : "on-ok"];
    paint.fillText(text, x + 3, y + thick / 2 + 0.5);
  }

  drawSpecial(paint, axis, i) {
    if (this.operations.end(i) < axis.from || this.operations.start[i] > axis.to) return;
    const { x, width, y } = this.bar(axis, i), thick = Math.max(this.pitch - 1, 3);
    this.paintBar(paint, i, this.operations.outcome(i), { x, y, width: Math.max(width, 3), thick });
    paint.strokeStyle = this.paints.bad;
    paint.lineWidth = 2;
    paint.strokeRect(x - 1, y - 1, Math.max(width, 3) + 2, thick + 2);
  }

  // The operation at a point of the stage; -1 for none.
  at(axis, x, y) {
    const lane = Math.floor((y - this.top) / this.pitch);
    if (lane < 0 || lane >= this.operations.lanes || x < axis.left) return -1;
    const slack = (3 * (axis.to - axis.from)) / (axis.right - axis.left), time = axis.time(x);
    const list = this.operations.ofLane[lane];
    // The one that began last, of those that are there.
    let found = -1;
    for (let k = this.operations.firstReaching(lane, time - slack); k < list.length && this.operations.start[list[k]] <= time + slack; k++) {
      if (this.operations.end(list[k]) >= time - slack) found = list[k];
    }
    return found;
  }
}
