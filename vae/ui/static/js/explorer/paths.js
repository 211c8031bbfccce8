// Paths between two places of a map: searched beside the page where this browser runs the model, else by the server a few turns at a time.
import { get, tokens } from "../state/store.js";
import { Knowing } from "./helper.js";
import { held } from "./local.js";
import { ask, unpack } from "./server.js";

const { images: IMAGES, points, search } = tokens.path;
const samples = () => get().catalogue.limits.path_samples; // steps that a path's pixel length is measured over
let helper = null;
const worker = (model, frame) => (helper ??= new Knowing()).about(held(model), frame);
const labelOf = (model, label) => (model.conditional ? label : null);

// The pictures of an answer one by one.
function slices(images) {
  const { data } = unpack(images),
    size = data.length / IMAGES;
  return Array.from({ length: IMAGES }, (_, n) => data.subarray(n * size, (n + 1) * size));
}

// The straight or spherical path between two z: {zs, uvs, supports, images, line, by} and, where it is known at once, its length.
export async function interpolate(model, frame, { ends, method, label }) {
  const made = await worker(model, frame).ask("strip", { ends, method, count: IMAGES, points, label });
  if (made.images) return { ...made, by: "browser" };
  const reply = await ask("interpolate", {
    model: model.name,
    z_start: Array.from(ends[0]),
    z_end: Array.from(ends[1]),
    steps: IMAGES,
    method,
    label: labelOf(model, label),
  });
  const { z: zs, support: supports, length, images } = reply;
  return { ...made, zs, supports, length, images: slices(images), by: "server" };
}

// A search in the worker until it is done; null once it is no longer `wanted`.
async function seek(model, frame, question, wanted, progress = null) {
  let answer = await worker(model, frame).ask("seek", { question });
  while (!answer.done) {
    if (!wanted()) return null;
    progress?.(answer);
    answer = await worker(model, frame).ask("seek", { goOn: question.kind });
  }
  return wanted() ? answer : null;
}

// The pixel length of a path; null once it is no longer `wanted`.
export async function pathLength(model, frame, { ends, method, label }, wanted) {
  const found = await seek(model, frame, { kind: "length", ends, method, samples: samples(), label }, wanted);
  return found && found.length;
}

// The shortest path between two places of a plane, {zs, uvs, supports, images, line, length, straight, asShort, by}; null once it is no longer `wanted`.
export async function shortestPath(model, frame, { start, end, label }, wanted, progress) {
  if (!held(model).net) return shorten(model, frame, { start, end, label }, wanted, progress);
  const question = {
    kind: "shortest",
    a: start,
    b: end,
    samples: samples(),
    count: IMAGES,
    label,
    ...search,
  };
  const found = await seek(model, frame, question, wanted, progress);
  return found && { ...found, by: "browser" };
}

async function shorten(model, frame, { start, end, label }, wanted, progress) {
  const { same, sweeps, turns } = search;
  const look = async (line, turns) => {
    const found = await ask("shorten", {
      model: model.name,
      start,
      end,
      steps: IMAGES,
      chart: frame.chart,
      anchor: frame.anchor,
      label: labelOf(model, label),
      line,
      turns,
    });
    return wanted() ? found : null;
  };
  let found = await look(null, 0),
    best = found,
    turn = 0;
  for (let gain = 1; found?.moved && turn < sweeps && gain > search.gain; turn += turns) {
    progress({ line: found.line, turn, sweeps });
    found = await look(found.line, turns);
    gain = found ? 1 - found.length / best.length : 0;
    if (gain > 0) best = found;
  }
  const asShort = best && best.length >= best.straight * (1 - same);
  if (found && asShort) found = best = await look([start, end], 0);
  if (!found) return null;
  const { uv: uvs, z: zs, support: supports, path: line, length, straight } = best;
  return { uvs, zs, supports, images: slices(best.images), line, length, straight, asShort, by: "server" };
}
