/** Before and after a round, on images that were not trained on. */

import { get } from "./api.js";
import { byId, element, fill } from "./dom.js";
import { Latest } from "./latest.js";

/** @typedef {{scores: Record<string, number>, groups: Record<string, number>, reliance: Record<string, number>}} Scored */

const PARTS = /** @type {const} */ ([
  ["scores", "Overall"],
  ["groups", "Accuracy by group"],
  ["reliance", "Without the background"],
]);

export class Comparison {
  #latest = new Latest();

  /** @param {import("./training.js").Training} training @param {import("./detail.js").App} app */
  constructor(training, app) {
    this.training = training;
    this.app = app;
    this.select = byId("compare-round");
    this.select.onchange = () => this.show(this.select.value);
    byId("compare-look").onclick = () => app.settings.set({ model: "run", beside: this.select.value });
    byId("compare-back").onclick = () => app.settings.set({ model: "run", beside: "" });
    training.onChange(() => this.#offer());
  }

  /** @returns {string[]} rounds that can be compared, the last first */
  get #finished() {
    return this.training.rounds
      .filter((round) => round.state === "finished")
      .map(({ id }) => id)
      .toReversed();
  }

  #offer() {
    const ids = this.#finished;
    fill(
      this.select,
      ids.map((value) => ({ value, text: value })),
      ids.includes(this.select.value) ? this.select.value : (ids[0] ?? ""),
    );
    byId("compare-none").hidden = ids.length > 0;
    byId("compare-some").hidden = !ids.length;
  }

  /** @param {string} [round] the last one, if left out */
  async show(round = this.select.value) {
    this.#offer();
    if (!round) return;
    this.select.value = round;
    const isLatest = this.#latest.ask();
    this.#tell("comparing …");
    const found = await get(`/api/compare/${encodeURIComponent(round)}`).catch((error) => ({
      error: error.message,
    }));
    if (!isLatest()) return;
    if (found.error) this.#tell(found.error);
    else this.#tell(found.verdict, found.label, table(found.before, found.after, round));
  }

  /** @param {string} verdict @param {string} label @param {Node[]} tables */
  #tell(verdict, label = "", ...tables) {
    byId("verdict").textContent = verdict;
    byId("verdict").dataset.label = label;
    byId("compare-table").replaceChildren(...tables);
  }
}

/** @param {Scored} before @param {Scored} after @param {string} round */
function table(before, after, round) {
  const bodies = PARTS.map(([part, title]) => body(title, before[part], after[part])).filter(Boolean);
  const head = ["", "before", "after", "change"].map((textContent) =>
    element("th", { scope: "col", textContent }),
  );
  const caption = element("caption", { class: "hidden", textContent: `The run before and after ${round}` });
  return element("table", {}, caption, element("thead", {}, element("tr", {}, ...head)), ...bodies);
}

/** @param {string} title @param {Record<string, number>} before @param {Record<string, number>} after */
function body(title, before, after) {
  const names = Object.keys({ ...before, ...after });
  if (!names.length) return null;
  const heading = element(
    "tr",
    { class: "shared" },
    element("th", { scope: "rowgroup", colSpan: 4, textContent: title }),
  );
  return element("tbody", {}, heading, ...names.map((name) => row(name, before[name], after[name])));
}

/** @param {string} name @param {number | undefined} before @param {number | undefined} after */
function row(name, before, after) {
  const cells = [shown(before), shown(after)].map((textContent) => element("td", { textContent }));
  const change = element("td", { textContent: difference(before, after) });
  return element("tr", {}, element("th", { scope: "row", textContent: name }), ...cells, change);
}

/** Shares in percent, others as they are. @param {number | null | undefined} value */
function shown(value) {
  if (value == null || !Number.isFinite(value)) return "–";
  return Math.abs(value) <= 1 ? (100 * value).toFixed(1) : value.toPrecision(3);
}

/** @param {number | undefined} before @param {number | undefined} after */
function difference(before, after) {
  if (before == null || after == null) return "–";
  const share = Math.abs(before) <= 1 && Math.abs(after) <= 1;
  const change = share ? (100 * (after - before)).toFixed(1) : (after - before).toPrecision(2);
  return Number(change) > 0 ? `+${change}` : change.replace("-", "−");
}
