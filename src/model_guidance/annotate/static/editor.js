/** What is being marked on the image that is open: the tool, the selection, and what is half drawn. */

import { Observed } from "./observed.js";
import {
  corners,
  distance,
  handles,
  isSomething,
  moved,
  reshaped,
  rounded,
  usualRadius,
  within,
} from "./shapes.js";

/**
 * @typedef {import("./api.js").Shape} Shape
 * @typedef {import("./api.js").Picture} Picture
 * @typedef {import("./shapes.js").Point} Point
 * @typedef {"select" | "box" | "polygon" | "point"} Tool
 */

export class Editor extends Observed {
  /** @type {Picture | null} */
  picture = null;
  /** @type {Tool} */
  tool = "select";
  label = "";
  ignored = false;
  selected = "";
  /** The handle that arrow keys move; -1 for the whole shape. */
  handle = -1;
  /** @type {Point[]} points that are set of the shape which is being drawn */
  draft = [];
  /** @type {Point | null} where the next point would be */
  cursor = null;
  /** @type {Shape | null} the shape that is being dragged, as it would be */
  preview = null;

  /** @param {import("./marks.js").Marks} marks @param {(said: string) => void} announce */
  constructor(marks, announce) {
    super();
    this.marks = marks;
    this.announce = announce;
  }

  /** @param {Picture} picture */
  open(picture) {
    const another = picture.index !== this.picture?.index || picture.split !== this.picture?.split;
    this.picture = picture;
    if (!another) return this.changed();
    this.label = picture.labels.includes(this.label)
      ? this.label
      : (picture.labels[0] ?? picture.scores[0]?.label ?? "");
    this.ignored = false; // the next image's first region would seldom be meant so
    this.#drop();
    this.changed();
  }

