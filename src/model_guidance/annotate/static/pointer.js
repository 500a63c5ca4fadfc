/** Mouse, pen and fingers on the image: they draw, move, pan and zoom. */

import { distance, handleAt, moved, reshaped, shapeAt, within } from "./shapes.js";

/**
 * @typedef {import("./editor.js").Editor} Editor
 * @typedef {import("./image_view.js").ImageView} ImageView
 * @typedef {import("./shapes.js").Point} Point
 */

const CLICK = 4; // pixels of the screen within which a press has not moved
const REACH = { mouse: 9, pen: 14, touch: 22 };
const [DRAWS, PANS] = [0, 1]; // buttons: the first, or a finger; the middle one
const WHEEL = 500; // of the wheel for e times the size

/** @param {ImageView} view @param {Editor} editor */
export function listenToPointers(view, editor) {
  const pointers = new Pointers(view, editor);
  const { svg } = view;
  svg.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => pointers.down(event));
  svg.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => pointers.move(event));
  svg.addEventListener("pointerup", (/** @type {PointerEvent} */ event) => pointers.up(event));
  svg.addEventListener("pointercancel", (/** @type {PointerEvent} */ event) => pointers.cancel(event));
  svg.addEventListener("dblclick", () => editor.tool === "polygon" && editor.draft.length && editor.finish());
  svg.addEventListener("wheel", (/** @type {WheelEvent} */ event) => wheel(view, event), { passive: false });
}

/** @param {ImageView} view @param {WheelEvent} event */
function wheel(view, event) {
  event.preventDefault();
  const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
  view.viewport.zoom(Math.exp((-event.deltaY * lines) / WHEEL), view.pointOf(event));
}

class Pointers {
  /** @type {Map<number, PointerEvent>} */
  #down = new Map();
  /** @type {((point: Point, event: PointerEvent) => void) | null} what moving does */
  #drag = null;
  /** @type {PointerEvent | null} */
  #first = null;

  /** @param {ImageView} view @param {Editor} editor */
  constructor(view, editor) {
    this.view = view;
    this.editor = editor;
  }

  /** Other buttons are the browser's: its menu, back and forth. @param {PointerEvent} event */
  down(event) {
    if (event.button !== DRAWS && event.button !== PANS) return;
    this.view.svg.setPointerCapture(event.pointerId);
    this.#down.set(event.pointerId, event);
    if (this.#down.size > 1) return this.#pinch();
    this.#first = event;
    const point = this.view.pointOf(event);
    this.#drag =
      event.button === PANS
        ? this.#panning(event)
        : (this.#grabbing(point, event) ?? this.#starting(point, event));
  }

  /** A second finger: what the first has begun is given up. */
  #pinch() {
    if (this.#first && this.editor.tool !== "polygon") this.editor.draft = [];
    this.editor.preview = null;
    this.#drag = this.#first = null;
    this.editor.changed();
  }

  /** @param {Point} point @param {PointerEvent} event */
  #grabbing(point, event) {
    const { editor } = this;
    if (editor.draft.length || !editor.picture) return null;
    const size = editor.picture;
    const reach = REACH[/** @type {keyof typeof REACH} */ (event.pointerType)] ?? REACH.mouse;
    const handle = editor.selection ? handleAt(editor.selection, point, reach * this.view.viewport.unit) : -1;
    if (editor.selection && handle >= 0) {
      const shape = editor.selection;
      return this.#changing((to) => reshaped(shape, handle, to, size));
    }
    return editor.tool === "select" ? this.#grabShape(point, size) : null;
  }

  /** @param {Point} point @param {import("./api.js").Picture} size */
  #grabShape(point, size) {
    const { editor } = this;
    const found = shapeAt(editor.shapes, point) ?? shapeAt(editor.own, point);
    if (!found) return null;
    if (found.uid !== editor.selected) editor.select(found.uid);
    return this.#changing((to) => moved(found, to.x - point.x, to.y - point.y, size));
  }

