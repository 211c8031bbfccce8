// Models as this browser holds them: weights and codes, read from the shipped files. Only the explorer asks what is held.
import { readSafetensors } from "../space/safetensors.js";
import { Net } from "../space/net.js";
import { Codes } from "../space/neighbours.js";
import { Helper } from "./helper.js";
import { modelHeld } from "./server.js";
import { keyOf, latest } from "../state/store.js";

const KEPT = 5; // models held at once: every size of one family
const coming = new Map(); // key -> promise of a model
const there = new Map(); // key -> the model, once it is here
let counting = null;

// The model as it is held, null while it is not.
/** @type {(model: ?import("../state/store.js").Model) => ?Held} */
export const held = (model) => (model && there.get(keyOf(model))) ?? null;

async function bytes(model, file) {
  const reply = await fetch(
    new URL(`lx/models/${encodeURIComponent(model)}/${file}.safetensors`, document.baseURI),
    { cache: "no-cache" },
  );
  if (!reply.ok) throw new Error(`${file}.safetensors of ${model} did not come (${reply.status}).`);
  return reply.arrayBuffer();
}

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
    [weights, codes] = await Promise.all([bytes(name, "model"), bytes(name, "codes")]);
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
  const turn = latest(async () => {
    const { model, offline, local: before } = get();
    if (!model || offline || before?.key === keyOf(model)) return;
    let local;
    try {
      local = await open(model);
    } catch {
      return; // the server goes on answering; the next model or its return tries again
    } finally {
      modelHeld();
    }
    if (!get().model || keyOf(get().model) !== local.key) return void turn();
    set({ local });
    if (!local.gaps) measured(local).then((whole) => get().local === local && set({ local: whole }));
  });
  return on(["model", "offline"], turn);
}
