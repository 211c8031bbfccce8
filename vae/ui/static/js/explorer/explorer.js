// Every question about a model, under the names of Python's Explorer: this browser answers where it holds the weights, else the server. Nobody else asks which.
import { axesOf, chartOf, planeOf, sub } from "../space/chart.js";
import { supportAt } from "../space/neighbours.js";
import { Helper, held, Knowing, open } from "./local.js";
import { ask, unpack } from "./server.js";
import { get, keyOf, set, tokens } from "../state/store.js";
import { say } from "../state/texts.js";

export { testImage, thumbnail, thumbnails } from "./local.js";
export { Lane } from "../state/turns.js";

// What the server wants as label: only conditional models take one.
export const labelOf = (model, label) => (model.conditional ? label : null);

// ---- what there is

export const catalogue = () => ask("start", {});
export const revision = async () => (await ask("revision", {})).revision;
export const deviceName = async () => (await ask("device", {})).device;
export const card = (model) => ask("card", { model });
export const history = async (models) => (await ask("history", { models })).histories;
export const indexOfClass = async (model, label, seed) => (await ask("find", { model, label, seed })).index;

// What a chart's two axes are called.
export function titles(chart) {
  const axes = axesOf(chart);
  if (axes) return axes.map((i) => `z${sub(i + 1)}`);
  if (planeOf(chart)) return [say("explorer.titles.plane_right"), say("explorer.titles.plane_up")];
  return [1, 2].map((n) => say(`explorer.titles.${chart}`, { n }));
}

// The places of all test codes on a chart: what a map draws.
/** @returns {Promise<import("../state/mapview.js").Frame>} */
export async function map(model, chart = null, anchor = null) {
  const reply = await ask("map", { model, chart, anchor });
  return {
    ...reply,
    anchor,
    of: model,
    model: model.name,
    key: keyOf(model),
    dataset: model.dataset,
    uv: unpack(reply.uv).data,
    labels: unpack(reply.labels).data,
    titles: titles(reply.chart),
  };
}

// Some training codes on a chart, from row `start` on: {uv, labels, start, total}, or {absent: why there are no images}.
export async function trainingMap(model, start, chart) {
  const reply = await ask("training", { model, start, chart });
  return reply.absent ? reply : { ...reply, uv: unpack(reply.uv).data, labels: unpack(reply.labels).data };
}

// ---- decoding

const times = { browser: [], server: [] };
function note(by, ms) {
  times[by].push(ms);
  if (times[by].length > 100) times[by].shift();
}

// The median of the last hundred decodings, in milliseconds.
function median(by) {
  const sorted = [...times[by]].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}

function decodeHere(local, z, label) {
  const start = performance.now(),
    image = local.net.decode(z, (local.pixels ??= new Float32Array(local.net.pixels)), label),
    data = new Uint8ClampedArray(image.length);
  for (let i = 0; i < data.length; i += 1) data[i] = image[i] * 255;
  note("browser", performance.now() - start);
  return { data, shape: local.config.image_shape, by: "browser", ms: median("browser") };
}

// The image at z as bytes: {data, shape, by, ms}.
export async function decode(model, z, label) {
  const local = held(model);
  if (local) return decodeHere(local, z, label);
  const start = performance.now(),
    { images } = await ask("decode", {
      model,
      z: [Array.from(z)],
      label: labelOf(model, label),
    });
  note("server", performance.now() - start);
  return { ...unpack(images), by: "server", ms: median("server") };
}

// The nearest codes, their votes, and the support of z (null until it can be said); null where the codes are not held.
export function around(model, z) {
  const local = held(model);
  if (!local) return null;
  const found = local.codes.ask(z);
  return { ...found, support: local.gaps && supportAt(local.gaps, found.distance) };
}

/**
 * A place of a map: its latent, the image there, and a function that says what lies around it.
 * @typedef {object} Place
 * @property {ArrayLike<number>} z
 * @property {{data: ArrayLike<number>, shape: number[], by: string, ms: number}} image `by`: browser or server
 * @property {() => any} around
 */
// A place of a map; null where a newer place was asked for in its lane meanwhile, or where this browser stands `alone` and cannot say.
/**
 * @param {import("../state/mapview.js").Frame} frame
 * @returns {Promise<?Place>}
 */
export async function place(frame, uv, label, { alone = false, lane }) {
  const model = frame.of;
  const here = () => {
    const local = held(model),
      z = local && chartOf(frame, local)?.toLatent(uv);
    return z && { z, image: decodeHere(local, z, label), around: () => around(model, z) };
  };
  const now = here();
  if (now || alone) return now;
  return lane.run(async () => {
    const late = here();
    if (late) return late;
    const z = chartOf(frame, held(model))?.toLatent(uv),
      start = performance.now();
    const reply = await ask("place", {
      model,
      ...(z ? { z: Array.from(z) } : { chart: frame.chart, uv }),
      label: labelOf(model, label),
    });
    note("server", performance.now() - start);
    const image = { ...unpack(reply.image), by: "server", ms: median("server") };
    return { z: reply.z, image, around: () => reply };
  });
}

// ---- pictures of test images and of the whole map

// One test image: original, reconstruction, error, posterior, neighbours, and its spread on a chart that is no plane.
export async function select(model, index, chart) {
  const reply = await ask("select", { model, index, chart }),
    images = ["original", "x_recon", "error_image"].map((key) => [key, unpack(reply[key])]);
  return { ...reply, ...Object.fromEntries(images), model: model.name, key: keyOf(model) };
}

// One test image through several models: {original, label, models: {name: {x_recon, recon, kl}}}.
export async function reconstruct(dataset, index, models) {
  const reply = await ask("reconstruct", { dataset, index, models });
  for (const one of Object.values(reply.models)) one.x_recon = unpack(one.x_recon);
  return { ...reply, original: unpack(reply.original) };
}

