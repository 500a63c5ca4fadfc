/** What is known of the open image: its labels, what the model says, and the list of its regions. */

import { element, hidden, isPressed, percent } from "./dom.js";
import { describe } from "./editor.js";

/** @typedef {import("./editor.js").Editor} Editor @typedef {import("./api.js").Picture} Picture */

const MOST = 8; // scores that are shown

/**
 * @param {HTMLElement} region
 * @param {Editor} editor
 * @param {() => {title: string, picture: Picture}[]} seen the image through each model, by the time it is shown
 */
export function showFacts(region, editor, seen) {
  const { picture } = editor;
  if (!picture) return;
  if (isPressed(region))
    return addEventListener("pointerup", () => setTimeout(() => showFacts(region, editor, seen)), { once: true });
  const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset.uid;
  region.replaceChildren(
    element("h3", { textContent: "Image" }),
    facts(picture),
    ...seen().flatMap(({ title, picture }) => [
      element("h3", { textContent: `What ${title} says` }),
      scores(picture),
    ]),
    element("h3", { textContent: "Regions" }),
    ...regions(editor),
  );
  if (focused)
    /** @type {HTMLElement | null} */ (region.querySelector(`[data-uid="${CSS.escape(focused)}"]`))?.focus();
}

/** @param {Picture} picture */
function facts({ labels, group, width, height }) {
  const rows = [
    ["Label", labels.join(", ") || "none"],
    ...(group ? [["Group", group]] : []),
    ["Pixels", `${width} × ${height}`],
  ];
  return element(
    "dl",
    {},
    ...rows.map(([name, value]) =>
      element("div", {}, element("dt", { textContent: name }), element("dd", { textContent: value })),
    ),
  );
}

/** @param {Picture} picture */
function scores({ scores, labels }) {
  const shown = scores.slice(0, MOST).map(({ label, score }) => {
    const meter = element("meter", { value: score, max: 1, min: 0, "aria-label": `score of ${label}` });
    const name = element("span", { class: "score-name", textContent: label });
    if (labels.includes(label)) name.append(hidden(" (its label)"));
    return element(
      "li",
      { class: labels.includes(label) ? "labelled" : "" },
      name,
      meter,
      element("span", { textContent: percent(score, 1) }),
    );
  });
  return element("ol", { class: "scores" }, ...shown);
}

/** @param {Editor} editor */
function regions(editor) {
  const { shapes, own } = editor;
  const nodes = [
    ...shapes.map((shape) => regionNode(editor, shape, "")),
    ...own.map((shape) => regionNode(editor, shape, "the data's own")),
  ];
  if (!nodes.length)
    return [
      element("p", {
        class: "caption",
        textContent: "Nothing is marked. Press B and drag, or move with the arrow keys, to draw a box.",
      }),
    ];
  const replaced = shapes.length && own.length;
  const note = replaced
    ? "In training the marks replace the data's own regions of this image: copy those that are to stay."
    : "";
  return [
    element("ul", { class: "regions" }, ...nodes),
    ...(own.length
      ? [
          element("button", {
            type: "button",
            textContent: "Copy all of the data's own",
            onclick: () => copyAll(editor),
          }),
        ]
      : []),
    element("p", { class: "caption", textContent: note }),
  ];
}

/** @param {Editor} editor */
function copyAll(editor) {
  for (const shape of editor.own) editor.select(shape.uid);
}

/** @param {Editor} editor @param {import("./api.js").Shape} shape @param {string} note */
function regionNode(editor, shape, note) {
  const properties = {
    type: "button",
    class: `region${shape.ignored ? " ignored" : ""}${note ? " own" : ""}`,
    "data-uid": shape.uid,
    "aria-pressed": String(shape.uid === editor.selected),
    textContent: describe(shape),
    onclick: () => editor.select(shape.uid),
  };
  const button = element("button", properties);
  if (note) button.append(element("span", { class: "caption", textContent: ` ${note}` }));
  return element("li", {}, button);
}
