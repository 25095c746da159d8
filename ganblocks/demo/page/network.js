// The network in its worker, and the values that it reads and writes.

class Network {
  constructor(source) {
    const blob = new Blob([source], { type: "text/javascript" });
    this.worker = new Worker(URL.createObjectURL(blob));
  }

  ask(action, given, moved = []) {
    return new Promise((resolve, reject) => {
      this.worker.onmessage = ({ data }) =>
        "error" in data ? reject(new Error(data.error)) : resolve(data.result);
      this.worker.onerror = (event) => reject(new Error(event.message ?? "its worker failed"));
      this.worker.postMessage([action, given], moved);
    });
  }

  translate(pixels, { height, width, channels, classes }) {
    const values = classes ? oneHot(pixels, classes) : scaled(pixels, channels);
    const dims = [1, channels, height, width];
    return this.ask("translate", { values, dims }, [values.buffer]);
  }
}

/** Returns one plane for each class: 1 where its color is, -1 elsewhere. */
function oneHot(pixels, classes) {
  const planes = new Map(classes.map(({ color }, plane) => [packed(color), plane]));
  const values = new Float32Array(classes.length * pixels.length).fill(-1);
  pixels.forEach((color, i) => (values[planes.get(color) * pixels.length + i] = 1));
  return values;
}

/** Returns planes in [-1, 1] of gray (1), gray and alpha (2), RGB (3) or RGBA (4). */
function scaled(pixels, channels) {
  const bytes = new Uint8Array(pixels.buffer);
  const values = new Float32Array(channels * pixels.length);
  for (let i = 0; i < pixels.length; i++) {
    const [red, green, blue] = bytes.subarray(4 * i, 4 * i + 3);
    const gray = Math.round(0.299 * red + 0.587 * green + 0.114 * blue);
    const colors = channels < 3 ? [gray, 255] : [red, green, blue, 255];
    for (let c = 0; c < channels; c++) values[c * pixels.length + i] = colors[c] / 127.5 - 1;
  }
  return values;
}

/** Returns the picture of an output: its values as colors, or those of its largest classes. */
function picture({ values, dims: [, channels, height, width] }, classes) {
  const image = new ImageData(width, height);
  const size = height * width;
  const colors = classes?.map(({ color }) => packed(color));
  const whole = new Uint32Array(image.data.buffer);
  for (let i = 0; i < size; i++) {
    if (colors) {
      let largest = 0;
      for (let c = 1; c < channels; c++)
        if (values[c * size + i] > values[largest * size + i]) largest = c;
      whole[i] = colors[largest];
      continue;
    }
    for (let c = 0; c < 3; c++)
      image.data[4 * i + c] = (values[(channels < 3 ? 0 : c) * size + i] + 1) * 127.5;
    image.data[4 * i + 3] = 255;
  }
  return image;
}

/** Returns "#rrggbb" as the number that is the four bytes of a pixel, in the machine's order. */
function packed(color) {
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
  return new Uint32Array(Uint8Array.of(red, green, blue, 255).buffer)[0];
}
