/** The explorer: one state, which the address holds too, and what draws it. */

import { VIEWS, address } from "./address.js";
import { effective } from "./effective.js";
import { analyzed } from "./field.js";
import { patchLayers, times } from "./layers.js";
import { Pictures, logitSaid } from "./picture.js";
import { noSuggestionSaid, paddingSaid, suggestionSaid, suggestions } from "./suggestions.js";
import { LayerTable, fill } from "./table.js";
import { known, pythonLine, refusal } from "./words.js";

const BEGIN = { layers: patchLayers(3), image: [256, 256], view: "picture", want: 70, at: 512 };
const SAVE_AFTER = 200; // milliseconds: browsers refuse many changes of the address at once

export class Explorer {
  constructor(tool) {
    this.tool = tool;
    this.state = { ...BEGIN, logit: null };
    this.field = null; // what `analyzed` found, null where there is no logit
    this.timer = 0;
    this.pictures = new Pictures((name) => this.part(name));
    this.table = new LayerTable({
      body: this.part("layers"), template: this.part("layer"), add: this.part("add"),
      change: (layers) => this.change({ layers }),
      refuse: (problem) => this.say("problem", problem),
    });
  }

  part(name) {
    return this.tool.querySelector(`[data-rf="${name}"]`);
  }

  say(name, text) {
    this.part(name).textContent = text;
  }

  write() {
    clearTimeout(this.timer);
    this.timer = 0;
    history.replaceState(history.state, "", address(this.state));
  }

  save() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.write(), SAVE_AFTER);
  }

  /** Takes new settings, shows them, and says what is refused. */
  change(news) {
    this.show(news);
    this.say("notice", "");
    this.save();
  }

  /** Shows the settings of an address, and says what of it cannot be read or shown. */
  follow({ state: news, problems }) {
    this.show({ logit: null, ...news });
    const asked = news.logit || [], shown = this.state.logit || [];
    const isMissing = this.field && asked.some((n, axis) => n !== shown[axis]);
    const missing = isMissing ? [`Logit (${asked.join(", ")}) does not exist: the map is ` +
      `${times(this.field.grid)}. The nearest one is shown.`] : [];
    const unread = problems.length ? ["Part of the address was not used.", ...problems] : [];
    this.say("notice", [...unread, ...missing].join(" "));
  }

  show(news) {
    const { state, field: before } = this;
    this.say("problem", "");
    Object.assign(state, news);
    const refused = refusal(state.layers, state.image);
    this.say("refusal", refused);
    this.field = refused ? null : analyzed(state.layers, state.image);
    if (this.field && before && state.logit && !news.logit) { // at about the same place
      state.logit = state.logit.map((n, axis) =>
        Math.floor((n + 0.5) / before.grid[axis] * this.field.grid[axis]));
    }
    this.draw();
  }

  /** Shows a logit, or that in the middle. */
  choose(logit) {
    if (!this.field) return;
    const { grid } = this.field;
    this.state.logit = (logit || grid.map((count) => count >> 1))
      .map((n, axis) => Math.min(grid[axis] - 1, Math.max(0, n)));
    this.drawLogit();
  }

  pointAt(logit) {
    const before = String(this.state.logit);
    this.choose(logit);
    if (String(this.state.logit) !== before) this.save();
  }

  draw() {
    const { state, field, tool } = this;
    tool.classList.toggle("rf--refused", !field);
    for (const view of VIEWS) tool.classList.toggle(`rf--${view}`, state.view === view);
    this.say("python", pythonLine(state.layers));
    this.drawControls();
    this.table.draw(state.layers, state.image, field);
    this.drawAnswers();
    if (!field) return;
    for (const name of ["size", "stride", "padding", "grid"]) this.say(name, times(field[name]));
    this.say("clear", (field.isUniform ? "" : "Fields differ in size; the largest is shown. ") +
      paddingSaid(field));
    this.pictures.drawField(field, state.image);
    if (state.view === "coverage") this.drawCoverage();
    this.choose(state.logit);
  }

  drawControls() {
    const { state } = this, patch = known(state.layers), slider = this.part("n_layers");
    const chosen = patch && (patch.kernel === 4 || !patch.nLayers) ? patch.nLayers : null;
    for (const button of this.tool.querySelectorAll("[data-n-layers]")) {
      button.setAttribute("aria-pressed", Number(button.dataset.nLayers) === chosen);
    }
    const kernel = chosen === null && patch ? `, kernel_size=${patch.kernel}` : "";
    const name = !patch ? "layers of your own"
      : patch.nLayers ? `n_layers=${patch.nLayers}${kernel}` : "PixelDiscriminator";
    this.say("name", name);
    if (chosen !== null) slider.value = chosen;
    slider.classList.toggle("rf-idle", chosen === null);
    slider.setAttribute("aria-valuetext", name);
    const [height, width] = state.image, numbers = { height, width, ...state };
    for (const field of ["height", "width", "want", "at"]) fill(this.part(field), numbers[field]);
    for (const input of this.tool.querySelectorAll("[name=rf-view]")) {
      input.checked = input.value === state.view;
    }
  }

  drawAnswers() {
    const { want, at } = this.state, image = [at, at], found = suggestions(want, image, 3);
    this.part("answers").replaceChildren(...found.map((one) => {
      const item = this.part("answer").content.firstElementChild.cloneNode(true);
      const button = item.querySelector("button");
      item.querySelector("span").textContent = suggestionSaid(one);
      button.ariaLabel = `Show n_layers=${one.nLayers}, kernel_size=${one.kernel}`;
      button.addEventListener("click", () => {
        this.change({ layers: patchLayers(one.nLayers, one.kernel), image });
      });
      return item;
    }));
    this.say("no-answer", found.length ? "" : noSuggestionSaid(at));
  }

  drawCoverage() {
    const counts = this.field.coverage();
    this.pictures.drawCoverage(counts, this.state.image);
    this.say("fewest", `${counts.min} logits`);
    this.say("most", `${counts.max} see a pixel`);
  }

  drawLogit() {
    const { field, state: { layers, image, logit, view } } = this;
    const said = Object.entries(logitSaid(field, logit));
    for (const [name, text] of said) this.say(name, text);
    this.pictures.drawLogit(field, image, logit);
    if (view !== "effective") return;
    const gradient = effective(layers, image, logit);
    this.pictures.drawEffective(gradient, field.support(...logit));
    this.say("fewest", "weak");
    this.say("most", "strong");
    this.say("radius", gradient.radius.toFixed(1));
  }
}
