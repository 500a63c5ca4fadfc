/**
 * Undo and redo. A step knows its image: undoing goes back to it.
 * @typedef {{place: import("./api.js").Place, uid: string, before: import("./api.js").Shape | null,
 *   after: import("./api.js").Shape | null} | {place: import("./api.js").Place, uid: null,
 *   before: import("./api.js").Status, after: import("./api.js").Status}} Step
 */

import { keyOf } from "./api.js";

const SAME_MOVE = 800; // milliseconds within which steps of the same kind are one

export class History {
  /** @type {Step[]} */
  #done = [];
  /** @type {Step[]} */
  #undone = [];
  #last = 0;

  /** @param {Step} step @param {boolean} joined whether it goes on with the step before it, as arrow keys do */
  add(step, joined) {
    const before = this.#done.at(-1);
    const soon = Date.now() - this.#last < SAME_MOVE;
    this.#last = joined ? Date.now() : 0;
    this.#undone = [];
    if (joined && soon && before && before.uid === step.uid && keyOf(before.place) === keyOf(step.place))
      before.after = step.after;
    else this.#done.push(step);
  }

  get canUndo() {
    return this.#done.length > 0;
  }

  get canRedo() {
    return this.#undone.length > 0;
  }

  /** @returns {Step | undefined} the step to be taken back */
  undo() {
    return moveLast(this.#done, this.#undone);
  }

  /** @returns {Step | undefined} the step to be done again */
  redo() {
    return moveLast(this.#undone, this.#done);
  }
}

/** @param {Step[]} from @param {Step[]} to */
function moveLast(from, to) {
  const step = from.pop();
  if (step) to.push(step);
  return step;
}
