// What the page has chosen, and who watches it: named values that any part can read, change and watch. Loaded before any tab; parts that appear later read what is there.

export const tokens = JSON.parse(document.getElementById("lx-tokens").textContent);

const listeners = new Set(); // {watched: a list of [store, key], work, store}
const changed = new Map(); // store -> the keys that have changed since listeners were told

function tell() {
  const news = new Map(changed);
  changed.clear();
  for (const listener of [...listeners]) {
    const keys = listener.watched.filter(([store, key]) => news.get(store)?.has(key)).map(([, key]) => key);
    if (keys.length && listeners.has(listener)) run(listener, new Set(keys));
  }
}

function run({ store, work }, keys) {
  try {
    work(store.get(), keys);
  } catch (fault) {
    console.error(fault);
  }
}

// Named values. Through a store that stands on another, the other's values are read, changed and watched as if they were its own.
export class Store {
  constructor(values, below = null) {
    this.below = below;
    this.state = Object.assign(Object.create(below?.state ?? null), values);
    for (const act of ["get", "set", "on"]) this[act] = this[act].bind(this); // so that they can be handed on alone
  }

  get() {
    return this.state;
  }

  owner(key) {
    if (Object.hasOwn(this.state, key)) return this;
    // eslint-disable-next-line no-restricted-syntax -- for programmers
    if (!this.below) throw new Error(`the store has no ${key}`);
    return this.below.owner(key);
  }

  set(patch) {
    for (const [key, value] of Object.entries(patch)) {
      const owner = this.owner(key);
      if (owner.state[key] === value) continue;
      owner.state[key] = value;
      if (!changed.size) queueMicrotask(tell);
      if (!changed.has(owner)) changed.set(owner, new Set());
      changed.get(owner).add(key);
    }
  }

  // Calls `work` now, with all keys, and whenever one of `keys` changes; gives back what ends that.
  on(keys, work) {
    const listener = { store: this, watched: keys.map((key) => [this.owner(key), key]), work };
    listeners.add(listener);
    run(listener, new Set(keys));
    return () => listeners.delete(listener);
  }
}

/** @typedef {typeof chosen} PageState */
const chosen = {
  catalogue: null, // {models, datasets, recipes, broken} as the server lists them
  dataset: null,
  recipe: null,
  latentDim: null,
  chosen: null, // the name of the chosen model's folder, null where there is none
  index: 0, // the selected test image
  label: 0, // what a conditional model is asked to draw
  colour: "label", // what the codes' colour says, see parts/colour.js
  codes: "test", // whose codes the map shows: "test", or "all" with the training images' below them, see map/training.js
  ground: "manifold", // what lies behind the points, see map/ground.js
  fading: true, // whether pictures fade where no code lies near
  hidden: new Set(), // classes the legend hides
  drawing: null, // the drawing's code in the Z = 2 model
  dark: false,
  offline: null, // a sentence that says why the server answers nothing, while it does not
  busy: null, // while the server is too busy for a question: "soon", the seconds until it is asked again, or "long" after a minute
  changed: null, // the name of the chosen model, once it was trained again or removed while the page is open
  news: null, // one line to say: what a link or a choice asked for and cannot have
  images: 0, // grows when a data set's images have arrived on the server
  pictures: 0, // grows when small pictures of test images have arrived here, see explorer/local.js
  counted: 0, // grows when a figure of a chart has been counted, see explorer/explorer.js
  downloads: {}, // dataset -> {share, text} of a download, or {error} or {done}
};
export const page = new Store(chosen);
export const { get, set, on } = page;

// ---- which models there are

/**
 * A model of the catalogue.
 * @typedef {object} Model
 * @property {string} name its folder
 * @property {string} [rev] the first digits of its weights' hash
 * @property {Record<string, unknown>} traits in which models of one variant and size may differ
 * @property {string} dataset
 * @property {string} recipe
 * @property {string} variant the recipe with its flags
 * @property {number} latent_dim
 * @property {number[]} image_shape
 * @property {boolean} conditional
 * @property {boolean} variational
 * @property {Record<string, ?number>} metrics
 * @property {any} config
 * @property {string} chart the one that its map opens on
 */

// A model's name and, where the catalogue says it, the revision of its weights: a name can be trained again.
/** @param {{name: string, rev?: string}} model */
export const keyOf = ({ name, rev }) => (rev ? `${name} ${rev}` : name);

export const datasetOf = (name) => get().catalogue?.datasets.find((d) => d.name === name) ?? null;
// Whether a data set's test images can be had from the server; what is wrong with those that lie there but cannot be used is its `fault`.
export const hasImages = (name) => Boolean(datasetOf(name)?.images && !datasetOf(name).fault);
export const classNames = () => datasetOf(get().dataset)?.classes ?? [];
export const variantsOf = (dataset) => [
  ...new Set(
    get()
      .catalogue.models.filter((m) => m.dataset === dataset)
      .map((m) => m.variant),
  ),
];
// All models of a data set, variant and size: a folder's name alone says which; several may differ in seed, epochs or date.
export const modelsOf = (dataset, recipe, latentDim) =>
  get().catalogue.models.filter(
    (m) => m.dataset === dataset && m.variant === recipe && m.latent_dim === latentDim,
  );
const shared = (one, other) =>
  Object.keys(one.traits).filter((key) => one.traits[key] === other.traits[key]).length;

// Of these, the one that shares most with the chosen model; null where there is none.
export function modelOf(dataset, recipe, latentDim) {
  const models = modelsOf(dataset, recipe, latentDim),
    chosen = get().catalogue.models.find((m) => m.name === get().chosen);
  if (!chosen || models.includes(chosen)) return chosen ?? models[0] ?? null;
  return models.reduce((best, m) => (best && shared(best, chosen) >= shared(m, chosen) ? best : m), null);
}

// The chosen variant's models, one for each size.
export function family() {
  const { catalogue, dataset, recipe } = get(),
    sizes = new Set(
      catalogue?.models.filter((m) => m.dataset === dataset && m.variant === recipe).map((m) => m.latent_dim),
    );
  return [...sizes].map((latentDim) => modelOf(dataset, recipe, latentDim));
}
