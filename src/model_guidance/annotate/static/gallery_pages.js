/** The images of the gallery, asked for in parts when they come into view. */

import { get } from "./api.js";
import { Latest } from "./latest.js";
import { Observed } from "./observed.js";

/** @typedef {import("./api.js").Entry} Entry */

export const PAGE = 200;
const WHILE_LOOKING = 1500; // milliseconds between two questions while the server looks at the images

export class GalleryPages extends Observed {
  /** @type {Map<number, Entry[] | Promise<void>>} */
  #pages = new Map();
  /** @type {Record<string, string>} */
  #query = {};
  #latest = new Latest();
  #isLatest = this.#latest.ask();
  #timer = 0;
  total = 0;
  message = "";

  /** @param {Record<string, string>} query */
  ask(query) {
    this.#query = query;
    this.#pages.clear();
    this.#isLatest = this.#latest.ask();
    return this.need(0);
  }

  /** @param {number} position @returns {Entry | undefined} */
  at(position) {
    const page = this.#pages.get(Math.floor(position / PAGE));
    return Array.isArray(page) ? page[position % PAGE] : undefined;
  }

  /** Where an image is, among those that came. @param {import("./api.js").Place} place @returns {number} -1 if nowhere */
  find({ split, index }) {
    if (split !== this.#query.split) return -1;
    for (const [number, page] of this.#pages) {
      const at = Array.isArray(page) ? page.findIndex((entry) => entry.index === index) : -1;
      if (at >= 0) return number * PAGE + at;
    }
    return -1;
  }

  /** @param {number} position whose page is wanted @returns {Promise<void>} */
  async need(position) {
    const number = Math.floor(position / PAGE);
    const there = this.#pages.get(number);
    if (there) return Array.isArray(there) ? undefined : there;
    const loading = this.#load(number);
    this.#pages.set(number, loading);
    return loading;
  }

  /** @param {number} number */
  async #load(number) {
    const isLatest = this.#isLatest;
    const query = { ...this.#query, offset: number * PAGE, limit: PAGE };
    const found = await get("/api/gallery", query).catch((error) => ({ error: error.message }));
    if (!isLatest()) return;
    if (found.error) return this.#failed(found.error);
    this.#pages.set(number, found.images);
    this.total = found.total;
    this.message = found.message ?? "";
    if (!found.ready) this.#later();
    this.changed();
  }

  /** @param {string} message */
  #failed(message) {
    this.message = message;
    this.#later();
    this.changed();
  }

  /** Ask for the same again; what is there stays until then. */
  #later() {
    const isLatest = this.#isLatest;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (!isLatest()) return;
      for (const number of this.#pages.keys()) this.#load(number);
    }, WHILE_LOOKING);
  }
}
