// What a chart is called, and which numbers its name holds. Pure: no DOM, no store.

const SUB = "₀₁₂₃₄₅₆₇₈₉";

export const sub = (i) =>
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
