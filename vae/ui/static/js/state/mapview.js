// What one map shows. Several can stand on the page; through each, what the page has chosen is read, changed and watched too.
import { keyOf, modelOf, page, Store, variantsOf } from "./store.js";

export class MapView extends Store {
  constructor() {
    super(
      {
        model: null, // the chosen folder's entry, or null where none exists
        local: null, // the same as the browser holds it, see explorer/local.js
        chart: null, // null: the model's default
        anchor: null, // the test image whose mu an axes chart passes through; null: the mean of the codes
        frame: null, // the drawn map: {of: its model's entry, model, key, dataset, chart, anchor, uv, labels, titles, origin, basis, charts}
        view: null, // what part of the chart is seen: {u, v, span} of the map's middle and shorter side; null: everything
        uv: null, // HERE on the chart
        click: null, // the last click, where HERE returns to when the pointer is away
        here: null, // the answer about `uv`
        selection: null, // the server's answer about the selected image
        tool: "pan", // what dragging does: pan, box or lasso
        picked: null, // the codes chosen by box or lasso, see map/pick.js
        path: null, // {a, b: {index} or {uv} or null, method: "linear" or "slerp"}, see map/ends.js
      },
      page,
    );
  }

  // The map as it is drawn, null while the model that is chosen is not the one that is drawn.
  get drawn() {
    const { frame, model } = this.state;
    return frame && model && frame.key === keyOf(model) ? frame : null;
  }
}

// The map of the page's first tab.
export const main = new MapView();

const near = (list, value) =>
  list.reduce((best, v) => (best === null || Math.abs(v - value) < Math.abs(best - value) ? v : best), null);

// Moves to a data set, recipe and size; keeps what it can and takes the nearest of what it cannot.
export function choose(wanted) {
  const now = page.get(),
    { dataset } = { ...now, ...wanted };
  let { recipe, latentDim } = { ...now, ...wanted };
  const variants = variantsOf(dataset);
  if (!variants.includes(recipe))
    recipe = variants.includes("default") ? "default" : (variants[0] ?? "default");
  const sizes = now.catalogue.models
    .filter((m) => m.dataset === dataset && m.variant === recipe)
    .map((m) => m.latent_dim);
  latentDim = sizes.length ? near(sizes, latentDim ?? 2) : latentDim;
  const other = dataset !== now.dataset;
  main.set({
    dataset,
    recipe,
    latentDim,
    model: modelOf(dataset, recipe, latentDim),
    chart: null,
    anchor: null,
    view: null,
    uv: null,
    click: null,
    here: null,
  });
  if (other)
    main.set({ index: 0, selection: null, hidden: new Set(), drawing: null, path: null, picked: null });
}

// Moves to a test image and its place on the map.
export function goTo(index) {
  const { frame } = main.get(),
    uv = frame ? [frame.uv[2 * index], frame.uv[2 * index + 1]] : null;
  main.set({ index, uv, click: uv });
}
