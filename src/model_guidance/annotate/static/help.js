/** The overlay with all keys. */

import { byId, element } from "./dom.js";
import { HELP } from "./keys.js";

export function help() {
  const dialog = /** @type {HTMLDialogElement} */ (byId("help"));
  byId("help-keys").replaceChildren(...HELP.map(([title, keys]) => section(title, keys)));
  byId("open-help").onclick = () => dialog.showModal();
  byId("close-help").onclick = () => dialog.close();
  document.addEventListener("keydown", (event) => {
    const typing = /** @type {HTMLElement} */ (event.target).matches("input, select, textarea");
    if (event.key === "?" && !typing && !dialog.open) dialog.showModal();
  });
}

/** @param {string} title @param {[string, string][]} keys */
function section(title, keys) {
  const rows = keys.map(([names, does]) =>
    element("div", {}, element("dt", {}, ...kbds(names)), element("dd", { textContent: does })),
  );
  return element("section", {}, element("h3", { textContent: title }), element("dl", {}, ...rows));
}

/** @param {string} names apart by spaces, or a range of them */
function kbds(names) {
  const each = names.includes("…") ? [names] : names.split(" ");
  return each.map((textContent) => element("kbd", { textContent }));
}
