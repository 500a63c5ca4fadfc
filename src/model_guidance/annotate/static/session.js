/** The run that is looked at: its classes, splits, and models, whose epochs grow as they learn. */

import { get } from "./api.js";
import { Observed } from "./observed.js";

/**
 * @typedef {{id: string, title: string, epoch: number}} Model
 * @typedef {import("./api.js").Entry} Entry
 * @typedef {import("./api.js").Place} Place
 */

export class Session extends Observed {
  #asked = 0;
  #taken = 0;

  /** @param {any} found what the server says */
  constructor(found) {
    super();
    this.found = found;
  }

  static async open() {
    return new Session(await get("/api/session"));
  }

  /** @returns {string[]} */
  get classes() {
    return this.found.classes;
  }

  /** @returns {Model[]} */
  get models() {
    return this.found.models;
  }

  /** @param {string} id @returns {Model | undefined} */
  model(id) {
    return this.models.find((each) => each.id === id);
  }

  /** Ask again; tells where the models or their epochs have changed. */
  async refresh() {
    const asked = ++this.#asked;
    const found = await get("/api/session");
    if (asked < this.#taken) return; // what was asked later has been answered already
    this.#taken = asked;
    const before = JSON.stringify(this.models);
    this.found = found;
    if (JSON.stringify(this.models) !== before) this.changed();
  }

  /**
   * The number of the class whose map is shown.
   * @param {string} of "label:", "prediction:" or "class:NAME"
   * @param {{labels: string[], prediction?: string | null}} image
   */
  classShown(of, image) {
    const named = of.startsWith("class:") ? of.slice("class:".length) : undefined;
    const label = of === "label:" ? image.labels[0] : undefined;
    return Math.max(0, this.classes.indexOf(named ?? label ?? image.prediction ?? ""));
  }
}
