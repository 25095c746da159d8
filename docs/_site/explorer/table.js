/** The table in which the layers are edited, and the inputs that check what is typed. */

import { FIELDS, KINDS, LIMITS, along, last, layerOf, mapLength, times } from "./layers.js";
import { pairSaid, readPair } from "./words.js";

/**
 * Calls `use` with what is typed where `read` accepts it, and tells `refuse` why it does not;
 * `current` stands in the end. The keys up and down count, as in an input of numbers.
 */
export function listen(input, { name, read, use, current, refuse }) {
  const check = () => {
    const [value, problem] = read(input.value);
    input.setAttribute("aria-invalid", Boolean(problem));
    refuse(problem);
    if (!problem) use(value);
  };
  input.addEventListener("input", check);
  input.addEventListener("change", () => { // what was refused is gone; why it was stays to be read
    input.value = current();
    input.setAttribute("aria-invalid", false);
  });
  input.addEventListener("keydown", (event) => {
    const step = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const [least, most] = LIMITS[name];
    input.value = current().toString()
      .replace(/\d+/g, (digits) => Math.min(most, Math.max(least, Number(digits) + step)));
    check();
  });
}

/** Writes a value into its input, but never under the hand that types there. */
export function fill(input, value) {
  if (input !== document.activeElement) input.value = value;
}

const inputOf = (row, field) => row.querySelector(`[name=${field}]`);

/** The table: `change` is called with new layers, `refuse` with why something is refused. */
export class LayerTable {
  constructor({ body, template, add, change, refuse }) {
    Object.assign(this, { body, template, add, change, refuse, layers: [] });
    add.addEventListener("click", () => change([...this.layers, last(this.layers)]));
  }

  replace(i, layer) {
    this.change(this.layers.map((old, l) => (l === i ? layer : old)));
  }

  newRow(i) {
    const row = this.template.content.firstElementChild.cloneNode(true), number = i + 1;
    row.cells[0].textContent = number;
    for (const element of row.querySelectorAll("[aria-label]")) element.ariaLabel += ` ${number}`;
    for (const field of FIELDS) {
      const input = inputOf(row, field);
      listen(input, {
        name: field,
        read: (text) => readPair(field, text, input.ariaLabel),
        use: (pair) => this.replace(i, { ...this.layers[i], [field]: pair }),
        current: () => pairSaid(this.layers[i][field]),
        refuse: this.refuse,
      });
    }
    inputOf(row, "kind").addEventListener("change", ({ target: { value: kind } }) =>
      this.replace(i, layerOf(kind, KINDS[kind].usual)));
    for (const button of row.querySelectorAll("[data-move]")) {
      button.addEventListener("click", () => this.move(i, Number(button.dataset.move)));
    }
    row.querySelector("[data-remove]").addEventListener("click", () => {
      this.change(this.layers.filter((_, l) => l !== i));
      inputOf(this.body.rows[Math.min(i, this.body.rows.length - 1)], "kind").focus();
    });
    return row;
  }

  move(from, by) {
    const moved = [...this.layers], row = this.body.rows[from + by];
    [moved[from], moved[from + by]] = [moved[from + by], moved[from]];
    this.change(moved);
    const next = row.querySelector(`[data-move="${by}"]`);
    (next.disabled ? inputOf(row, "kind") : next).focus();
  }

  /** Draws the layers and the map after each; what it sees only where there is a `field`. */
  draw(layers, image, field) {
    this.layers = layers;
    while (this.body.rows.length > layers.length) last(this.body.rows).remove();
    while (this.body.rows.length < layers.length) {
      this.body.append(this.newRow(this.body.rows.length));
    }
    let map = image;
    layers.forEach((layer, i) => {
      map = map.map((length, axis) => mapLength(length, along(layer, axis)));
      const said = { map: Math.min(...map) ? times(map) : "none" };
      for (const name of ["size", "stride", "padding"]) {
        said[name] = field ? times(field.rows[i][name]) : "–";
      }
      this.drawRow(this.body.rows[i], i, said);
    });
    this.add.disabled = layers.length >= LIMITS.layers[1];
  }

  drawRow(row, i, said) {
    const layer = this.layers[i], { takes, torch } = KINDS[layer.kind];
    inputOf(row, "kind").value = layer.kind;
    for (const field of FIELDS) {
      const input = inputOf(row, field);
      input.parentElement.classList.toggle("rf-absent", !takes.includes(field));
      if (takes.includes(field)) fill(input, pairSaid(layer[field]));
    }
    const stride = torch === "Upsample" ? "Scale" : "Stride";
    inputOf(row, "stride").ariaLabel = `${stride} of layer ${i + 1}`;
    inputOf(row, "stride").parentElement.dataset.label = stride.toLowerCase();
    for (const cell of row.querySelectorAll("[data-after]")) {
      const [height, width] = said[cell.dataset.after].split("×"); // a line may break between them
      const parts = width ? [`${height}×`, document.createElement("wbr"), width] : [height];
      cell.replaceChildren(...parts);
    }
    row.querySelector("[data-move='-1']").disabled = i === 0;
    row.querySelector("[data-move='1']").disabled = i === this.layers.length - 1;
    row.querySelector("[data-remove]").disabled = this.layers.length === 1;
  }
}
