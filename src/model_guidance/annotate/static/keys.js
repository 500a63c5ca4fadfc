/** Everything by keyboard: what each key does on the image. */

/**
 * @typedef {{editor: import("./editor.js").Editor, viewport: import("./viewport.js").Viewport,
 *   classes: string[], act: Record<Action, () => void>}} Keyed
 * @typedef {"back" | "previous" | "next" | "right" | "skip" | "undo" | "redo" | "map" | "without"} Action
 */

const FAR = 10; // pixels that Shift makes of one
const ZOOM = 1.4;

/** @type {Record<string, [number, number]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** @type {Record<string, (keyed: Keyed) => void>} */
const LETTERS = {
  v: ({ editor }) => editor.setTool("select"),
  b: (keyed) => draw(keyed, "box"),
  p: (keyed) => draw(keyed, "polygon"),
  o: (keyed) => draw(keyed, "point"),
  i: ({ editor }) => editor.toggleIgnored(),
  s: ({ editor }) => editor.selectNext(1),
  h: ({ editor }) => editor.nextHandle(),
  delete: ({ editor }) => editor.remove(),
  backspace: ({ editor }) => editor.remove(),
  "+": ({ viewport, editor }) => viewport.zoom(ZOOM, editor.cursor ?? undefined),
  "=": ({ viewport, editor }) => viewport.zoom(ZOOM, editor.cursor ?? undefined),
  "-": ({ viewport, editor }) => viewport.zoom(1 / ZOOM, editor.cursor ?? undefined),
  f: ({ viewport }) => viewport.fit(),
  r: ({ act }) => act.right(),
  x: ({ act }) => act.skip(),
  m: ({ act }) => act.map(),
  w: ({ act }) => act.without(),
  pageup: ({ act }) => act.previous(),
  pagedown: ({ act }) => act.next(),
};

/** The cursor begins in the middle of what is seen. @param {Keyed} keyed @param {"box" | "polygon" | "point"} tool */
function draw({ editor, viewport }, tool) {
  const { x, y, width, height } = viewport.box;
  editor.setTool(tool, { x: Math.floor(x + width / 2), y: Math.floor(y + height / 2) });
}

/** @param {HTMLElement} region @param {Keyed} keyed */
export function listenToKeys(region, keyed) {
  region.addEventListener("keydown", (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    if (target.matches("input, select, textarea")) return;
    const done = event.ctrlKey || event.metaKey ? commanded(event, keyed) : pressed(event, keyed, target);
    if (done) event.preventDefault();
  });
}

/** @param {KeyboardEvent} event @param {Keyed} keyed */
function commanded(event, { act }) {
  const key = event.key.toLowerCase();
  if (key === "z" && !event.shiftKey) act.undo();
  else if (key === "y" || key === "z") act.redo();
  else return false;
  return true;
}

/** @param {KeyboardEvent} event @param {Keyed} keyed @param {HTMLElement} target */
function pressed(event, keyed, target) {
  if (event.altKey) return false;
  if (event.key in ARROWS) return arrow(event, keyed);
  if (event.key === "Escape") return escape(keyed);
  if (event.key === "Enter" || event.key === " ") return enter(keyed, target);
  if (/^[0-9]$/.test(event.key)) return digit(event.key, keyed);
  if (event.key === "S") keyed.editor.selectNext(-1);
  else {
    const does = LETTERS[event.key.toLowerCase()];
    if (!does) return false;
    does(keyed);
  }
  return true;
}

/** @param {KeyboardEvent} event @param {Keyed} keyed */
function arrow({ key, shiftKey }, { editor, viewport, act }) {
  const [dx, dy] = ARROWS[key].map((one) => one * (shiftKey ? FAR : 1));
  if (editor.step(dx, dy)) {
    if (editor.cursor) viewport.reveal(editor.cursor);
    return true;
  }
  if (dx) (dx > 0 ? act.next : act.previous)();
  else viewport.pan(0, (-dy * viewport.box.height) / 20);
  return true;
}

/** @param {Keyed} keyed */
function escape({ editor, act }) {
  if (!editor.escape()) act.back();
  return true;
}

/** Enter sets a point, unless a button has the focus. @param {Keyed} keyed @param {HTMLElement} target */
function enter({ editor }, target) {
  if (target.closest("button, a, summary")) return false;
  editor.setPoint();
  return true;
}

/** @param {string} digit 1 for the first class, 0 for the tenth @param {Keyed} keyed */
function digit(digit, { editor, classes }) {
  const label = classes[(Number(digit) + 9) % 10];
  if (label !== undefined) editor.setLabel(label);
  return true;
}

/** What the help shows: keys, and what they do. @type {[string, [string, string][]][]} */
export const HELP = [
  [
    "Gallery",
    [
      ["← → ↑ ↓", "go to another image"],
      ["Enter", "open the image"],
      ["Home End Page Up Page Down", "go far"],
    ],
  ],
  [
    "Draw",
    [
      ["B P O V", "box, polygon, point with radius, select"],
      ["← → ↑ ↓", "move the cursor by a pixel, with Shift by 10"],
      ["Enter", "set a corner; twice at one place ends a polygon"],
      ["Esc", "end a polygon; leave what is half drawn, the tool, the image"],
      ["Backspace", "take back the last corner"],
      ["I", "ignore this: what must not be used"],
      ["1 … 9, 0", "class of the selection, or of what comes next"],
    ],
  ],
  [
    "Change",
    [
      ["S Shift+S", "select the next or the previous region; one of the data's own is copied"],
      ["← → ↑ ↓", "move the selection by a pixel, with Shift by 10"],
      ["H", "choose a handle, which the arrow keys then move"],
      ["Delete", "delete the selection"],
      ["Ctrl+Z Ctrl+Y", "undo, redo, over all images"],
    ],
  ],
  [
    "Image",
    [
      ["R", "right as it looks, and on to the next image"],
      ["X", "skip, and on to the next image"],
      ["← → Page Up Page Down", "previous, next image (arrows: with nothing selected)"],
      ["+ − F", "larger, smaller, fit; the wheel and two fingers zoom as well"],
      ["M", "map on or off"],
      ["W", "the image without its background"],
      ["?", "this help"],
    ],
  ],
];
