// Which plane of the latent space the map shows.
import { get, set } from "../state/store.js";
import { field, h, select } from "./dom.js";

const SUB = "₀₁₂₃₄₅₆₇₈₉";
const sub = (i) =>
  String(i)
    .split("")
    .map((d) => SUB[d])
    .join("");
export const axesOf = (chart) =>
  /^axes:(\d+),(\d+)$/
    .exec(chart ?? "")
    ?.slice(1)
    .map(Number) ?? null;
export const planeOf = (chart) =>
  /^plane:(\d{1,7}),(\d{1,7}),(\d{1,7})$/
    .exec(chart ?? "")
    ?.slice(1)
    .map(Number) ?? null;
export const CORNERS = ["a", "b", "c"];

// What the map's two axes are called.
export function titles(chart) {
  const axes = axesOf(chart);
  if (axes) return axes.map((i) => `z${sub(i + 1)}`);
  if (chart === "pca") return ["PCA 1", "PCA 2"];
  if (planeOf(chart)) return ["from image a towards b", "towards c"];
  return ["UMAP 1", "UMAP 2"];
}

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
