/** Says whether everything is on the disk, and what else has happened, also to those who listen. */

import { byId, counted } from "./dom.js";

/** @param {import("./marks.js").Marks} marks */
export function showSaving(marks) {
  const { queue } = marks;
  const status = byId("saving");
  const discard = byId("discard");
  discard.onclick = () => marks.discard();
  const show = () => {
    const text =
      queue.reason && queue.size ? `not saved: ${queue.reason}` : queue.size ? "saving …" : "saved";
    if (status.textContent !== text) status.textContent = text;
    status.dataset.state = queue.reason && queue.size ? "failed" : queue.size ? "saving" : "saved";
    status.title = queue.size
      ? `${counted(queue.size, "change")} on the way; tried again by itself`
      : "all marks are on the disk";
    discard.hidden = !queue.refuses;
  };
  queue.onChange(show);
  show();
}

/** @param {string} said */
export function announce(said) {
  byId("announcements").textContent = said;
}

/** A failure that a person should read. @param {string} said */
export function complain(said) {
  const node = byId("complaint");
  byId("complaint-text").textContent = said;
  node.hidden = false;
  byId("complaint-close").onclick = () => (node.hidden = true);
}
