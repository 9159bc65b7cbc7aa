// The cluster as it went: nodes in a ring with role, term and commit index, cut links
// broken, clients outside with their operations on the way. Drawn anew for every moment.
//
// Roles, terms and commits are what nodes told when asked, a few times a second; faults and
// operations are exact. Messages between nodes are not seen from outside and not shown.

const WIDE = { width: 760, height: 470, nodes: [155, 118], clients: [330, 214] };
const NARROW = { width: 400, height: 450, nodes: [108, 118], clients: [184, 200] };
// How long an operation stays visible at least, in seconds of watching.
const SEEN_LEAST_S = 0.45;
// Playing slows down this much around each operation of the contradiction, this far.
const SLOW = 40, SLOW_AROUND_US = 25_000;

class Replay {
  constructor(svg, data, operations, tell) {
    Object.assign(this, { svg, data, operations, tell, now: 0, playing: false, speed: 0, stopped: false });
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
    this.nodes = new Map(data.nodes.map((lane, index) => [lane.node, index]));
    this.commitMax = data.nodes.flatMap((lane) => lane.commits).reduce((most, [, commit]) => Math.max(most, commit), 1);
    this.layOut();
    const { contradiction } = data;
    this.special = new Map((contradiction?.operations ?? []).map((op) => [op.id, op]));
    this.moments = [...this.special.values()].flatMap((op) => [op.start_ns / 1e3, (op.end_ns ?? op.start_ns) / 1e3]);
    // The first microsecond after it.
    this.anomaly = contradiction ? Math.min(contradiction.complete + 1, data.duration) : null;
  }

  // Fits the picture to the width of the page.
  layOut() {
    this.size = this.svg.clientWidth < 560 ? NARROW : WIDE;
    this.svg.setAttribute("viewBox", `0 0 ${this.size.width} ${this.size.height}`);
    this.placeNodes();
    this.placeClients();
  }

  onEllipse([rx, ry], angle) {
    return { x: this.size.width / 2 + rx * Math.cos(angle), y: this.size.height / 2 + 3 + ry * Math.sin(angle), angle };
  }

  placeNodes() {
    const count = this.data.nodes.length;
    this.radius = count <= 5 ? 34 : count <= 9 ? 26 : 16;
    this.at = this.data.nodes.map((_, i) => this.onEllipse(this.size.nodes, -Math.PI / 2 + (i * 2 * Math.PI) / Math.max(count, 1)));
  }

  // Clients stand outside the node that their first operation went to.
  placeClients() {
    const { operations } = this;
    const near = this.data.nodes.map(() => []);
    const count = Math.max(this.data.nodes.length, 1);
    for (let lane = 0; lane < operations.lanes; lane++) {
      const first = operations.ofLane[lane][0];
      const node = first === undefined ? undefined : this.nodes.get(operations.name(operations.node[first]));
      (near[node ?? lane % count] ?? []).push(lane);
    }
    this.clients = new Map();
    near.forEach((lanes, node) => lanes.forEach((lane, k) => {
      const spread = Math.min(0.85 * ((2 * Math.PI) / count), 1.5);
      const angle = this.at[node].angle + spread * (lanes.length > 1 ? k / (lanes.length - 1) - 0.5 : 0);
      this.clients.set(lane, this.onEllipse(this.size.clients, angle));
    }));
  }

  get end() {
    return this.data.duration;
  }

  show(time) {
    this.now = Math.min(Math.max(time, 0), this.end);
    this.stopped &&= this.now === this.anomaly;
    this.draw();
  }

  toAnomaly() {
    this.playing = false;
    this.stopped = true;
    this.show(this.anomaly);
    this.tell();
  }

