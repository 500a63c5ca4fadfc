/** Which part of the image is seen, and how large: shared by the views that lie side by side. */

import { Observed } from "./observed.js";

const MARGIN = 1.03; // room around an image that fits
const LARGEST = 48; // screen pixels for a pixel of the image

/** @typedef {import("./shapes.js").Point} Point */

export class Viewport extends Observed {
  image = { width: 1, height: 1 };
  screen = { width: 1, height: 1 };
  /** Pixels of the image in one pixel of the screen. */
  unit = 1;
  fitted = true;
  #centre = { x: 0.5, y: 0.5 };

  /** @param {{width: number, height: number}} image */
  setImage({ width, height }) {
    this.image = { width, height };
    this.fit();
  }

  /** @param {{width: number, height: number}} screen in CSS pixels */
  setScreen({ width, height }) {
    if (!width || !height) return;
    this.screen = { width, height };
    if (this.fitted) this.fit();
    else this.changed();
  }

  fit() {
    this.fitted = true;
    this.unit = this.#fitting();
    this.#centre = { x: this.image.width / 2, y: this.image.height / 2 };
    this.changed();
  }

  #fitting() {
    return MARGIN * Math.max(this.image.width / this.screen.width, this.image.height / this.screen.height);
  }

  /** The part that is seen, in pixels of the image. */
  get box() {
    const [width, height] = [this.screen.width * this.unit, this.screen.height * this.unit];
    return { x: this.#centre.x - width / 2, y: this.#centre.y - height / 2, width, height };
  }

  /** Where a point of the screen is on the image. @param {Point} screen from the view's left top */
  toImage({ x, y }) {
    const { box, unit } = this;
    return { x: box.x + x * unit, y: box.y + y * unit };
  }

  /** @param {number} factor above 1 for larger @param {Point} [around] a point of the image, which stays */
  zoom(factor, around = this.#centre) {
    const largest = Math.min(1 / LARGEST, this.#fitting());
    const unit = Math.min(Math.max(this.unit / factor, largest), 2 * this.#fitting());
    const share = unit / this.unit;
    this.unit = unit;
    this.fitted = false;
    this.#moveTo(
      around.x + (this.#centre.x - around.x) * share,
      around.y + (this.#centre.y - around.y) * share,
    );
  }

  /** @param {number} dx @param {number} dy pixels of the image by which it is pushed */
  pan(dx, dy) {
    this.fitted = false;
    this.#moveTo(this.#centre.x - dx, this.#centre.y - dy);
  }

  /** Move just as far that a point is seen. @param {Point} point */
  reveal({ x, y }) {
    const { box } = this;
    const inside = x >= box.x && x <= box.x + box.width && y >= box.y && y <= box.y + box.height;
    if (!inside) this.#moveTo(x, y);
  }

  /** @param {number} x @param {number} y */
  #moveTo(x, y) {
    this.#centre = {
      x: Math.min(Math.max(x, 0), this.image.width),
      y: Math.min(Math.max(y, 0), this.image.height),
    };
    this.changed();
  }
}
