/**
 * What each logit sees, as ganblocks.receptive_field calculates it.
 *
 * A span is [first, end) along one axis of the image; an empty one is [Infinity, -Infinity). A box
 * is [top, left, bottom, right], the last two one past the end.
 */

import { along, last, mapLength, range, readsInside, readsOf, upsamples } from "./layers.js";

const gcd = (a, b) => (b ? gcd(b, a % b) : Math.abs(a));
const NOTHING = [Infinity, -Infinity];
const isEmpty = ([lo, hi]) => lo >= hi;

function hull(spans) {
  let [lo, hi] = NOTHING;
  for (const span of spans) {
    lo = Math.min(lo, span[0]);
    hi = Math.max(hi, span[1]);
  }
  return [lo, hi];
}

/** A fraction as Python writes it, a whole number as a number. */
function fraction(n, d) {
  const common = gcd(n, d);
  return d === common ? n / d : `${n / common}/${d / common}`;
}

/** Spans that repeat: that of entry i + spans.length is that of entry i, moved by `shift`. */
function spanAt({ spans, shift }, i) {
  const turn = Math.floor(i / spans.length), [lo, hi] = spans[i - turn * spans.length];
  return [lo + turn * shift, hi + turn * shift];
}

/** The spans after one more layer, in maps that have no border. */
function extended(pattern, layer) {
  const [period, step] = upsamples(layer) ? [layer.stride, 1] : [1, layer.stride];
  const repeats = pattern.spans.length / gcd(pattern.spans.length, step);
  return {
    spans: range(period * repeats).map((i) =>
      hull(readsOf(layer, i).map((n) => spanAt(pattern, n)))),
    shift: pattern.shift * step * repeats / pattern.spans.length,
  };
}

/** Size, stride and padding of spans: the largest, the mean, and the largest. */
function summary({ spans, shift }) {
  const seen = range(spans.length).filter((i) => !isEmpty(spans[i]));
  const early = Math.max(...seen.map((i) => i * shift - spans[i][0] * spans.length));
  return seen.length ? {
    size: Math.max(...seen.map((i) => spans[i][1] - spans[i][0])),
    stride: fraction(shift, spans.length),
    padding: fraction(early, spans.length),
  } : { size: 0, stride: 0, padding: 0 };
}

/** One axis of the layers: the spans after each, and those inside the image at the end. */
function axisField(layers, axis, length) {
  let pattern = { spans: [[0, 1]], shift: 1 }, count = length;
  let supports = range(length).map((i) => [i, i + 1]);
  const steps = layers.map((whole) => {
    const layer = along(whole, axis), before = supports;
    count = mapLength(count, layer);
    supports = range(count).map((i) =>
      hull(readsInside(layer, i, before.length).map((n) => before[n])));
    pattern = extended(pattern, layer);
    return { count, ...summary(pattern) };
  });
  const boxes = range(count).map((i) => spanAt(pattern, i));
  const stride = pattern.shift / pattern.spans.length;
  const isUniform = pattern.spans.every(([lo, hi], i) =>
    lo - i * stride === pattern.spans[0][0] && hi - i * stride === pattern.spans[0][1]);
  return { steps, boxes, supports, isUniform, ...clear(boxes, length) };
}

/** The entries whose box lies inside the image, and how many see anything at all. */
function clear(boxes, length) {
  const inside = range(boxes.length).filter((i) =>
    !isEmpty(boxes[i]) && boxes[i][0] >= 0 && boxes[i][1] <= length);
  return {
    clear: inside.length ? [inside[0], last(inside) + 1] : [0, 0],
    clearCount: inside.length,
    seeing: boxes.filter((box) => !isEmpty(box)).length,
  };
}

/** What layers see of an image that gives at least one logit. */
export function analyzed(layers, image) {
  const axes = image.map((length, axis) => axisField(layers, axis, length));
  const both = (name) => axes.map((axis) => axis[name]);
  const rows = layers.map((_, l) => {
    const of = (name) => axes.map(({ steps }) => steps[l][name]);
    return { grid: of("count"), size: of("size"), stride: of("stride"), padding: of("padding") };
  });
  const boxOf = (spans) => (i, j) => {
    const [rowsSeen, columnsSeen] = [spans[0][i], spans[1][j]];
    return isEmpty(rowsSeen) || isEmpty(columnsSeen) ? [0, 0, 0, 0]
      : [rowsSeen[0], columnsSeen[0], rowsSeen[1], columnsSeen[1]];
  };
  return {
    ...last(rows),
    rows,
    seesNothing: [both("boxes"), both("supports")].every((spans) =>
      spans.some((axis) => axis.every(isEmpty))),
    isUniform: both("isUniform").every(Boolean),
    clear: both("clear"),
    atPadding: seenBy(both("seeing")) - seenBy(both("clearCount")),
    around: image.map((length, axis) => hull([[0, length], ...both("boxes")[axis]])),
    box: boxOf(both("boxes")),
    support: boxOf(both("supports")),
    nearest: (pixel) => pixel.map((place, axis) => nearest(both("boxes")[axis], place)),
    coverage: () => coverage(both("supports"), image),
  };
}

const seenBy = ([rows, columns]) => rows * columns;

/** The entry whose box has its middle nearest to a place. */
function nearest(boxes, place) {
  const off = boxes.map((box) => (isEmpty(box) ? Infinity : Math.abs((box[0] + box[1]) / 2 - place)));
  return off.indexOf(Math.min(...off));
}

/** How many logits see each pixel: so many rows of them times so many columns. */
function coverage(supports, image) {
  const [rows, columns] = supports.map((spans, axis) => {
    const changes = new Array(image[axis] + 1).fill(0);
    for (const span of spans.filter((one) => !isEmpty(one))) {
      changes[span[0]] += 1;
      changes[span[1]] -= 1;
    }
    let count = 0;
    return changes.slice(0, -1).map((change) => (count += change));
  });
  return {
    at: (y, x) => rows[y] * columns[x],
    min: Math.min(...rows) * Math.min(...columns),
    max: Math.max(...rows) * Math.max(...columns),
  };
}
