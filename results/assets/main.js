// Puts the drawings on the page and ties them to each other.

const byId = (id) => document.getElementById(id);
const data = JSON.parse(byId("data").textContent);
const operations = new Operations(data.operations);
const clients = new ClientLanes(byId("clients"), operations, data.contradiction);
const logs = new LogList(data, { list: byId("log-lines"), filter: byId("log-filter"), summary: byId("log-summary") }, goTo);
const replay = new Replay(byId("replay-drawing"), data, operations, tellReplay);
const run = new RunView(byId("axis"), {
  data, operations, clients, readout: byId("readout"),
  changed: (axis) => logs.show(axis),
  picked: goTo,
});

// Shows a moment in the replay.
function goTo(time) {
  if (!data.nodes.length) return;
  replay.pause();
  replay.show(time);
  tellReplay();
}

function tellReplay() {
  const scrub = byId("replay-scrub");
  byId("replay-play").textContent = replay.playing ? "Pause" : "Play";
  scrub.value = String(replay.now);
  const text = instantText(replay.now, 1000);
  byId("replay-time").textContent = text;
  scrub.setAttribute("aria-valuetext", text);
  byId("replay-caption").textContent = replay.caption();
  byId("replay").classList.toggle("stopped", replay.stopped);
  run.setCursor(replay.now);
}

function wireReplay() {
  const scrub = byId("replay-scrub");
  scrub.max = String(data.duration);
  byId("replay-play").addEventListener("click", () => (replay.playing ? replay.pause() : replay.play()));
  scrub.addEventListener("input", () => goTo(Number(scrub.value)));
  byId("replay-speed").addEventListener("change", (event) => (replay.speed = Number(event.target.value)));
  byId("replay-anomaly")?.addEventListener("click", () => replay.toAnomaly());
  for (const button of document.querySelectorAll("[data-at]")) {
    button.addEventListener("click", () => goTo(Number(button.dataset.at)));
  }
}

function wireAxis() {
  byId("whole").addEventListener("click", () => run.axis.reset());
  byId("closer").addEventListener("click", () => run.axis.zoom(0.5));
  byId("farther").addEventListener("click", () => run.axis.zoom(2));
  byId("jump")?.addEventListener("click", () => jump());
  const key = byId("key-filter");
  key.addEventListener("input", () => {
    clients.key = key.value === "" ? null : key.value;
    run.schedule();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key?.toLowerCase() !== "j" || event.ctrlKey || event.metaKey || event.altKey || !data.contradiction) return;
    if (event.target.matches?.("input, select, textarea")) return;
    jump();
    byId("axis").scrollIntoView({ block: "nearest" });
  });
}

function jump() {
  run.jump();
  replay.toAnomaly();
}

function listKeys() {
  const keys = new Set();
  for (let i = 0; i < operations.shown && keys.size < 1000; i++) {
    const key = operations.name(operations.key[i]);
    if (key !== null) keys.add(key);
  }
  const sorted = [...keys].sort((a, b) => a.localeCompare(b, undefined, { numeric: true }));
  byId("keys").replaceChildren(...sorted.map((key) => new Option(key, key)));
}

function drawAll() {
  run.redraw();
  replay.layOut();
  replay.draw();
  const { contradiction } = data;
  if (!contradiction) return;
  drawContradiction(byId("contradiction"), contradiction);
  const graph = byId("graph");
  if (graph) drawGraph(graph, contradiction);
}

wireAxis();
wireReplay();
drawLegend(data, byId("legend"));
if (data.closeup) run.axis.show(...data.closeup);
drawAll();
performance.mark("timeline");
if (data.nodes.length) {
  replay.show(replay.anomaly ?? data.duration / 2);
  replay.stopped = replay.anomaly !== null;
  tellReplay();
}
listKeys();
const order = byId("order");
if (order) {
  new OrderTable(data, operations, { section: order, choice: byId("order-key"), table: byId("order-rows"), more: byId("order-more"), hint: byId("order-hint") });
}
window.addEventListener("resize", drawAll);
// The canvas does not follow the page's colours by itself.
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
