// Which plane of the latent space the map shows.
import { set } from "../state/store.js";
import { field, h, select } from "./dom.js";
import { axesOf, CORNERS, planeOf, sub } from "../space/chart.js";
import { say } from "../state/texts.js";

// now: the chart that is shown; charts: all that the model has; size: of z; frame: a map of the model, and selected(): its image that is selected, for planes.
export function chartPicker({ chart: now, charts: all, size, frame, selected }, pick) {
  const axes = axesOf(now),
    corners = planeOf(now);
  const kinds = [
    ...new Set([...all.map((name) => name.split(":")[0]), ...(size > 2 || corners ? ["plane"] : [])]),
  ];
  const kind = axes ? "axes" : corners ? "plane" : now;
  const named = (k) =>
    k === "axes" && size === 2 ? say("parts.charts.name.z") : say(`parts.charts.name.${k}`);
  const start = { axes: () => "axes:0,1", plane: () => firstPlane(frame.labels, selected()) };
  const box = select(
    say("parts.charts.chart"),
    kinds.map((k) => ({ value: k, text: named(k) })),
    kind,
    (value) => pick(start[value]?.() ?? value),
    say(`parts.charts.hint.${kind}`),
  );
  const parts = [field(say("parts.charts.chart"), box)];
  if (axes && size > 2) {
    const one = (k, name) =>
      select(
        name,
        Array.from({ length: size }, (_, i) => ({
          value: i,
          text: `z${sub(i + 1)}`,
          disabled: i === axes[1 - k],
        })),
        axes[k],
        (value) => {
          const next = [...axes];
          next[k] = Number(value);
          pick(`axes:${next.join(",")}`);
        },
      );
    parts.push(
      one(0, say("parts.charts.right")),
      h("span", { class: "quiet" }, "×"),
      one(1, say("parts.charts.up")),
    );
  }
  if (corners) parts.push(cornerFields(corners, frame.labels.length - 1, selected, pick));
  return h("div", { key: "charts", class: "row" }, parts);
}

// The selected image and the first two of other classes: a plane to begin with.
function firstPlane(labels, index) {
  const seen = new Set([labels[index]]),
    found = [index];
  for (let i = 0; i < labels.length && found.length < 3; i += 1) {
    if (seen.has(labels[i])) continue;
    seen.add(labels[i]);
    found.push(i);
  }
  for (let i = 0; found.length < 3; i += 1) if (!found.includes(i)) found.push(i); // a set of a single class
  return `plane:${found.join(",")}`;
}

// Three test images: each typed, or the selected one with one press.
function cornerFields(corners, most, selected, pick) {
  function put(k, value, box) {
    const next = corners.with(k, value),
      whole = Number.isInteger(value) && value >= 0 && value <= most,
      name = CORNERS[k];
    const fault = !whole
      ? say("parts.charts.no_image", { name, most })
      : new Set(next).size < 3
        ? say("parts.charts.twice", { name, value })
        : null;
    box.setAttribute("aria-invalid", String(Boolean(fault)));
    set({ news: fault });
    if (!fault) pick(`plane:${next.join(",")}`);
  }
  return h(
    "div",
    { key: "corners", class: "row plane" },
    CORNERS.flatMap((name, k) => {
      const box = h("input", {
        key: name,
        class: "input",
        type: "number",
        min: "0",
        max: String(most),
        inputmode: "numeric",
        value: String(corners[k]),
        "aria-label": say("parts.charts.corner", { name }),
        "data-hint": say("parts.charts.corner_hint", { name, most }),
        on: {
          change: ({ currentTarget: own }) =>
            own.value !== String(corners[k]) && put(k, own.value === "" ? NaN : Number(own.value), own),
        },
      });
      return [
        h(
          "button",
          {
            key: name,
            type: "button",
            class: "button",
            "aria-label": say("parts.charts.take", { name }),
            "data-hint": say("parts.charts.take_hint", { name }),
            on: { click: ({ currentTarget: own }) => put(k, selected(), own.nextElementSibling) },
          },
          name,
        ),
        box,
      ];
    }),
  );
}
