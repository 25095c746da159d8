/**
 * What a layer is, and how it reads the map before it.
 *
 * A layer is {kind, kernel, stride, padding, dilation}, each number a pair [height, width]. The
 * stride of an up-sampling is its scale. One axis of a layer has the numbers of that axis.
 */

export const FIELDS = ["kernel", "stride", "padding", "dilation"];
export const PLAIN = { kernel: 1, stride: 1, padding: 0, dilation: 1 };

export const LIMITS = { // small enough that JavaScript holds every number exactly
  kernel: [1, 64], stride: [1, 8], padding: [0, 64], dilation: [1, 64], layers: [1, 12],
  image: [1, 2048], map: [1, 4096], scale: [1, 256], want: [1, 9999], at: [1, 2048],
};

export const range = (count) => Array.from({ length: count }, (_, i) => i);
export const last = (items) => items[items.length - 1];
export const times = (numbers) => numbers.join("×");
export const isWithin = (name, value) => value >= LIMITS[name][0] && value <= LIMITS[name][1];

const sliding = {
  length: (n, { kernel, stride, padding, dilation }) =>
    Math.floor((n + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1,
  least: (n, { kernel, stride, padding, dilation }) =>
    (n - 1) * stride + dilation * (kernel - 1) + 1 - 2 * padding,
  reads: (i, { kernel, stride, padding, dilation }) =>
    range(kernel).map((tap) => stride * i - padding + dilation * tap),
};

const transposed = {
  length: (n, { kernel, stride, padding, dilation }) =>
    (n - 1) * stride - 2 * padding + dilation * (kernel - 1) + 1,
  least: (n, { kernel, stride, padding, dilation }) =>
    Math.ceil((n - 1 + 2 * padding - dilation * (kernel - 1)) / stride) + 1,
  reads: (i, { kernel, stride, padding, dilation }) =>
    range(kernel).map((tap) => (i + padding - dilation * tap) / stride).filter(Number.isInteger),
};

const resize = {
  length: (n, { stride }) => n * stride,
  least: (n, { stride }) => Math.ceil(n / stride),
  reads: (i, { stride }) => [Math.floor(i / stride)],
};

const bilinear = {
  ...resize,
  reads(i, { stride }) { // between the centers of two entries, or on one
    const place = (2 * i + 1 - stride) / (2 * stride), first = Math.floor(place);
    return place === first ? [first] : [first, first + 1];
  },
};

/**
 * Each kind: its class in torch, the numbers that it takes, its name in an address, the numbers
 * that it has at first, and its rule.
 */
export const KINDS = {
  conv: { torch: "Conv2d", takes: FIELDS, short: "k", rule: sliding,
    usual: { kernel: 3, padding: 1 } },
  max: { torch: "MaxPool2d", takes: FIELDS, short: "max", rule: sliding,
    usual: { kernel: 2, stride: 2 } },
  avg: { torch: "AvgPool2d", takes: FIELDS.slice(0, 3), short: "avg", rule: sliding,
    usual: { kernel: 2, stride: 2 } },
  transposed: { torch: "ConvTranspose2d", takes: FIELDS, short: "transposed", rule: transposed,
    usual: { kernel: 4, stride: 2, padding: 1 } },
  nearest: { torch: "Upsample", takes: ["stride"], short: "nearest", rule: resize,
    usual: { stride: 2 } },
  bilinear: { torch: "Upsample", takes: ["stride"], short: "bilinear", rule: bilinear,
    usual: { stride: 2 } },
};

export const isConv = ({ kind }) => kind === "conv" || kind === "transposed";
export const isPool = ({ kind }) => kind === "max" || kind === "avg";
export const upsamples = ({ kind }) => !["conv", "max", "avg"].includes(kind);

/** A layer from some of its numbers, each a number or a pair; the others have no effect. */
export function layerOf(kind, numbers) {
  const pair = (name) => {
    const value = KINDS[kind].takes.includes(name) ? numbers[name] ?? PLAIN[name] : PLAIN[name];
    return Array.isArray(value) ? value : [value, value];
  };
  return { kind, ...Object.fromEntries(FIELDS.map((name) => [name, pair(name)])) };
}

/** One axis of a layer. */
export const along = (layer, axis) =>
  ({ kind: layer.kind, ...Object.fromEntries(FIELDS.map((name) => [name, layer[name][axis]])) });

/** The length of the map after one axis of a layer; 0 where there is none. */
export const mapLength = (length, layer) =>
  length < 1 ? 0 : Math.max(0, KINDS[layer.kind].rule.length(length, layer));

/** The entries that entry i reads along one axis, as if the map had no border. */
export const readsOf = (layer, i) => KINDS[layer.kind].rule.reads(i, layer);

/** The entries inside a map of this length that entry i reads along one axis. */
export function readsInside(layer, i, length) {
  const reads = readsOf(layer, i);
  if (layer.kind === "bilinear") { // which repeats the map's edge
    return [...new Set(reads.map((n) => Math.min(length - 1, Math.max(0, n))))];
  }
  return reads.filter((n) => n >= 0 && n < length);
}

/** Smallest side, along one axis, of an image that gives a logit. */
export function leastSide(layers, axis, hasNorm = () => false) {
  return layers.reduceRight((side, layer, i) => {
    const needed = Math.max(side, hasNorm(i) ? 2 : 1); // a batch norm needs a map of 2×2
    return Math.max(1, KINDS[layer.kind].rule.least(needed, along(layer, axis)));
  }, 1);
}

export function patchLayers(nLayers, kernel = 4) {
  const one = (stride) => layerOf("conv", { kernel, stride, padding: (kernel - 1) >> 1 });
  return [...range(nLayers).map(() => one(2)), one(1), one(1)];
}

export const pixelLayers = () => range(3).map(() => layerOf("conv", {}));

/** Channels after each layer, the image's first: convolutions make 64, 128, 256, 512, 512, …, 1. */
export function channelsOf(layers) {
  let channels = 6, convs = layers.filter(isConv).length, made = 0;
  return [channels, ...layers.map((layer) => {
    if (isConv(layer)) channels = --convs ? 64 * Math.min(8, 2 ** made++) : 1;
    return channels;
  })];
}
