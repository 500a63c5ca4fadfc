/** Values that tell when they change. */

export class Observed {
  /** @type {Set<(what: any) => void>} */
  #listeners = new Set();

  /** @param {(what: any) => void} listener @returns {() => void} ends it */
  onChange(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** @param {any} [what] */
  changed(what) {
    for (const listener of this.#listeners) listener(what);
  }
}
