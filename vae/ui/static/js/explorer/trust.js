// How much a chart lies, counted beside the page: for every code, once a chart.
import { Helper } from "./helper.js";
import { get, set } from "../state/store.js";

const KEPT = 48;
const known = new Map(); // "kind model chart" -> promise of {values, mean, ms}
let helper = null;

const key = (kind, frame) => `${kind} ${frame.model} ${frame.chart}`;

// `trust`: are neighbours on the chart neighbours in z? `continuity`: are neighbours in z neighbours on the chart?
export function count(kind, frame, local) {
  const name = key(kind, frame);
  if (!known.has(name)) {
    helper ??= new Helper();
    const spaces = [local.mu, local.codes.size, frame.uv, 2],
      [space, size, view, width] = kind === "trust" ? spaces : [...spaces.slice(2), ...spaces.slice(0, 2)];
    const coming = helper
      .ask("pointwise", { space, size, view, width })
      .then((made) => ({ ...made, mean: made.values.reduce((a, b) => a + b, 0) / made.values.length }));
    if (known.size >= KEPT) known.delete(known.keys().next().value);
    known.set(name, coming);
    coming.then(
      (made) => {
        coming.made = made;
        set({ counted: get().counted + 1 });
      },
      () => known.delete(name),
    );
  }
  return known.get(name);
}

// What is counted already, null otherwise.
export const counted = (kind, frame) => known.get(key(kind, frame))?.made ?? null;
