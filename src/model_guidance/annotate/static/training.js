/** Training: a few settings, start, progress, stop. */

import { get, post } from "./api.js";
import { byId, counted, element } from "./dom.js";
import { Latest } from "./latest.js";
import { Observed } from "./observed.js";
import { RoundView } from "./round_view.js";

/** @typedef {import("./api.js").Round} Round @typedef {import("./detail.js").App} App */

const WHILE_TRAINING = 1000;

/** Lambda on a slider of powers of ten. @param {string} power */
export const lambdaOf = (power) => Number((10 ** Number(power)).toPrecision(2));

export class Training extends Observed {
  /** @type {Round[]} */
  rounds = [];
  /** @type {Map<string, RoundView>} */
  #views = new Map();
  #counting = new Latest();
  #asking = new Latest();
  #timer = 0;
  #shownBeside = "";
  #begun = "";

  /** @param {App} app @param {(id: string) => void} compare */
  constructor(app, compare) {
    super();
    this.app = app;
    this.compare = compare;
    this.form = byId("train-form");
    this.form.onsubmit = (/** @type {Event} */ event) => this.#start(event);
    const slider = byId("lambda");
    slider.oninput = () => this.#showLambda(slider);
    this.#showLambda(slider);
    this.#offerFrozen(app.session.found.frozen);
    app.marks.queue.onChange(() => byId("train").hidden || app.marks.queue.size || this.count());
  }

  /** @param {HTMLInputElement} slider */
  #showLambda(slider) {
    const text = String(lambdaOf(slider.value));
    byId("lambda-value").textContent = text;
    slider.setAttribute("aria-valuetext", text);
  }

  /** @param {string | null} layer */
  #offerFrozen(layer) {
    const options = [
      ...(layer ? [element("option", { value: layer, textContent: `up to ${layer}` })] : []),
      element("option", { value: "", textContent: "nothing" }),
    ];
    byId("frozen").replaceChildren(...options);
  }

  /** How many images of the training split have marks. */
  async count() {
    const isLatest = this.#counting.ask();
    const found = await get("/api/gallery", { split: "train", only: "marked", limit: 1 }).catch(() => null);
    if (!found || !isLatest()) return;
    byId("marked-count").textContent = found.total
      ? `${counted(found.total, "training image is", "training images are")} marked.`
      : "No training image is marked yet: mark a few of those that matter.";
  }

  /** @param {Event} event */
  async #start(event) {
    event.preventDefault();
    const given = new FormData(this.form);
    const wish = {
      lambda: lambdaOf(String(given.get("lambda"))),
      epochs: Number(given.get("epochs")),
      loss: given.get("loss"),
      regions: given.get("regions"),
      frozen: given.get("frozen") || null,
    };
    byId("train-error").textContent = "";
    try {
      this.#begun = (await post("/api/rounds", wish)).id;
      this.app.announce(`training of ${this.#begun} has begun`);
    } catch (error) {
      byId("train-error").textContent = /** @type {Error} */ (error).message;
    }
    await this.refresh();
  }

  /** Ask how the rounds are, again and again while one is trained. */
  async refresh() {
    clearTimeout(this.#timer);
    const isLatest = this.#asking.ask();
    const found = await get("/api/rounds").catch(() => null);
    if (found && isLatest()) await this.#take(found, isLatest);
    if (!isLatest()) return;
    const busy = !found || this.rounds.some((round) => round.state === "running");
    if (busy) this.#timer = setTimeout(() => this.refresh(), WHILE_TRAINING);
  }

  /** @param {Round[]} rounds @param {() => boolean} isLatest whether they still are, after another question */
  async #take(rounds, isLatest) {
    const before = new Map(this.rounds.map((round) => [round.id, round]));
    const learned = rounds.some(
      ({ id, epoch, state }) => before.get(id)?.epoch !== epoch || before.get(id)?.state !== state,
    );
    if (learned) await this.app.session.refresh().catch(() => undefined);
    if (!isLatest()) return;
    this.rounds = rounds;
    for (const round of rounds) this.#tell(before.get(round.id), round);
    this.#showBeside();
    for (const round of rounds)
      this.#view(round).show(round, this.app.session.model(round.id) !== undefined);
    byId("train-start").disabled = rounds.some((round) => round.state === "running");
    if (learned) this.changed();
  }

  /** @param {Round | undefined} before @param {Round} now */
  #tell(before, now) {
    if (!before) return;
    if (before.state !== now.state) this.app.announce(`${now.id} ${now.state}`);
    else if (before.epoch !== now.epoch) this.app.announce(`${now.id}: epoch ${now.epoch} of ${now.epochs}`);
  }

  /** The round that was begun here is shown beside the model, once it has learned something. */
  #showBeside() {
    const begun = this.#begun;
    if (!begun || this.#shownBeside === begun || !this.app.session.model(begun)) return;
    this.#shownBeside = begun;
    this.app.settings.set({ beside: begun });
  }

  /** @param {Round} round */
  #view({ id }) {
    const there = this.#views.get(id);
    if (there) return there;
    const acts = {
      Stop: () => void this.#stop(id),
      Look: () => this.app.settings.set({ beside: id }),
      Compare: () => this.compare(id),
    };
    const view = new RoundView(id, acts);
    this.#views.set(id, view);
    byId("rounds").prepend(view.node);
    return view;
  }

  /** @param {string} id */
  async #stop(id) {
    await post(`/api/rounds/${encodeURIComponent(id)}/stop`).catch((error) =>
      this.app.complain(error.message),
    );
    await this.refresh();
  }
}
