/** The buttons of the open image: each does what its key does. */

import { element, fill } from "./dom.js";
import { icon } from "./icons.js";

/**
 * @typedef {import("./keys.js").Keyed} Keyed
 * @typedef {{name: string, text: string, key: string, does: () => void, pressed?: () => boolean, able?: () => boolean}} Button
 */

/** @param {Keyed} keyed @param {import("./marks.js").Marks} marks @returns {{node: HTMLElement, show: () => void}} */
export function toolbar(keyed, marks) {
  const groups = buttons(keyed, marks).map((group) =>
    group.map((button) => ({ button, node: nodeOf(button) })),
  );
  const chooser = classChooser(keyed);
  const node = element(
    "div",
    { role: "toolbar", class: "tools", "aria-label": "Tools" },
    ...groups.map((group) => element("div", { class: "tool-group" }, ...group.map((each) => each.node))),
    chooser.node,
  );
  const show = () => {
    for (const { button, node } of groups.flat()) showState(button, node);
    chooser.show();
  };
  return { node, show };
}

/** @param {Button} button @returns {HTMLButtonElement} */
function nodeOf({ name, text, key, does }) {
  const hint = element("kbd", {
    class: key.length > 1 ? "long" : "",
    textContent: key,
    "aria-hidden": "true",
  });
  const words = element("span", { textContent: text });
  const properties = {
    type: "button",
    "data-tool": name,
    "aria-keyshortcuts": key,
    title: `${text} (${key})`,
    onclick: does,
  };
  return element("button", properties, icon(name), words, hint);
}

/** @param {Button} button @param {HTMLButtonElement} node */
function showState({ pressed, able }, node) {
  if (pressed) node.setAttribute("aria-pressed", String(pressed()));
  if (able) node.setAttribute("aria-disabled", String(!able()));
}

/** @param {Keyed} keyed @param {import("./marks.js").Marks} marks @returns {Button[][]} */
function buttons({ editor, viewport, act }, marks) {
  /** @param {import("./editor.js").Tool} name @param {string} text @param {string} key */
  const tool = (name, text, key) => ({
    name,
    text,
    key,
    does: () => editor.setTool(name),
    pressed: () => editor.tool === name,
  });
  const status = () => editor.picture && marks.of(editor.picture)?.status;
  return [
    [
      tool("select", "Select", "V"),
      tool("box", "Box", "B"),
      tool("polygon", "Polygon", "P"),
      tool("point", "Point", "O"),
    ],
    [
      {
        name: "ignore",
        text: "Ignore",
        key: "I",
        does: () => editor.toggleIgnored(),
        pressed: () => editor.ignores,
      },
      {
        name: "remove",
        text: "Delete",
        key: "Delete",
        does: () => editor.remove(),
        able: () => !!editor.selection || !!editor.draft.length,
      },
    ],
    [
      { name: "undo", text: "Undo", key: "Control+Z", does: act.undo, able: () => marks.canUndo },
      { name: "redo", text: "Redo", key: "Control+Y", does: act.redo, able: () => marks.canRedo },
    ],
    [
      { name: "smaller", text: "Smaller", key: "-", does: () => viewport.zoom(1 / 1.4) },
      { name: "larger", text: "Larger", key: "+", does: () => viewport.zoom(1.4) },
      { name: "fit", text: "Fit", key: "F", does: () => viewport.fit() },
    ],
    [
      { name: "right", text: "Right", key: "R", does: act.right, pressed: () => status() === "right" },
      { name: "skip", text: "Skip", key: "X", does: act.skip, pressed: () => status() === "skip" },
    ],
  ];
}

/** @param {Keyed} keyed */
function classChooser({ editor, classes }) {
  const onchange = (/** @type {any} */ event) => editor.setLabel(event.target.value);
  const select = element("select", { onchange });
  fill(
    select,
    classes.map((name, at) => ({ value: name, text: at < 10 ? `${(at + 1) % 10}  ${name}` : name })),
    "",
  );
  const node = element(
    "label",
    { class: "class-chooser" },
    element("span", { textContent: "Class" }),
    select,
  );
  return { node, show: () => (select.value = editor.selection?.label ?? editor.label) };
}
