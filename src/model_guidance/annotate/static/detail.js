/** The view of one image, large, to be marked; with two models there are two views that move together. */

import { getPicture, imageUrl, keyOf, mapUrl, withoutUrl } from "./api.js";
import { byId, element } from "./dom.js";
import { Editor } from "./editor.js";
import { showFacts } from "./facts.js";
import { ImageView } from "./image_view.js";
import { listenToKeys } from "./keys.js";
import { Latest } from "./latest.js";
import { drawMarks } from "./overlay.js";
import { listenToPointers } from "./pointer.js";
import { toolbar } from "./toolbar.js";
import { Viewport } from "./viewport.js";

/**
 * @typedef {import("./api.js").Place} Place
 * @typedef {import("./api.js").Picture} Picture
 * @typedef {{session: import("./session.js").Session, settings: import("./settings.js").Settings,
 *   marks: import("./marks.js").Marks, gallery: import("./gallery.js").Gallery,
 *   announce: (said: string) => void, complain: (said: string) => void}} App
 */

export class Detail {
  /** @type {Map<string, Picture>} the image through each model that is shown */
  #seen = new Map();
  #latest = new Latest();

  /** @param {App} app */
  constructor(app) {
    this.app = app;
    this.viewport = new Viewport();
    this.editor = new Editor(app.marks, app.announce);
    this.views = ["stage", "stage-beside"].map((id) => new ImageView(this.viewport, id));
    this.region = byId("detail");
    const keyed = {
      editor: this.editor,
      viewport: this.viewport,
      classes: app.session.classes,
      act: this.#actions(),
    };
    this.tools = toolbar(keyed, app.marks);
    this.tools.node.addEventListener(
      "click",
      (/** @type {any} */ event) => event.target.closest("[data-tool]") && this.focus(),
    );
    byId("views").append(...this.views.map((view) => view.node));
    byId("tools").append(this.tools.node);
    listenToKeys(this.region, keyed);
    for (const view of this.views) listenToPointers(view, this.editor);
    this.#listen(keyed.act);
  }

  /** @param {Record<import("./keys.js").Action, () => void>} act */
  #listen(act) {
    const { settings, marks, session } = this.app;
    byId("back").onclick = act.back;
    byId("previous").onclick = act.previous;
    byId("next").onclick = act.next;
    byId("finish").onclick = () => this.editor.finish();
    byId("facts-toggle").onclick = () => this.#toggleFacts();
    this.editor.onChange(() => this.#draw());
    this.viewport.onChange(() => this.#drawShapes());
    marks.onChange((place) => this.isOpen(place) && this.#marksChanged());
    settings.onAny(["image"], () => this.#open());
    settings.onAny(["model", "beside"], () => this.#look());
    settings.onAny(["of", "without"], () => this.#showPhotos());
    session.onChange(() => this.#look());
    new ResizeObserver(() => {
      this.#stack();
      this.#measure();
    }).observe(byId("views"));
  }

  #actions() {
    const { settings, marks } = this.app;
    const mark = (/** @type {"right" | "skip"} */ status) => () => this.#setStatus(status);
    return {
      back: () => this.close(),
      previous: () => this.#go(-1),
      next: () => this.#go(1),
      right: mark("right"),
      skip: mark("skip"),
      undo: () => this.#goTo(marks.undo(), "undone"),
      redo: () => this.#goTo(marks.redo(), "done again"),
      map: () => this.region.classList.toggle("no-map"),
      without: () => settings.set({ without: settings.get("without") ? "" : "yes" }),
    };
  }

  /** @param {Place} place */
  isOpen(place) {
    return this.app.settings.get("image") === keyOf(place);
  }

  /** Show what the address says: at the start of the page. */
  start() {
    this.#open();
  }

  async #open() {
    const open = this.app.settings.get("image");
    document.body.classList.toggle("image-open", Boolean(open));
    this.region.hidden = !open;
    byId("gallery-region").hidden = Boolean(open);
    if (!open) return;
    this.#measure();
    await this.#look();
    if (this.app.settings.get("image") !== open) return;
    this.focus();
    this.#preload();
  }

  focus() {
    this.views[0].svg.focus({ preventScroll: true });
  }

  close() {
    const at = Number(this.app.settings.get("at"));
    this.app.settings.set({ image: "" });
    this.app.gallery.focus(at);
  }

  /** @returns {Place | null} */
  get place() {
    const [split, index] = this.app.settings.get("image").split("/");
    return index ? { split, index: Number(index) } : null;
  }

  /** Ask for the image, as each of the models sees it. */
  async #look() {
    const { place } = this;
    if (!place) return;
    const isLatest = this.#latest.ask();
    const models = [this.app.settings.get("model"), this.app.settings.get("beside")].filter(Boolean);
    const pictures = await Promise.all(models.map((model) => getPicture(place, model))).catch((error) => error);
    if (!isLatest() || !this.isOpen(place)) return;
    if (pictures instanceof Error) return this.app.complain(pictures.message);
    this.#seen = new Map(models.map((model, at) => [model, pictures[at]]));
    this.#show(place, pictures[0]);
  }

  /** @param {Place} place @param {Picture} picture */
  #show(place, picture) {
    const { editor, viewport } = this;
    const another = !editor.picture || keyOf(editor.picture) !== keyOf(place);
    if (another) {
      this.app.announce(`${picture.name}, ${picture.labels.join(", ")}`);
      viewport.setImage(picture);
    }
    byId("image-name").textContent = picture.name;
    this.app.marks.learn(picture);
    editor.open(picture);
    this.#showPhotos();
  }

  /** The photos and the maps of the models that are compared. */
  #showPhotos() {
    const { place } = this;
    const { settings, session, marks } = this.app;
    if (!place || !this.editor.picture) return;
    const photo = settings.get("without")
      ? withoutUrl(place, marks.of(place)?.version ?? 0)
      : imageUrl(place);
    const shown = [settings.get("model"), settings.get("beside")];
    this.views.forEach((view, at) => {
      const model = session.model(shown[at]);
      const picture = this.#seen.get(shown[at]);
      view.node.hidden = !model || !picture;
      if (model && picture) view.show(this.#layers(model, picture, photo));
    });
    this.#stack();
    this.#measure();
  }

  /** Two views lie beside or above each other, whichever shows the image larger. */
  #stack() {
    const { clientWidth, clientHeight } = byId("views");
    const { width, height } = this.viewport.image;
    const across = Math.min(clientWidth / 2 / width, clientHeight / height);
    const down = Math.min(clientWidth / width, clientHeight / 2 / height);
    byId("views").classList.toggle("stacked", down > across);
  }

  /** @param {import("./session.js").Model} model @param {Picture} picture @param {string} photo */
  #layers(model, picture, photo) {
    const prediction = picture.scores[0]?.label;
    const { labels } = picture;
    const number = this.app.session.classShown(this.app.settings.get("of"), { labels, prediction });
    const map = mapUrl(model, picture, number);
    const caption = `${model.title}, epoch ${model.epoch}: says ${prediction}; map of ${this.app.session.classes[number]}`;
    return { photo, map, caption, name: picture.name };
  }

