/** Puts the page together. */

import { Comparison } from "./comparison.js";
import { controls } from "./controls.js";
import { Detail } from "./detail.js";
import { byId } from "./dom.js";
import { Gallery } from "./gallery.js";
import { help } from "./help.js";
import { Marks } from "./marks.js";
import { panels } from "./panels.js";
import { Session } from "./session.js";
import { Settings } from "./settings.js";
import { announce, complain, showSaving } from "./status.js";
import { takeAway } from "./take_away.js";
import { Training } from "./training.js";

async function begin() {
  help();
  byId("controls").open = matchMedia("(min-width: 48.01rem)").matches;
  const session = await Session.open();
  const { found } = session;
  byId("run").textContent = found.run;
  document.title = `${found.run}: where the model looks`;
  const settings = new Settings({
    split: Object.keys(found.splits)[0],
    order: found.orders[0]?.id ?? "data",
  });
  forgetStrangers(settings, session);
  const marks = new Marks(found);
  const parts = { session, settings, marks, announce, complain };
  showSaving(marks);
  controls(session, settings);
  const gallery = new Gallery(parts);
  const app = { ...parts, gallery };
  const detail = new Detail(app);
  besides(app);
  gallery.start();
  detail.start();
  marks.start();
}

/** An address that was kept may name what is not here any more. @param {Settings} settings @param {Session} session */
function forgetStrangers(settings, session) {
  const { splits, orders, classes } = session.found;
  const known = {
    split: Object.keys(splits),
    order: orders.map((/** @type {{id: string}} */ each) => each.id),
    class: ["", ...classes],
    model: session.models.map(({ id }) => id),
    beside: ["", ...session.models.map(({ id }) => id)],
    of: ["label:", "prediction:", ...classes.map((/** @type {string} */ name) => `class:${name}`)],
  };
  for (const [name, values] of Object.entries(known))
    if (!values.includes(settings.get(/** @type {keyof typeof known} */ (name))))
      settings.set({ [name]: values[0] });
}

/** What opens at the side. @param {import("./detail.js").App} app */
function besides(app) {
  const training = new Training(app, (id) => {
    panel.show("compare");
    comparison.show(id);
  });
  const comparison = new Comparison(training, app);
  const opened = {
    train: () => training.count(),
    compare: () => comparison.show(),
    take: () => app.session.refresh(),
  };
  const panel = panels((name) => opened[/** @type {keyof typeof opened} */ (name)]());
  takeAway(app);
  training.refresh();
}

begin().catch((error) => complain(error.message));
