// The chosen model in the browser: its own weights and codes, read from the shipped files; a server answers for what cannot run here.
import { get, latest, on, set } from "../state/store.js";
import { readSafetensors } from "../space/safetensors.js";
import { Net, runsHere } from "../space/net.js";
import { Codes } from "../space/neighbours.js";
import { Helper } from "./helper.js";
import { ask, modelHeld, unpack } from "./server.js";

const KEPT = 5; // models held at once: every size of one family
const kept = new Map(); // name -> promise of a local model

let counting = null;

// ---- opening

async function bytes(model, file) {
  const reply = await fetch(
    new URL(`lx/models/${encodeURIComponent(model)}/${file}.safetensors`, document.baseURI),
    { cache: "no-cache" },
  );
  if (!reply.ok) throw new Error(`${file}.safetensors of ${model} did not come (${reply.status}).`);
  return reply.arrayBuffer();
}

// {name, config, weights (bytes), net or null, codes, mu, logvar, labels, gaps or null}
async function read(name) {
  const codesComing = bytes(name, "codes"),
    { config } = get().catalogue.models.find((one) => one.name === name);
  const weights = runsHere(config) ? await bytes(name, "model") : null;
  const { mu, logvar, labels } = readSafetensors(await codesComing);
  const net = weights ? new Net(readSafetensors(weights), config) : null;
  for (let turn = 0; net && turn < 8; turn += 1) net.decode(mu.data.subarray(0, config.latent_dim)); // browsers compile what runs often: better now than under the pointer
  return {
    name,
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

export function open(name) {
  if (!kept.has(name)) {
    kept.set(
      name,
      read(name).catch((fault) => {
        kept.delete(name);
        throw fault;
      }),
    );
    if (kept.size > KEPT) kept.delete(kept.keys().next().value);
  }
  return kept.get(name);
}

const follow = latest(async () => {
  const { model, local, offline } = get();
  if (!model || offline || local?.name === model.name) return;
  let opened;
  try {
    opened = await open(model.name);
  } catch {
    return; // the server goes on answering; the next model or its return tries again
  } finally {
    modelHeld();
  }
  if (get().model?.name !== opened.name) return follow();
  set({ local: opened });
  if (!opened.gaps) count(opened);
});

// The gaps between codes, which support is measured by: a second of arithmetic at most, beside the page.
async function count(opened) {
  counting ??= new Helper();
  opened.gaps = (await counting.ask("gaps", { mu: opened.mu, size: opened.config.latent_dim })).gaps;
  if (get().local === opened) set({ local: { ...opened } });
}

let began = false;
// Called once by the map: models are only read where they are shown.
export function start() {
  if (began) return;
  began = true;
  on(["model", "offline"], follow);
}

// ---- decoding

const times = { browser: [], server: [] };
export function note(who, ms) {
  times[who].push(ms);
  if (times[who].length > 100) times[who].shift();
}

// The median of the last hundred decodings, in milliseconds.
export function median(who) {
  const sorted = [...times[who]].sort((a, b) => a - b);
  return sorted.length ? sorted[sorted.length >> 1] : null;
}

// The local model where it is the one that is drawn and can decode; one that is chosen but cannot be had yet changes nothing.
export const here = () => {
  const { local, frame } = get();
  return local?.net && local.name === frame?.model ? local : null;
};

// The image at z at once, or null where the browser cannot; `out` is filled and returned.
export function decodeNow(z, out) {
  const local = here();
  if (!local) return null;
  const start = performance.now(),
    image = local.net.decode(z, out);
  note("browser", performance.now() - start);
  return image;
}

// The pixels at z in [0, 1], decoded here or, where that cannot be, by the server.
export async function decode(z) {
  const image = decodeNow(z);
  if (image) return image;
  const { model, label } = get(),
    start = performance.now();
  const { images } = await ask("decode", {
    model: model.name,
    z: [Array.from(z)],
    label: model.conditional ? label : null,
  });
  note("server", performance.now() - start);
  return Float32Array.from(unpack(images).data, (v) => v / 255);
}
