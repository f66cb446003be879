// Spike rates of every layer; a click, or Enter, says at which pixel the neurons are to be followed through time.

const box = element.querySelector(".activity"), find = (selector) => box.querySelector(selector);
const spot = find(".spot"), cross = find(".cross"), choice = find("select"), note = find("[role=status]");
const WIDE = 300, HIGH = 90, GAP = 12, LOW = 60, EDGE = 26; // of a drawing: membranes above, spikes below
const HINT = "Click into the picture, or into a map, to follow the neurons there step by step.";

let layers = [], traces = [];  // of all levels, in the same order
let across = 0.5, down = 0.5;

const percent = (share) => (Number.isFinite(share) ? `${(100 * share).toFixed(1)}\u00a0%` : "–");

// ---- The pixel ----

function point() {
  cross.hidden = false;
  Object.assign(cross.style, { left: `${100 * across}%`, top: `${100 * down}%` });
}

function follow() {
  point();
  props.value = { across, down };
  trigger("followed");
}

function clicked(event) {
  const bounds = event.currentTarget.getBoundingClientRect();
  const inside = (share) => Math.min(1, Math.max(0, share));
  across = inside((event.clientX - bounds.left) / bounds.width);
  down = inside((event.clientY - bounds.top) / bounds.height);
  follow();
}
spot.addEventListener("click", clicked);

const KEYS = { ArrowLeft: [-0.02, 0], ArrowRight: [0.02, 0], ArrowUp: [0, -0.02], ArrowDown: [0, 0.02] };
spot.addEventListener("keydown", (event) => {
  if (event.key === "Enter") follow();
  if (!KEYS[event.key]) return;
  event.preventDefault();
  [across, down] = [across, down].map((share, axis) => Math.min(1, Math.max(0, share + KEYS[event.key][axis])));
  point();
});

// ---- Neurons through time ----

function svg(name, attributes, text = "") {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
  made.textContent = text;
  return made;
}

function drawing({ name, threshold, membranes, spikes }) {
  const steps = spikes[0].length, step = (WIDE - EDGE) / steps, cell = LOW / spikes.length, top = HIGH + GAP;
  const values = membranes.flat().concat(0, threshold);
  const low = Math.max(Math.min(...values), -2 * threshold), high = Math.min(Math.max(...values), 4 * threshold);
  const x = (index) => EDGE + (index + 0.5) * step;
  const y = (value) => HIGH * (1 - (Math.min(high, Math.max(low, value)) - low) / (high - low));
  const made = svg("svg", { viewBox: `0 -4 ${WIDE} ${top + LOW + 18}`, role: "img", "aria-label": `Neurons of ${name} in ${steps} steps` });
  made.append(
    svg("rect", { class: "field", x: EDGE, y: 0, width: WIDE - EDGE, height: HIGH }),
    svg("line", { class: "threshold", x1: EDGE, x2: WIDE, y1: y(threshold), y2: y(threshold) }),
    svg("text", { x: 0, y: y(threshold) + 3 }, threshold.toFixed(1)),
    ...membranes.map((one) => svg("polyline", { class: "membrane", points: one.map((value, index) => `${x(index)},${y(value)}`).join(" ") })),
    svg("rect", { class: "field", x: EDGE, y: top, width: WIDE - EDGE, height: LOW }),
    svg("text", { x: EDGE, y: top + LOW + 12 }, "step 1"),
    svg("text", { x: WIDE, y: top + LOW + 12, "text-anchor": "end" }, `step ${steps}`),
  );
  spikes.forEach((channel, row) => [...channel].forEach((fired, index) => {
    if (fired === "0") return;
    const place = { x: EDGE + index * step + 1, y: top + row * cell, width: step - 2, height: Math.max(0.8, cell - 0.2) };
    made.append(svg("rect", { class: "spike", ...place }));
  }));
  return made;
}

// ---- Layers ----

function figure(layer, trace) {
  const made = document.createElement("figure"), image = document.createElement("img");
  const caption = document.createElement("figcaption"), rate = document.createElement("span");
  image.src = layer.map;
  image.alt = `Spike rates of ${layer.name}`;
  image.addEventListener("click", clicked);
  rate.textContent = `${layer.channels} × ${layer.width} × ${layer.height}, ${percent(layer.rate)}`;
  caption.append(layer.name, rate);
  made.append(image, caption, ...(trace ? [drawing(trace)] : []));
  return made;
}

function row(layer) {
  const made = document.createElement("tr"), neurons = layer.channels * layer.width * layer.height;
  [
    layer.name, layer.level, neurons.toLocaleString("en"), layer.steps, layer.spikes.toLocaleString("en"),
    percent(layer.rate), percent(layer.inside), percent(layer.outside),
  ].forEach((text) => { made.insertCell().textContent = text; });
  return made;
}

function showLevel() {
  const shown = layers.map((layer, index) => [layer, traces[index]]).filter(([layer]) => layer.level === Number(choice.value));
  find(".grid").replaceChildren(...shown.map(([layer, trace]) => figure(layer, trace)));
}
choice.addEventListener("change", showLevel);

function option(level) {
  const made = document.createElement("option");
  made.value = level;
  made.textContent = level === 0 ? "0: the whole" : `${level}: 1/${2 ** level} of its resolution`;
  return made;
}

function showRates(value) {
  [layers, traces] = [value.layers, []];
  box.hidden = false;
  cross.hidden = true;
  note.textContent = HINT;
  find(".spot img").src = value.picture.url;
  const bar = document.createElement("span");
  bar.className = "bar";
  find(".scale").replaceChildren("Spikes a step: 0", bar, percent(value.largest));
  choice.replaceChildren(...[...new Set(layers.map((layer) => layer.level))].sort((a, b) => a - b).map(option));
  find("tbody").replaceChildren(...layers.map(row));
}

watch("value", () => {
  const value = props.value;
  if (value?.layers) showRates(value);
  if (value?.traces) {
    traces = value.traces;
    note.textContent = value.message;
  }
  showLevel();
});
