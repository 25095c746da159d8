/** Starts the explorer, and connects it with the hand, the keys and the address. */

import { address, readAddress } from "./address.js";
import { Explorer } from "./explorer.js";
import { patchLayers, pixelLayers } from "./layers.js";
import { heatLegend, pointed } from "./picture.js";
import { listen } from "./table.js";
import { pythonLine, readNumber } from "./words.js";

const KEYS = {
  ArrowUp: ([i, j]) => [i - 1, j], ArrowDown: ([i, j]) => [i + 1, j],
  ArrowLeft: ([i, j]) => [i, j - 1], ArrowRight: ([i, j]) => [i, j + 1],
  Home: ([i]) => [i, 0], End: ([i]) => [i, Infinity],
  PageUp: ([, j]) => [0, j], PageDown: ([, j]) => [Infinity, j],
};

/** The map and the picture choose a logit. */
function connectMaps(explorer) {
  const grid = explorer.part("grid-map"), picture = explorer.part("picture");
  for (const kind of ["pointermove", "pointerdown"]) {
    grid.addEventListener(kind, (event) => explorer.pointAt(pointed(grid, event).map(Math.floor)));
    picture.addEventListener(kind, (event) => {
      if (explorer.field) explorer.pointAt(explorer.field.nearest(pointed(picture, event)));
    });
  }
  grid.addEventListener("keydown", (event) => {
    const isOurs = KEYS[event.key] && !event.altKey && !event.ctrlKey && !event.metaKey;
    if (!explorer.field || !isOurs) return;
    event.preventDefault();
    explorer.pointAt(KEYS[event.key](explorer.state.logit));
  });
}

/** The slider and the buttons choose a PatchGAN, the others the image and what is drawn over it. */
function connectControls(explorer) {
  const { tool, state } = explorer, part = (name) => explorer.part(name);
  const build = (nLayers) =>
    explorer.change({ layers: nLayers ? patchLayers(nLayers) : pixelLayers() });
  part("n_layers").addEventListener("input", ({ target }) => build(Number(target.value)));
  for (const button of tool.querySelectorAll("[data-n-layers]")) {
    button.addEventListener("click", () => build(Number(button.dataset.nLayers)));
  }
  for (const input of tool.querySelectorAll("[name=rf-view]")) {
    input.addEventListener("change", () => explorer.change({ view: input.value }));
  }
  const connectNumber = (name, limits, settings, current, problem) => listen(part(name), {
    name: limits,
    read: (text) => readNumber(limits, text, part(name).ariaLabel),
    use: (number) => explorer.change(settings(number)),
    current,
    refuse: (text) => explorer.say(problem, text),
  });
  ["height", "width"].forEach((name, axis) => connectNumber(name, "image",
    (number) => ({ image: state.image.map((n, a) => (a === axis ? number : n)) }),
    () => state.image[axis], "problem"));
  for (const name of ["want", "at"]) {
    connectNumber(name, name, (number) => ({ [name]: number }), () => state[name], "no-answer");
  }
}

/** A button copies a text; where the browser forbids it, it says how else. */
function connectCopy(button, textOf, otherwise) {
  const label = button.textContent;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(textOf());
      button.textContent = "Copied";
    } catch {
      button.textContent = otherwise();
    }
    setTimeout(() => { button.textContent = label; }, 2000);
  });
}

function connectAddress(explorer) {
  const { state, tool } = explorer, python = explorer.part("python");
  connectCopy(explorer.part("copy"), () => pythonLine(state.layers), () => {
    getSelection().selectAllChildren(python);
    return "Press Ctrl+C";
  });
  connectCopy(explorer.part("link"), () => new URL(address(state), location.href).href, () => {
    explorer.write();
    return "Copy the address";
  });
  addEventListener("hashchange", () => {
    const read = readAddress(location.hash); // nothing of ours, where it leads to a heading
    const isOurs = Object.keys(read.state).length || read.problems.length;
    if (tool.isConnected && isOurs) explorer.follow(read);
  });
  addEventListener("pagehide", () => { if (explorer.timer) explorer.write(); });
}

function begin(tool) {
  tool.hidden = false;
  const explorer = new Explorer(tool);
  explorer.part("legend").style.background = heatLegend;
  connectMaps(explorer);
  connectControls(explorer);
  connectAddress(explorer);
  explorer.follow(readAddress(location.hash));
}

begin(document.getElementById("receptive-field"));
