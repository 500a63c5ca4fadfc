/** What is shown, chosen: which images, through which models, and how strongly the map lies over them. */

import { byId, element, fill } from "./dom.js";

/** @typedef {import("./settings.js").Name} Name @typedef {import("./session.js").Session} Session
 * @typedef {import("./settings.js").Settings} Settings */

export const ONLY = {
  all: "all",
  marked: "marked",
  unmarked: "not marked",
  skipped: "skipped",
  wrong: "wrong answers",
};

/** @param {Session} session @param {Settings} settings */
export function controls(session, settings) {
  const { splits, orders, classes } = session.found;
  const named = (/** @type {string[]} */ names) => names.map((value) => ({ value, text: value }));
  const splitOptions = Object.entries(splits).map(([value, size]) => ({
    value,
    text: `${value} (${Number(size).toLocaleString("en")})`,
  }));
  byId("filters").append(
    chooser("Split", "split", splitOptions, settings),
    chooser(
      "Order",
      "order",
      orders.map((/** @type {any} */ each) => ({ value: each.id, text: each.title })),
      settings,
    ),
    chooser("Class", "class", [{ value: "", text: "all" }, ...named(classes)], settings),
    chooser(
      "Show",
      "only",
      Object.entries(ONLY).map(([value, text]) => ({ value, text })),
      settings,
    ),
  );
  byId("looks").append(...looks(session, settings));
}

/** @param {Session} session @param {Settings} settings */
function looks(session, settings) {
  const of = [
    { value: "label:", text: "its label" },
    { value: "prediction:", text: "what is predicted" },
    ...session.classes.map((name) => ({ value: `class:${name}`, text: name })),
  ];
  const model = chooser("Model", "model", [], settings);
  const beside = chooser("Beside it", "beside", [], settings);
  const fillModels = () => showModels(session, settings, model, beside);
  session.onChange(fillModels);
  fillModels();
  return [
    model,
    beside,
    chooser("Map of", "of", of, settings),
    opacity(settings),
    without(settings),
    legend(),
  ];
}

/** @param {Session} session @param {Settings} settings @param {HTMLElement} model @param {HTMLElement} beside */
function showModels(session, settings, model, beside) {
  const options = session.models.map(({ id, title, epoch }) => ({
    value: id,
    text: `${title}, epoch ${epoch}`,
  }));
  const select = (/** @type {HTMLElement} */ label) =>
    /** @type {HTMLSelectElement} */ (label.querySelector("select"));
  fill(select(model), options, settings.get("model"));
  fill(select(beside), [{ value: "", text: "none" }, ...options], settings.get("beside"));
}

/** @param {string} text @param {Name} name @param {{value: string, text: string}[]} options @param {Settings} settings */
function chooser(text, name, options, settings) {
  const select = element("select", { name, onchange: () => settings.set({ [name]: select.value }) });
  fill(select, options, settings.get(name));
  settings.onAny([name], () => (select.value = settings.get(name)));
  return element("label", { class: "field" }, element("span", { textContent: text }), select);
}

/** @param {Settings} settings */
function opacity(settings) {
  const slider = element("input", {
    type: "range",
    name: "opacity",
    min: "0",
    max: "1",
    step: "0.05",
  });
  const show = () => {
    slider.value = settings.get("opacity");
    document.documentElement.style.setProperty("--opacity", slider.value);
  };
  slider.oninput = () => settings.set({ opacity: slider.value });
  settings.onAny(["opacity"], show);
  show();
  return element(
    "label",
    { class: "field" },
    element("span", { textContent: "Strength of the map" }),
    slider,
  );
}

function legend() {
  const swatch = (/** @type {string} */ name) => element("span", { class: `swatch ${name}` });
  return element("p", { class: "legend" }, swatch("for"), "for the class", swatch("against"), "against it");
}

/** @param {Settings} settings */
function without(settings) {
  const box = element("input", {
    type: "checkbox",
    name: "without",
    checked: settings.get("without") === "yes",
  });
  box.onchange = () => settings.set({ without: box.checked ? "yes" : "" });
  settings.onAny(["without"], () => (box.checked = settings.get("without") === "yes"));
  return element("label", { class: "check" }, box, element("span", { textContent: "without background" }));
}
