// Elements, hints, numbers with their units, and the words for what needs explaining.
import { say, sentence } from "../state/texts.js";

// What h() was told of an element, so that a later one with its key can take its place: {key, on: what is done at its events, heard: which}.
const told = new WeakMap();

function hear(element, on) {
  const known = told.get(element);
  known.on = on;
  for (const event of Object.keys(on)) {
    if (known.heard.has(event)) continue;
    known.heard.add(event);
    element.addEventListener(event, (happened) => known.on[event]?.call(element, happened));
  }
}

const shown = (children) =>
  children.flat().filter((child) => child !== null && child !== undefined && child !== false);

/**
 * An element. `key`: where fill() finds one of this tag and key among the children, that one stays on the page and becomes as this one is. So keys are
 * for elements that nobody keeps: what is done at their events looks at the event's own target.
 * @param {string} tag
 * @param {Record<string, any>} attributes
 * @param {...any} children
 * @returns {any}
 */
export function h(tag, { key = null, on = {}, ...attributes } = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") element.className = value;
    else if (name in element && typeof value !== "string") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  told.set(element, { key, on, heard: new Set() });
  hear(element, on);
  element.append(...shown(children));
  return element;
}

const SVG = "http://www.w3.org/2000/svg";
export function s(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children.filter((child) => child !== null));
  return element;
}

// New children. What is there already, or has the tag and the key of a new one, stays where it is: with the keyboard on it, its hint, and the first of two clicks.
export function fill(element, ...children) {
  const nodes = shown(children).map((child) => (child instanceof Node ? child : new Text(String(child))));
  place(element, kept(element, nodes));
  return element;
}

function nameOf(node) {
  if (node instanceof Text) return `#text ${node.data}`;
  const key = told.get(node)?.key ?? null;
  return key === null ? null : `${node.tagName} ${key}`;
}

// The new children, an old one instead of each that it matches.
function kept(element, nodes) {
  const given = new Set(nodes),
    known = new Map();
  for (const node of element.childNodes) {
    const name = given.has(node) ? null : nameOf(node);
    if (name !== null) known.set(name, [...(known.get(name) ?? []), node]);
  }
  return nodes.map((node) => {
    const old = node.parentNode === element ? null : known.get(nameOf(node))?.shift();
    if (old instanceof HTMLElement) update(old, node);
    return old ?? node;
  });
}

// Makes an element as a new one is: its attributes, what is done at its events, its children, and its value, but for what is being typed.
function update(old, made) {
  const { value } = made,
    typing = old === document.activeElement && old.getAttribute("value") === made.getAttribute("value");
  for (const { name } of [...old.attributes])
    if (!made.hasAttribute(name) && name !== "aria-describedby") old.removeAttribute(name); // which an open hint has put there
  for (const { name, value: next } of made.attributes)
    if (old.getAttribute(name) !== next) old.setAttribute(name, next);
  hear(old, told.get(made).on);
  fill(old, ...made.childNodes);
  if (old.value !== value && !(typing && old.matches("input"))) old.value = value;
}

// Puts nodes into an element in their order. The one that the keyboard is on is never moved, for that would take the keyboard off it.
function place(element, nodes) {
  const next = new Set(nodes);
  if (!nodes.some((node) => node.parentNode === element)) return element.replaceChildren(...nodes);
  for (const node of [...element.childNodes]) if (!next.has(node)) node.remove();
  const held = nodes.findIndex(
      (node) => node.parentNode === element && node.contains(document.activeElement),
    ),
    from = Math.max(0, held);
  if (held < 0 && element.firstChild !== nodes[0]) element.prepend(nodes[0]);
  for (let k = from - 1; k >= 0; k -= 1)
    if (nodes[k].nextSibling !== nodes[k + 1]) element.insertBefore(nodes[k], nodes[k + 1]);
  for (let k = from + 1; k < nodes.length; k += 1)
    if (nodes[k - 1].nextSibling !== nodes[k]) element.insertBefore(nodes[k], nodes[k - 1].nextSibling);
}

export const number = (value, digits = 2) =>
  value === null || value === undefined || !Number.isFinite(value)
    ? "–"
    : value.toFixed(digits).replace("-", "\u2212");
export const percent = (share) => `${Math.round(share * 100)}\u202f%`;
export const count = (value) => value.toLocaleString("en-US").replaceAll(",", "\u202f");
export function vectorText(z, most = 4) {
  const head = Array.from(z)
    .slice(0, most)
    .map((v) => number(v))
    .join(", ");
  return z.length > most ? say("parts.dom.vector", { head, n: z.length }) : `(${head})`;
}

// A word with its explanation, on hover and on focus.
export const term = (key, text = key) =>
  h("span", { class: "term", tabindex: "0", "data-hint": sentence("terms", key) }, text);

let bubble = null,
  hinted = null; // the hint that is shown, and whose it is
