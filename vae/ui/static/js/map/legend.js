// The classes under the map: a click hides or shows one, a double click shows it alone.
import { classNames, get, set, tokens } from "../state/store.js";
import { h } from "../parts/dom.js";
import { trainingKey } from "./training.js";

function present() {
  const { frame } = get();
  return frame ? [...new Set(frame.labels)].sort((a, b) => a - b) : [];
}

function flip(label) {
  const hidden = new Set(get().hidden);
  if (!hidden.delete(label)) hidden.add(label);
  set({ hidden: hidden.size === present().length ? new Set() : hidden });
}

function only(label) {
  const others = present().filter((other) => other !== label),
    { hidden } = get();
  const alone = !hidden.has(label) && others.every((other) => hidden.has(other));
  set({ hidden: new Set(alone ? [] : others) });
}

export function legend() {
  const names = classNames(),
    { hidden } = get(),
    labels = present();
  const keys = labels.map((label) =>
    h(
      "button",
      {
        type: "button",
        class: "legend__key",
        "aria-pressed": String(!hidden.has(label)),
        "data-label": String(label),
        "data-hint": "Click: hide or show. Double click, or Shift and click: this class alone",
        on: { click: (event) => (event.shiftKey ? only(label) : tap(label)) },
      },
      h("span", {
        class: "legend__dot",
        style: `background:${tokens.classes[label % tokens.classes.length]}`,
      }),
      names[label] ?? String(label),
    ),
  );
  return [
    ...keys,
    hidden.size > 0 &&
      h(
        "button",
        { type: "button", class: "legend__all", on: { click: () => set({ hidden: new Set() }) } },
        "show all",
      ),
    trainingKey,
  ];
}

// The legend is built anew at every change, so a double click never lands on one element: two clicks are counted here.
let last = { label: null, at: 0 };
function tap(label) {
  const now = performance.now(),
    twice = last.label === label && now - last.at < 350;
  last = { label: twice ? null : label, at: now };
  if (!twice) return flip(label);
  flip(label);
  only(label);
}
