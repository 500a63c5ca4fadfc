/** One round in the list: made once, so that its buttons stay under the pointer and in focus as it learns. */

import { counted, element } from "./dom.js";

/** @typedef {import("./api.js").Round} Round */
/** @typedef {"Stop" | "Look" | "Compare"} Act */

export class RoundView {
  /** @type {string[]} */
  #acts = [];

  /** @param {string} id @param {Record<Act, () => void>} acts */
  constructor(id, acts) {
    this.id = id;
    this.acts = acts;
    this.state = element("span", { class: "state" });
    this.progress = element("progress", { "aria-label": `epochs of ${id}` });
    this.facts = element("p", { class: "caption" });
    this.message = element("p", { class: "message" });
    this.buttons = element("div", { class: "row" });
    const title = element("h3", {}, element("span", { textContent: id }), this.state);
    this.node = element("li", {}, title, this.progress, this.facts, this.message, this.buttons);
  }

  /** @param {Round} round @param {boolean} known whether there is an epoch to look at */
  show(round, known) {
    const { state, epoch, epochs, seconds, message } = round;
    this.node.className = `round ${state}`;
    this.state.textContent = state;
    Object.assign(this.progress, { max: Math.max(epochs, 1), value: epoch });
    const marked = counted(round.marks, "marked image");
    this.facts.textContent = `λ ${round.lambda} · ${marked} · epoch ${epoch} of ${epochs} · ${Math.round(seconds)} s`;
    this.message.textContent = message;
    this.#offer(state === "running" ? ["Stop"] : actsAfter(state, known));
  }

  /** @param {Act[]} acts */
  #offer(acts) {
    if (String(acts) === String(this.#acts)) return;
    this.#acts = acts;
    this.buttons.replaceChildren(
      ...acts.map((text) =>
        element("button", {
          type: "button",
          textContent: text,
          "aria-label": `${text}: ${this.id}`,
          onclick: this.acts[text],
        }),
      ),
    );
  }
}

/** @param {Round["state"]} state @param {boolean} known @returns {Act[]} */
const actsAfter = (state, known) => [
  ...(known ? /** @type {Act[]} */ (["Look"]) : []),
  ...(state === "finished" ? /** @type {Act[]} */ (["Compare"]) : []),
];
