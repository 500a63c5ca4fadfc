/** Draws the marks, and what is half drawn, into a view. */

import { drawn } from "./dom.js";
import { area, bounds, corners, distance, handles } from "./shapes.js";

/** @typedef {import("./api.js").Shape} Shape @typedef {import("./shapes.js").Point} Point */

const HANDLE = 5; // pixels of the screen
const CROSS = 14;

/** @param {import("./image_view.js").ImageView} view @param {import("./editor.js").Editor} editor */
export function drawMarks(view, editor) {
  const { unit } = view.viewport;
  const shapes = editor.shapes.map((shape) => (shape.uid === editor.preview?.uid ? editor.preview : shape));
  const chosen = shapes.find((shape) => shape.uid === editor.selected);
  view.marks.replaceChildren(
    ...editor.own.map((shape) => shapeNode(shape, view.id, unit, "own")),
    ...shapes
      .sort((one, other) => area(other) - area(one))
      .map((shape) => markNode(shape, view.id, unit, chosen)),
    ...(chosen && !editor.draft.length ? handleNodes(chosen, unit, editor.handle) : []),
    ...draftNodes(editor, unit),
  );
}

/** @param {Shape} shape @param {string} id @param {number} unit @param {Shape | undefined} chosen */
const markNode = (shape, id, unit, chosen) =>
  shapeNode(shape, id, unit, shape === chosen ? "mark chosen" : "mark");

/** @param {Shape} shape @param {string} id of the view @param {number} unit @param {string} kind */
function shapeNode(shape, id, unit, kind) {
  const fill = shape.ignored ? { fill: `url(#hatch-${id})` } : { fill: "transparent" };
  const { left, top } = bounds(shape);
  return drawn(
    "g",
    { class: `${kind}${shape.ignored ? " ignored" : ""}`, "data-uid": shape.uid },
    outline(shape, { class: "edge", fill: "none" }),
    outline(shape, { class: "line", ...fill }),
    nameTag(shape, left, top, unit),
  );
}

/** @param {Shape} shape @param {number} left @param {number} top @param {number} unit */
function nameTag(shape, left, top, unit) {
  const text = drawn("text", {
    x: left,
    y: top,
    "font-size": 12 * unit,
    dy: -5 * unit,
    class: "tag",
    "stroke-width": 3 * unit,
  });
  text.textContent = `${shape.ignored ? "ignore" : shape.label}`;
  return text;
}

/** @param {Shape} shape @param {Record<string, string>} attributes */
function outline(shape, attributes) {
  if (shape.kind === "polygon") return drawn("polygon", { ...attributes, points: shape.points.join(" ") });
  if (shape.kind === "point")
    return drawn("circle", {
      ...attributes,
      cx: shape.points[0][0],
      cy: shape.points[0][1],
      r: shape.radius ?? 0,
    });
  const { left, top, right, bottom } = bounds(shape);
  return drawn("rect", { ...attributes, x: left, y: top, width: right - left, height: bottom - top });
}

/** @param {Shape} shape @param {number} unit @param {number} active */
function handleNodes(shape, unit, active) {
  return handles(shape).map(({ x, y }, at) => {
    const reach = (at === active ? 1.5 : 1) * HANDLE * unit;
    const size = { x: x - reach, y: y - reach, width: 2 * reach, height: 2 * reach };
    return drawn("rect", { ...size, class: at === active ? "handle active" : "handle" });
  });
}

/** @param {import("./editor.js").Editor} editor @param {number} unit */
function draftNodes(editor, unit) {
  const { tool, draft, cursor } = editor;
  const shown = draft.length ? [draftOutline(tool, draft, cursor ?? draft[draft.length - 1])] : [];
  const dots = draft.map(({ x, y }) => drawn("circle", { cx: x, cy: y, r: HANDLE * unit, class: "handle" }));
  return [...shown.flat(), ...dots, ...(cursor && tool !== "select" ? [cross(cursor, unit)] : [])];
}

/** @param {string} tool @param {Point[]} draft @param {Point} cursor */
function draftOutline(tool, draft, cursor) {
  const [first] = draft;
  const lines = [...draft, cursor].map(({ x, y }) => `${x},${y}`).join(" ");
  return ["edge", "draft"].map((name) => {
    const common = { class: name, fill: "none" };
    if (tool === "polygon") return drawn("polyline", { ...common, points: lines });
    if (tool === "point")
      return drawn("circle", { ...common, cx: first.x, cy: first.y, r: distance(first, cursor) });
    const [[left, top], [right, bottom]] = corners(first, cursor);
    return drawn("rect", { ...common, x: left, y: top, width: right - left, height: bottom - top });
  });
}

/** @param {Point} cursor @param {number} unit */
function cross({ x, y }, unit) {
  const reach = CROSS * unit;
  const path = `M${x - reach} ${y}H${x + reach}M${x} ${y - reach}V${y + reach}`;
  return drawn(
    "g",
    { class: "cursor" },
    drawn("path", { d: path, class: "edge" }),
    drawn("path", { d: path, class: "draft" }),
  );
}
