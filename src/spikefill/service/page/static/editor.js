// The editor: shows a preview of the photograph, and supplies a mask alone. What the page sends is what `current` returns:
// which uploaded file is meant, which mask of full size the painting started from, and the painted layer.

const root = element.querySelector(".editor");
const find = (selector) => root.querySelector(selector);
const stage = find(".stage"), view = find(".view"), photo = find("img"), canvas = find("canvas");
const ring = find(".ring"), note = find("[role=status]"), size = find("input[name=size]");
const ink = canvas.getContext("2d");
const COLOUR = "rgb(230, 30, 120)";
const LARGEST_ZOOM = 16;
const { largestMegabytes } = props.value;

let shown = null;                              // the value whose photograph is on the stage
let steps = [], done = 0;                      // what was painted; the first `done` of them are not undone
let scale = 1, left = 0, top = 0;              // from the layer's pixels to the stage's
const fingers = new Map();                     // the pointers that are down
let stroke = null, drag = null;

// ---- The mask ----

function draw(step) {
  ink.globalCompositeOperation = step.erase ? "destination-out" : "source-over";
  if (step.image) {
    ink.clearRect(0, 0, canvas.width, canvas.height);
    ink.drawImage(step.image, 0, 0, canvas.width, canvas.height);
    ink.globalCompositeOperation = "source-in";
    ink.fillStyle = COLOUR;
    ink.fillRect(0, 0, canvas.width, canvas.height);
  } else if (step.points) {
    ink.strokeStyle = COLOUR;
    ink.lineWidth = step.width;
    ink.lineCap = ink.lineJoin = "round";
    ink.beginPath();
    ink.moveTo(...step.points[0]);
    step.points.forEach((point) => ink.lineTo(...point));
    ink.stroke();
  } else {
    ink.clearRect(0, 0, canvas.width, canvas.height);
  }
}

function redraw() {
  ink.clearRect(0, 0, canvas.width, canvas.height);
  steps.slice(0, done).forEach(draw);
  offer();
}

function add(step) {
  steps = [...steps.slice(0, done), step];
  done = steps.length;
  redraw();
}

function offer() {                             // buttons that were disabled would lose the focus, and the keys with it
  find("[data-do=undo]").setAttribute("aria-disabled", String(done === 0));
  find("[data-do=redo]").setAttribute("aria-disabled", String(done === steps.length));
}

function move(by) {
  done = Math.min(steps.length, Math.max(0, done + by));
  redraw();
}

function current() {
  const last = steps.slice(0, done).filter((step) => !step.points).pop();
  const { photo, name } = props.value ?? {};
  return { photo, name, base: last?.base ?? null, layer: photo ? canvas.toDataURL("image/png") : null };
}
root.current = current;

// ---- Where things are ----

function place() {
  view.style.width = `${canvas.width}px`;
  view.style.height = `${canvas.height}px`;
  view.style.transform = `translate(${left}px, ${top}px) scale(${scale})`;
  view.classList.toggle("near", scale * window.devicePixelRatio > 3);
  find(".zoom").textContent = `${Math.round((100 * scale * canvas.width) / (shown?.width || 1))}%`;
}

function whole() {
  return Math.min(stage.clientWidth / canvas.width, stage.clientHeight / canvas.height) || 1;
}

function fit() {
  scale = whole();
  left = (stage.clientWidth - scale * canvas.width) / 2;
  top = (stage.clientHeight - scale * canvas.height) / 2;
  place();
}

function pan(x, y) {
  const keep = (offset, room, length) => Math.min(room - 40, Math.max(40 - length, offset));
  left = keep(left + x, stage.clientWidth, scale * canvas.width);
  top = keep(top + y, stage.clientHeight, scale * canvas.height);
  place();
}

function zoom(factor, x = stage.clientWidth / 2, y = stage.clientHeight / 2) {
  const next = Math.min(LARGEST_ZOOM * Math.max(1, whole()), Math.max(whole() / 2, scale * factor));
  left = x - ((x - left) * next) / scale;
  top = y - ((y - top) * next) / scale;
  scale = next;
  pan(0, 0);
}

function at(event) {
  const box = stage.getBoundingClientRect();
  return [event.clientX - box.left - stage.clientLeft, event.clientY - box.top - stage.clientTop];
}

const onLayer = ([x, y]) => [(x - left) / scale, (y - top) / scale];

// ---- Tools ----

function brushWidth() {
  return Math.max(1.5, Math.min(canvas.width, canvas.height) * 0.004 * 60 ** (size.value / 100));
}

function choose(tool) {
  root.dataset.tool = tool;
  root.querySelectorAll("button[data-tool]").forEach((button) => {
    button.setAttribute("aria-pressed", String(button.dataset.tool === tool));
  });
  ring.hidden = true;
}

function showRing(event) {
  ring.hidden = root.dataset.tool === "hand" || event.pointerType === "touch";
  const [x, y] = at(event), width = `${brushWidth() * scale}px`;
  Object.assign(ring.style, { left: `${x}px`, top: `${y}px`, width, height: width });
}

function paint(event) {
  const moves = event.getCoalescedEvents?.() ?? [];
  for (const one of moves.length ? moves : [event]) {
    stroke.points.push(onLayer(at(one)));
    draw({ ...stroke, points: stroke.points.slice(-2) });
  }
}

function between() {
  const [[a, b], [c, d]] = fingers.values();
  return { x: (a + c) / 2, y: (b + d) / 2, length: Math.hypot(a - c, b - d) };
}