// Several test images through several models: {originals, labels, indices, models: {name: {images, recon, kl}}}.
export async function compare(dataset, indices, models) {
  const reply = await ask("compare", { dataset, indices, models });
  for (const one of Object.values(reply.models)) one.images = unpack(one.images);
  return { ...reply, originals: unpack(reply.originals) };
}

// A grid of decoded places, row 0 at the top: {images, z, uv}.
export async function manifold(model, { label, ...fields }) {
  const reply = await ask("manifold", { model, ...fields, label: labelOf(model, label) });
  return { images: unpack(reply.images), z: unpack(reply.z), uv: unpack(reply.uv) };
}

// A drawing (base64, a byte a pixel) through several models: {name: {x, x_recon, pictures, mu, logvar, nearest, label_votes}}.
export async function encode(models, image, { exclude, label }) {
  const reply = await ask("sketch", { models, image, exclude, label });
  for (const one of Object.values(reply.models))
    for (const key of ["x", "x_recon", "pictures"]) one[key] = unpack(one[key]);
  return reply.models;
}

let grounds = null;
// Whether a ground can be computed for a model and its map: the decoder's derivatives have no directions on a chart that is no plane.
export const offersGround = (what, model, frame) =>
  what !== "stretch" || Boolean(held(model) && frame?.basis);

// What lies behind the codes over a grid of cells: {sheet, width, height, low, high, ms, count, fresh}; of a model that is held.
export const ground = (model, frame, { what, grid, look, label }) =>
  (grounds ??= new Knowing()).about(held(model), frame).ask("ground", { what, grid, look, label });

// ---- paths between two places of a map, of a model that is held

const { images: IMAGES, points, search } = tokens.path;
const samples = () => get().catalogue.limits.path_samples; // steps that a path's pixel length is measured over
let paths = null;
const pathsOf = (model, frame) => (paths ??= new Knowing()).about(held(model), frame);

// The straight or spherical path between two z: {zs, uvs, supports, images, line}.
export const interpolate = (model, frame, { ends, method, label }) =>
  pathsOf(model, frame).ask("strip", { ends, method, count: IMAGES, points, label });

// A search in the worker until it is done; null once it is no longer `wanted`.
async function seek(model, frame, question, wanted, progress = null) {
  let answer = await pathsOf(model, frame).ask("seek", { question });
  while (!answer.done) {
    if (!wanted()) return null;
    progress?.(answer);
    answer = await pathsOf(model, frame).ask("seek", { goOn: answer.search });
  }
  return wanted() ? answer : null;
}

// The pixel length of a path; null once it is no longer `wanted`.
export async function pathLength(model, frame, { ends, method, label }, wanted) {
  const found = await seek(model, frame, { kind: "length", ends, method, samples: samples(), label }, wanted);
  return found && found.length;
}

// The shortest path between two places of a plane, {zs, uvs, supports, images, line, length, straight, asShort}; null once it is no longer `wanted`.
export function shortestPath(model, frame, { start, end, label }, wanted, progress) {
  const ends = { a: start, b: end, samples: samples(), count: IMAGES, label };
  return seek(model, frame, { kind: "shortest", ...ends, ...search }, wanted, progress);
}

// ---- figures of every code

// recon of every code, null where the server cannot count it.
export const recons = async (model) => unpack((await ask("recons", { model })).values)?.data ?? null;

const KEPT = 48;
const figures = new Map(); // "kind, model, chart" -> promise of {values, mean, ms}
let counting = null;
const figureKey = (kind, frame) => JSON.stringify([kind, frame.key, frame.chart]);

// How far every code's neighbours on a map are its neighbours in z (`trust`), or those in z its neighbours on the map (`continuity`); counted beside the page.
export function pointwise(kind, model, frame) {
  const key = figureKey(kind, frame);
  if (!figures.has(key)) {
    counting ??= new Helper();
    const { mu, codes } = held(model),
      spaces = [mu, codes.size, frame.uv, 2],
      [space, size, view, width] = kind === "trust" ? spaces : [...spaces.slice(2), ...spaces.slice(0, 2)];
    const coming = counting
      .ask("pointwise", { space, size, view, width })
      .then((made) => ({ ...made, mean: made.values.reduce((a, b) => a + b, 0) / made.values.length }));
    if (figures.size >= KEPT) figures.delete(figures.keys().next().value);
    figures.set(key, coming);
    coming.then(
      (made) => {
        coming.made = made;
        set({ counted: get().counted + 1 });
      },
      () => figures.delete(key),
    );
  }
  return figures.get(key);
}

// What is counted already, null otherwise.
export const counted = (kind, frame) => figures.get(figureKey(kind, frame))?.made ?? null;

const ROUNDS = 20; // questions whose way to the server and back is timed
// The same places and images through this browser's net and through the server's; a conditional model is asked as its first class.
export async function twin(model) {
  const { net, weights, config } = await open(model),
    label = labelOf(model, 0);
  const theirs = await ask("twin", { model });
  for (const key of ["z", "images", "x", "mu", "logvar"]) theirs[key] = unpack(theirs[key]).data;
  const helper = new Helper(),
    ours = await helper
      .ask("twin", { weights, config, z: theirs.z, x: theirs.x, label })
      .finally(() => helper.worker.terminate());
  const ways = [];
  for (let i = 0; i < ROUNDS; i += 1) {
    const start = performance.now();
    await ask("decode", { model, z: [Array.from(theirs.z.subarray(0, net.size))], label });
    ways.push(performance.now() - start);
  }
  return { ours, theirs, way: ways.sort((a, b) => a - b)[ROUNDS >> 1] };
}
