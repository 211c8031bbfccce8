// Questions to the server: one function a door, given by whoever connects the page.
import { set, tokens } from "../state/store.js";
import { say } from "../state/texts.js";

let connected;
const server = new Promise((resolve) => (connected = resolve));
// shell: {doors: {name: function of fields}, probe(fields): whether the server is `there` or with which sentence it refuses, fetchImages(dataset), cancelFetch()}
export const connect = (shell) => connected(shell);

// A data set's images onto the server, and an end of that; news of it come into the store as `downloads`.
export const fetchImages = async (dataset) => (await server).fetchImages(dataset);
export const cancelFetch = async () => (await server).cancelFetch();

// A question that has no answer: its message says why. `lost`: the server itself is gone.
export class Refusal extends Error {
  constructor(message, lost = false) {
    super(message);
    this.lost = lost;
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

// One question; rejects with a sentence to show. A door that gives nothing is one whose server is gone or refuses.
export async function ask(door, fields) {
  const { doors, probe } = await server;
  if (!FIRST.has(door)) await first;
  let reply;
  try {
    reply = await doors[door](fields);
  } catch {
    reply = undefined;
  }
  if (reply === undefined || reply === null) throw await silence(probe, fields);
  if (door !== "revision") answered.forEach((work) => work());
  if (reply.error !== undefined && typeof reply.error === "string") throw new Refusal(reply.error);
  return reply;
}

const answered = new Set();
// Calls `work` after every answer of the server; gives back what ends that.
export function onAnswer(work) {
  answered.add(work);
  return () => answered.delete(work);
}

// Why a door gave nothing: this one question is too large, or the server refuses them all, or it is gone.
async function silence(probe, fields) {
  const found = await probe(fields);
  if (found.tooLarge) return new Refusal(found.refusal);
  lost(probe, found);
  return new Refusal(found.refusal ?? say("explorer.server.silent"), true);
}

let waiting = false;
// Asks ever more seldom whether the server answers again, and no sooner than it wishes; `offline` says why it does not.
function lost(probe, found) {
  if (waiting) return;
  let delay = tokens.retryMs;
  const look = ({ there, refusal, seconds = 0 }) => {
    waiting = !there;
    set({ offline: there ? null : (refusal ?? say("explorer.server.gone")) });
    if (there) return;
    setTimeout(async () => look(await probe()), Math.max(delay, 1000 * seconds));
    delay = Math.min(2 * delay, tokens.retryMostMs);
  };
  look(found);
}

const KINDS = { float32: Float32Array, uint8: Uint8Array, int64: BigInt64Array, int32: Int32Array };

// {"b64", "dtype", "shape"} as {data, shape}.
export function unpack(packed) {
  if (!packed) return null;
  const bytes = Uint8Array.from(atob(packed.b64), (c) => c.charCodeAt(0));
  return { data: new KINDS[packed.dtype](bytes.buffer), shape: packed.shape };
}

// Questions of one kind, of which one is in the air: the newest waits for its turn, those in between get null.
export class Lane {
  async run(work) {
    if (this.busy) {
      this.next?.(false);
      const mine = await new Promise((resolve) => (this.next = resolve));
      if (!mine) return null;
    }
    this.busy = true;
    try {
      return await work();
    } finally {
      const { next } = this;
      this.next = null;
      if (next) next(true);
      else this.busy = false;
    }
  }
}
