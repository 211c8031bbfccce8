// Questions to the server: one function a door, given by whoever connects the page.
import { persist } from "./patience.js";
import { running } from "../state/turns.js";
import { say } from "../state/texts.js";

let connected;
const server = new Promise((resolve) => (connected = resolve));
/**
 * How the server is reached; a reply is {answer}, or {status, error, changed, wait: milliseconds until it may be asked again}.
 * @typedef {object} Shell
 * @property {(door: string, fields: object, attempt: number) => Promise<any>} ask
 * @property {(path: string, attempt: number) => Promise<any>} file an answer of bytes
 * @property {(dataset: string) => void} fetchImages
 * @property {() => void} cancelFetch
 */
/** @param {Shell} shell */
export const connect = (shell) => connected(shell);

// A data set's images onto the server, and an end of that; news of it come into the store as `downloads`.
export const fetchImages = async (dataset) => (await server).fetchImages(dataset);
export const cancelFetch = async () => (await server).cancelFetch();

// A question that has no answer: its message says why. `changed`: models whose weights on the server are not those of this page any more.
export class Refusal extends Error {
  constructor(message, changed = []) {
    super(message);
    this.changed = changed;
  }
}

// The first map, and the model that the browser then decodes with, come before every other question: the server loads its networks for those,
// and would take the processor from them.
const FIRST = new Set(["start", "map"]);
let mapDrawn, modelHeld;
const first = Promise.all([
  new Promise((resolve) => (mapDrawn = resolve)),
  new Promise((resolve) => (modelHeld = resolve)),
]);
export { mapDrawn, modelHeld };

// Why a question has to wait, null where waiting would not help.
function reason({ status, error, wait }) {
  if (status === undefined) return { why: "gone", wait };
  if (status === 429 || status === 503) return { why: "busy", wait };
  if (status === 401 || status === 403) return { why: "gone", sentence: error ?? refused(status), wait };
  return [408, 502, 504].includes(status) ? { why: "gone", wait } : null;
}
const refused = (status) => say("page.shell.refused", { status });

// What a request gets at last, however long the server is busy or away; rejects with a sentence to show.
async function insist(request, turn, heard = true) {
  const reply = await persist(async (attempt) => {
    const got = await request(attempt);
    return ("answer" in got ? null : reason(got)) ?? got;
  }, turn);
  const { error, changed } = "answer" in reply ? (reply.answer ?? {}) : reply;
  if (typeof error === "string" || !("answer" in reply)) {
    if (heard) answered.forEach((work) => work(changed ?? []));
    throw new Refusal(error ?? refused(reply.status), changed);
  }
  if (heard) answered.forEach((work) => work([]));
  return reply.answer;
}

// Models by their names, with the revisions of those that this page knows by one.
function named(fields) {
  const models = [fields.model, fields.models].flat().filter((model) => model?.rev);
  const name = (model) => model?.name ?? model,
    { model, models: several } = fields;
  return {
    ...fields,
    ...(model && { model: name(model) }),
    ...(several && { models: several.map(name) }),
    ...(models.length && { revs: Object.fromEntries(models.map(({ name, rev }) => [name, rev])) }),
  };
}

// One question, about `model` or `models` where its fields hold some; rejects with a sentence to show.
export async function ask(door, fields) {
  const turn = running(),
    shell = await server;
  if (!FIRST.has(door)) await first;
  return insist((attempt) => shell.ask(door, named(fields), attempt), turn, door !== "revision");
}

// The bytes of a file beside the page; rejects with a sentence to show.
export async function file(path) {
  const shell = await server;
  return insist((attempt) => shell.file(path, attempt), null);
}

const answered = new Set();
// Calls `work` after every answer of the server, with the names of models that have changed there; gives back what ends that.
export function onAnswer(work) {
  answered.add(work);
  return () => answered.delete(work);
}

const KINDS = { float32: Float32Array, uint8: Uint8Array, int64: BigInt64Array, int32: Int32Array };

// {"b64", "dtype", "shape"} as {data, shape}.
export function unpack(packed) {
  if (!packed) return null;
  const bytes = Uint8Array.from(atob(packed.b64), (c) => c.charCodeAt(0));
  return { data: new KINDS[packed.dtype](bytes.buffer), shape: packed.shape };
}
