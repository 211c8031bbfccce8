// Models as this browser holds them: weights and codes, read from the shipped files. Only the explorer asks what is held.
import { readSafetensors } from "../space/safetensors.js";
import { Net } from "../space/net.js";
import { Codes } from "../space/neighbours.js";
import { ask, file, modelHeld, unpack } from "./server.js";
import { datasetOf, get, hasImages, keyOf, on, set, tokens } from "../state/store.js";

// Questions to a worker beside the page.
let address = null;
// Where the worker's own file lies; told once, before the first question.
export const workerAt = (url) => (address = url);

// A worker that answers questions one after the other, so that no arithmetic holds up the pointer.
export class Helper {
  constructor() {
    this.waiting = new Map();
    this.next = 0;
    this.worker = new Worker(address, { type: "module" });
    this.worker.onmessage = ({ data: { id, fault, ...answer } }) => {
      const { resolve, reject } = this.waiting.get(id);
      this.waiting.delete(id);
      if (fault) reject(new Error(fault));
      else resolve(answer);
    };
  }

  ask(kind, fields, moved = []) {
    const id = (this.next += 1);
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.worker.postMessage({ id, kind, ...fields }, moved);
    });
  }
}

// A worker that is told of a model, its gaps and a chart where it does not know them yet; its answers keep the order of the questions.
export class Knowing extends Helper {
  about(local, frame) {
    const told = this.told ?? {};
    if (told.key !== local.key)
      this.ask("open", {
        name: local.key,
        weights: local.weights,
        config: local.config,
        mu: local.mu,
        labels: local.labels,
      });
    if (local.gaps && (told.key !== local.key || told.gaps !== local.gaps))
      this.ask("measured", { name: local.key, gaps: local.gaps });
    if (told.key !== local.key || told.frame !== frame)
      this.ask("chart", { frame: { origin: frame.origin, basis: frame.basis, uv: frame.uv } });
    this.told = { key: local.key, gaps: local.gaps, frame };
    return this;
  }
}

const KEPT = 5; // models held at once: every size of one family
const coming = new Map(); // key -> promise of a model
const there = new Map(); // key -> the model, once it is here
let counting = null;

// The model as it is held, null while it is not.
/** @type {(model: ?import("../state/store.js").Model) => ?Held} */
export const held = (model) => (model && there.get(keyOf(model))) ?? null;

/** @type {(model: import("../state/store.js").Model, part: string) => Promise<ArrayBuffer>} */
const bytes = ({ name, rev }, part) =>
  file(`lx/models/${encodeURIComponent(name)}/${part}.safetensors${rev ? `?rev=${rev}` : ""}`);

/**
 * A model as this browser holds it.
 * @typedef {object} Held
 * @property {string} name
 * @property {string} key its name and the revision of its weights
 * @property {any} config
 * @property {ArrayBuffer} weights
 * @property {Net} net
 * @property {Codes} codes
 * @property {Float32Array} mu (N, Z)
 * @property {Float32Array} logvar (N, Z)
 * @property {Uint8Array} labels (N,)
 * @property {?Float64Array} gaps the distances of codes to their nearest others, ascending; null until they are counted
 * @property {Promise<Held>} [counting] the same model with its gaps
 * @property {Float32Array} [pixels] where images are decoded into
 */

/**
 * @param {import("../state/store.js").Model} model
 * @returns {Promise<Held>}
 */
async function read(model) {
  const { name, config } = model,
    [weights, codes] = await Promise.all([bytes(model, "model"), bytes(model, "codes")]);
  const { mu, logvar, labels } = readSafetensors(codes),
    net = new Net(readSafetensors(weights), config);
  for (let turn = 0; turn < 8; turn += 1) net.decode(mu.data.subarray(0, config.latent_dim), undefined, 0); // browsers compile what runs often: better now than under the pointer
  return {
    name,
    key: keyOf(model),
    config,
    weights,
    net,
    mu: mu.data,
    logvar: logvar.data,
    labels: labels.data,
    codes: new Codes(mu.data, config.latent_dim, labels.data),
    gaps: null,
  };
}

const forget = (key) => [coming, there].forEach((map) => map.delete(key));

// The model, read where it is not held yet.
export function open(model) {
  const key = keyOf(model);
  if (!coming.has(key)) {
    coming.set(
      key,
      read(model).then(
        (local) => (coming.has(key) && there.set(key, local), local),
        (fault) => {
          forget(key);
          throw fault;
        },
      ),
    );
    if (coming.size > KEPT) forget(coming.keys().next().value);
  }
  const found = coming.get(key);
  coming.delete(key); // the last asked for is the last to go
  coming.set(key, found);
  return found;
}

