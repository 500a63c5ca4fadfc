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

/** @typedef {keyof typeof DEFAULTS} Name @typedef {Record<Name, string>} Values */

export class Settings extends Observed {
  /** @type {Values} */
  #values;
  #first;
  #known;

  /** @param {Partial<Values>} first what the session says @param {() => Partial<Record<Name, string[]>>} known what it has */
  constructor(first, known) {
    super();
    this.#first = { ...DEFAULTS, ...first };
    this.#known = known;
    this.#values = this.#read();
    window.addEventListener("hashchange", () => this.#follow());
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
    this.#write();
    this.changed(new Set(entries.map(([name]) => name)));
  }

  /** @param {Name[]} names @param {(changed: Set<Name>) => void} listener */
  onAny(names, listener) {
    return this.onChange(
      (/** @type {Set<Name>} */ changed) => names.some((name) => changed.has(name)) && listener(changed),
    );
  }

  /** Another address was put into the open tab; a link to a part of the page is none. */
  #follow() {
    if (!location.hash || named().length) this.set(this.#read());
    else this.#write();
  }

  /** @returns {Values} what the address says: it may be an old one and name what is not here any more */
  #read() {
    const known = this.#known();
    const said = named().filter(([name, value]) => known[name]?.includes(value) ?? true);
    return { ...this.#first, ...Object.fromEntries(said) };
  }

  #write() {
    history.replaceState(null, "", `#${new URLSearchParams(this.#named())}`);
  }

  #named() {
    return Object.entries(this.#values).filter(
      ([name, value]) => value !== DEFAULTS[/** @type {Name} */ (name)],
    );
  }
}

/** @returns {[Name, string][]} the settings in the address */
function named() {
  const all = /** @type {[Name, string][]} */ ([...new URLSearchParams(location.hash.slice(1))]);
  return all.filter(([name]) => Object.hasOwn(DEFAULTS, name));
}
