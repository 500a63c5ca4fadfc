/** The marks of all images that were seen: what is on the disk, with what waits to be saved on top. */

import { get, keyOf } from "./api.js";
import { History } from "./history.js";
import { Observed } from "./observed.js";
import { SaveQueue } from "./queue.js";

/**
 * @typedef {import("./api.js").Shape} Shape
 * @typedef {import("./api.js").Place} Place
 * @typedef {import("./api.js").Status} Status
 * @typedef {import("./queue.js").Change} Change
 * @typedef {{shapes: Map<string, Shape>, status: Status}} State
 * @typedef {State & {revision: number}} Saved
 * @typedef {State & {version: number}} Marked
 */

const POLL = 3000;

export class Marks extends Observed {
  /** @type {Map<string, Saved>} what the disk has, as far as it was told */
  #saved = new Map();
  /** @type {Map<string, Marked>} */
  #known = new Map();
  #revision;
  #history = new History();

  /** @param {{marks_file: string, revision: number}} session */
  constructor(session) {
    super();
    this.#revision = session.revision;
    this.queue = new SaveQueue(session.marks_file, (change, revision) => this.#wasSaved(change, revision));
  }

  /** Send what is left over and look every few seconds what others have marked. */
  start() {
    this.queue.resume();
    setInterval(() => document.hidden || this.poll(), POLL);
    document.addEventListener("visibilitychange", () => document.hidden || this.poll());
  }

  async poll() {
    const answer = await get("/api/marks", { since: this.#revision }).catch(() => null);
    if (!answer) return;
    this.#revision = Math.max(this.#revision, answer.revision);
    for (const each of answer.changed) this.learn(each);
  }

  /** @param {Place} place @returns {Marked | undefined} */
  of(place) {
    return this.#known.get(keyOf(place));
  }

  /** Take what the disk has for an image, unless something newer is known. @param {import("./api.js").Told} told */
  learn({ split, index, marks, status, revision }) {
    const place = { split, index };
    if (revision < (this.#saved.get(keyOf(place))?.revision ?? 0)) return;
    const shapes = new Map(marks.map((shape) => [shape.uid, shape]));
    this.#saved.set(keyOf(place), { shapes, status, revision });
    this.#know(place);
  }

  /** Of an image that nothing was told of yet, all is asked. @param {Change} change @param {number} revision */
  #wasSaved(change, revision) {
    const saved = this.#saved.get(keyOf(change));
    if (!saved) return this.poll();
    if (revision > saved.revision) {
      apply(saved, change);
      saved.revision = revision;
    }
    this.#know(change);
  }

  /** Put together what the disk has and what waits. @param {Place} place */
  #know({ split, index }) {
    const place = { split, index };
    const saved = this.#saved.get(keyOf(place));
    if (!saved) return;
    const version = (this.of(place)?.version ?? 0) + 1;
    const marked = { shapes: new Map(saved.shapes), status: saved.status, version };
    for (const change of this.queue.of(place)) apply(marked, change);
    this.#known.set(keyOf(place), marked);
    this.changed(place);
  }

  /** @param {Place} place @param {Shape} shape @param {boolean} [joined] */
  put(place, shape, joined = false) {
    const before = this.of(place)?.shapes.get(shape.uid) ?? null;
    if (JSON.stringify(before) === JSON.stringify(shape)) return;
    this.#history.add({ place, uid: shape.uid, before, after: shape }, joined);
    this.#change({ op: "put", split: place.split, index: place.index, shape });
  }

  /** @param {Place} place @param {string} uid */
  remove(place, uid) {
    const before = this.of(place)?.shapes.get(uid);
    if (!before) return;
    this.#history.add({ place, uid, before, after: null }, false);
    this.#change({ op: "delete", split: place.split, index: place.index, uid });
  }

  /** @param {Place} place @param {Status} status */
  setStatus(place, status) {
    const before = this.of(place)?.status ?? null;
    this.#history.add({ place, uid: null, before, after: status }, false);
    this.#change({ op: "status", split: place.split, index: place.index, status });
  }

  get canUndo() {
    return this.#history.canUndo;
  }

  get canRedo() {
    return this.#history.canRedo;
  }

  /** @returns {Place | undefined} the image that it was about */
  undo() {
    const step = this.#history.undo();
    return step && this.#restore(step, step.before);
  }

  /** @returns {Place | undefined} */
  redo() {
    const step = this.#history.redo();
    return step && this.#restore(step, step.after);
  }

  /** @param {import("./history.js").Step} step @param {any} value */
  #restore({ place, uid }, value) {
    const { split, index } = place;
    if (uid === null) this.#change({ op: "status", split, index, status: value });
    else if (value) this.#change({ op: "put", split, index, shape: value });
    else this.#change({ op: "delete", split, index, uid });
    return place;
  }

  /** @param {Change} change */
  #change(change) {
    this.queue.add(change);
    this.#know(change);
  }

  /** Give up what the server refuses, and show what the disk has instead. */
  discard() {
    for (const change of this.queue.discard()) this.#know(change);
  }
}

/** @param {State} marked @param {Change} change */
function apply(marked, change) {
  if (change.op === "put") marked.shapes.set(change.shape.uid, change.shape);
  else if (change.op === "delete") marked.shapes.delete(change.uid);
  else marked.status = change.status;
}
