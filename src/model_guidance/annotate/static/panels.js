/** The panel at the side: training, comparison, or files; one at a time, or none. */

import { byId } from "./dom.js";

const NAMES = ["train", "compare", "take"];

/** @param {(name: string) => void} opened */
export function panels(opened) {
  const buttons = NAMES.map((name) => byId(`open-${name}`));
  const show = (/** @type {string} */ name) => {
    NAMES.forEach((each, at) => {
      byId(each).hidden = each !== name;
      buttons[at].setAttribute("aria-expanded", String(each === name));
    });
    byId("panel").hidden = !name;
    document.body.classList.toggle("panel-open", Boolean(name));
    if (name) opened(name);
  };
  NAMES.forEach((name, at) => {
    buttons[at].onclick = () => {
      const open = buttons[at].getAttribute("aria-expanded") !== "true";
      show(open ? name : "");
      if (open) byId(name).querySelector("h2").focus();
    };
  });
  byId("panel").addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Escape") close();
  });
  const close = () => {
    const at = NAMES.findIndex((name) => !byId(name).hidden);
    show("");
    buttons[at]?.focus();
  };
  byId("close-panel").onclick = close;
  return { show };
}
