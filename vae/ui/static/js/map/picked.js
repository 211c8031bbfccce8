// What is chosen on the map, one key of the store, `picked`: {strokes: [{tool, outline, cut, of: {model, chart}, held}], indices}.
// `held` is what an outline holds on the map it was drawn on; `indices` are the codes of shown classes after each stroke in turn has added or taken away what it holds.
import { tokens } from "../state/store.js";
import { latest } from "../state/turns.js";
import { say } from "../state/texts.js";
import { inside } from "../space/outline.js";
import * as explorer from "../explorer/explorer.js";

export const drawnOn = ({ of }, frame) => of.model === frame.model && of.chart === frame.chart;

function put(map, strokes) {
  const {
      frame: { labels },
      hidden,
    } = map.get(),
    within = new Uint8Array(labels.length),
    indices = [];
  for (const { held, cut } of strokes) for (const i of held) within[i] = cut ? 0 : 1;
  within.forEach((one, i) => one && !hidden.has(labels[i]) && indices.push(i));
  map.set({ picked: { strokes, indices: Int32Array.from(indices) } });
}

// One more outline on the map that is shown: instead of the others, added to them or taken away.
export function add(map, { tool, outline }, how) {
  const { picked, frame } = map.get(),
    before = how !== "new" && picked?.indices ? picked.strokes : [];
  if (before.length >= tokens.pick.strokes)
    return map.set({ news: say("map.picked.most", { most: tokens.pick.strokes }) });
  put(map, [
    ...before,
    {
      tool,
      outline,
      cut: how === "cut" && before.length > 0,
      of: { model: frame.model, chart: frame.chart },
      held: inside({ tool, outline }, frame.uv),
    },
  ]);
}

// What the outlines of a link hold; one from another size or chart is laid over its own.
const resolve = async (map) => {
  const { picked, frame } = map.get(),
    maps = new Map();
  if (!picked || picked.indices || !map.drawn) return;
  const places = async (of) => {
    const key = JSON.stringify(of);
    if (!maps.has(key))
      maps.set(
        key,
        drawnOn({ of }, frame) ? frame.uv : (await explorer.map({ name: of.model }, of.chart)).uv,
      );
    return maps.get(key);
  };
  try {
    const strokes = [];
    for (const { of = { model: frame.model, chart: frame.chart }, ...stroke } of picked.strokes)
      strokes.push({ ...stroke, of, held: inside(stroke, await places(of)) });
    if (map.get().picked === picked) put(map, strokes);
  } catch (fault) {
    if (map.get().picked === picked)
      map.set({ picked: null, news: say("map.picked.refused", { reason: fault.message }) });
  }
};

// Called once by the map.
export function follow(map) {
  const turn = latest(() => resolve(map));
  map.on(["picked", "frame"], turn);
  map.on(["hidden"], ({ picked }) => picked?.indices && put(map, picked.strokes));
}
