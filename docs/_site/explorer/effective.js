import { along, last, mapLength, readsInside } from "./layers.js";

/**
 * How strongly logit (i, j) depends on each pixel before training: the expected magnitude of its
 * gradient in wide layers with independent random weights, whose square is the sum over all paths.
 */
export function effective(layers, image, logit) {
  const axes = image.map((length, axis) => magnitudes(layers, axis, length, logit[axis]));
  const totals = axes.map((axis) => axis.reduce((sum, value) => sum + value, 0));
  const shares = axes.map((axis, a) => axis.map((value) => value / totals[a]));
  const peak = shares.map((axis) => axis.reduce((most, value) => Math.max(most, value), 0));
  const center = shares.map((axis) => axis.reduce((sum, share, p) => sum + share * p, 0));
  return { at: (y, x) => shares[0][y] * shares[1][x], max: peak[0] * peak[1], center,
    radius: totals[0] * totals[1] ? halfMassRadius(shares, center) : 0 };
}

function magnitudes(layers, axis, length, index) {
  const parts = layers.map((layer) => along(layer, axis)), counts = [length];
  for (const part of parts) counts.push(mapLength(last(counts), part));
  let energies = new Float64Array(last(counts));
  energies[index] = 1;
  for (let l = layers.length - 1; l >= 0; l--) {
    const before = new Float64Array(counts[l]);
    energies.forEach((energy, i) => {
      if (!energy) return;
      const reads = readsInside(parts[l], i, counts[l]);
      for (const n of reads) before[n] += energy * pathEnergy(parts[l], i, n, reads);
    });
    energies = before;
  }
  return energies.map(Math.sqrt);
}

/** The square of the weight with which entry i of a map reads entry n of those in `reads`. */
function pathEnergy(layer, i, n, reads) {
  if (layer.kind === "max") return 1 / reads.length; // each is the maximum as often
  if (layer.kind === "avg") return 1 / layer.kernel ** 2;
  if (layer.kind !== "bilinear" || reads.length === 1) return 1;
  return (1 - Math.abs((i + 0.5) / layer.stride - 0.5 - n)) ** 2;
}

/** Radius of the circle around the center that holds half of the sum, to a tenth of a pixel. */
function halfMassRadius([rows, columns], center) {
  const rings = [];
  rows.forEach((row, y) => row && columns.forEach((column, x) => {
    const ring = Math.round(10 * Math.hypot(y - center[0], x - center[1]));
    rings[ring] = (rings[ring] || 0) + row * column;
  }));
  let held = 0;
  return rings.findIndex((share) => (held += share || 0) >= 0.5 - 1e-9) / 10;
}