stage.addEventListener("pointerdown", (event) => {
  if (event.button === 1) event.preventDefault(); // no scrolling by the middle button
  stage.setPointerCapture(event.pointerId);
  fingers.set(event.pointerId, at(event));
  if (fingers.size > 1) {                      // two fingers move the photograph: the first did not mean to paint
    stroke = null;
    drag = between();
    redraw();
  } else if (root.dataset.tool === "hand" || event.button !== 0) {
    drag = { x: at(event)[0], y: at(event)[1] };
  } else {
    stroke = { erase: root.dataset.tool === "eraser", width: brushWidth(), points: [] };
    paint(event);
  }
});

stage.addEventListener("pointermove", (event) => {
  showRing(event);
  if (!fingers.has(event.pointerId)) return;
  fingers.set(event.pointerId, at(event));
  if (stroke) {
    paint(event);
  } else if (drag && fingers.size > 1) {
    const now = between();
    zoom(now.length / drag.length, now.x, now.y);
    pan(now.x - drag.x, now.y - drag.y);
    drag = now;
  } else if (drag) {
    const [x, y] = at(event);
    pan(x - drag.x, y - drag.y);
    drag = { x, y };
  }
});

function lift(event) {
  if (!fingers.delete(event.pointerId)) return;
  if (stroke) add(stroke);
  stroke = drag = null;
}
stage.addEventListener("pointerup", lift);
stage.addEventListener("pointercancel", lift);
stage.addEventListener("pointerleave", () => { ring.hidden = true; });
stage.addEventListener("contextmenu", (event) => event.preventDefault());
stage.addEventListener("wheel", (event) => {
  if (!event.ctrlKey && !event.metaKey) return; // else the page scrolls
  event.preventDefault();
  zoom(Math.exp(-event.deltaY / 200), ...at(event));
}, { passive: false });

const actions = {
  undo: () => move(-1),
  redo: () => move(1),
  clear: () => add({}),
  in: () => zoom(1.5),
  out: () => zoom(1 / 1.5),
  fit,
  scratches: () => { props.value = current(); trigger("scratches"); },
  expand: () => { props.value = current(); trigger("expand"); },
  shrink: () => { props.value = current(); trigger("shrink"); },
};

root.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.tool) choose(button.dataset.tool);
  if (button?.dataset.do) actions[button.dataset.do]();
});

const KEYS = {
  "b": () => choose("brush"), "e": () => choose("eraser"), "h": () => choose("hand"),
  "+": actions.in, "=": actions.in, "-": actions.out, "0": fit,
  "[": () => { size.value = Number(size.value) - 5; }, "]": () => { size.value = Number(size.value) + 5; },
  "ArrowLeft": () => pan(40, 0), "ArrowRight": () => pan(-40, 0), "ArrowUp": () => pan(0, 40), "ArrowDown": () => pan(0, -40),
};
const HISTORY = { "z": actions.undo, "Z": actions.redo, "y": actions.redo };
root.addEventListener("keydown", (event) => {
  const held = event.ctrlKey || event.metaKey;
  const action = held ? HISTORY[event.key] : document.activeElement === stage && KEYS[event.key];
  if (!action || !shown) return;
  event.preventDefault();
  action();
});

// ---- Files ----

function say(text) {
  note.textContent = text;
}

async function send(file, event) {
  if (file.size > 1e6 * largestMegabytes) {
    say(`${file.name} has ${(file.size / 1e6).toFixed(1)} MB; at most ${largestMegabytes} MB are taken.`);
    return;
  }
  const start = current();
  say(`Reading ${file.name} ...`);
  let path;
  try {
    ({ path } = await upload(file));
  } catch (error) {
    say(`${file.name} could not be sent; is the server still there?`);
    return;
  }
  say("");
  props.value = event === "opened" ? { photo: path, name: file.name } : { ...start, mask: path };
  trigger(event);
}

root.mayReplace = () => done === 0 || window.confirm("Open another photograph? The paint on this one is lost.");

function open(file) {
  if (file && root.mayReplace()) send(file, "opened");
}

root.addEventListener("change", (event) => {
  const [file] = event.target.files ?? [];
  if (event.target.name === "photo") open(file);
  if (event.target.name === "mask" && file) send(file, "masked");
  if (event.target.files) event.target.value = "";
});

const over = (event, inside) => { event.preventDefault(); root.classList.toggle("over", inside); };
root.addEventListener("dragover", (event) => over(event, true));
root.addEventListener("dragleave", (event) => over(event, false));
root.addEventListener("drop", (event) => { over(event, false); open(event.dataTransfer.files[0]); });

function paste(event) {
  if (!root.isConnected) document.removeEventListener("paste", paste);
  const [file] = event.clipboardData?.files ?? [];
  if (file && root.offsetParent) open(file);
}
document.addEventListener("paste", paste);

// ---- What the server answers ----

async function picture(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  return image;
}

async function show() {
  const value = props.value;
  if (value?.preview) {                        // a photograph was opened; other answers are masks for it
    const image = await picture(value.preview.url);
    photo.src = image.src;
    [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
    steps = [];
    done = 0;
    find(".welcome").hidden = true;
    find(".work").hidden = false;
    shown = value;
    stage.style.setProperty("--shape", canvas.width / canvas.height);
    redraw();
    fit();
  }
  if (value?.layer?.url) {
    add({ image: await picture(value.layer.url), base: value.base?.path });
  }
  say(value?.message ?? "");
}
watch("value", show);
new ResizeObserver(() => { if (shown) fit(); }).observe(stage);
