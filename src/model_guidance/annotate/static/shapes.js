/** The geometry of what is marked, in pixels of the image: x from 0 to its width, y from 0 to its height. */

/**
 * @typedef {import("./api.js").Shape} Shape
 * @typedef {{x: number, y: number}} Point
 * @typedef {{width: number, height: number}} Size
 */

const FINENESS = 100; // parts of a pixel that are kept
const USUAL_RADIUS = 0.08; // of the shorter side

/** @param {number} value */
export const rounded = (value) => Math.round(value * FINENESS) / FINENESS;

/** @param {Point} point @param {Size} size @returns {Point} the nearest point of the image */
export function within({ x, y }, { width, height }) {
  return { x: rounded(Math.min(Math.max(x, 0), width)), y: rounded(Math.min(Math.max(y, 0), height)) };
}

/** @param {Point} one @param {Point} other */
export const distance = (one, other) => Math.hypot(one.x - other.x, one.y - other.y);

/** @param {Size} size */
export const usualRadius = ({ width, height }) =>
  Math.max(1, Math.round(USUAL_RADIUS * Math.min(width, height)));

/** @param {Shape} shape @returns {{left: number, top: number, right: number, bottom: number}} */
export function bounds({ kind, points, radius }) {
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  const rim = kind === "point" ? (radius ?? 0) : 0;
  return {
    left: Math.min(...xs) - rim,
    top: Math.min(...ys) - rim,
    right: Math.max(...xs) + rim,
    bottom: Math.max(...ys) + rim,
  };
}

/** @param {Shape} shape */
export function area(shape) {
  const { left, top, right, bottom } = bounds(shape);
  return (right - left) * (bottom - top);
}

/** Whether there is something of it: neither a line nor a dot. @param {Shape} shape */
export function isSomething(shape) {
  const { left, top, right, bottom } = bounds(shape);
  return right > left && bottom > top && (shape.kind !== "polygon" || shape.points.length > 2);
}

/** The points by which a shape is changed. @param {Shape} shape @returns {Point[]} */
export function handles(shape) {
  if (shape.kind === "polygon") return shape.points.map(([x, y]) => ({ x, y }));
  if (shape.kind === "point") return [{ x: shape.points[0][0] + (shape.radius ?? 0), y: shape.points[0][1] }];
  const { left, top, right, bottom } = bounds(shape);
  const [across, down] = [(left + right) / 2, (top + bottom) / 2];
  return [
    { x: left, y: top },
    { x: across, y: top },
    { x: right, y: top },
    { x: right, y: down },
    { x: right, y: bottom },
    { x: across, y: bottom },
    { x: left, y: bottom },
    { x: left, y: down },
  ];
}

const SIDES = [
  ["left", "top"],
  ["top"],
  ["right", "top"],
  ["right"],
  ["right", "bottom"],
  ["bottom"],
  ["left", "bottom"],
  ["left"],
];

/**
 * The shape with one of its handles at a point.
 * @param {Shape} shape @param {number} handle @param {Point} point @param {Size} size @returns {Shape}
 */
export function reshaped(shape, handle, point, size) {
  const { x, y } = within(point, size);
  if (shape.kind === "polygon")
    return { ...shape, points: shape.points.map((old, at) => (at === handle ? [x, y] : old)) };
  if (shape.kind === "point") {
    const [cx, cy] = shape.points[0];
    return { ...shape, radius: Math.max(1, rounded(distance({ x: cx, y: cy }, point))) };
  }
  return resized(shape, SIDES[handle], { x, y });
}

/** @param {Shape} shape @param {string[]} sides @param {Point} point @returns {Shape} */
function resized(shape, sides, { x, y }) {
  const box = bounds(shape);
  if (sides.includes("left")) box.left = Math.min(x, box.right - 1);
  if (sides.includes("right")) box.right = Math.max(x, box.left + 1);
  if (sides.includes("top")) box.top = Math.min(y, box.bottom - 1);
  if (sides.includes("bottom")) box.bottom = Math.max(y, box.top + 1);
  return {
    ...shape,
    points: [
      [box.left, box.top],
      [box.right, box.bottom],
    ],
  };
}

/** @param {Shape} shape @param {number} dx @param {number} dy @param {Size} size @returns {Shape} kept inside */
export function moved(shape, dx, dy, { width, height }) {
  const box = bounds({ ...shape, radius: 0 });
  const x = Math.min(Math.max(dx, -box.left), width - box.right);
  const y = Math.min(Math.max(dy, -box.top), height - box.bottom);
  return { ...shape, points: shape.points.map(([px, py]) => [rounded(px + x), rounded(py + y)]) };
}

/** @param {Shape} shape @param {Point} point */
export function contains(shape, point) {
  if (shape.kind === "point")
    return distance({ x: shape.points[0][0], y: shape.points[0][1] }, point) <= (shape.radius ?? 0);
  if (shape.kind === "polygon") return insidePolygon(shape.points, point);
  const { left, top, right, bottom } = bounds(shape);
  return point.x >= left && point.x <= right && point.y >= top && point.y <= bottom;
}

/** The even-odd rule. @param {number[][]} points @param {Point} point */
function insidePolygon(points, { x, y }) {
  let inside = false;
  points.forEach(([x1, y1], at) => {
    const [x2, y2] = points[(at + 1) % points.length];
    if (y1 > y !== y2 > y && x < x1 + ((x2 - x1) * (y - y1)) / (y2 - y1)) inside = !inside;
  });
  return inside;
}

/** The smallest shape at a point. @template {Shape} S @param {S[]} shapes @param {Point} point @returns {S | undefined} */
export function shapeAt(shapes, point) {
  return shapes.filter((shape) => contains(shape, point)).sort((one, other) => area(one) - area(other))[0];
}

/** @param {Shape} shape @param {Point} point @param {number} reach @returns {number} -1 where none is near */
export function handleAt(shape, point, reach) {
  const far = handles(shape).map((handle) => distance(handle, point));
  const nearest = far.indexOf(Math.min(...far));
  return far[nearest] <= reach ? nearest : -1;
}

/** The two corners in order: left top, right bottom. @param {Point} one @param {Point} other */
export const corners = (one, other) => [
  [Math.min(one.x, other.x), Math.min(one.y, other.y)],
  [Math.max(one.x, other.x), Math.max(one.y, other.y)],
];
