/** Changes on their way to the disk, in order; what fails is tried again, and a reload keeps what waits. */

import { ApiError, keyOf, post } from "./api.js";
import { Observed } from "./observed.js";

/**
 * @typedef {import("./api.js").Place & ({op: "put", shape: import("./api.js").Shape}
 *   | {op: "delete", uid: string} | {op: "status", status: import("./api.js").Status})} Change
 */

const FIRST_WAIT = 500;
const LONGEST_WAIT = 8000;

export class SaveQueue extends Observed {
  /** @type {Change[]} */
  #waiting;
  /** @type {Change | undefined} the one that is on its way */
  #sending;
  #wait = FIRST_WAIT;
  #timer = 0;
  /** @type {Map<Change, string>} what the server refuses, and why */
  #refused = new Map();
  #key;
  #saved;

  /** Why the last change was not saved; "" where all are. */
  reason = "";

  /**
   * @param {string} name of the file of the marks: a tab that is turned to another one keeps them apart
   * @param {(change: Change, revision: number) => void} saved called for each change that is on the disk
   */
  constructor(name, saved) {
    super();
    this.#saved = saved;
    this.#key = `unsaved ${name}`;
    this.#waiting = JSON.parse(sessionStorage.getItem(this.#key) ?? "[]");
    window.addEventListener("beforeunload", (event) => this.#waiting.length && event.preventDefault());
    window.addEventListener("online", () => this.#send());
  }

  get size() {
    return this.#waiting.length;
  }

  /** @param {import("./api.js").Place} place @returns {Change[]} */
  of(place) {
    return this.#waiting.filter((change) => keyOf(change) === keyOf(place));
  }

  /** @param {Change} change */
  add(change) {
    const about = subject(change);
    const replaced = this.#waiting.filter((each) => each !== this.#sending && subject(each) === about);
    replaced.forEach((each) => this.#remove(each));
    this.#waiting.push(change);
    this.#keep();
    this.#send();
  }

  /** Send what an earlier page has left. */
  resume() {
    this.#send();
  }

  #keep() {
    sessionStorage.setItem(this.#key, JSON.stringify(this.#waiting));
    this.changed();
  }

  /** @param {Change} change */
  #remove(change) {
    this.#waiting = this.#waiting.filter((each) => each !== change);
    this.#refused.delete(change);
  }

  async #send() {
    if (this.#sending) return;
    do this.#sending = this.#waiting[0];
    while (this.#sending && (await this.#went(this.#sending)));
    this.#sending = undefined;
  }

  /** @param {Change} change @returns {Promise<boolean>} whether the next one may go now */
  async #went(change) {
    const answer = await post("/api/marks", change).catch((/** @type {Error} */ error) => error);
    if (!(answer instanceof Error)) this.#wasSaved(change, answer.revision);
    else if (this.#waiting.includes(change)) return this.#failed(change, answer);
    return true; // what was given up meanwhile may fail
  }

  /** @param {Change} change @param {number} revision */
  #wasSaved(change, revision) {
    this.#remove(change);
    this.reason = [...this.#refused.values()].at(-1) ?? "";
    this.#wait = FIRST_WAIT;
    this.#saved(change, revision);
    this.#keep();
  }

  /** Nothing is dropped: what is refused waits behind the others, unless a later change has replaced it.
   * @param {Change} change @param {Error} error */
  #failed(change, error) {
    if (error instanceof ApiError && !error.passing) {
      const replaced = this.#waiting.some((each) => each !== change && subject(each) === subject(change));
      this.#remove(change);
      if (!replaced) this.#waiting.push(change);
      if (!replaced) this.#refused.set(change, error.message);
    }
    this.reason = error.message;
    this.#keep();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#send(), this.#wait);
    this.#wait = Math.min(2 * this.#wait, LONGEST_WAIT);
    return false;
  }

  /** Give up what the server refuses. @returns {Change[]} it */
  discard() {
    const given = [...this.#refused.keys()];
    given.forEach((change) => this.#remove(change));
    this.reason = "";
    this.#keep();
    this.#send();
    return given;
  }

  /** Whether the server has refused a change, so that waiting may not help. */
  get refuses() {
    return this.#refused.size > 0;
  }
}

/** What a change is about: a later one replaces an earlier one. @param {Change} change */
function subject(change) {
  if (change.op === "status") return `${keyOf(change)} status`;
  return `${keyOf(change)} shape ${change.op === "put" ? change.shape.uid : change.uid}`;
}
