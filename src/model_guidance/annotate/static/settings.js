/** What is looked at: kept in the address, so that a reload and a copied address show the same. */

import { Observed } from "./observed.js";

const DEFAULTS = {
  split: "",
  order: "",
  class: "",
  only: "all",
  model: "run",
  beside: "",
  of: "label:",
  opacity: "0.8",
  without: "",
  image: "", // split/index of the image that is open
  at: "", // its place in the gallery
};

/** @typedef {keyof typeof DEFAULTS} Name */

export class Settings extends Observed {
  /** @type {Record<Name, string>} */
  #values;

  /** @param {Partial<Record<Name, string>>} first what the session says */
  constructor(first) {
    super();
    this.#values = { ...DEFAULTS, ...first, ...read() };
  }

  /** @param {Name} name */
  get(name) {
    return this.#values[name];
  }

  /** @param {Partial<Record<Name, string>>} values */
  set(values) {
    const entries = Object.entries(values).filter(
      ([name, value]) => this.#values[/** @type {Name} */ (name)] !== value,
    );
    if (!entries.length) return;
    Object.assign(this.#values, Object.fromEntries(entries));
    history.replaceState(null, "", `#${new URLSearchParams(this.#named())}`);
    this.changed(new Set(entries.map(([name]) => name)));
  }

  /** @param {Name[]} names @param {() => void} listener */
  onAny(names, listener) {
    return this.onChange(
      (/** @type {Set<Name>} */ changed) => names.some((name) => changed.has(name)) && listener(),
    );
  }

  #named() {
    return Object.entries(this.#values).filter(
      ([name, value]) => value !== DEFAULTS[/** @type {Name} */ (name)],
    );
  }
}

/** @returns {Partial<Record<Name, string>>} */
function read() {
  const named = new URLSearchParams(location.hash.slice(1));
  return Object.fromEntries([...named].filter(([name]) => name in DEFAULTS));
}