  play() {
    if (this.playing) return;
    if (this.now >= this.end) this.now = 0;
    this.playing = true;
    // One that was paused and played again within a frame must not go on twice.
    const mine = (this.turn = (this.turn ?? 0) + 1);
    let last = null;
    const frame = (at) => {
      if (!this.playing || this.turn !== mine) return;
      // A tab that was away goes on where it was.
      const passed = last === null ? 0 : Math.min((at - last) / 1e3, 0.1);
      // Whoever wants little motion sees four pictures a second.
      if (this.still.matches && last !== null && at - last < 250) return void requestAnimationFrame(frame);
      last = at;
      this.step(this.still.matches ? Math.max(passed, 0.25) : passed);
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
    this.tell();
  }

  pause() {
    this.playing = false;
    this.tell();
  }

  // Goes on by so many seconds of watching; stops at the anomaly.
  step(seconds) {
    const before = this.now;
    let next = before + seconds * 1e6 * this.pace();
    const { anomaly } = this;
    if (anomaly !== null && before < anomaly && next >= anomaly) {
      this.toAnomaly();
      return;
    }
    if (next >= this.end) {
      next = this.end;
      this.playing = false;
    }
    this.show(next);
    this.tell();
  }

  // Seconds of the run for a second of watching; 0 as the speed slows down where it matters.
  pace() {
    if (this.speed > 0) return this.speed;
    const near = this.moments.some((at) => this.now >= at - SLOW_AROUND_US && this.now <= at + SLOW_AROUND_US);
    return near ? 1 / SLOW : 1;
  }

  span(lane) {
    const place = firstBeyond(lane.spans.length, (k) => lane.spans[k][0], this.now) - 1;
    const span = lane.spans[place];
    return span && this.now < span[1] ? span : null;
  }

  commit(lane) {
    const place = firstBeyond(lane.commits.length, (k) => lane.commits[k][0], this.now) - 1;
    return place >= 0 ? lane.commits[place][1] : null;
  }

  inForce() {
    return this.data.faults.filter((fault) => this.now >= fault.start && this.now < fault.end);
  }

  draw() {
    const { svg } = this;
    svg.replaceChildren();
    const defs = drawPatterns(svg);
    drawHead(defs, "replay-bad", "bad");
    drawHead(defs, "replay-cut", "partition");
    const force = this.inForce();
    this.drawLinks(draw(svg, "g", {}), force);
    this.drawClients(draw(svg, "g", {}));
    this.drawNodes(draw(svg, "g", {}), force);
    this.drawSpecial(draw(svg, "g", {}));
  }

  drawLinks(g, force) {
    const cut = new Set();
    for (const fault of force) for (const [from, to] of fault.cut) cut.add(`${this.nodes.get(from)}>${this.nodes.get(to)}`);
    // Of many nodes only what is cut can be told apart.
    const onlyCut = this.at.length > 20;
    for (let a = 0; a < this.at.length; a++) {
      for (let b = a + 1; b < this.at.length; b++) {
        const there = cut.has(`${a}>${b}`), back = cut.has(`${b}>${a}`);
        if (onlyCut && !there && !back) continue;
        this.drawLink(g, this.at[a], this.at[b], there, back);
      }
    }
  }

  // Whole, broken in the middle, or one way only: then an arrow says which way still works.
  drawLink(g, from, to, there, back) {
    if (!there && !back) {
      draw(g, "line", { x1: from.x, y1: from.y, x2: to.x, y2: to.y, stroke: colour("line"), "stroke-width": 2 });
      return;
    }
    if (there) [from, to] = [to, from];
    const at = (share) => ({ x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share });
    const oneWay = there !== back;
    const line = (a, b, more) => draw(g, "line", { x1: a.x, y1: a.y, x2: b.x, y2: b.y, stroke: colour("partition"), "stroke-width": 2, ...more });
    if (oneWay) {
      const reach = 1 - (this.radius + 6) / Math.hypot(to.x - from.x, to.y - from.y);
      line(from, at(reach), { "marker-end": "url(#replay-cut)" });
    } else {
      line(from, at(0.42), { "stroke-dasharray": "2 5" });
      line(at(0.58), to, { "stroke-dasharray": "2 5" });
      const { x, y } = at(0.5);
      draw(g, "path", { d: `M${x - 5} ${y - 5}L${x + 5} ${y + 5}M${x + 5} ${y - 5}L${x - 5} ${y + 5}`, stroke: colour("partition"), "stroke-width": 2.5 });
    }
  }

  drawNodes(g, force) {
    const commits = this.data.nodes.map((lane) => this.commit(lane));
    const most = commits.reduce((most, commit) => Math.max(most, commit ?? 0), 0);
    this.data.nodes.forEach((lane, index) => {
      const { x, y } = this.at[index], span = this.span(lane), r = this.radius;
      const state = span?.[2] ?? null, term = span?.[3] ?? null;
      const group = draw(g, "g", {});
      const fill = state === null ? colour("panel") : ["killed", "paused", "silent"].includes(state) ? `url(#${this.svg.id}-${state})` : stateFill(state);
      const hit = force.some((fault) => fault.targets.includes(lane.node));
      draw(group, "circle", { cx: x, cy: y, r, fill, stroke: colour(hit ? "partition" : "panel"), "stroke-width": 3, ...(hit && { "stroke-dasharray": "6 4" }) });
      const ink = state === null ? colour("dim") : colour(STATES[state][1]);
      const text = (dy, words, style) => draw(group, "text", { x, y: y + dy, "text-anchor": "middle", style: `fill:${ink};${style}` }, fitText(words, r * 2 + 8));
      text(r > 30 ? -6 : 4, lane.node, "font-weight:700;font-size:14px");
      if (r > 30) {
        text(9, state ?? "unknown", "");
        if (term !== null) text(22, `term ${term}`, "");
      }
      this.drawCommit(group, { x, y: y + r + 8 }, commits[index], most);
    });
  }

  drawCommit(g, { x, y }, commit, most) {
    if (commit === null) return;
    const width = this.radius * 2;
    draw(g, "rect", { x: x - width / 2, y, width, height: 5, rx: 2.5, fill: colour("line") });
    draw(g, "rect", { x: x - width / 2, y, width: Math.max((commit / this.commitMax) * width, 1), height: 5, rx: 2.5, fill: colour("leader") });
    const behind = most - commit;
    const text = this.size === NARROW ? `${countText(commit)}${behind > 0 ? ` (−${countText(behind)})` : ""}`
      : `commit ${countText(commit)}${behind > 0 ? `, ${countText(behind)} behind` : ""}`;
    draw(g, "text", { x, y: y + 17, "text-anchor": "middle", class: "rim" }, text);
  }

  // A client is a dot; its operation goes to the node as a shape and comes back in the
  // colour of how it ended.
  drawClients(g) {
    const { operations, now } = this;
    const least = this.playing && !this.still.matches ? SEEN_LEAST_S * 1e6 * this.pace() : 0;
    for (const [lane, client] of this.clients) {
      draw(g, "circle", { cx: client.x, cy: client.y, r: 2.5, fill: colour("dim"), opacity: 0.5 });
      const i = operations.lastInvoked(lane, now);
      if (i < 0 || this.special.has(operations.id[i])) continue;
      const lasts = Math.max(operations.took[i], least), share = (now - operations.start[i]) / lasts;
      const node = this.at[this.nodes.get(operations.name(operations.node[i]))];
      if (!node || !(share <= 1)) continue;
      this.drawOnTheWay(g, client, node, share, OUTCOMES[operations.outcome(i)]);
    }
  }

  drawOnTheWay(g, client, node, share, outcome) {
    const going = share < 0.5, way = this.still.matches ? 0.8 : going ? Math.min(share / 0.35, 1) : Math.min((1 - share) / 0.35, 1);
    // An operation that never told how it ended stays at the node.
    const along = outcome === "info" && !going ? 1 : way;
    const edge = 1 - (this.radius + 6) / Math.hypot(node.x - client.x, node.y - client.y);
    const x = client.x + (node.x - client.x) * edge * along, y = client.y + (node.y - client.y) * edge * along;
    if (going) draw(g, "circle", { cx: x, cy: y, r: 3.2, fill: "none", stroke: colour("ink"), "stroke-width": 1.6 });
    else if (outcome === "fail") draw(g, "path", { d: POINT_SHAPES.fail(x, y), stroke: colour("fail"), "stroke-width": 2 });
    else draw(g, "path", { d: POINT_SHAPES[outcome](x, y), fill: colour(outcome), stroke: colour(outcome), "stroke-width": 2 });
  }

  // The operations of the contradiction have arrows and words of their own.
  drawSpecial(g) {
    const lasting = 0.9e6 * this.pace();
    for (const [id, op] of this.special) {
      const start = op.start_ns / 1e3, end = op.outcome === "ok" ? op.end_ns / 1e3 : start;
      if (this.now < start || this.now > Math.max(end, start) + lasting) continue;
      const i = this.operations.place(id), node = this.at[this.nodes.get(op.node)];
      const client = i < 0 ? undefined : this.clients.get(this.operations.lane[i]);
      if (!node || !client) continue;
      const edge = 1 - (this.radius + 4) / Math.hypot(node.x - client.x, node.y - client.y);
      const done = this.now >= end, hot = Math.abs(end - this.anomaly) <= 1;
      const name = hot ? "bad" : "ok";
      draw(g, "line", { x1: client.x, y1: client.y, x2: client.x + (node.x - client.x) * edge, y2: client.y + (node.y - client.y) * edge, stroke: colour(name), "stroke-width": 3, ...(hot && { "marker-end": "url(#replay-bad)" }) });
      const { width, height } = this.size;
      const anchor = client.x > width * 0.66 ? "end" : client.x < width * 0.33 ? "start" : "middle";
      const low = client.y > height / 2;
      draw(g, "text", { x: Math.min(Math.max(client.x, 6), width - 6), y: client.y + (low ? 18 : -10), "text-anchor": anchor, class: "rim", style: `fill:${colour(name)};font-weight:700;font-size:14px` }, `client ${op.client}: ${done ? op.label : op.label.split(" → ")[0]}`);
    }
  }

  // What the picture shows, in words.
  caption() {
    const leaders = this.data.nodes.flatMap((lane) => {
      const span = this.span(lane);
      return span?.[2] === "leader" ? [`${lane.node} leads${span[3] === null ? "" : ` term ${span[3]}`}`] : [];
    });
    const force = this.inForce().map((fault) => fault.label);
    const parts = [leaders.join(", ") || "nobody says it leads", force.length ? `in force: ${force.join("; ")}` : "no fault in force"];
    if (this.stopped) parts.unshift("✗ here the contradiction is complete");
    return parts.join(" · ");
  }
}
