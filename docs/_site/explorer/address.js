/** The state as the address holds it: #layers=k4s2p1,max2s2,k3x5&image=256x256&logit=15,15&… */

import { KINDS, LIMITS, PLAIN, isWithin, layerOf } from "./layers.js";
import { pairSaid, quoted, readNumber, readPair } from "./words.js";

export const VIEWS = ["picture", "coverage", "effective"];

const written = (pair) => pairSaid(pair).replace("×", "x");

function layerWritten(layer) {
  const { short, takes } = KINDS[layer.kind], [first, ...others] = takes;
  return short + written(layer[first]) + others.map((field) =>
    (written(layer[field]) === `${PLAIN[field]}` ? "" : field[0] + written(layer[field]))).join("");
}

export const address = ({ layers, image, logit, view, want, at }) =>
  `#layers=${layers.map(layerWritten).join(",")}&image=${image.join("x")}` +
  (logit ? `&logit=${logit.join(",")}` : "") + `&view=${view}&want=${want}&at=${at}`;

const NUMBER = "(\\d+(?:x\\d+)?)";
const PATTERNS = Object.entries(KINDS).map(([kind, { short, takes }]) => {
  const others = takes.slice(1).map((field) => `(?:${field[0]}${NUMBER})?`).join("");
  return { kind, takes, pattern: new RegExp(`^${short}${NUMBER}${others}$`) };
});

const title = (word) => word[0].toUpperCase() + word.slice(1);

/** Reads one layer: [layer, ""], or [null, why not]. */
function readLayer(text, place) {
  for (const { kind, takes, pattern } of PATTERNS) {
    const found = pattern.exec(text);
    if (!found) continue;
    const numbers = {};
    for (const [i, field] of takes.entries()) {
      if (found[i + 1] === undefined) continue;
      const what = `${title(field)} of layer ${place}`;
      const [pair, problem] = readPair(field, found[i + 1], what);
      if (problem) return [null, problem];
      numbers[field] = pair;
    }
    return [layerOf(kind, numbers), ""];
  }
  return [null, `Layer ${place} is ${quoted(text)}: write one such as k4s2p1, k3x5, max2s2, ` +
    "avg3s2p1, transposed4s2p1, nearest2 or bilinear2."];
}

function readLayers(text) {
  const words = text.split(",");
  if (!isWithin("layers", words.length)) {
    return [null, `There are ${words.length} layers: write from 1 to ${LIMITS.layers[1]}.`];
  }
  const read = words.map((word, i) => readLayer(word, i + 1));
  const problem = read.map(([, why]) => why).find(Boolean);
  return problem ? [null, problem] : [read.map(([layer]) => layer), ""];
}

function readImage(text) {
  const sides = text.split("x");
  if (sides.length !== 2) {
    return [null, `Image is ${quoted(text)}: write heightxwidth, such as 256x256.`];
  }
  const [height, width] = ["Height", "Width"].map((name, axis) =>
    readNumber("image", sides[axis], `${name} of the image`));
  const problem = height[1] || width[1];
  return problem ? [null, problem] : [[height[0], width[0]], ""];
}

function readLogit(text) {
  const found = /^(\d{1,4}),(\d{1,4})$/.exec(text);
  return found ? [[Number(found[1]), Number(found[2])], ""]
    : [null, `Logit is ${quoted(text)}: write row,column, such as 15,15.`];
}

const readView = (text) => (VIEWS.includes(text) ? [text, ""]
  : [null, `View is ${quoted(text)}: write picture, coverage or effective.`]);

const READERS = {
  layers: readLayers, image: readImage, logit: readLogit, view: readView,
  want: (text) => readNumber("want", text, "Want"),
  at: (text) => readNumber("at", text, "At"),
};

/** Reads an address: what it says, and what is wrong with the rest. */
export function readAddress(hash) {
  const state = {}, problems = [];
  if (!hash.includes("=")) return { state, problems }; // it leads to a heading
  for (const [name, text] of new URLSearchParams(hash.slice(1))) {
    const reader = Object.hasOwn(READERS, name) ? READERS[name] : null;
    const [value, problem] = reader ? reader(text)
      : [null, `${quoted(name)} is not a setting: use ${Object.keys(READERS).join(", ")}.`];
    if (problem) problems.push(problem);
    else state[name] = value;
  }
  return { state, problems };
}
