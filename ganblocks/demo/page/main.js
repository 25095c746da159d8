// The page: what a person does becomes a drawing, and the drawing the network's picture.

const part = (name) => document.querySelector(`#${name}`);
const chosen = (name) => document.querySelector(`input[name=${name}]:checked`);
const config = JSON.parse(part("config").textContent);
const canvas = part("drawing");
const board = new Board(canvas, config);
const network = new Network(part("worker").textContent);
const classColors = config.classes?.map(({ color }) => packed(color));

let ready = false;
let busy = false;
let changed = false;
let milliseconds = Infinity;

function say(text) {
  part("state").textContent = text;
}

function fail(error, remedy) {
  part("error").hidden = false;
  part("error").textContent = `${(error.message ?? error).replace(/[.\s]+$/, "")}. ${remedy}`;
  document.body.dataset.state = "failed";
}

/** Translates the drawing; one that changes meanwhile is translated next. */
async function refresh() {
  part("undo").disabled = !board.past.length;
  part("redo").disabled = !board.future.length;
  changed = true;
  if (busy || !ready) return;
  busy = true;
  document.body.dataset.state = "busy";
  try {
    while (changed) {
      changed = false;
      const started = performance.now();
      const output = await network.translate(board.pixels, config);
      const image = picture(output, config.outputs);
      const shown = part("output");
      if (shown.width !== image.width || shown.height !== image.height)
        Object.assign(shown, { width: image.width, height: image.height });
      shown.getContext("2d").putImageData(image, 0, 0);
      milliseconds = performance.now() - started;
      say(`${Math.round(milliseconds)} ms for this picture`);
    }
    part("save").disabled = false;
    document.body.dataset.state = "idle";
  } catch (error) {
    fail(error, "Reload the page; the drawing can be saved before.");
  } finally {
    busy = false;
  }
}

const tools = {
  brush: (from, to, color) => board.brush(from, to, color, Number(part("size").value)),
  rectangle: (from, to, color) => board.rectangle(from, to, color),
  fill: (from, to, color) => board.fill(to, color),
};

function color() {
  const swatch = chosen("color");
  return packed(swatch.value || part("own").value);
}

/** A stroke from its first point on: `to` goes on with it. */
class Stroke {
  constructor(start) {
    this.tool = chosen("tool").value;
    this.start = this.last = start;
    board.keep();
    this.to(start);
  }

  to(point) {
    if (this.tool === "rectangle") board.pixels.set(board.past.at(-1));
    if (this.tool !== "fill" || point === this.start)
      tools[this.tool](this.tool === "rectangle" ? this.start : this.last, point, color());
    this.last = point;
    if (milliseconds < 200) refresh();
  }
}

let stroke = null;

function place(event) {
  const box = canvas.getBoundingClientRect();
  const x = ((event.clientX - box.left) / box.width) * board.width;
  return [x, ((event.clientY - box.top) / box.height) * board.height];
}

function endStroke() {
  if (stroke) refresh();
  stroke = null;
}

canvas.addEventListener("pointerdown", (event) => {
  if (event.button !== 0 || !event.isPrimary) return;
  canvas.setPointerCapture(event.pointerId);
  stroke = new Stroke(place(event));
});
canvas.addEventListener("pointermove", (event) => {
  if (!stroke || !event.isPrimary) return;
  const events = event.getCoalescedEvents?.() ?? [];
  for (const each of events.length ? events : [event]) stroke.to(place(each));
});
canvas.addEventListener("pointerup", endStroke);
canvas.addEventListener("pointercancel", endStroke);

// The keyboard moves a cross; Space draws from where it was pressed last.
const cross = { x: board.width / 2, y: board.height / 2 };
const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function moveCross([dx, dy], step) {
  cross.x = Math.min(board.width - 1, Math.max(0, cross.x + dx * step));
  cross.y = Math.min(board.height - 1, Math.max(0, cross.y + dy * step));
  part("cross").style.left = `${(100 * (cross.x + 0.5)) / board.width}%`;
  part("cross").style.top = `${(100 * (cross.y + 0.5)) / board.height}%`;
  if (stroke) stroke.to([cross.x, cross.y]);
}

canvas.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (arrows[event.key]) moveCross(arrows[event.key], event.shiftKey ? 1 : 8);
  else if (event.key === " " && stroke) endStroke();
  else if (event.key === " ") {
    stroke = new Stroke([cross.x, cross.y]);
    if (stroke.tool === "fill") endStroke();
  } else return;
  event.preventDefault();
});
canvas.addEventListener("blur", endStroke);

const actions = {
  undo: () => board.undo(),
  redo: () => board.redo(),
  clear: () => board.clear(packed(config.background)),
};
for (const [name, action] of Object.entries(actions)) {
  part(name).addEventListener("click", () => {
    endStroke();
    action();
    refresh();
  });
}

async function open(source) {
  try {
    await board.open(source, { smooth: !config.labels, colors: classColors });
    refresh();
  } catch {
    say("This file is not a picture that the browser can read: choose a PNG, JPEG or WebP");
  }
}

async function openFile(file) {
  if (!file) return;
  const source = URL.createObjectURL(file);
  await open(source);
  URL.revokeObjectURL(source);
}

function save(from, name) {
  from.toBlob((blob) => {
    const link = document.createElement("a");
    Object.assign(link, { href: URL.createObjectURL(blob), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  });
}

part("save").addEventListener("click", () => save(part("output"), `${config.name}_output.png`));
part("keep").addEventListener("click", () => save(canvas, `${config.name}_drawing.png`));
part("open").addEventListener("click", () => part("file").click());
part("file").addEventListener("change", ({ target }) => {
  openFile(target.files[0]);
  target.value = ""; // so that the same file can be chosen again
});
for (const button of document.querySelectorAll("#examples button"))
  button.addEventListener("click", () => open(button.querySelector("img").src));
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  event.preventDefault();
  openFile(event.dataTransfer.files[0]);
});
part("own")?.addEventListener("input", () => (part("own-color").checked = true));
part("size").addEventListener("input", ({ target }) => (part("size-said").value = target.value));

const keys = { b: "brush", r: "rectangle", f: "fill" };

document.addEventListener("keydown", (event) => {
  const key = event.key.toLowerCase();
  if (event.ctrlKey || event.metaKey) {
    const name = { z: event.shiftKey ? "redo" : "undo", y: "redo" }[key];
    if (!name) return;
    event.preventDefault();
    part(name).click();
  } else if (keys[key] && !event.altKey) part(`tool-${keys[key]}`).checked = true;
  else if (key === "[" || key === "]") {
    part("size").value = Number(part("size").value) + (key === "]" ? 2 : -2);
    part("size").dispatchEvent(new Event("input"));
  }
});

async function begin() {
  board.pixels.fill(packed(config.background));
  board.show();
  const first = document.querySelector("#examples img");
  if (first) await open(first.src);
  board.past = [];
  const started = performance.now();
  try {
    const [runtime, wasm, model] = ["runtime", "wasm", "model"].map((id) => part(id).textContent);
    await network.ask("start", { runtime, wasm, model });
  } catch (error) {
    const remedy = "Open the page in a current Chrome, Edge, Firefox or Safari.";
    return fail(`The network did not start: ${error.message}`, remedy);
  }
  ready = true;
  document.body.dataset.start = Math.round(performance.now() - started);
  refresh();
}

begin();
