/** One model's view of an image: an SVG in pixels of the image, with the photo, the map, and the marks. */

import { drawn, element, setAttributes } from "./dom.js";

const PIXELS_SEEN = 1 / 6; // from this zoom on each pixel of the image is seen as a square

export class ImageView {
  /** @type {string | undefined} the address of the map that is, or will be, shown */
  wanted;
  #retry = 0;

  /** @param {import("./viewport.js").Viewport} viewport @param {string} id */
  constructor(viewport, id) {
    this.viewport = viewport;
    this.id = id;
    this.photo = drawn("image", { preserveAspectRatio: "none", class: "photo" });
    this.map = drawn("image", { preserveAspectRatio: "none", class: "map" });
    this.marks = drawn("g", { class: "marks" });
    this.hatch = this.#pattern();
    this.svg = drawn(
      "svg",
      { id, preserveAspectRatio: "none", tabindex: 0, role: "application", "aria-describedby": "stage-help" },
      drawn("defs", {}, this.hatch),
      this.photo,
      this.map,
      this.marks,
    );
    this.caption = element("p", { class: "view-caption" });
    this.node = element("div", { class: "view" }, this.svg, this.caption);
    this.map.addEventListener("error", () => this.#mapFailed());
    viewport.onChange(() => this.#place());
  }

  #pattern() {
    const line = drawn("path", { d: "M0 0V9", class: "hatching" });
    return drawn(
      "pattern",
      { id: `hatch-${this.id}`, width: 9, height: 9, patternUnits: "userSpaceOnUse" },
      line,
    );
  }

  #place() {
    const { box, unit, image } = this.viewport;
    setAttributes(this.svg, { viewBox: `${box.x} ${box.y} ${box.width} ${box.height}` });
    for (const layer of [this.photo, this.map]) setAttributes(layer, image);
    setAttributes(this.hatch, { patternTransform: `scale(${unit}) rotate(45)` });
    this.photo.classList.toggle("pixels", unit < PIXELS_SEEN);
  }

  /** @param {{photo: string, map: string, caption: string, name: string}} shown */
  show({ photo, map, caption, name }) {
    this.#retry = 0;
    if (this.photo.getAttribute("href") !== photo) setAttributes(this.photo, { href: photo });
    this.#exchange(map);
    this.caption.textContent = caption;
    setAttributes(this.svg, { "aria-label": `Image ${name}: area for marking` });
  }

  /** Change the map once the new one is there, so that nothing flickers. @param {string} map */
  #exchange(map) {
    if (this.wanted === map) return;
    const another = this.wanted?.split("?")[0] !== map.split("?")[0];
    this.wanted = map;
    if (another) this.map.removeAttribute("href");
    const loading = new Image();
    loading.onload = () => this.wanted === map && setAttributes(this.map, { href: map });
    loading.onerror = () => this.wanted === map && this.#mapFailed();
    loading.src = map;
  }

  #mapFailed() {
    if (this.#retry++ > 4 || !this.wanted) return;
    const map = this.wanted;
    setTimeout(() => {
      if (this.wanted !== map) return;
      this.wanted = undefined;
      this.#exchange(map);
    }, 2000);
  }

  /** @param {{clientX: number, clientY: number}} event @returns {import("./shapes.js").Point} on the image */
  pointOf(event) {
    const frame = this.svg.getBoundingClientRect();
    return this.viewport.toImage({ x: event.clientX - frame.left, y: event.clientY - frame.top });
  }
}
