// Which plane of the latent space the map shows.
import { get, set } from "./store.js";
import { field, h, select } from "./dom.js";

const SUB = "₀₁₂₃₄₅₆₇₈₉";
const sub = (i) => String(i).split("").map((d) => SUB[d]).join("");
export const axesOf = (chart) => /^axes:(\d+),(\d+)$/.exec(chart ?? "")?.slice(1).map(Number) ?? null;
export const planeOf = (chart) => /^plane:(\d{1,7}),(\d{1,7}),(\d{1,7})$/.exec(chart ?? "")?.slice(1).map(Number) ?? null;

// What the map's two axes are called.
export function titles(chart, explained) {
  const axes = axesOf(chart);
  if (axes) return axes.map((i) => `z${sub(i + 1)}`);
  if (chart === "pca") return [explained ? `PCA 1 · the plane holds ${Math.round(explained * 100)} % of the variance` : "PCA 1", "PCA 2"];
  return ["UMAP 1", "UMAP 2"];
}

const HINTS = {
  axes: "Two of the numbers of z; the others stay at their mean", pca: "The flat plane in which the codes spread the most", umap: "Neighbours stay together; distances between islands mean little",
};

export function chartPicker(now = get().frame?.chart, pick = (chart) => set({ chart, uv: null, click: null }), all = get().frame?.charts ?? []) {
  const size = get().model?.latent_dim ?? 2, axes = axesOf(now);
  const kinds = [...new Set(all.map((name) => name.split(":")[0]))];
  const kind = axes ? "axes" : now;
  const texts = { axes: size === 2 ? "z itself" : "two axes of z", pca: "PCA plane", umap: "UMAP" };
  const box = select("chart", kinds.map((k) => ({ value: k, text: texts[k] })), kind, (value) => pick(value === "axes" ? "axes:0,1" : value), HINTS[kind]);
  const parts = [field("chart", box)];
  if (axes && size > 2) {
    const one = (k, name) => select(name, Array.from({ length: size }, (_, i) => ({ value: i, text: `z${sub(i + 1)}`, disabled: i === axes[1 - k] })), axes[k], (value) => {
      const next = [...axes];
      next[k] = Number(value);
      pick(`axes:${next.join(",")}`);
    });
    parts.push(one(0, "axis to the right"), h("span", { class: "quiet" }, "×"), one(1, "axis upwards"));
  }
  return h("div", { class: "row" }, parts);
}
