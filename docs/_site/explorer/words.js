/** What the explorer refuses and why, and the line of Python that builds the layers. */

import { analyzed } from "./field.js";
import {
  KINDS, LIMITS, PLAIN, along, channelsOf, isConv, isPool, isWithin, leastSide, mapLength,
  patchLayers, pixelLayers, times, upsamples,
} from "./layers.js";
import { leastSideOfPatch } from "./suggestions.js";

const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

/** A text as a message repeats it. */
export function quoted(text) {
  const short = text.trim().slice(0, 40);
  return short ? `“${short}${short.length < text.trim().length ? "…" : ""}”` : "empty";
}

/** Reads a whole number: [value, ""], or [null, why not]. */
export function readNumber(name, text, what) {
  const value = /^\s*\d+\s*$/.test(text) ? Number(text) : NaN, [least, most] = LIMITS[name];
  if (isWithin(name, value)) return [value, ""];
  return [null, `${what} is ${quoted(text)}: write a whole number from ${least} to ${most}.`];
}

/** Reads one number for both axes of a layer, or height×width, in the same way. */
export function readPair(name, text, what) {
  const found = /^\s*(\d+)(?:\s*[x×,]\s*(\d+))?\s*$/.exec(text), [least, most] = LIMITS[name];
  const pair = found ? [Number(found[1]), Number(found[2] ?? found[1])] : [NaN, NaN];
  if (pair.every((n) => isWithin(name, n))) return [pair, ""];
  return [null, `${what} is ${quoted(text)}: write a whole number from ${least} to ${most}, or ` +
    "two, such as 3×5, for height×width."];
}

export const pairSaid = ([height, width]) => (height === width ? `${height}` : `${height}×${width}`);

/** Which discriminator of ganblocks has these layers; PixelDiscriminator has nLayers 0. */
export function known(layers) {
  const nLayers = layers.length - 2, kernel = layers[0].kernel[0];
  if (same(layers, pixelLayers())) return { nLayers: 0, kernel };
  return nLayers > 0 && same(layers, patchLayers(nLayers, kernel)) ? { nLayers, kernel } : null;
}

/** Why these layers give no logit of the image; "" where they do. */
export function refusal(layers, image) {
  return poolRefusal(layers) || scaleRefusal(layers) || imageRefusal(layers, image)
    || mapRefusal(layers, image) || (analyzed(layers, image).seesNothing
      ? "No pixel of the image reaches a logit: every path is lost in the zeros that a " +
        "ConvTranspose2d inserts. Use a larger kernel or a smaller stride there." : "");
}

function poolRefusal(layers) {
  const wrong = layers.findIndex((layer) =>
    isPool(layer) && layer.padding.some((n, axis) => 2 * n > layer.kernel[axis]));
  if (wrong < 0) return "";
  const { kind, kernel, padding } = layers[wrong], most = kernel.map((n) => n >> 1);
  return `Layer ${wrong + 1}, ${KINDS[kind].torch}: padding ${pairSaid(padding)} is more than ` +
    `half of kernel ${pairSaid(kernel)}. Use padding up to ${pairSaid(most)}.`;
}

function scaleRefusal(layers) {
  const scales = [0, 1].map((axis) =>
    layers.filter(upsamples).reduce((all, layer) => all * layer.stride[axis], 1));
  const most = LIMITS.scale[1];
  return Math.max(...scales) <= most ? "" : `The layers up-sample by ${pairSaid(scales)} in all: ` +
    `the explorer allows ${most}. Use smaller strides or scales, or fewer of these layers.`;
}

/** In the words of Python's errors. */
function imageRefusal(layers, image) {
  const patch = known(layers), isPatch = patch !== null && patch.nLayers > 0;
  const sides = isPatch ? image.map(() => leastSideOfPatch(patch.nLayers, patch.kernel))
    : image.map((_, axis) => leastSide(layers, axis));
  const [who, remedy] = isPatch ? ["this PatchDiscriminator needs", " or use fewer n_layers"]
    : ["these layers need", ""];
  return image.every((length, axis) => length >= sides[axis]) ? "" : `image of ${times(image)}: ` +
    `${who} at least ${times(sides)} to give a logit. Enlarge the image${remedy}`;
}

function mapRefusal(layers, image) {
  let map = image;
  for (const [i, layer] of layers.entries()) {
    map = map.map((length, axis) => mapLength(length, along(layer, axis)));
    if (Math.max(...map) > LIMITS.map[1]) {
      return `The map after layer ${i + 1} has ${times(map)} entries: the explorer allows ` +
        `${LIMITS.map[1]} a side. Use a smaller image, less padding or less up-sampling.`;
    }
  }
  return "";
}

const tuple = (pair) => (pair[0] === pair[1] ? `${pair[0]}` : `(${pair.join(", ")})`);

function moduleLine(layer, before, after) {
  const { torch, takes } = KINDS[layer.kind];
  if (torch === "Upsample") {
    return `nn.Upsample(scale_factor=${tuple(layer.stride)}, mode="${layer.kind}")`;
  }
  const plain = isPool(layer) ? { ...PLAIN, stride: tuple(layer.kernel) } : PLAIN;
  const named = takes.slice(1).filter((field) => tuple(layer[field]) !== `${plain[field]}`)
    .map((field) => `${field}=${tuple(layer[field])}`);
  const channels = isConv(layer) ? [before, after] : [];
  return `nn.${torch}(${[...channels, tuple(layer.kernel), ...named].join(", ")})`;
}

export function pythonLine(layers) {
  const patch = known(layers);
  if (patch && !patch.nLayers) return "PixelDiscriminator(in_channels=6)";
  if (patch) {
    const kernel = patch.kernel === 4 ? "" : `, kernel_size=${patch.kernel}`;
    return `PatchDiscriminator(in_channels=6, n_layers=${patch.nLayers}${kernel})`;
  }
  const channels = channelsOf(layers);
  const modules = layers.map((layer, i) => moduleLine(layer, channels[i], channels[i + 1]));
  return `nn.Sequential(${modules.join(", ")})`;
}
