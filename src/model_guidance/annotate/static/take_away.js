/** Files to take along: the marks, the models, and a report. */

import { post } from "./api.js";
import { byId, element } from "./dom.js";

const MARKS = { "marks.json": "COCO", "marks.csv": "a table (CSV)", "marks-yolo.zip": "YOLO (ZIP)" };

/** @param {import("./detail.js").App} app */
export function takeAway(app) {
  byId("take-marks").replaceChildren(
    ...Object.entries(MARKS).map(([file, text]) => item(file, `Marks as ${text}`)),
  );
  byId("marks-file").textContent = app.session.found.marks_file;
  const showModels = () =>
    byId("take-models").replaceChildren(
      ...app.session.models.map(({ id, title, epoch }) =>
        item(`${id}.safetensors`, `Weights of ${title}, epoch ${epoch}`),
      ),
    );
  app.session.onChange(showModels);
  showModels();
  byId("report").onclick = () => report();
}

/** @param {string} file @param {string} text */
const item = (file, text) =>
  element(
    "li",
    {},
    element("a", { href: `/take/${encodeURIComponent(file)}`, download: file, textContent: text }),
  );

/** A new tab may only be opened at once: the link is for browsers that refuse it later. */
async function report() {
  const said = byId("report-said");
  byId("report").disabled = true;
  said.replaceChildren("The report is being written …");
  try {
    const { url } = await post("/api/report");
    said.replaceChildren(
      element("a", { href: url, target: "_blank", rel: "noopener", textContent: "Open the report" }),
    );
    window.open(url, "_blank", "noopener");
  } catch (error) {
    said.replaceChildren(/** @type {Error} */ (error).message);
  }
  byId("report").disabled = false;
}
