/*
 * The receptive-field page. First the calculation, in functions that know nothing of the page; it
 * says what ganblocks says, and tests/docs/receptive_field_cases.json holds both to that. Then the
 * page: one state, which the address holds too, and what draws it.
 *
 * A layer is {kernel, stride, padding, dilation}; an image and a grid are [height, width]; a box is
 * [top, left, bottom, right], the last two one past the end.
 */
(function () {
  "use strict";

  const DEFAULTS = { kernel: 1, stride: 1, padding: 0, dilation: 1 };
  const FIELDS = Object.keys(DEFAULTS);
  const LIMITS = { // so narrow that JavaScript holds every number exactly
    kernel: [1, 64], stride: [1, 8], padding: [0, 64], dilation: [1, 64], layers: [1, 12],
    image: [1, 2048], want: [1, 9999], at: [1, 2048],
  };
  const range = (count) => Array.from({ length: count }, (_, i) => i);
  const last = (items) => items[items.length - 1];
  const times = (numbers) => numbers.join("×");
  const square = (side) => times([side, side]);
  const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

  function patchLayers(nLayers, kernel = 4) {
    const one = (stride) => ({ kernel, stride, padding: (kernel - 1) >> 1, dilation: 1 });
    return [...range(nLayers).map(() => one(2)), one(1), one(1)];
  }

  const pixelLayers = () => range(3).map(() => ({ ...DEFAULTS }));

  function mapLength(length, { kernel, stride, padding, dilation }) {
    const room = length + 2 * padding - dilation * (kernel - 1) - 1;
    return length < 1 || room < 0 ? 0 : Math.floor(room / stride) + 1;
  }

  /** The map after each layer, and what each of its places sees if maps had no border. */
  function table(layers, image) {
    let size = 1, stride = 1, padding = 0, grid = image;
    return layers.map((layer) => {
      size += (layer.kernel - 1) * layer.dilation * stride;
      padding += layer.padding * stride;
      stride *= layer.stride;
      grid = grid.map((length) => mapLength(length, layer));
      return { grid, size, stride, padding };
    });
  }

  /**
   * The pixels [lo, hi) inside the image that reach each output along one axis. Maps on the way
   * have borders of their own, so this can be less than the box cut off at the image.
   */
  function supports(layers, length) {
    return layers.reduce((spans, layer) => range(mapLength(spans.length, layer)).map((i) => {
      const first = layer.stride * i - layer.padding;
      const read = range(layer.kernel).map((tap) => spans[first + layer.dilation * tap])
        .filter(Boolean);
      // Where only padding is read the span is empty: from Infinity to -Infinity.
      return [Math.min(...read.map(([lo]) => lo)), Math.max(...read.map(([, hi]) => hi))];
    }), range(length).map((i) => [i, i + 1]));
  }

  /** The outputs [first, end) along one axis whose field lies inside the image. */
  function clearOutputs({ size, stride, padding }, length, count) {
    const first = Math.ceil(padding / stride);
    const end = Math.min(count, Math.floor((length + padding - size) / stride) + 1);
    return first < end ? [first, end] : [0, 0];
  }

  /** What layers see of an image that gives at least one logit. */
  function analyzed(layers, image) {
    const rows = table(layers, image), field = last(rows);
    const spans = image.map((length) => supports(layers, length));
    const start = (i) => field.stride * i - field.padding;
    return {
      ...field,
      rows,
      clear: image.map((length, axis) => clearOutputs(field, length, field.grid[axis])),
      box: (i, j) => [start(i), start(j), start(i) + field.size, start(j) + field.size],
      support(i, j) {
        const [top, bottom] = spans[0][i], [left, right] = spans[1][j];
        return top < bottom && left < right ? [top, left, bottom, right] : [0, 0, 0, 0];
      },
      coverage: () => coverage(spans, image),
    };
  }

  /** How many logits see each pixel: so many rows of them times so many columns. */
  function coverage(spans, image) {
    const [rows, columns] = spans.map((axis, a) => {
      const counts = range(image[a]).map(() => 0);
      for (const [lo, hi] of axis) for (let p = lo; p < hi; p++) counts[p] += 1;
      return counts;
    });
    return {
      at: (y, x) => rows[y] * columns[x],
      min: Math.min(...rows) * Math.min(...columns),
      max: Math.max(...rows) * Math.max(...columns),
    };
  }

  /** Smallest side of an image that gives a logit; a batch norm needs a map of 2×2 besides. */
  function leastSide(layers, hasNorm = () => false) {
    return layers.reduceRight((side, { kernel, stride, padding, dilation }, i) => {
      const needed = Math.max(side, hasNorm(i) ? 2 : 1);
      return Math.max(1, (needed - 1) * stride + dilation * (kernel - 1) + 1 - 2 * padding);
    }, 1);
  }

  const leastSideOfPatch = (nLayers, kernel) =>
    leastSide(patchLayers(nLayers, kernel), (i) => i > 0 && i <= nLayers);

  /** Channels from the image to the logits: 6, 64, 128, 256, 512, 512, …, 1. */
  const channelsOf = (layers) =>
    [6, ...range(layers.length - 1).map((i) => 64 * Math.min(8, 2 ** i)), 1];

  /** A PatchGAN, what its logits see, and what it costs. */
  function suggestion(nLayers, kernel, image) {
    const layers = patchLayers(nLayers, kernel), channels = channelsOf(layers);
    const rows = table(layers, image), field = last(rows);
    let parameters = 0, work = 0;
    rows.forEach(({ grid }, i) => {
      const weights = channels[i] * channels[i + 1] * kernel * kernel;
      const hasNorm = i > 0 && i < rows.length - 1; // which has two numbers a channel, a bias one
      parameters += weights + channels[i + 1] * (hasNorm ? 2 : 1);
      work += weights * grid[0] * grid[1];
    });
    const clear = image.map((length, axis) => clearOutputs(field, length, field.grid[axis]));
    return { nLayers, kernel, ...field, clear, parameters, work };
  }

  /** What ganblocks.suggest_patch_discriminator lists, in its order. */
  function suggestions(want, image, count = 5) {
    const found = [3, 4, 5].flatMap((kernel) => range(8).map((n) => n + 1)
      .filter((nLayers) => leastSideOfPatch(nLayers, kernel) <= Math.min(...image))
      .map((nLayers) => suggestion(nLayers, kernel, image)));
    const off = (one) => Math.abs(one.size - want);
    return found.sort((a, b) => off(a) - off(b) || a.parameters - b.parameters).slice(0, count);
  }

  function paddingSaid({ clear, grid }) {
    const [rows, columns] = clear.map(([first, end]) => end - first), count = grid[0] * grid[1];
    return rows * columns ? `${count - rows * columns} of ${count} logits look at padding`
      : "every logit looks at padding";
  }

  const suggestionSaid = (one) =>
    `n_layers=${one.nLayers}, kernel_size=${one.kernel}: sees ${square(one.size)}, ` +
    `stride ${one.stride}, ${times(one.grid)} logits, ` +
    `${(one.parameters / 1e6).toFixed(2)} M parameters, ` +
    `${(one.work / 1e9).toFixed(2)} G multiply-adds; ${paddingSaid(one)}`;

  const noSuggestionSaid = (side) =>
    `image_size is ${side}: too small for any PatchDiscriminator. ` +
    "PixelDiscriminator judges single pixels";

  /** Which discriminator of ganblocks has these layers; PixelDiscriminator has nLayers 0. */
  function known(layers) {
    const nLayers = layers.length - 2, { kernel } = layers[0];
    if (same(layers, pixelLayers())) return { nLayers: 0, kernel };
    return nLayers > 0 && same(layers, patchLayers(nLayers, kernel)) ? { nLayers, kernel } : null;
  }

  /** Why these layers give no logit of the image, in Python's words; "" where they do. */
  function refusal(layers, image) {
    const patch = known(layers), isPatch = patch !== null && patch.nLayers > 0;
    const side = isPatch ? leastSideOfPatch(patch.nLayers, patch.kernel) : leastSide(layers);
    const [who, remedy] = isPatch ? ["this PatchDiscriminator needs", " or use fewer n_layers"]
      : ["these layers need", ""];
    return Math.min(...image) >= side ? "" : `image of ${times(image)}: ${who} at least ` +
      `${square(side)} to give a logit. Enlarge the image${remedy}`;
  }

  const unusual = (layer) => FIELDS.slice(1).filter((field) => layer[field] !== DEFAULTS[field]);

  function pythonLine(layers) {
    const patch = known(layers);
    if (patch && !patch.nLayers) return "PixelDiscriminator(in_channels=6)";
    if (patch) {
      const kernel = patch.kernel === 4 ? "" : `, kernel_size=${patch.kernel}`;
      return `PatchDiscriminator(in_channels=6, n_layers=${patch.nLayers}${kernel})`;
    }
    const channels = channelsOf(layers);
    const convs = layers.map((layer, i) => [channels[i], channels[i + 1], layer.kernel,
      ...unusual(layer).map((field) => `${field}=${layer[field]}`)].join(", "));
    return `nn.Sequential(${convs.map((words) => `nn.Conv2d(${words})`).join(", ")})`;
  }

  /** The state as the address holds it: #layers=k4s2p1,k4p1&image=256x256&logit=15,15&… */
  function written({ layers, image, logit, coverage, want, at }) {
    const short = (layer) => `k${layer.kernel}` +
      unusual(layer).map((field) => field[0] + layer[field]).join("");
    return `#layers=${layers.map(short).join(",")}&image=${image.join("x")}` +
      `&logit=${logit.join(",")}&coverage=${Number(coverage)}&want=${want}&at=${at}`;
  }

  const isWithin = (name, value) => value >= LIMITS[name][0] && value <= LIMITS[name][1];

  /** Reads an address; what it does not say, or says wrongly, is left out. */
  function read(hash) {
    const words = new URLSearchParams(hash.slice(1)), state = {};
    const numbers = (name) => ((words.get(name) || "").match(/\d+/g) || []).map(Number);
    const layers = (words.get("layers") || "").split(",").map((text) => {
      const found = /^k(\d+)(?:s(\d+))?(?:p(\d+))?(?:d(\d+))?$/.exec(text) || ["", 0];
      return Object.fromEntries(FIELDS.map((k, i) => [k, Number(found[i + 1] ?? DEFAULTS[k])]));
    });
    const areRight = layers.every((layer) => FIELDS.every((field) => isWithin(field, layer[field])));
    if (areRight && isWithin("layers", layers.length)) state.layers = layers;
    const image = numbers("image"), logit = numbers("logit");
    if (image.length === 2 && image.every((n) => isWithin("image", n))) state.image = image;
    if (logit.length === 2) state.logit = logit;
    for (const name of ["want", "at"]) {
      if (isWithin(name, numbers(name)[0])) [state[name]] = numbers(name);
    }
    if (words.has("coverage")) state.coverage = words.get("coverage") === "1";
    return state;
  }

  if (typeof module === "object") {
    module.exports = {
      analyzed, noSuggestionSaid, pythonLine, read, refusal, suggestionSaid, suggestions, written,
    };
    return;
  }

  const HEAT = [ // of ganblocks' pictures
    [34, 22, 70], [45, 62, 120], [38, 106, 135], [40, 150, 135], [96, 190, 112], [176, 214, 90],
    [250, 232, 110],
  ];
  const HEAT_SIDE = 512; // most pixels along a side of the heat map
  const GRID_LINES = 64; // with more cells than this the lines would hide them
  const BEGIN = { layers: patchLayers(3), image: [256, 256], logit: [0, 11], coverage: false,
    want: 70, at: 512 };
  const KEYS = {
    ArrowUp: ([i, j]) => [i - 1, j], ArrowDown: ([i, j]) => [i + 1, j],
    ArrowLeft: ([i, j]) => [i, j - 1], ArrowRight: ([i, j]) => [i, j + 1],
    Home: ([i]) => [i, 0], End: ([i]) => [i, Infinity],
    PageUp: ([, j]) => [0, j], PageDown: ([, j]) => [Infinity, j],
  };

  const clamp = (n, least, most) => Math.min(most, Math.max(least, n));
  const tuple = (numbers) => `(${numbers.join(", ")})`;
  const signed = (number) => String(number).replace("-", "−");
  const outline = ([top, left, bottom, right]) => `M${left} ${top}H${right}V${bottom}H${left}Z`;

  function place(rect, [top, left, bottom, right]) {
    const sides = { x: left, y: top, width: right - left, height: bottom - top };
    for (const [name, value] of Object.entries(sides)) rect.setAttribute(name, value);
  }

  function heatPicture({ at, min, max }, [height, width]) {
    const step = Math.ceil(Math.max(height, width) / HEAT_SIDE);
    const canvas = document.createElement("canvas");
    [canvas.height, canvas.width] = [Math.ceil(height / step), Math.ceil(width / step)];
    const pen = canvas.getContext("2d"), pixels = pen.createImageData(canvas.width, canvas.height);
    for (let y = 0, n = 0; y < canvas.height; y++) {
      for (let x = 0; x < canvas.width; x++, n += 4) {
        const part = (at(y * step, x * step) - min) / Math.max(1, max - min) * (HEAT.length - 1);
        const below = Math.min(Math.floor(part), HEAT.length - 2);
        const mixed = HEAT[below].map((c, i) => c + (HEAT[below + 1][i] - c) * (part - below));
        pixels.data.set([...mixed, 255], n);
      }
    }
    pen.putImageData(pixels, 0, 0);
    return canvas.toDataURL();
  }

  /** Calls `use` with each number within the limits that is typed; `current` stands in the end. */
  function listen(input, name, use, current) {
    [input.min, input.max] = LIMITS[name];
    input.addEventListener("input", () => {
      const number = input.value === "" ? NaN : Number(input.value);
      const isRight = Number.isInteger(number) && isWithin(name, number);
      input.setAttribute("aria-invalid", !isRight);
      if (isRight) use(number);
    });
    input.addEventListener("change", () => {
      input.value = current();
      input.setAttribute("aria-invalid", false);
    });
  }

  /** Writes a number into its input, but never under the hand that types there. */
  function fill(input, value) {
    if (input !== document.activeElement) input.value = value;
  }

  function begin(tool) {
    if (!tool || !tool.hidden) return;
    tool.hidden = false;
    const part = (name) => tool.querySelector(`[data-rf="${name}"]`);
    const say = (name, text) => { part(name).textContent = text; };
    const grid = part("grid-map"), picture = part("picture"), body = part("layers");
    const presets = tool.querySelectorAll("[data-n-layers]");
    const state = { ...BEGIN, ...read(location.hash) };
    let field = null, timer = 0; // field: what `analyzed` found, null where there is no logit

    function write() {
      clearTimeout(timer);
      timer = 0;
      history.replaceState(history.state, "", written(state));
    }

    function save() { // a little later: browsers refuse many changes of the address at once
      clearTimeout(timer);
      timer = setTimeout(write, 200);
    }

    function change(news) {
      const before = field;
      Object.assign(state, news);
      field = refusal(state.layers, state.image) ? null : analyzed(state.layers, state.image);
      if (field && before && !news.logit) { // at about the same place of the picture
        state.logit = state.logit.map((n, a) => (n + 0.5) / before.grid[a] * field.grid[a]);
      }
      draw();
    }

    function choose(logit) {
      if (!field) return;
      state.logit = logit.map((n, axis) => clamp(Math.floor(n), 0, field.grid[axis] - 1));
      drawLogit();
      save();
    }

    function draw() {
      tool.classList.toggle("rf--refused", !field);
      tool.classList.toggle("rf--coverage", state.coverage);
      say("refusal", refusal(state.layers, state.image));
      say("python", pythonLine(state.layers));
      drawControls();
      drawLayers();
      drawAnswers();
      if (!field) return save();
      for (const name of ["size", "stride", "padding"]) say(name, square(field[name]));
      say("grid", times(field.grid));
      say("clear", paddingSaid(field));
      drawPicture();
      drawGrid();
      choose(state.logit);
    }

    function drawControls() {
      const patch = known(state.layers);
      const nLayers = patch && (patch.kernel === 4 || !patch.nLayers) ? patch.nLayers : null;
      for (const button of presets) {
        button.setAttribute("aria-pressed", Number(button.dataset.nLayers) === nLayers);
      }
      if (patch && patch.nLayers) part("n_layers").value = patch.nLayers;
      const kernel = nLayers === null && patch ? `, kernel_size=${patch.kernel}` : "";
      say("name", !patch ? "layers of your own"
        : patch.nLayers ? `n_layers=${patch.nLayers}${kernel}` : "PixelDiscriminator");
      const [height, width] = state.image, numbers = { height, width, ...state };
      for (const name of ["height", "width", "want", "at"]) fill(part(name), numbers[name]);
      part("coverage").checked = state.coverage;
    }

    function drawLayers() {
      const rows = table(state.layers, state.image);
      while (body.rows.length > rows.length) last(body.rows).remove();
      while (body.rows.length < rows.length) body.append(newRow(body.rows.length));
      rows.forEach(({ grid: map, size, stride, padding }, i) => {
        const row = body.rows[i], said = { map: times(map), size: square(size),
          stride: square(stride), padding: square(padding) };
        for (const field of FIELDS) fill(row.querySelector(`[name=${field}]`), state.layers[i][field]);
        for (const cell of row.querySelectorAll("[data-after]")) {
          cell.textContent = said[cell.dataset.after];
        }
        row.querySelector("[data-move='-1']").disabled = i === 0;
        row.querySelector("[data-move='1']").disabled = i === rows.length - 1;
        row.querySelector("[data-remove]").disabled = rows.length === 1;
      });
      part("add").disabled = rows.length >= LIMITS.layers[1];
    }

    function newRow(i) {
      const row = part("layer").content.firstElementChild.cloneNode(true);
      row.cells[0].textContent = i + 1;
      for (const element of row.querySelectorAll("[aria-label]")) element.ariaLabel += ` ${i + 1}`;
      for (const field of FIELDS) {
        listen(row.querySelector(`[name=${field}]`), field, (number) => {
          const changed = { ...state.layers[i], [field]: number };
          change({ layers: state.layers.map((layer, l) => (l === i ? changed : layer)) });
        }, () => state.layers[i][field]);
      }
      for (const button of row.querySelectorAll("[data-move]")) {
        button.addEventListener("click", () => {
          const layers = [...state.layers], to = i + Number(button.dataset.move);
          [layers[i], layers[to]] = [layers[to], layers[i]];
          change({ layers });
          const next = body.rows[to].querySelector(`[data-move="${button.dataset.move}"]`);
          (next.disabled ? body.rows[to].querySelector("input") : next).focus();
        });
      }
      row.querySelector("[data-remove]").addEventListener("click", () => {
        change({ layers: state.layers.filter((_, l) => l !== i) });
        body.rows[Math.min(i, body.rows.length - 1)].querySelector("input").focus();
      });
      return row;
    }

    function drawAnswers() {
      const image = [state.at, state.at], found = suggestions(state.want, image, 3);
      part("answers").replaceChildren(...found.map((one) => {
        const item = part("answer").content.firstElementChild.cloneNode(true);
        const button = item.querySelector("button");
        item.querySelector("span").textContent = suggestionSaid(one);
        button.ariaLabel = `Show n_layers=${one.nLayers}, kernel_size=${one.kernel}`;
        button.addEventListener("click", () => {
          change({ layers: patchLayers(one.nLayers, one.kernel), image });
        });
        return item;
      }));
      say("no-answer", found.length ? "" : noSuggestionSaid(state.at));
    }

    /** The image, and around it as much padding as any logit sees. */
    function drawPicture() {
      const [height, width] = state.image, [, , lowest, rightmost] =
        field.box(field.grid[0] - 1, field.grid[1] - 1);
      const top = -field.padding, bottom = Math.max(height, lowest);
      const right = Math.max(width, rightmost);
      picture.setAttribute("viewBox", [top, top, right - top, bottom - top].join(" "));
      place(part("around"), [top, top, bottom, right]);
      for (const name of ["photo", "heat"]) place(part(name), [0, 0, height, width]);
      // The hatching is as wide on the screen, however large the picture.
      const scale = Math.max(right, bottom) / 400;
      part("hatch").setAttribute("patternTransform", `scale(${scale}) rotate(45)`);
      if (!state.coverage) return;
      const counts = field.coverage();
      part("heat").setAttribute("href", heatPicture(counts, state.image));
      say("fewest", `${counts.min} logits`);
      say("most", `${counts.max} see a pixel`);
    }

    function drawGrid() {
      const [height, width] = field.grid, [rows, columns] = field.clear;
      grid.setAttribute("viewBox", `0 0 ${width} ${height}`);
      place(part("cells"), [0, 0, height, width]);
      place(part("clear-cells"), [rows[0], columns[0], rows[1], columns[1]]);
      const lines = [...range(height).map((y) => `M0 ${y}H${width}`),
        ...range(width).map((x) => `M${x} 0V${height}`)];
      part("lines").setAttribute("d", Math.max(height, width) > GRID_LINES ? "" : lines.join(""));
    }

    function drawLogit() {
      const [i, j] = state.logit, [height, width] = state.image;
      const box = field.box(i, j), support = field.support(i, j), [top, left, bottom, right] = box;
      const inside = [clamp(top, 0, height), clamp(left, 0, width), clamp(bottom, 0, height),
        clamp(right, 0, width)];
      for (const name of ["box", "halo"]) place(part(name), box);
      part("padding-seen").setAttribute("d", outline(box) + outline(inside));
      part("unseen").setAttribute("d", outline([0, 0, height, width]) + outline(support));
      place(part("row"), [i, 0, i + 1, field.grid[1]]);
      place(part("column"), [0, j, field.grid[0], j + 1]);
      place(part("cell"), [i, j, i + 1, j + 1]);
      say("logit", `Logit ${tuple([i, j])} of ${times(field.grid)} sees rows ${signed(top)} to ` +
        `${signed(bottom - 1)} and columns ${signed(left)} to ${signed(right - 1)}.`);
      say("box-said", `box${tuple([i, j])} = ${tuple(box)}`);
      say("support-said", `support${tuple([i, j])} = ${tuple(support)}`);
    }

    function pointed(svg, event) {
      const point = new DOMPoint(event.clientX, event.clientY);
      const { x, y } = point.matrixTransform(svg.getScreenCTM().inverse());
      return [y, x];
    }

    for (const kind of ["pointermove", "pointerdown"]) {
      grid.addEventListener(kind, (event) => choose(pointed(grid, event)));
      picture.addEventListener(kind, (event) => { // the logit whose patch has its middle there
        choose(pointed(picture, event).map((pixel) =>
          (pixel + field.padding - field.size / 2) / field.stride + 0.5));
      });
    }
    grid.addEventListener("keydown", (event) => {
      if (!KEYS[event.key] || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      choose(KEYS[event.key](state.logit));
    });
    for (const button of presets) {
      const nLayers = Number(button.dataset.nLayers);
      button.addEventListener("click", () => {
        change({ layers: nLayers ? patchLayers(nLayers) : pixelLayers() });
      });
    }
    part("n_layers").addEventListener("input", (event) => {
      change({ layers: patchLayers(Number(event.target.value)) });
    });
    ["height", "width"].forEach((name, axis) => listen(part(name), "image", (number) => {
      change({ image: state.image.map((n, a) => (a === axis ? number : n)) });
    }, () => state.image[axis]));
    for (const name of ["want", "at"]) {
      listen(part(name), name, (number) => change({ [name]: number }), () => state[name]);
    }
    part("coverage").addEventListener("change", (event) => {
      change({ coverage: event.target.checked });
    });
    part("add").addEventListener("click", () => {
      change({ layers: [...state.layers, { ...last(state.layers) }] });
    });
    part("copy").addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(pythonLine(state.layers));
        say("copy", "Copied");
      } catch { // the browser keeps its clipboard from the page
        getSelection().selectAllChildren(part("python"));
        say("copy", "Press Ctrl+C");
      }
      setTimeout(() => say("copy", "Copy"), 2000);
    });
    part("legend").style.background = `linear-gradient(90deg, ${HEAT.map((c) => `rgb(${c})`)})`;
    addEventListener("hashchange", () => {
      const news = read(location.hash); // nothing of ours, where it leads to a heading
      if (tool.isConnected && Object.keys(news).length) change(news);
    });
    addEventListener("pagehide", () => { if (timer) write(); });
    change(state);
    clearTimeout(timer); // the address stays as it came until something is changed
    timer = 0;
  }

  const start = () => begin(document.getElementById("receptive-field"));
  if (window.document$) window.document$.subscribe(start); // the theme's, for each page it loads
  if (document.readyState === "loading") addEventListener("DOMContentLoaded", start);
  else start();
})();
