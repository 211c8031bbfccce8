// The view as an address, and back.
import { get } from "./store.js";
import { GROUNDS } from "./ground.js";
import { COLOURS } from "./colour.js";
import { axesOf } from "./charts.js";

const number = (text) => (text !== null && text !== "" && Number.isFinite(Number(text)) ? Number(text) : undefined);

export function linkTo() {
  const { dataset, recipe, latentDim, chart, index, click, uv, ground, colour } = get();
  const address = new URL(location.href);
  const parts = { data: dataset, recipe, z: latentDim, chart, ground, colour, image: index, at: (click ?? uv)?.map((v) => v.toFixed(3)).join(",") };
  for (const [key, value] of Object.entries(parts)) {
    if (value === null || value === undefined) address.searchParams.delete(key);
    else address.searchParams.set(key, value);
  }
  return address.href;
}

// What an address asks for, as far as it exists; the rest is left to the defaults.
export function readLink(catalogue) {
  const asked = new URL(location.href).searchParams, view = {};
  const dataset = catalogue.datasets.find((d) => d.name === asked.get("data"))?.name;
  const recipe = catalogue.models.find((m) => m.variant === asked.get("recipe"))?.variant;
  const axes = axesOf(asked.get("chart")), most = number(asked.get("z")) ?? 2;
  if (axes ? axes[0] !== axes[1] && Math.max(...axes) < most : /^(pca|umap)$/.test(asked.get("chart") ?? "")) view.chart = asked.get("chart");
  if (Object.hasOwn(GROUNDS, asked.get("ground"))) view.ground = asked.get("ground");
  if (Object.hasOwn(COLOURS, asked.get("colour"))) view.colour = asked.get("colour");
  const faults = [];
  const missing = (key, good, what) => asked.has(key) && !good && faults.push(`${what} ${asked.get(key).slice(0, 40)}`);
  missing("data", dataset, "the data set");
  missing("recipe", recipe, "the recipe");
  missing("chart", view.chart, "the chart");
  missing("ground", view.ground, "the ground");
  missing("colour", view.colour, "the colouring");
  const image = number(asked.get("image")), at = (asked.get("at") ?? "").split(",").map(Number);
  if (Number.isInteger(image) && image >= 0) view.index = image;
  if (asked.get("at") && at.length === 2 && at.every(Number.isFinite)) Object.assign(view, { uv: at, click: at });
  missing("at", view.uv, "the place");
  missing("image", view.index !== undefined, "the test image");
  const latentDim = number(asked.get("z")), sizes = catalogue.models.filter((m) => m.dataset === (dataset ?? m.dataset)).map((m) => m.latent_dim);
  missing("z", sizes.includes(latentDim), "the size of z");
  const fault = faults.length ? `This link asks for ${faults.join(" and ")}, which ${faults.length > 1 ? "are" : "is"} not here; the rest is shown as usual.` : null;
  return { dataset, recipe, latentDim: sizes.includes(latentDim) ? latentDim : null, view, fault };
}
