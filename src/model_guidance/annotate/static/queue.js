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
  #sending = false;
  #wait = FIRST_WAIT;
  /** @type {Map<string, string>} why the server refuses a change, by what it is about */
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
    const replaced = this.#waiting.findIndex(
      (each, at) => !(at === 0 && this.#sending) && subject(each) === subject(change),
    );
    if (replaced >= 0) this.#waiting.splice(replaced, 1);
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

  async #send() {
    if (this.#sending) return;
    this.#sending = true;
    while (this.#waiting.length && (await this.#sendFirst()));
    this.#sending = false;
  }

  /** @returns {Promise<boolean>} whether the next one may go now */
  async #sendFirst() {
    const [change] = this.#waiting;
    try {
      this.#sent(change, (await post("/api/marks", change)).revision);
      return true;
    } catch (error) {
      this.#failed(change, /** @type {Error} */ (error));
      return false;
    }
  }

  /** @param {Change} change @param {number} revision */
  #sent(change, revision) {
    this.#refused.delete(subject(change));
    this.reason = [...this.#refused.values()].at(-1) ?? "";
    this.#wait = FIRST_WAIT;
    this.#waiting.splice(0, 1);
    this.#saved(change, revision);
    this.#keep();
  }

  /** Nothing is dropped: what is refused waits behind the others, unless a later change has replaced it.
   * @param {Change} change @param {Error} error */
  #failed(change, error) {
    this.reason = error.message;
    if (error instanceof ApiError && !error.passing) {
      const replaced = this.#waiting.slice(1).some((each) => subject(each) === subject(change));
      this.#waiting.splice(0, 1);
      if (!replaced) this.#waiting.push(change);
      this.#refused.set(subject(change), error.message);
    }
    this.#keep();
    setTimeout(() => this.#send(), this.#wait);
    this.#wait = Math.min(2 * this.#wait, LONGEST_WAIT);
  }

  /** Give up what the server refuses. @returns {Change[]} it */
  discard() {
    const given = this.#waiting.filter((change) => this.#refused.has(subject(change)));
    this.#waiting = this.#waiting.filter((change) => !given.includes(change));
    this.#refused.clear();
    this.reason = "";
    this.#keep();
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
