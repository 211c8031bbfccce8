// Which plane of the latent space the map shows.
import { get, set } from "../state/store.js";
import { field, h, select } from "./dom.js";
import { axesOf, CORNERS, planeOf, sub } from "../space/chart.js";

const HINTS = {
  axes: "Two of the numbers of z; the others stay at their mean, or at an image’s",
  pca: "The flat plane in which the codes spread the most",
  umap: "Neighbours stay together; distances between islands mean little",
  plane: "The flat plane through the codes of three test images of your choice",
};

const choose = (chart) => set({ chart, anchor: axesOf(chart) ? get().anchor : null, uv: null, click: null });

export function chartPicker(now = get().frame?.chart, pick = choose, all = get().frame?.charts ?? []) {
  const size = get().model?.latent_dim ?? 2,
    axes = axesOf(now),
    corners = planeOf(now);
  const kinds = [
    ...new Set([...all.map((name) => name.split(":")[0]), ...(size > 2 || corners ? ["plane"] : [])]),
  ];
  const kind = axes ? "axes" : corners ? "plane" : now;
  const texts = {
    axes: size === 2 ? "z itself" : "two axes of z",
    pca: "PCA plane",
    umap: "UMAP",
    plane: "plane of 3 images",
  };
  const start = { axes: () => "axes:0,1", plane: firstPlane };
  const box = select(
    "chart",
    kinds.map((k) => ({ value: k, text: texts[k] })),
    kind,
    (value) => pick(start[value]?.() ?? value),
    HINTS[kind],
  );
  const parts = [field("chart", box)];
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
    parts.push(one(0, "axis to the right"), h("span", { class: "quiet" }, "×"), one(1, "axis upwards"));
  }
  if (corners) parts.push(cornerFields(corners, pick));
  return h("div", { class: "row" }, parts);
}

// The selected image and the first two of other classes: a plane to begin with.
function firstPlane() {
  const { index, frame } = get(),
    seen = new Set([frame.labels[index]]),
    found = [index];
  for (let i = 0; i < frame.labels.length && found.length < 3; i += 1) {
    if (seen.has(frame.labels[i])) continue;
    seen.add(frame.labels[i]);
    found.push(i);
  }
  for (let i = 0; found.length < 3; i += 1) if (!found.includes(i)) found.push(i); // a set of a single class
  return `plane:${found.join(",")}`;
}

// Three test images: each typed, or the selected one with one press.
function cornerFields(corners, pick) {
  const most = get().frame.labels.length - 1;
  function put(k, value, box) {
    const next = corners.with(k, value),
      whole = Number.isInteger(value) && value >= 0 && value <= most,
      name = CORNERS[k];
    const fault = !whole
      ? `Corner ${name} is no test image; they run from 0 to ${most}.`
      : new Set(next).size < 3
        ? `Corner ${name} is test image ${value}, which is a corner already; a plane needs three different images.`
        : null;
    box.setAttribute("aria-invalid", String(Boolean(fault)));
    set({ news: fault });
    if (!fault) pick(`plane:${next.join(",")}`);
  }
  return h(
    "div",
    { class: "row plane" },
    CORNERS.flatMap((name, k) => {
      const box = h("input", {
        class: "input",
        type: "number",
        min: "0",
        max: String(most),
        inputmode: "numeric",
        value: String(corners[k]),
        "aria-label": `corner ${name}`,
        "data-hint": `The test image at corner ${name}, from 0 to ${most}`,
        on: {
          change: () =>
            box.value !== String(corners[k]) && put(k, box.value === "" ? NaN : Number(box.value), box),
        },
      });
      return [
        h(
          "button",
          {
            type: "button",
            class: "button",
            "aria-label": `selected image to corner ${name}`,
            "data-hint": `Puts the selected image at corner ${name}`,
            on: { click: () => put(k, get().index, box) },
          },
          name,
        ),
        box,
      ];
    }),
  );
}
