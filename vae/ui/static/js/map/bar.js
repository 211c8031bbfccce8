// What stands around the map: chart, ground, colour, the way to a test image, and the legend.
import { classNames, set, tokens } from "../state/store.js";
import { field, h, select } from "../parts/dom.js";
import { axesOf } from "../space/chart.js";
import { GROUNDS } from "./ground.js";
import { COLOURS, paints } from "../parts/colour.js";
import * as explorer from "../explorer/explorer.js";
import { goTo } from "../state/mapview.js";
import { chartPicker } from "../parts/charts.js";
import { say } from "../state/texts.js";

// The way to a test image; `wish` keeps what the random one is asked for: {seed, label}.
export function jump(map, wish) {
  const { frame } = map.get();
  if (!frame) return null;
  const box = h("input", {
    key: "jump",
    class: "input input--index",
    type: "number",
    min: "0",
    max: String(frame.labels.length - 1),
    inputmode: "numeric",
    "aria-label": say("map.bar.number"),
    placeholder: say("map.bar.no"),
    "data-hint": say("map.bar.number_hint", { last: frame.labels.length - 1 }),
    on: { change: go, keydown: (event) => event.key === "Enter" && go(event) },
  });
  function go({ currentTarget: own }) {
    const index = Number(own.value);
    const good = own.value !== "" && Number.isInteger(index) && index >= 0 && index < frame.labels.length;
    own.setAttribute("aria-invalid", String(!good && own.value !== ""));
    if (good) goTo(index, map);
  }
  const classes = select(
    say("map.bar.class"),
    [
      { value: "any", text: say("map.bar.any") },
      ...classNames().map((name, label) => ({ value: label, text: name })),
    ],
    wish.label,
    (value) => (wish.label = value),
  );
  const random = h(
    "button",
    {
      key: "random",
      type: "button",
      class: "button",
      "data-hint": say("map.bar.random_hint"),
      on: {
        click: async () => {
          wish.seed += 1;
          const label = wish.label === "any" ? null : Number(wish.label);
          try {
            goTo(await explorer.indexOfClass(map.get().model, label, wish.seed), map);
          } catch (fault) {
            if (!fault.changed?.length) set({ news: fault.message }); // that a model has changed is said there already
          }
        },
      },
    },
    say("map.bar.random"),
  );
  return h(
    "div",
    { key: "jump", class: "row row--right" },
    field(say("map.bar.image"), box),
    classes,
    random,
  );
}

function present(map) {
  const { frame } = map.get();
  return frame ? [...new Set(frame.labels)].sort((a, b) => a - b) : [];
}

function flip(map, label) {
  const hidden = new Set(map.get().hidden);
  if (!hidden.delete(label)) hidden.add(label);
  map.set({ hidden: hidden.size === present(map).length ? new Set() : hidden });
}

function only(map, label) {
  const others = present(map).filter((other) => other !== label),
    { hidden } = map.get();
  const alone = !hidden.has(label) && others.every((other) => hidden.has(other));
  map.set({ hidden: new Set(alone ? [] : others) });
}

// The classes under the map: a click hides or shows one, a double click shows it alone; and the switch of the training codes.
export function legend(map, trainingKey) {
  const names = classNames(),
    { hidden } = map.get(),
    labels = present(map);
  const keys = labels.map((label) =>
    h(
      "button",
      {
        key: label,
        type: "button",
        class: "legend__key",
        "aria-pressed": String(!hidden.has(label)),
        "data-label": String(label),
        "data-hint": say("map.bar.legend_hint"),
        on: {
          click: (event) => (event.shiftKey ? only : flip)(map, label),
          dblclick: (event) => !event.shiftKey && only(map, label),
        },
      },
      h("span", {
        key: "dot",
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
        {
          key: "all",
          type: "button",
          class: "legend__all",
          on: { click: () => map.set({ hidden: new Set() }) },
        },
        say("map.bar.show_all"),
      ),
    trainingKey,
  ];
}

// What two axes of z hold the other dimensions at.
export function anchorPicker(map) {
  const { frame, model, index } = map.get();
  if (!axesOf(frame?.chart) || model.latent_dim === 2) return null;
  const { anchor } = frame,
    other = index !== anchor;
  const options = [
    { value: "mean", text: say("map.bar.mean") },
    ...(anchor === null ? [] : [{ value: anchor, text: say("map.bar.anchor", { index: anchor }) }]),
    ...(other ? [{ value: index, text: say("map.bar.anchor_selected", { index }) }] : []),
  ];
  return field(
    say("map.bar.rest"),
    select(
      say("map.bar.others"),
      options,
      anchor ?? "mean",
      (value) => map.set({ anchor: value === "mean" ? null : Number(value) }),
      say("map.bar.rest_hint"),
    ),
  );
}

export const grounds = (map) =>
  field(
    say("map.bar.ground"),
    select(
      say("map.bar.ground"),
      Object.entries(GROUNDS).map(([value, [text]]) => ({
        value,
        text,
        disabled: !explorer.offersGround(value, map.get().model, map.get().frame),
      })),
      map.get().ground,
      (value) => map.set({ ground: value }),
      GROUNDS[map.get().ground][1],
    ),
  );
export const colours = (map) =>
  field(
    say("map.bar.colour"),
    select(
      say("map.bar.colour"),
      Object.entries(COLOURS).map(([value, [text]]) => ({
        value,
        text,
        disabled: !paints(value, map.get()),
      })),
      map.get().colour,
      (value) => map.set({ colour: value }),
      COLOURS[map.get().colour][1],
    ),
  );

// A conditional model draws a place differently for each class.
export const asClass = (map) =>
  map.get().model.conditional &&
  field(
    say("map.bar.as"),
    select(
      say("map.bar.as_class"),
      classNames().map((name, i) => ({ value: i, text: name })),
      map.get().label,
      (value) => map.set({ label: Number(value) }),
    ),
  );

// Which plane of the latent space the map shows.
export function charts(map) {
  const { frame, model } = map.get(),
    selected = () => map.get().index;
  return chartPicker(
    { chart: frame.chart, charts: frame.charts, size: model.latent_dim, frame, selected },
    (chart) => map.set({ chart, anchor: axesOf(chart) ? map.get().anchor : null, uv: null, click: null }),
  );
}
