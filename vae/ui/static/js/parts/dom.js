// Elements, hints, numbers with their units, and the words for what needs explaining.
import { say, sentence } from "../state/texts.js";

export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (key === "on")
      for (const [event, work] of Object.entries(value)) element.addEventListener(event, work);
    else if (key === "class") element.className = value;
    else if (key in element && typeof value !== "string") element[key] = value;
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(
    ...children.flat().filter((child) => child !== null && child !== undefined && child !== false),
  );
  return element;
}

const SVG = "http://www.w3.org/2000/svg";
export function s(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children.filter((child) => child !== null));
  return element;
}

// New children; the keyboard stays on the control that has the same name as the one it was on.
export function fill(element, ...children) {
  const name = (one) =>
    `${one.tagName} ${one.getAttribute("aria-label") ?? ""} ${one.dataset?.value ?? one.dataset?.label ?? one.dataset?.size ?? one.textContent}`;
  const focused =
    element.contains(document.activeElement) && element !== document.activeElement
      ? name(document.activeElement)
      : null;
  element.replaceChildren(
    ...children.flat().filter((child) => child !== null && child !== undefined && child !== false),
  );
  if (focused)
    [...element.querySelectorAll("button, select, input, [tabindex]")]
      .find((one) => name(one) === focused)
      ?.focus({ preventScroll: true });
  return element;
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

let bubble = null;
function showHint(target) {
  hideHint();
  const text = target.dataset.hint;
  if (!text) return;
  bubble = h("div", { class: "hint", role: "tooltip", id: "lx-hint" }, text);
  document.body.append(bubble);
  target.setAttribute("aria-describedby", "lx-hint");
  const at = target.getBoundingClientRect(),
    own = bubble.getBoundingClientRect();
  const below = at.bottom + own.height + 12 < innerHeight;
  bubble.style.left = `${Math.max(8, Math.min(innerWidth - own.width - 8, at.left + at.width / 2 - own.width / 2))}px`;
  bubble.style.top = `${below ? at.bottom + 6 : at.top - own.height - 6}px`;
}
function hideHint() {
  bubble?.remove();
  bubble = null;
  document.querySelector("[aria-describedby=lx-hint]")?.removeAttribute("aria-describedby");
}
// A disabled button sends no pointer events of its own, so hints of such buttons sit on a wrapper.
document.addEventListener("pointerover", (event) => {
  const target = /** @type {Element} */ (event.target).closest?.("[data-hint]");
  if (target) showHint(target);
  else hideHint();
});
document.addEventListener("focusin", (event) => {
  const target = /** @type {Element} */ (event.target);
  if (target.matches?.("[data-hint]:not(input, select):focus-visible")) showHint(target);
  else hideHint();
});
document.addEventListener("keydown", (event) => event.key === "Escape" && hideHint());
document.addEventListener("pointerdown", hideHint);

// A row of buttons of which one is pressed. options: [{value, text, hint, disabled}]
export function segmented(name, options, value, pick) {
  return h(
    "div",
    { class: "segments", role: "group", "aria-label": name },
    options.map((option) =>
      h(
        "button",
        {
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
      "aria-label": name,
      "data-value": name,
      class: "select",
      "data-hint": hint,
      on: { change: () => pick(box.value) },
    },
    options.map((option) =>
      h("option", { value: String(option.value), disabled: option.disabled ?? false }, option.text),
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
    { class: "field" },
    h("span", { class: "field__name" }, text),
    control,
  );
export const notice = (text, ...extra) =>
  h("div", { class: "notice", role: "status" }, h("p", {}, text), ...extra);
export const title = (text, ...rest) => h("h2", { class: "inspector__title" }, text, ...rest);

// A window wide enough for larger pictures.
export const wide = matchMedia("(min-width: 1600px)");
