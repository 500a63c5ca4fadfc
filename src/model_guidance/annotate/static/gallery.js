/** All images of a split: only those in view have elements, so that thousands scroll smoothly. */

import { keyOf } from "./api.js";
import { byId, counted, isPressed } from "./dom.js";
import { GalleryPages } from "./gallery_pages.js";
import { Tile } from "./tile.js";

/** @typedef {import("./detail.js").App} App */

const GAP = 12;
const CAPTION = 52; // height of the words below a picture
const SPARE = 1; // rows above and below what is seen
const FAST = 240; // pixels between two frames above which pictures are left for later
const SETTLED = 90; // milliseconds without scrolling

export class Gallery {
  /** @type {Map<number, Tile>} */
  #shown = new Map();
  /** @type {Tile[]} */
  #free = [];
  #drawing = false;
  #last = 0;
  #settling = 0;
  #focus = 0;
  columns = 1;
  tileWidth = 0;
  rowHeight = 1;

  /** @param {Omit<App, "gallery">} app */
  constructor(app) {
    this.app = /** @type {App} */ (app);
    this.pages = new GalleryPages();
    this.scroller = byId("gallery");
    this.list = byId("tiles");
    this.scroller.addEventListener("scroll", () => this.#soon(), { passive: true });
    this.list.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.#key(event));
    this.list.addEventListener("focusin", (/** @type {any} */ event) => this.#focused(event.target));
    new ResizeObserver(() => this.#again()).observe(this.scroller);
    this.pages.onChange(() => this.#again());
    this.app.marks.onChange((place) => this.#marksChanged(place));
    this.app.session.onChange(() => this.#load());
    this.app.settings.onAny(["split", "order", "class", "only", "model"], (changed) =>
      changed.has("at") ? this.start() : this.#ask(),
    );
    this.app.settings.onAny(["beside"], () => this.#ask(this.#focus));
    this.app.settings.onAny(["of", "without"], () => this.#load());
  }

  /** Show what the address says. */
  start() {
    this.#ask(Number(this.app.settings.get("at")) || 0);
  }

  /** @param {number} [position] to begin with */
  #ask(position = 0) {
    const { settings } = this.app;
    const names = /** @type {const} */ (["split", "order", "class", "only", "model", "beside"]);
    this.#focus = position;
    this.pages.ask(Object.fromEntries(names.map((name) => [name, settings.get(name)])));
    this.#again();
    this.scroller.scrollTop = this.#rowOf(position) * this.rowHeight;
  }

  /** @param {number} position @returns {Promise<{entry: import("./api.js").Entry, place: import("./api.js").Place} | null>} */
  async entry(position) {
    if (position < 0) return null;
    await this.pages.need(position);
    const entry = this.pages.at(position);
    return entry ? { entry, place: { split: this.app.settings.get("split"), index: entry.index } } : null;
  }

  /** @param {import("./api.js").Place} place @returns {string} as settings keep it: "" if it is not known */
  positionOf(place) {
    const at = this.pages.find(place);
    return at < 0 ? "" : String(at);
  }

  /** @param {number} position */
  focus(position) {
    this.#focus = Math.min(Math.max(position, 0), Math.max(0, this.pages.total - 1));
    this.#reveal(this.#focus);
    this.#draw();
    this.#shown.get(this.#focus)?.button.focus({ preventScroll: true });
  }

  /** @param {number} position */
  #reveal(position) {
    const top = this.#rowOf(position) * this.rowHeight;
    const { scrollTop, clientHeight } = this.scroller;
    if (top < scrollTop) this.scroller.scrollTop = top;
    else if (top + this.rowHeight > scrollTop + clientHeight)
      this.scroller.scrollTop = top + this.rowHeight - clientHeight;
  }

  /** @param {number} position */
  #rowOf(position) {
    return Math.floor(position / this.columns);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const rows = Math.max(1, Math.floor(this.scroller.clientHeight / this.rowHeight)) * this.columns;
    /** @type {Record<string, number>} */
    const steps = {
      ArrowLeft: -1,
      ArrowRight: 1,
      ArrowUp: -this.columns,
      ArrowDown: this.columns,
      PageUp: -rows,
      PageDown: rows,
      Home: -Infinity,
      End: Infinity,
    };
    const step = steps[event.key];
    if (step === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    this.focus(this.#focus + step);
  }

  /** @param {HTMLElement} target */
  #focused(target) {
    const { position } = target.dataset;
    if (position === undefined || Number(position) === this.#focus) return;
    this.#focus = Number(position);
    this.#draw();
  }

  #soon() {
    if (this.#drawing) return;
    this.#drawing = true;
    requestAnimationFrame(() => {
      this.#drawing = false;
      this.#draw();
    });
  }

  /** Measure, and draw everything that has changed. */
  #again() {
    const width = this.scroller.clientWidth;
    if (!width) return;
    this.#layOut(width);
    this.list.style.height = `${Math.ceil(this.pages.total / this.columns) * this.rowHeight}px`;
    byId("gallery-count").textContent = counted(this.pages.total, "image");
    byId("gallery-message").textContent =
      this.pages.message || (this.pages.total ? "" : "No image is like this.");
    this.#draw();
  }

  /** @param {number} width of the gallery */
  #layOut(width) {
    const twice = Boolean(this.app.session.model(this.app.settings.get("beside")));
    const least = twice ? 300 : width < 500 ? 150 : 172;
    const columns = Math.max(1, Math.floor((width + GAP) / (least + GAP)));
    const tileWidth = (width - GAP * (columns - 1)) / columns;
    const picture = Math.round(twice ? tileWidth / 2 : tileWidth);
    const same =
      columns === this.columns && tileWidth === this.tileWidth && this.rowHeight === picture + CAPTION + GAP;
    Object.assign(this, { columns, tileWidth, rowHeight: picture + CAPTION + GAP });
    this.list.style.setProperty("--picture", `${picture}px`);
    if (!same) for (const [position, tile] of this.#shown) this.#put(tile, position);
  }

  #draw() {
    const { scrollTop, clientHeight } = this.scroller;
    const first = Math.max(0, (Math.floor(scrollTop / this.rowHeight) - SPARE) * this.columns);
    const rows = Math.ceil(clientHeight / this.rowHeight) + 2 * SPARE + 1;
    const end = Math.min(this.pages.total, first + rows * this.columns);
    for (const position of [...this.#shown.keys()])
      if (position < first || position >= end) this.#release(position);
    for (let position = first; position < end; position += 1) this.#show(position);
    const fast = Math.abs(scrollTop - this.#last) > FAST;
    this.#last = scrollTop;
    this.#settleSoon();
    if (!fast) this.#load();
  }

  #settleSoon() {
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => this.#settle(), SETTLED);
  }

  #settle() {
    this.#load();
    this.#arrange();
  }

  /** Put the elements into the order of the images, for those who hear them one after the other. */
  #arrange() {
    if (isPressed(this.list)) return this.#settleSoon();
    const nodes = [...this.#shown].sort(([one], [other]) => one - other).map(([, tile]) => tile.node);
    if (nodes.every((node, at) => this.list.children[at] === node)) return;
    const focused = /** @type {HTMLElement | null} */ (document.activeElement);
    this.list.prepend(...nodes);
    if (this.list.contains(focused)) focused?.focus({ preventScroll: true });
  }

  /** @param {number} position */
  #show(position) {
    const there = this.#shown.get(position);
    const tile = there ?? this.#take(position);
    const entry = this.pages.at(position);
    if (!entry) this.pages.need(position);
    if (tile.entry !== entry || !there) tile.show(entry);
    tile.button.tabIndex = position === this.#focus ? 0 : -1;
  }

  /** @param {number} position */
  #take(position) {
    const tile = this.#free.shift() ?? this.#make();
    tile.place(position, this.pages.total);
    tile.node.hidden = false;
    this.#put(tile, position);
    this.#shown.set(position, tile);
    return tile;
  }

  /** @param {Tile} tile @param {number} position */
  #put(tile, position) {
    const [column, row] = [position % this.columns, this.#rowOf(position)];
    tile.node.style.width = `${this.tileWidth}px`;
    tile.node.style.height = `${this.rowHeight - GAP}px`;
    tile.node.style.transform = `translate(${column * (this.tileWidth + GAP)}px, ${row * this.rowHeight}px)`;
  }

  #make() {
    const tile = new Tile(this.app, (position) => this.#open(position));
    this.list.append(tile.node);
    return tile;
  }

  /** @param {number} position */
  #release(position) {
    const tile = /** @type {Tile} */ (this.#shown.get(position));
    this.#shown.delete(position);
    tile.node.hidden = true;
    this.#free.push(tile);
  }

  #load() {
    for (const tile of this.#shown.values()) tile.load();
  }

  /** @param {import("./api.js").Place} place */
  #marksChanged({ split, index }) {
    if (split !== this.app.settings.get("split")) return;
    for (const tile of this.#shown.values()) if (tile.entry?.index === index) tile.showMarks();
  }

  /** @param {number} position */
  #open(position) {
    const entry = this.pages.at(position);
    const { settings } = this.app;
    if (entry)
      settings.set({
        image: keyOf({ split: settings.get("split"), index: entry.index }),
        at: String(position),
      });
  }
}