// The same with the gaps between its codes, which support is measured by: a second of arithmetic at most, beside the page.
function measured(local) {
  local.counting ??= (async () => {
    counting ??= new Helper();
    const { gaps } = await counting.ask("gaps", { mu: local.mu, size: local.config.latent_dim }),
      whole = { ...local, gaps };
    if (there.get(local.key) === local) {
      there.set(local.key, whole);
      coming.set(local.key, Promise.resolve(whole));
    }
    return whole;
  })();
  return local.counting;
}

// Keeps `local` of a store, {get, set, on}, the model that it shows: at first without the gaps, then with them.
export function keepHeld({ get, set, on }) {
  const turn = async () => {
    const { model, local: before } = get();
    if (!model || before?.key === keyOf(model)) return;
    let local;
    try {
      local = await open(model);
    } catch {
      return; // the server goes on answering
    } finally {
      modelHeld();
    }
    if (!get().model || keyOf(get().model) !== local.key) return; // another model by now
    set({ local });
    if (!local.gaps) measured(local).then((whole) => get().local === local && set({ local: whole }));
  };
  return on(["model"], turn);
}

// Small pictures of test images without a question for each: all test images in one answer where they are at hand, reconstructions decoded here otherwise.
const sheets = new Map(); // dataset -> {data, shape} | null while it comes
const arriving = new Map(); // dataset -> promise of that
const made = new Map(); // "model index" -> {data, shape}
const pictures = new Map(); // index -> its part of the sheet: the same object each time, so that a canvas knows what it shows
const MADE = 4000;
on(["images"], () => [...sheets].forEach(([dataset, sheet]) => sheet === null && sheets.delete(dataset)));

async function load(dataset) {
  sheets.set(dataset, null);
  try {
    const images = await file(`lx/images/${encodeURIComponent(dataset)}`);
    sheets.set(dataset, { data: new Uint8Array(images), shape: datasetOf(dataset).shape });
    pictures.clear();
    set({ pictures: get().pictures + 1 });
  } catch {
    // reconstructions stand in until the images come
  }
}

function begin(dataset) {
  if (hasImages(dataset) && !sheets.has(dataset)) arriving.set(dataset, load(dataset));
}

// The picture of a test image, {data, shape} with bytes, or null where only the server can make it.
export function thumbnail(model, index) {
  begin(model.dataset);
  const sheet = sheets.get(model.dataset);
  if (sheet) {
    const known = pictures.get(index);
    if (known?.sheet === sheet) return known;
    const size = sheet.shape.reduce((a, b) => a * b, 1);
    const picture = {
      data: sheet.data.subarray(index * size, (index + 1) * size),
      shape: sheet.shape,
      sheet,
    };
    pictures.set(index, picture);
    return picture;
  }
  const key = `${keyOf(model)} ${index}`,
    local = held(model);
  if (made.has(key)) return made.get(key);
  if (!local?.net) return null;
  const size = local.codes.size,
    image = local.net.decode(
      local.mu.subarray(index * size, (index + 1) * size),
      undefined,
      local.labels[index],
    );
  return keep(key, {
    data: Uint8Array.from(image, (v) => Math.round(v * 255)),
    shape: local.config.image_shape,
  });
}

function keep(key, picture) {
  if (made.size > MADE) made.delete(made.keys().next().value);
  made.set(key, picture);
  return picture;
}

// The same for several, asking the server for those that cannot be had here.
export async function thumbnails(model, indices) {
  const absent = indices.filter((index) => !thumbnail(model, index));
  for (let k = 0; k < absent.length; k += tokens.pick.sheet) {
    const some = absent.slice(k, k + tokens.pick.sheet),
      images = unpack((await ask("thumbnails", { model, indices: some })).images);
    const shape = images.shape.slice(1),
      size = shape.reduce((a, b) => a * b, 1);
    some.forEach((index, n) =>
      keep(`${keyOf(model)} ${index}`, { data: images.data.subarray(n * size, (n + 1) * size), shape }),
    );
  }
  return indices.map((index) => thumbnail(model, index) ?? made.get(`${keyOf(model)} ${index}`));
}

// A test image itself where the data set is at hand, else what stands in for it.
export async function testImage(model, index) {
  begin(model.dataset);
  await arriving.get(model.dataset);
  return (await thumbnails(model, [index]))[0];
}
