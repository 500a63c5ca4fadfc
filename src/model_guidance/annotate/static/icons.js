/** Small pictures for buttons: lines in a square of 24. */

import { drawn } from "./dom.js";

/** @type {Record<string, string>} */
const PATHS = {
  select: "M6 3l12 9-6 1 3 6-3 1-3-6-3 4z",
  box: "M4 6h16v12H4z",
  polygon: "M12 3l8 6-3 11H7L4 9z",
  point: "M12 12m-8 0a8 8 0 1 0 16 0a8 8 0 1 0-16 0M12 11.5v1",
  ignore: "M4 6h16v12H4zM4 12l6-6M4 18L16 6M10 18L20 8",
  remove: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
  undo: "M9 14L4 9l5-5M4 9h10a6 6 0 0 1 0 12h-3",
  redo: "M15 14l5-5-5-5M20 9H10a6 6 0 0 0 0 12h3",
  larger: "M12 5v14M5 12h14",
  smaller: "M5 12h14",
  fit: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
  right: "M4 13l5 5L20 6",
  skip: "M5 5l8 7-8 7zM19 5v14",
  back: "M15 5l-7 7 7 7",
  next: "M9 5l7 7-7 7",
  done: "M4 13l5 5L20 6",
};

/** @param {string} name */
export const icon = (name) =>
  drawn(
    "svg",
    { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true" },
    drawn("path", { d: PATHS[name] }),
  );
