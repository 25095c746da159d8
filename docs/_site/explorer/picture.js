/** Draws the image with what the logits see of it, and the map of logits. */

import { range, times } from "./layers.js";

const HEAT = [ // of ganblocks' pictures
  [34, 22, 70], [45, 62, 120], [38, 106, 135], [40, 150, 135], [96, 190, 112], [176, 214, 90],
  [250, 232, 110],
];
const HEAT_SIDE = 512; // most pixels along a side of the heat map
const GRID_LINES = 64; // with more cells than this the lines would hide them

export const heatLegend = `linear-gradient(90deg, ${HEAT.map((color) => `rgb(${color})`)})`;

const clamp = (n, least, most) => Math.min(most, Math.max(least, n));
const outline = ([top, left, bottom, right]) => `M${left} ${top}H${right}V${bottom}H${left}Z`;

function place(rect, [top, left, bottom, right]) {
  const sides = { x: left, y: top, width: right - left, height: bottom - top };
  for (const [name, value] of Object.entries(sides)) rect.setAttribute(name, value);
}

function heatColor(part) {
  const scaled = part * (HEAT.length - 1), below = Math.min(Math.floor(scaled), HEAT.length - 2);
  return HEAT[below].map((c, i) => c + (HEAT[below + 1][i] - c) * (scaled - below));
}

/** Colors the pixels of a box by `part`, which returns 0 to 1, and `alpha` of that. */
function heatPicture(part, [top, left, bottom, right], alpha) {
  const step = Math.ceil(Math.max(bottom - top, right - left) / HEAT_SIDE);
  const canvas = document.createElement("canvas");
  [canvas.height, canvas.width] = [Math.ceil((bottom - top) / step),
    Math.ceil((right - left) / step)];
  const pen = canvas.getContext("2d"), pixels = pen.createImageData(canvas.width, canvas.height);
  for (let y = 0, n = 0; y < canvas.height; y++) {
    for (let x = 0; x < canvas.width; x++, n += 4) {
      const share = part(top + y * step, left + x * step);
      pixels.data.set([...heatColor(share), 255 * alpha(share)], n);
    }
  }
  pen.putImageData(pixels, 0, 0);
  return canvas.toDataURL();
}

/** The picture and the map; `part` finds an element by its name. */
export class Pictures {
  constructor(part) {
    this.part = part;
  }

  /** The image, around it as much padding as any logit sees, and the map's cells. */
  drawField(field, [height, width]) {
    const [[top, bottom], [left, right]] = field.around;
    this.part("picture").setAttribute("viewBox", [left, top, right - left, bottom - top].join(" "));
    place(this.part("around"), [top, left, bottom, right]);
    place(this.part("photo"), [0, 0, height, width]);
    // The hatching is as wide on the screen, however large the picture.
    const scale = Math.max(right - left, bottom - top) / 400;
    this.part("hatch").setAttribute("patternTransform", `scale(${scale}) rotate(45)`);
    this.drawCells(field);
  }

  drawCells({ grid: [height, width], clear: [rows, columns] }) {
    this.part("grid-map").setAttribute("viewBox", `0 0 ${width} ${height}`);
    place(this.part("cells"), [0, 0, height, width]);
    place(this.part("clear-cells"), [rows[0], columns[0], rows[1], columns[1]]);
    const lines = [...range(height).map((y) => `M0 ${y}H${width}`),
      ...range(width).map((x) => `M${x} 0V${height}`)];
    this.part("lines").setAttribute("d", Math.max(height, width) > GRID_LINES ? "" : lines.join(""));
  }

  drawCoverage({ at, min, max }, [height, width]) {
    const share = (y, x) => (at(y, x) - min) / Math.max(1, max - min), box = [0, 0, height, width];
    place(this.part("heat"), box);
    this.part("heat").setAttribute("href", heatPicture(share, box, () => 1));
  }

  drawEffective({ at, max, center, radius }, box) {
    place(this.part("heat"), box);
    const isSeen = box[0] < box[2], circle = this.part("half");
    this.part("heat").setAttribute("href", isSeen
      ? heatPicture((y, x) => at(y, x) / max, box, (share) => Math.min(1, 0.25 + share)) : "");
    // The middle of pixel p is p + 1/2 of the picture.
    const sides = { cx: center[1] + 0.5, cy: center[0] + 0.5, r: isSeen ? radius : 0 };
    for (const [name, value] of Object.entries(sides)) circle.setAttribute(name, value);
  }

  drawLogit(field, [height, width], [i, j]) {
    const box = field.box(i, j), support = field.support(i, j), [top, left, bottom, right] = box;
    const inside = [clamp(top, 0, height), clamp(left, 0, width), clamp(bottom, 0, height),
      clamp(right, 0, width)];
    for (const name of ["box", "halo"]) place(this.part(name), box);
    this.part("padding-seen").setAttribute("d", outline(box) + outline(inside));
    this.part("unseen").setAttribute("d", outline([0, 0, height, width]) + outline(support));
    place(this.part("row"), [i, 0, i + 1, field.grid[1]]);
    place(this.part("column"), [0, j, field.grid[0], j + 1]);
    place(this.part("cell"), [i, j, i + 1, j + 1]);
  }
}

/** Where an event points, in an SVG's own coordinates: [y, x]. */
export function pointed(svg, event) {
  const point = new DOMPoint(event.clientX, event.clientY);
  const { x, y } = point.matrixTransform(svg.getScreenCTM().inverse());
  return [y, x];
}

const signed = (number) => String(number).replace("-", "−");
const tuple = (numbers) => `(${numbers.join(", ")})`;

/** What a logit sees, in words and as Python writes it. */
export function logitSaid(field, [i, j]) {
  const box = field.box(i, j), [top, left, bottom, right] = box;
  const seen = top === bottom ? "no pixel" : `rows ${signed(top)} to ${signed(bottom - 1)} and ` +
    `columns ${signed(left)} to ${signed(right - 1)}`;
  return {
    logit: `Logit ${tuple([i, j])} of ${times(field.grid)} sees ${seen}.`,
    "box-said": `box${tuple([i, j])} = ${tuple(box)}`,
    "support-said": `support${tuple([i, j])} = ${tuple(field.support(i, j))}`,
  };
}
