// What one map shows. Several can stand on the page; through each, what the page has chosen is read, changed and watched too.
import { keyOf, modelOf, page, Store, variantsOf } from "./store.js";

/**
 * A map as it is drawn: the places of all test codes on a chart. Planes have an origin and a basis.
 * @typedef {object} Frame
 * @property {import("./store.js").Model} of
 * @property {string} model its name
 * @property {string} key its name and revision
 * @property {string} dataset
 * @property {string} chart
 * @property {string} default the chart that the model's own figures speak of
 * @property {string[]} charts all that the model has
 * @property {?number} anchor
 * @property {Float32Array} uv (N, 2)
 * @property {Uint8Array} labels (N,)
 * @property {string[]} titles of the two axes
 * @property {?number[]} origin (Z,)
 * @property {?number[][]} basis (2, Z)
 * @property {?number} explained
 */
/**
 * One end of a path: a test image or a place of the chart.
 * @typedef {{index: number, uv?: undefined} | {uv: number[], index?: undefined}} End
 */
/**
 * @typedef {object} Path
 * @property {?End} a
 * @property {?End} b
 * @property {"linear" | "slerp"} method
 * @property {"a" | "b"} [last] the end that was set last
 */
/**
 * The codes chosen by box or lasso: outlines, and what they hold together; `indices` is null until that is counted.
 * @typedef {object} Picked
 * @property {{tool: "box" | "lasso", outline: number[][], cut: boolean, of: {model: string, chart: string}, held: Int32Array}[]} strokes
 * @property {?Int32Array} indices
 */
/**
 * @typedef {object} MapState
 * @property {?import("./store.js").Model} model the chosen folder's entry, null where none exists
 * @property {?any} local the same as the browser holds it, see explorer/local.js
 * @property {?string} chart null: the model's default
 * @property {?number} anchor the test image whose mu an axes chart passes through; null: the mean of the codes
 * @property {?Frame} frame
 * @property {?{u: number, v: number, span: number}} view the middle and the shorter side of what is seen; null: everything
 * @property {?number[]} uv HERE on the chart
 * @property {?number[]} click the last click, where HERE returns to when the pointer is away
 * @property {?any} here the answer about `uv`
 * @property {?any} selection the server's answer about the selected image, with the `key` of the model it is about
 * @property {"pan" | "box" | "lasso"} tool what dragging does
 * @property {?Picked} picked
 * @property {?Path} path
 */

export class MapView extends Store {
  constructor() {
    /** @type {MapState} */
    const nothing = {
      model: null,
      local: null,
      chart: null,
      anchor: null,
      frame: null,
      view: null,
      uv: null,
      click: null,
      here: null,
      selection: null,
      tool: "pan",
      picked: null,
      path: null,
    };
    super(nothing, page);
  }

  /** @returns {MapState & import("./store.js").PageState} */
  get() {
    return this.state;
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

// Moves to a model by its folder's name, or to a data set, recipe and size; keeps what it can and takes the nearest of what it cannot.
export function choose({ model: name = null, ...wanted }) {
  const now = page.get(),
    named = now.catalogue.models.find((m) => m.name === name),
    model = named ?? nearest({ ...now, ...wanted });
  const { dataset, variant: recipe, latent_dim: latentDim } = model;
  const other = dataset !== now.dataset;
  main.set({
    dataset,
    recipe,
    latentDim,
    chosen: model.name ?? null,
    model: model.name ? model : null,
    changed: null,
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

// The model of a data set that is nearest to a recipe and size; without a name where the data set has none.
function nearest({ catalogue, dataset, recipe, latentDim }) {
  const variants = variantsOf(dataset);
  if (!variants.includes(recipe))
    recipe = variants.includes("default") ? "default" : (variants[0] ?? "default");
  const sizes = catalogue.models
    .filter((m) => m.dataset === dataset && m.variant === recipe)
    .map((m) => m.latent_dim);
  latentDim = sizes.length ? near(sizes, latentDim ?? 2) : latentDim;
  return modelOf(dataset, recipe, latentDim) ?? { dataset, variant: recipe, latent_dim: latentDim };
}

// Moves to a test image and its place on a map.
export function goTo(index, map = main) {
  const { frame } = map.get(),
    uv = frame ? [frame.uv[2 * index], frame.uv[2 * index + 1]] : null;
  map.set({ index, uv, click: uv });
}