// An open hint says what its element says, and goes with it.
const watch = new MutationObserver(() => {
  if (!hinted.isConnected || !hinted.dataset.hint) hideHint();
  else if (hinted.dataset.hint !== bubble.textContent) showHint(hinted);
});
function showHint(target) {
  hideHint();
  const text = target.dataset.hint;
  if (!text) return;
  hinted = target;
  bubble = h("div", { class: "hint", role: "tooltip", id: "lx-hint" }, text);
  document.body.append(bubble);
  target.setAttribute("aria-describedby", "lx-hint");
  const at = target.getBoundingClientRect(),
    own = bubble.getBoundingClientRect();
  const below = at.bottom + own.height + 12 < innerHeight;
  bubble.style.left = `${Math.max(8, Math.min(innerWidth - own.width - 8, at.left + at.width / 2 - own.width / 2))}px`;
  bubble.style.top = `${below ? at.bottom + 6 : at.top - own.height - 6}px`;
  watch.observe(document.body, { childList: true, subtree: true, attributeFilter: ["data-hint"] });
}
function hideHint() {
  watch.disconnect();
  bubble?.remove();
  hinted?.removeAttribute("aria-describedby");
  bubble = hinted = null;
}
// A disabled button sends no pointer events of its own, so hints of such buttons sit on a wrapper.
document.addEventListener("pointerover", (event) => {
  const target = /** @type {Element} */ (event.target).closest?.("[data-hint]");
  if (!target) hideHint();
  else if (target !== hinted) showHint(target);
});
document.addEventListener("focusin", (event) => {
  const target = /** @type {Element} */ (event.target);
  if (target.matches?.("[data-hint]:not(input, select):focus-visible")) showHint(target);
  else if (!hinted?.contains(target)) hideHint();
});
document.addEventListener("keydown", (event) => event.key === "Escape" && hideHint());
// A press of the mouse leaves the hint of the button that it presses open; a finger covers it, and lists open over theirs.
document.addEventListener("pointerdown", (event) => {
  const pressed = /** @type {Element} */ (event.target).closest?.("[aria-pressed]");
  if (!pressed || !hinted?.contains(pressed) || event.pointerType !== "mouse") hideHint();
});

// A row of buttons of which one is pressed. options: [{value, text, hint, disabled}]
export function segmented(name, options, value, pick) {
  return h(
    "div",
    { key: name, class: "segments", role: "group", "aria-label": name },
    options.map((option) =>
      h(
        "button",
        {
          key: option.value,
          type: "button",
          class: "segments__one",
          "aria-pressed": String(option.value === value),
          "aria-disabled": option.disabled ? "true" : null,
          "data-hint": option.hint,
          "data-value": String(option.value),
          on: { click: () => !option.disabled && pick(option.value) },
        },
        option.text,
      ),
    ),
  );
}

export function select(name, options, value, pick, hint) {
  const box = h(
    "select",
    {
      key: name,
      "aria-label": name,
      "data-value": name,
      class: "select",
      "data-hint": hint,
      on: { change: (event) => pick(event.currentTarget.value) },
    },
    options.map((option) =>
      h(
        "option",
        { key: option.value, value: String(option.value), disabled: option.disabled ?? false },
        option.text,
      ),
    ),
  );
  box.value = String(value);
  return box;
}

// A range with its value beside it; `input` is called while it moves.
export function slider(text, { min, max, step = 1, value, show = (v) => String(v), hint }, input) {
  const out = h("output", {}, show(value));
  const range = h("input", {
    type: "range",
    min: String(min),
    max: String(max),
    step: String(step),
    "aria-label": text,
    on: {
      input: () => {
        out.textContent = show(Number(range.value));
        input(Number(range.value));
      },
    },
  });
  range.value = String(value);
  const put = (now) => {
    range.value = String(now);
    out.textContent = show(now);
  };
  return {
    put,
    range,
    element: h(
      "label",
      { class: "slider", "data-hint": hint },
      h("span", { class: "field__name" }, text),
      range,
      out,
    ),
  };
}

// Runs `draw` when its element can be seen and something it shows has changed since; hidden tabs ask nothing. Gives back what ends that.
export function whileSeen(element, subscribe, draw) {
  let stale = true;
  const look = () => {
    if (!stale || !element.isConnected || element.offsetParent === null) return;
    stale = false;
    draw();
  };
  const size = new ResizeObserver(look);
  size.observe(element);
  const off = subscribe(() => {
    stale = true;
    look();
  });
  return () => {
    size.disconnect();
    off();
  };
}

export function save(blob, name) {
  const link = h("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// A label would pass its clicks and its text on to the first of several buttons.
export const field = (text, control) =>
  h(
    control.matches("input, select") ? "label" : "div",
    { key: text, class: "field" },
    h("span", { class: "field__name" }, text),
    control,
  );
export const notice = (text, ...extra) =>
  h("div", { key: "notice", class: "notice", role: "status" }, h("p", {}, text), ...extra);
export const title = (text, ...rest) => h("h2", { class: "inspector__title" }, text, ...rest);

// A window wide enough for larger pictures.
export const wide = matchMedia("(min-width: 1600px)");
