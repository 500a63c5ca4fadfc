/** Puts the page together. */

import { Comparison } from "./comparison.js";
import { ONLY, controls } from "./controls.js";
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
  const first = { split: Object.keys(found.splits)[0], order: found.orders[0]?.id ?? "data" };
  const settings = new Settings(first, () => known(session));
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

/** What there is to choose from. @param {Session} session */
function known({ found, classes, models }) {
  const ids = models.map(({ id }) => id);
  return {
    split: Object.keys(found.splits),
    order: found.orders.map((/** @type {{id: string}} */ each) => each.id),
    class: ["", ...classes],
    only: Object.keys(ONLY),
    model: ids,
    beside: ["", ...ids],
    of: ["label:", "prediction:", ...classes.map((name) => `class:${name}`)],
  };
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
