// The drawing: whole pixels in flat colors, tools that change them, and what came before.

const MOST_STEPS = 60;

class Board {
  constructor(canvas, { height, width }) {
    Object.assign(this, { height, width, past: [], future: [] });
    Object.assign(canvas, { height, width });
    this.pen = canvas.getContext("2d");
    this.pixels = new Uint32Array(height * width);
  }

  /** Keeps the drawing as it is now, so that `undo` returns to it. */
  keep() {
    this.past.push(this.pixels.slice());
    if (this.past.length > MOST_STEPS) this.past.shift();
    this.future = [];
  }

  undo() {
    this.#step(this.past, this.future);
  }

  redo() {
    this.#step(this.future, this.past);
  }

  #step(from, to) {
    if (!from.length) return;
    to.push(this.pixels);
    this.pixels = from.pop();
    this.show();
  }

  show() {
    const bytes = new Uint8ClampedArray(this.pixels.buffer);
    this.pen.putImageData(new ImageData(bytes, this.width, this.height), 0, 0);
  }

  /** Paints discs of a diameter along a line; those of one pixel leave no gap either. */
  brush([x0, y0], [x1, y1], color, diameter) {
    const steps = Math.max(1, Math.ceil(Math.hypot(x1 - x0, y1 - y0)));
    for (let i = 0; i <= steps; i++) {
      const x = x0 + ((x1 - x0) * i) / steps;
      this.#disc(x, y0 + ((y1 - y0) * i) / steps, color, Math.max(0.71, diameter / 2));
    }
    this.show();
  }

  #disc(x, y, color, radius) {
    const [top, bottom] = [y - radius, y + radius].map((side) => this.#inside(side, this.height));
    for (let row = top; row <= bottom; row++) {
      const square = radius ** 2 - (row + 0.5 - y) ** 2;
      if (square < 0) continue;
      const left = Math.max(0, Math.ceil(x - Math.sqrt(square) - 0.5));
      const right = Math.min(this.width, Math.floor(x + Math.sqrt(square) + 0.5));
      if (left < right) this.pixels.fill(color, row * this.width + left, row * this.width + right);
    }
  }

  /** Fills the rectangle between two corners, both of which it contains. */
  rectangle([x0, y0], [x1, y1], color) {
    const [left, right] = [x0, x1].map((x) => this.#inside(x, this.width)).sort((a, b) => a - b);
    const [top, bottom] = [y0, y1].map((y) => this.#inside(y, this.height)).sort((a, b) => a - b);
    for (let row = top; row <= bottom; row++)
      this.pixels.fill(color, row * this.width + left, row * this.width + right + 1);
    this.show();
  }

  /** Fills the region of one color around a point. */
  fill([x, y], color) {
    const start = this.#inside(y, this.height) * this.width + this.#inside(x, this.width);
    const old = this.pixels[start];
    const waiting = old === color ? [] : [start];
    while (waiting.length) {
      const at = waiting.pop();
      if (this.pixels[at] !== old) continue;
      this.pixels[at] = color;
      const column = at % this.width;
      if (column > 0) waiting.push(at - 1);
      if (column < this.width - 1) waiting.push(at + 1);
      if (at >= this.width) waiting.push(at - this.width);
      if (at + this.width < this.pixels.length) waiting.push(at + this.width);
    }
    this.show();
  }

  #inside(position, side) {
    return Math.min(side - 1, Math.max(0, Math.floor(position)));
  }

  clear(color) {
    this.keep();
    this.pixels.fill(color);
    this.show();
  }

  /** Replaces the drawing by a picture, stretched; each pixel gets the nearest of `colors`, if given. */
  async open(source, { smooth, colors }) {
    const image = new Image();
    image.src = source;
    await image.decode();
    const canvas = document.createElement("canvas");
    Object.assign(canvas, { width: this.width, height: this.height });
    const pen = canvas.getContext("2d");
    Object.assign(pen, { fillStyle: "#fff", imageSmoothingEnabled: smooth });
    pen.fillRect(0, 0, this.width, this.height); // behind transparent pixels
    pen.drawImage(image, 0, 0, this.width, this.height);
    const { data } = pen.getImageData(0, 0, this.width, this.height);
    this.keep();
    this.pixels = new Uint32Array(data.buffer);
    if (colors) this.pixels = this.pixels.map(nearest(colors));
    this.show();
  }
}

/** Returns a function from a color to the nearest of some; all are numbers. */
function nearest(colors) {
  const bytes = (color) => new Uint8Array(Uint32Array.of(color).buffer);
  const distance = (a, b) => [0, 1, 2].reduce((sum, c) => sum + (a[c] - b[c]) ** 2, 0);
  const listed = colors.map((color) => [color, bytes(color)]);
  const known = new Map();
  return (color) => {
    if (!known.has(color)) {
      const own = bytes(color);
      const best = listed.reduce((a, b) => (distance(own, b[1]) < distance(own, a[1]) ? b : a));
      known.set(color, best[0]);
    }
    return known.get(color);
  };
}