  /** @param {(to: Point) => import("./api.js").Shape} change */
  #changing(change) {
    return (/** @type {Point} */ to) => {
      this.editor.preview = change(to);
      this.editor.changed();
    };
  }

  /** @param {Point} point @param {PointerEvent} event */
  #starting(point, event) {
    const { editor } = this;
    if (editor.tool === "select") return this.#panning(event);
    if (this.#closes(point)) editor.finish();
    else editor.setPoint(point);
    return (/** @type {Point} */ to) => this.#follow(to);
  }

  /** A press on the polygon's first point ends it. @param {Point} point */
  #closes(point) {
    const { tool, draft } = this.editor;
    return (
      tool === "polygon" &&
      draft.length > 2 &&
      distance(draft[0], point) < REACH.mouse * this.view.viewport.unit
    );
  }

  /** @param {PointerEvent} event */
  #panning(event) {
    let last = event;
    return (/** @type {Point} */ _, /** @type {PointerEvent} */ now) => {
      const { unit } = this.view.viewport;
      this.view.viewport.pan((now.clientX - last.clientX) * unit, (now.clientY - last.clientY) * unit);
      last = now;
    };
  }

  /** @param {Point} point */
  #follow(point) {
    if (!this.editor.picture) return;
    this.editor.cursor = within(point, this.editor.picture);
    this.editor.changed();
  }

  /** @param {PointerEvent} event */
  move(event) {
    if (this.#down.size > 1) return this.#spread(event);
    const point = this.view.pointOf(event);
    if (this.#down.size && this.#drag && (this.#hasMoved(event) || this.editor.preview))
      this.#drag(point, event);
    else if (!this.#down.size && this.editor.draft.length) this.#follow(point);
  }

  /** Two fingers: their middle pans, their distance zooms. @param {PointerEvent} event */
  #spread(event) {
    const before = middle([...this.#down.values()]);
    if (!this.#down.has(event.pointerId)) return;
    this.#down.set(event.pointerId, event);
    const after = middle([...this.#down.values()]);
    const { unit } = this.view.viewport;
    this.view.viewport.pan((after.clientX - before.clientX) * unit, (after.clientY - before.clientY) * unit);
    this.view.viewport.zoom(after.apart / Math.max(before.apart, 1), this.view.pointOf(after));
  }

  /** @param {PointerEvent} event */
  up(event) {
    const begun = this.#first;
    this.#down.delete(event.pointerId);
    if (begun?.pointerId !== event.pointerId) return;
    this.#first = this.#drag = null;
    const { editor } = this;
    if (editor.preview) editor.drop();
    else if (begun.button === PANS) return;
    else if (editor.tool === "select") this.#clicked(event, begun);
    else if (editor.tool !== "polygon" && editor.draft.length) this.#drawnTo(event, begun);
  }

  /** @param {PointerEvent} event @param {PointerEvent} begun */
  #clicked(event, begun) {
    const missed = !shapeAt([...this.editor.shapes, ...this.editor.own], this.view.pointOf(event));
    if (missed && apart(event, begun) <= CLICK && this.editor.selected) this.editor.escape();
  }

  /** A drag ends the shape; a mere click waits for a second one, a point has its usual radius.
   * @param {PointerEvent} event @param {PointerEvent} begun */
  #drawnTo(event, begun) {
    if (apart(event, begun) > CLICK) this.editor.setPoint(this.view.pointOf(event));
    else if (this.editor.tool === "point") this.editor.finish();
  }

  /** @param {PointerEvent} event */
  #hasMoved(event) {
    return this.#first !== null && apart(event, this.#first) > CLICK;
  }

  /** @param {PointerEvent} event */
  cancel(event) {
    this.#down.delete(event.pointerId);
    this.#pinch();
  }
}

/** @param {PointerEvent} one @param {PointerEvent} other */
const apart = (one, other) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);

/** @param {PointerEvent[]} events */
function middle([one, other]) {
  const [clientX, clientY] = [(one.clientX + other.clientX) / 2, (one.clientY + other.clientY) / 2];
  return { clientX, clientY, apart: apart(one, other) };
}