  #marksChanged() {
    if (this.app.settings.get("without")) this.#showPhotos();
    this.#draw();
  }

  #draw() {
    this.#drawShapes();
    this.tools.show();
    const drawing = this.editor.draft.length > 1 && this.editor.tool === "polygon";
    byId("finish").hidden = !drawing;
    for (const view of this.views) view.svg.dataset.tool = this.editor.tool;
    showFacts(byId("facts"), this.editor, () => this.#said());
  }

  /** The image through each model. */
  #said() {
    return [...this.#seen].map(([id, picture]) => ({ title: this.app.session.model(id)?.title ?? id, picture }));
  }

  #drawShapes() {
    for (const view of this.views) if (!view.node.hidden) drawMarks(view, this.editor);
  }

  #measure() {
    const { width, height } = this.views[0].svg.getBoundingClientRect();
    const { screen } = this.viewport;
    if (screen.width !== width || screen.height !== height) this.viewport.setScreen({ width, height });
  }

  #toggleFacts() {
    const open = this.region.classList.toggle("facts-open");
    byId("facts-toggle").setAttribute("aria-expanded", String(open));
  }

  /** @param {"right" | "skip"} status */
  #setStatus(status) {
    const { picture } = this.editor;
    if (!picture || !this.isOpen(picture)) return this.app.announce("the image is not there yet");
    const taken = this.app.marks.of(picture)?.status === status;
    this.app.marks.setStatus({ split: picture.split, index: picture.index }, taken ? null : status);
    this.app.announce(taken ? "taken back" : status === "right" ? "right as it looks" : "skipped");
    if (!taken) this.#go(1);
  }

  /** Where the image is not known to be in the gallery, the next one is its first. @param {number} by */
  async #go(by) {
    const { settings, gallery } = this.app;
    const [image, at] = [settings.get("image"), Number(settings.get("at") || -1) + by];
    const next = await gallery.entry(at);
    if (settings.get("image") !== image) return;
    if (next) settings.set({ image: keyOf(next.place), at: String(at) });
    else this.app.announce(by > 0 ? "this is the last image" : "this is the first image");
  }

  /**
   * Where the gallery does not show the image, the next one is still that of the image before.
   * @param {Place | undefined} place @param {string} said
   */
  #goTo(place, said) {
    const { settings, gallery, announce } = this.app;
    announce(place ? said : "there is nothing more");
    if (place && !this.isOpen(place))
      settings.set({ image: keyOf(place), at: gallery.positionOf(place) || settings.get("at") });
  }

  /** Have the next image ready when it is asked for. */
  async #preload() {
    const { settings, session, gallery } = this.app;
    const next = settings.get("at") === "" ? null : await gallery.entry(Number(settings.get("at")) + 1);
    const model = session.model(settings.get("model"));
    if (!next || !model) return;
    const number = session.classShown(settings.get("of"), next.entry);
    for (const src of [imageUrl(next.place), mapUrl(model, next.place, number)]) element("img", { src });
  }
}
