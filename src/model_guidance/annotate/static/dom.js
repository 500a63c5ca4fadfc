/** Elements, made in code: text of the data only ever becomes text. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * Make an HTML element. Properties that start with "on" are listeners, "class" and names with a dash are
 * attributes, the others are properties of the element.
 * @param {string} tag
 * @param {Record<string, any>} [properties]
 * @param {...(Node | string)} children
 * @returns {any}
 */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) assign(made, name, value);
  made.append(...children);
  return made;
}

/** @param {HTMLElement} made @param {string} name @param {any} value */
function assign(made, name, value) {
  if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
  else if (name === "class" || name === "role" || name.includes("-")) made.setAttribute(name, String(value));
  else /** @type {any} */ (made)[name] = value;
}

/**
 * Make an SVG element with attributes.
 * @param {string} tag
 * @param {Record<string, string | number>} [attributes]
 * @param {...(Node | string)} children
 * @returns {any}
 */
export function drawn(tag, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, tag);
  setAttributes(made, attributes);
  made.append(...children);
  return made;
}

/** @param {Element} target @param {Record<string, string | number>} attributes */
export function setAttributes(target, attributes) {
  for (const [name, value] of Object.entries(attributes)) target.setAttribute(name, String(value));
}

/** @param {string} id @returns {any} */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`The page has no element "${id}".`);
  return found;
}

/**
 * Fill a select with options, of which the same stay, and keep what was chosen where it is still there.
 * @param {HTMLSelectElement} select
 * @param {{value: string, text: string}[]} options
 * @param {string} chosen
 */
export function fill(select, options, chosen) {
  options.forEach(({ value, text }, at) => {
    const option = select.options[at] ?? select.appendChild(element("option"));
    if (option.value !== value || option.text !== text) Object.assign(option, { value, text });
  });
  while (select.options.length > options.length) select.options[options.length].remove();
  if (select.value !== chosen) select.value = chosen;
}

/** Whether something in it is pressed: what is put elsewhere, or made anew, under a press is not clicked. @param {Element} node */
export const isPressed = (node) => node.matches(":active");

/** Text for people who cannot see a sign or a colour. @param {string} text */
export const hidden = (text) => element("span", { class: "hidden", textContent: text });

/** @param {number} count @param {string} one @param {string} [many] */
export const counted = (count, one, many = `${one}s`) =>
  `${count.toLocaleString("en")} ${count === 1 ? one : many}`;

/** @param {number | null | undefined} share @param {number} [digits] */
export const percent = (share, digits = 0) => (share == null ? "–" : `${(100 * share).toFixed(digits)} %`);
