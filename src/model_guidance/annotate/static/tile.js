/** One image of the gallery. */

import { imageUrl, mapUrl, withoutUrl } from "./api.js";
import { counted, element, hidden, percent } from "./dom.js";

/**
 * @typedef {import("./api.js").Entry} Entry
 * @typedef {import("./api.js").Answer} Answer
 * @typedef {import("./detail.js").App} App
 * @typedef {{photo: HTMLImageElement, map: HTMLImageElement, frame: HTMLElement}} Frame
 */

const THUMBNAIL = 256;
const AGAIN = 3000; // milliseconds after which a map is asked for again that the server could not make yet

export class Tile {
  /** @type {Entry | undefined} */
  entry;
  position = -1;
  #loaded = "";

  /** @param {App} app @param {(position: number) => void} open */
  constructor(app, open) {
    this.app = app;
    this.frames = [makeFrame(), makeFrame()];
    this.mark = element("span", { class: "badge" });
    this.label = element("span", { class: "tile-label" });
    this.says = element("span", { class: "tile-says" });
    const pictures = element(
      "span",
      { class: "pictures" },
      ...this.frames.map((each) => each.frame),
      this.mark,
    );
    this.button = element(
      "button",
      { type: "button", tabindex: -1, onclick: () => open(this.position) },
      pictures,
      this.label,
      this.says,
    );
    this.node = element("li", { class: "tile" }, this.button);
    for (const { map } of this.frames) map.onerror = () => this.#again();
  }

  /** @param {number} position @param {number} total */
  place(position, total) {
    this.position = position;
    this.node.setAttribute("aria-posinset", String(position + 1));
    this.node.setAttribute("aria-setsize", String(total));
    this.button.dataset.position = String(position);
  }

  /** @param {Entry | undefined} entry */
  show(entry) {
    if (entry?.index !== this.entry?.index) this.unload();
    this.entry = entry;
    this.node.classList.toggle("waiting", !entry);
    if (!entry) return this.#clear();
    this.label.textContent = entry.labels.join(", ") || "no class";
    this.says.replaceChildren(...[entry, entry.beside].filter((each) => each?.prediction).map(says));
    this.button.title = entry.name;
    this.showMarks();
  }

  #clear() {
    for (const node of [this.label, this.says, this.mark]) node.textContent = "";
    this.button.title = "";
  }

  showMarks() {
    if (!this.entry) return;
    const marked = this.app.marks.of({ split: this.app.settings.get("split"), index: this.entry.index });
    const count = marked ? marked.shapes.size : this.entry.marks;
    const status = marked ? marked.status : this.entry.status;
    const words = [
      ...(count ? [counted(count, "mark")] : []),
      ...(status ? [status === "right" ? "looks right" : "skipped"] : []),
    ];
    this.mark.textContent = words.join(", ");
    this.mark.hidden = !words.length;
  }

  unload() {
    if (!this.#loaded) return;
    this.#loaded = "";
    for (const { photo, map } of this.frames) for (const image of [photo, map]) image.removeAttribute("src");
  }

  /** Load photo and maps, if they are not there. */
  load() {
    if (!this.entry) return;
    const { settings, session, marks } = this.app;
    const place = { split: settings.get("split"), index: this.entry.index };
    const photo = settings.get("without")
      ? withoutUrl(place, marks.of(place)?.version ?? 0)
      : imageUrl(place, THUMBNAIL);
    const number = session.classShown(settings.get("of"), this.entry);
    const models = [session.model(settings.get("model")), session.model(settings.get("beside"))];
    const urls = models.map((model) => (model ? mapUrl(model, place, number) : ""));
    const wanted = [photo, ...urls].join(" ");
    if (wanted === this.#loaded) return;
    this.#loaded = wanted;
    this.frames.forEach((frame, at) => showFrame(frame, urls[at] ? photo : "", urls[at]));
  }

  #again() {
    const failed = this.#loaded;
    setTimeout(() => {
      if (this.#loaded !== failed || !failed) return;
      this.#loaded = "";
      this.load();
    }, AGAIN);
  }
}

/** @returns {Frame} */
function makeFrame() {
  const photo = element("img", { alt: "", decoding: "async", class: "photo" });
  const map = element("img", { alt: "", decoding: "async", class: "map" });
  const frame = element("span", { class: "frame" }, photo, map);
  photo.onload = () => shape(frame, photo.naturalWidth, photo.naturalHeight);
  photo.onerror = () => frame.classList.add("missing");
  return { photo, map, frame };
}

/** @param {HTMLElement} frame @param {number} width @param {number} height */
function shape(frame, width, height) {
  frame.style.aspectRatio = `${width} / ${height}`;
  frame.classList.toggle("tall", height > width);
  frame.classList.remove("missing");
}

/** @param {Frame} frame @param {string} photo "" for no picture @param {string} map */
function showFrame({ photo: seen, map: over, frame }, photo, map) {
  frame.hidden = !photo;
  for (const [image, src] of /** @type {[HTMLImageElement, string][]} */ ([
    [seen, photo],
    [over, map],
  ])) {
    if (!src) image.removeAttribute("src");
    else if (image.getAttribute("src") !== src) image.src = src;
  }
}

/** @param {Answer | null} answer that is there */
function says(answer) {
  const { prediction, score, right } = /** @type {Answer} */ (answer);
  return element(
    "span",
    { class: "tile-said" },
    element("span", {
      class: right ? "is-right" : "is-wrong",
      textContent: right ? "✓" : "✗",
      "aria-hidden": "true",
    }),
    hidden(right ? "rightly says " : "wrongly says "),
    element("span", { class: "tile-prediction", textContent: prediction }),
    element("span", { class: "tile-score", textContent: percent(score) }),
  );
}
