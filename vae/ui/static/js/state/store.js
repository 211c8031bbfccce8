// The page's one truth: what is chosen, which every part can watch. Loaded before any tab; parts that appear later read what is there.

export const tokens = JSON.parse(document.getElementById("lx-tokens").textContent);

const state = {
  catalogue: null, // {models, datasets, recipes, broken} as the server lists them
  dataset: null,
  recipe: null,
  latentDim: null,
  model: null, // model: the chosen folder's entry, or null where none exists
  chart: null, // null: the model's default
  anchor: null, // the test image whose mu an axes chart passes through; null: the mean of the codes
  colour: "label", // what the codes' colour says, see colour.js
  codes: "test", // whose codes the map shows: "test", or "all" with the training images' below them, see training.js
  ground: "manifold", // what lies behind the points, see ground.js
  label: 0, // what a conditional model is asked to draw
  index: 0, // the selected test image
  uv: null, // HERE on the chart
  click: null, // the last click, where HERE returns to when the pointer is away
  frame: null, // the drawn map: {model, chart, anchor, uv, labels, origin, basis, charts}
  view: null, // what part of the chart is seen: {u, v, span} of the map's middle and shorter side; null: everything
  news: null, // one line to say: what a link or a choice asked for and cannot have
  selection: null, // the server's answer about `index`
  here: null, // the answer about `uv`
  local: null, // the chosen model as the browser holds it, see model.js
  path: null, // {a, b: {index} or {uv} or null, method: "linear" or "slerp"}, see ends.js
  fading: true, // whether pictures fade where no code lies near
  tool: "pan", // what dragging on the map does: pan, box or lasso
  picked: null, // the chosen codes, see pick.js
  drawing: null, // the drawing's code in the Z = 2 model
  hidden: new Set(), // classes the legend hides
  dark: false,
  offline: false,
  images: 0, // grows when a data set's images have arrived on the server
  pictures: 0, // grows when small pictures of test images have arrived here, see explorer/thumbnails.js
  counted: 0, // grows when a figure of the chart has been counted, see explorer/explorer.js
  downloads: {}, // dataset -> {share, text} of a download, or {error} or {done}
};
const listeners = new Set();
let changed = new Set();

export const get = () => state;

export function set(patch) {
  for (const [key, value] of Object.entries(patch)) {
    if (!(key in state)) throw new Error(`the store has no ${key}`);
    if (state[key] === value) continue;
    state[key] = value;
    if (!changed.size) queueMicrotask(tell);
    changed.add(key);
  }
}

function tell() {
  const keys = changed;
  changed = new Set();
  for (const listener of [...listeners])
    if (listeners.has(listener) && listener.watched.some((key) => keys.has(key))) run(listener.work, keys);
}

function run(work, keys) {
  try {
    work(state, keys);
  } catch (fault) {
    console.error(fault);
  }
}

// Calls `work` now, with all keys, and whenever one of `keys` changes; gives back what ends that.
export function on(keys, work) {
  const listener = { watched: keys, work };
  listeners.add(listener);
  run(work, new Set(keys));
  return () => listeners.delete(listener);
}

// ---- choosing a model

// A model's name and, where the catalogue says it, the revision of its weights: a name can be trained again.
export const keyOf = ({ name, rev }) => (rev ? `${name} ${rev}` : name);

const near = (list, value) =>
  list.reduce((best, v) => (best === null || Math.abs(v - value) < Math.abs(best - value) ? v : best), null);

export const datasetOf = (name) => state.catalogue?.datasets.find((d) => d.name === name) ?? null;
export const classNames = () => datasetOf(state.dataset)?.classes ?? [];
export const variantsOf = (dataset) => [
  ...new Set(state.catalogue.models.filter((m) => m.dataset === dataset).map((m) => m.variant)),
];
export const modelOf = (dataset, recipe, latentDim) =>
  state.catalogue.models.find(
    (m) => m.dataset === dataset && m.variant === recipe && m.latent_dim === latentDim,
  ) ?? null;
export const family = () =>
  state.catalogue?.models.filter((m) => m.dataset === state.dataset && m.variant === state.recipe) ?? [];

// Moves to a data set, recipe and size; keeps what it can and takes the nearest of what it cannot.
export function choose({ dataset = state.dataset, recipe = state.recipe, latentDim = state.latentDim }) {
  const variants = variantsOf(dataset);
  if (!variants.includes(recipe))
    recipe = variants.includes("default") ? "default" : (variants[0] ?? "default");
  const sizes = state.catalogue.models
    .filter((m) => m.dataset === dataset && m.variant === recipe)
    .map((m) => m.latent_dim);
  latentDim = sizes.length ? near(sizes, latentDim ?? 2) : latentDim;
  const other = dataset !== state.dataset;
  set({
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
  if (other) set({ index: 0, selection: null, hidden: new Set(), drawing: null, path: null, picked: null });
}

// Moves to a test image and its place on the map.
export function goTo(index) {
  const { frame } = get(),
    uv = frame ? [frame.uv[2 * index], frame.uv[2 * index + 1]] : null;
  set({ index, uv, click: uv });
}

// One question in the air, the newest waits: calls in between are dropped, the last always gets its answer.
export function latest(work) {
  let busy = false,
    next = null;
  return async function turn(...args) {
    if (busy) {
      next = args;
      return;
    }
    busy = true;
    try {
      await work(...args);
    } catch (fault) {
      console.error(fault);
    }
    busy = false;
    if (next) {
      const then = next;
      next = null;
      turn(...then);
    }
  };
}