  #drop() {
    Object.assign(this, { selected: "", handle: -1, draft: [], cursor: null, preview: null });
  }

  /** @returns {Shape[]} the marks */
  get shapes() {
    const marked = this.picture && this.marks.of(this.picture);
    return marked ? [...marked.shapes.values()] : [];
  }

  /** @returns {Shape[]} the data's own regions that no mark has replaced */
  get own() {
    const marked = new Set(this.shapes.map((shape) => shape.uid));
    return (this.picture?.own ?? []).filter((shape) => !marked.has(shape.uid));
  }

  get selection() {
    return this.shapes.find((shape) => shape.uid === this.selected);
  }

  /** @param {Tool} tool @param {Point} [cursor] where arrow keys begin, for those who draw by keyboard */
  setTool(tool, cursor) {
    this.draft = [];
    this.tool = tool;
    this.cursor = cursor && this.picture && tool !== "select" ? within(cursor, this.picture) : null;
    if (tool !== "select") this.handle = -1;
    this.announce(`${tool} tool`);
    this.changed();
  }

  /** Select a mark; one of the data's own regions becomes a mark. @param {string} uid */
  select(uid) {
    const own = this.own.find((shape) => shape.uid === uid);
    if (own) this.#put(own);
    this.selected = uid;
    this.handle = -1;
    const shape = this.selection;
    if (shape) this.announce(`${own ? "own region copied: " : ""}${describe(shape)} selected`);
    this.changed();
  }

  /** @param {number} direction 1 or -1 */
  selectNext(direction) {
    const uids = [...this.shapes, ...this.own].map((shape) => shape.uid);
    if (!uids.length) return this.announce("nothing is marked");
    const at = uids.indexOf(this.selected);
    this.select(
      uids[(at < 0 && direction < 0 ? uids.length - 1 : at + direction + uids.length) % uids.length],
    );
  }

  /** Choose the next handle of the selection, which arrow keys then move. */
  nextHandle() {
    if (!this.selection) return;
    const count = handles(this.selection).length;
    this.handle = this.handle + 1 < count ? this.handle + 1 : -1;
    this.announce(this.handle < 0 ? "moves the whole shape" : `moves handle ${this.handle + 1} of ${count}`);
    this.changed();
  }

  /** Set a class, of the selection or of what comes next. @param {string} label */
  setLabel(label) {
    this.label = label;
    if (this.selection) this.#put({ ...this.selection, label });
    this.announce(`class ${label}`);
    this.changed();
  }

  /** Whether the selection, or what comes next, is what must not be used. */
  get ignores() {
    return this.selection?.ignored ?? this.ignored;
  }

  toggleIgnored() {
    const ignored = !this.ignores;
    if (this.selection) this.#put({ ...this.selection, ignored });
    else this.ignored = ignored;
    this.announce(ignored ? "ignore this: must not be used" : "use this");
    this.changed();
  }

  remove() {
    if (this.draft.length) {
      this.draft.pop();
      return this.changed();
    }
    if (!this.selection || !this.picture) return;
    this.announce(`${describe(this.selection)} deleted`);
    this.marks.remove(this.picture, this.selected);
    this.selected = "";
    this.changed();
  }

  /** Arrow keys: move the cursor, the handle, or the selection. @returns {boolean} whether something moved
   * @param {number} dx @param {number} dy */
  step(dx, dy) {
    if (!this.picture) return false;
    if (this.tool !== "select") return this.#moveCursor(dx, dy);
    if (!this.selection) return false;
    this.#put(this.#stepped(this.selection, dx, dy), true);
    this.changed();
    return true;
  }

  /** @param {Shape} shape @param {number} dx @param {number} dy */
  #stepped(shape, dx, dy) {
    const size = /** @type {Picture} */ (this.picture);
    if (this.handle < 0) return moved(shape, dx, dy, size);
    const { x, y } = handles(shape)[this.handle];
    return reshaped(shape, this.handle, { x: x + dx, y: y + dy }, size);
  }

  /** @param {number} dx @param {number} dy */
  #moveCursor(dx, dy) {
    const size = /** @type {Picture} */ (this.picture);
    const from = this.cursor ?? { x: Math.floor(size.width / 2), y: Math.floor(size.height / 2) };
    this.cursor = within(this.cursor ? { x: from.x + dx, y: from.y + dy } : from, size);
    this.announce(`x ${this.cursor.x}, y ${this.cursor.y}`);
    this.changed();
    return true;
  }

  /** Set the next point of what is drawn. @param {Point | null} [point] the cursor, if left out */
  setPoint(point = this.cursor) {
    if (this.tool === "select" || !this.picture) return;
    if (!point) return void this.#moveCursor(0, 0);
    const at = within(point, this.picture);
    const again = this.draft.length > 0 && distance(at, this.draft[this.draft.length - 1]) === 0;
    if (again && this.tool !== "box") return this.finish();
    this.draft.push(at);
    this.cursor = at;
    this.announce(`point ${this.draft.length} at x ${at.x}, y ${at.y}`);
    if (this.tool !== "polygon" && this.draft.length === 2) return this.finish();
    this.changed();
  }

  /** End what is drawn: it becomes a mark where there is something of it. */
  finish() {
    const shape = this.#drawn();
    this.draft = [];
    if (!shape || !isSomething(shape)) this.announce("too small: nothing was marked");
    else {
      this.#put(shape);
      this.selected = shape.uid;
      this.announce(`${describe(shape)} marked`);
    }
    this.changed();
  }

  /** @returns {Shape | null} */
  #drawn() {
    if (this.tool === "select" || !this.draft.length || !this.picture) return null;
    const [first, second] = this.draft;
    const base = {
      uid: crypto.randomUUID(),
      label: this.label,
      ignored: this.ignored,
      radius: null,
      kind: this.tool,
    };
    if (this.tool === "polygon") return { ...base, points: this.draft.map(({ x, y }) => [x, y]) };
    if (this.tool === "box") return { ...base, points: corners(first, second ?? first) };
    const radius = second ? rounded(distance(first, second)) : usualRadius(this.picture);
    return { ...base, points: [[first.x, first.y]], radius };
  }

  /** @returns {boolean} whether there was something to leave */
  escape() {
    if (this.draft.length > 2) this.finish();
    else if (this.draft.length || this.preview) Object.assign(this, { draft: [], preview: null });
    else if (this.tool !== "select") this.setTool("select");
    else if (this.selected) this.selected = "";
    else return false;
    this.changed();
    return true;
  }

  /** Take the dragged shape as it is now. */
  drop() {
    if (this.preview) this.#put(this.preview);
    this.preview = null;
    this.changed();
  }

  /** @param {Shape} shape @param {boolean} [joined] */
  #put(shape, joined) {
    if (this.picture) this.marks.put({ split: this.picture.split, index: this.picture.index }, shape, joined);
  }
}

/** @param {Shape} shape */
export const describe = ({ kind, label, ignored }) => `${kind} ${ignored ? "to ignore" : "of"} ${label}`;
