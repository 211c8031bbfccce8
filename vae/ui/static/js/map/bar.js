// What stands around the map: chart, ground, colour, the way to a test image, and the legend.
import { classNames, get, goTo, set, tokens } from "../state/store.js";
import { field, h, select } from "../parts/dom.js";
import { trainingKey } from "./training.js";
import { axesOf } from "../space/chart.js";
import { GROUNDS } from "./ground.js";
import { COLOURS, paints } from "../parts/colour.js";
import * as explorer from "../explorer/explorer.js";

let seed = 0,
  wanted = "any";

export function jump() {
  const { frame } = get();
  if (!frame) return null;
  const box = h("input", {
    class: "input input--index",
    type: "number",
    min: "0",
    max: String(frame.labels.length - 1),
    inputmode: "numeric",
    "aria-label": "test image number",
    placeholder: "no.",
    "data-hint": `A test image from 0 to ${frame.labels.length - 1}`,
    on: { change: go, keydown: (event) => event.key === "Enter" && go() },
  });
  function go() {
    const index = Number(box.value);
    const good = box.value !== "" && Number.isInteger(index) && index >= 0 && index < frame.labels.length;
    box.setAttribute("aria-invalid", String(!good && box.value !== ""));
    if (good) goTo(index);
  }
  const classes = select(
    "class of the random image",
    [
      { value: "any", text: "any class" },
      ...classNames().map((name, label) => ({ value: label, text: name })),
    ],
    wanted,
    (value) => (wanted = value),
  );
  const random = h(
    "button",
    {
      type: "button",
      class: "button",
      "data-hint": "A random test image of this class",
      on: {
        click: async () => {
          seed += 1;
          const label = wanted === "any" ? null : Number(wanted),
            index = await explorer.indexOfClass(get().model, label, seed);
          goTo(index);
        },
      },
    },
    "random",
  );
  return h("div", { class: "row row--right" }, field("test image", box), classes, random);
}

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

// What two axes of z hold the other dimensions at.
export function anchorPicker() {
  const { frame, model, index } = get();
  if (!axesOf(frame?.chart) || model.latent_dim === 2) return null;
  const { anchor } = frame,
    other = index !== anchor;
  const options = [
    { value: "mean", text: "the mean" },
    ...(anchor === null ? [] : [{ value: anchor, text: `image ${anchor}` }]),
    ...(other ? [{ value: index, text: `image ${index}, selected` }] : []),
  ];
  return field(
    "rest at",
    select(
      "the other dimensions of z",
      options,
      anchor ?? "mean",
      (value) => set({ anchor: value === "mean" ? null : Number(value) }),
      "What the other numbers of z are while two of them move: the mean of all codes, or those of the selected image",
    ),
  );
}

export const grounds = () =>
  field(
    "ground",
    select(
      "ground",
      Object.entries(GROUNDS).map(([value, [text]]) => ({
        value,
        text,
        disabled: !explorer.offersGround(value, get().model, get().frame),
      })),
      get().ground,
      (value) => set({ ground: value }),
      GROUNDS[get().ground][1],
    ),
  );
export const colours = () =>
  field(
    "colour",
    select(
      "colour",
      Object.entries(COLOURS).map(([value, [text]]) => ({ value, text, disabled: !paints(value, get()) })),
      get().colour,
      (value) => set({ colour: value }),
      COLOURS[get().colour][1],
    ),
  );

// A conditional model draws a place differently for each class.
export const asClass = (model) =>
  model.conditional &&
  field(
    "as",
    select(
      "decoded as class",
      classNames().map((name, i) => ({ value: i, text: name })),
      get().label,
      (value) => set({ label: Number(value) }),
    ),
  );
