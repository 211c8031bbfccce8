// The two ends A and B of a path on the map: where they are, how they are set and cleared. An end is {index} of a test image or {uv} of the chart.
import { say } from "../state/texts.js";
import { h } from "../parts/dom.js";
import { chartOf } from "../space/chart.js";

export const NAMES = ["a", "b"];

// The place of an end on a chart's frame, null where there is none.
export function placeOf(end, frame) {
  if (!end || !frame) return null;
  return end.index === undefined ? end.uv : [frame.uv[2 * end.index], frame.uv[2 * end.index + 1]];
}

export function setEnd(map, name, end) {
  map.set({ path: { a: null, b: null, method: "linear", ...map.get().path, [name]: end, last: name } });
}

// The end that is still open; where none is, the one that was not set last.
export function setNext(map, end) {
  const { path } = map.get();
  setEnd(map, NAMES.find((name) => !path?.[name]) ?? NAMES.find((name) => name !== path.last), end);
}

export const clearPath = (map) => map.set({ path: null });

// A and B at the cursor, Escape clears the path; whether the key was one of these.
export function pathKey(map, key) {
  const name = key.toLowerCase(),
    { path, uv } = map.get();
  if (NAMES.includes(name) && uv) setEnd(map, name, { uv });
  else if (key === "Escape" && path) clearPath(map);
  else return false;
  return true;
}

// The same keys where the pointer is over the map and the keyboard is on nothing that takes letters; Escape wherever the map is shown.
export function listenForKeys(map, host, stage) {
  document.addEventListener("keydown", (event) => {
    if (
      event.defaultPrevented ||
      event.ctrlKey ||
      event.metaKey ||
      event.altKey ||
      host.offsetParent === null
    )
      return;
    if (
      host.contains(event.target) ||
      /** @type {Element} */ (event.target).matches?.("input, select, textarea")
    )
      return;
    if ((event.key === "Escape" || stage.matches(":hover")) && pathKey(map, event.key))
      event.preventDefault();
  });
}

// On another chart an image keeps its place in the path, and so does any other place through its z; another model keeps the images alone.
export function carryOver(map, before, frame) {
  const { path, local } = map.get();
  if (!path) return;
  const carried = (end) => {
    if (!end) return null;
    if (end.index !== undefined) return end.index < frame.labels.length ? end : null;
    if (!before || (before.key === frame.key && before.chart === frame.chart)) return end;
    const z = before.key === frame.key ? chartOf(before, local)?.toLatent(end.uv) : null,
      uv = z && chartOf(frame, local)?.toPlane(z);
    return uv ? { uv: Array.from(uv) } : null;
  };
  const [a, b] = NAMES.map((name) => carried(path[name])),
    beyond = [path.a, path.b].find((end) => end?.index >= frame.labels.length);
  if (beyond)
    map.set({
      news: say("map.ends.beyond", {
        dataset: frame.dataset,
        last: frame.labels.length - 1,
        index: beyond.index,
      }),
    });
  if (a !== path.a || b !== path.b) map.set({ path: a || b ? { ...path, a, b } : null });
}

// Two buttons that put A and B at a place, "here" or "selected": `end()` says where.
function setters(map, where, end) {
  return h(
    "span",
    { key: "ends", class: "ends", role: "group", "aria-label": say(`map.ends.${where}.group`) },
    NAMES.map((name) =>
      h(
        "button",
        {
          key: name,
          type: "button",
          class: "ends__one",
          "data-hint": say(`map.ends.${where}.${name}`),
          on: { click: () => placeOf(end(), map.get().frame) && setEnd(map, name, end()) },
        },
        say(`map.ends.${where}.button`, { name: name.toUpperCase() }),
      ),
    ),
  );
}
export const hereSetters = (map) => setters(map, "here", () => ({ uv: map.get().uv }));
export const selectedSetters = (map) => setters(map, "selected", () => ({ index: map.get().index }));

// ---- as an address holds it: A;B;method, where an end is u,v or the number of a test image

const written = (end) =>
  !end ? "" : end.index === undefined ? end.uv.map((v) => v.toFixed(3)).join(",") : String(end.index);
export const writePath = (path) => (path ? [written(path.a), written(path.b), path.method].join(";") : null);

// The path an address asks for as a patch of the store, null where it says nothing that is one.
export function readPath(text, most) {
  const [a, b, method, ...rest] = (text ?? "").split(";");
  const end = (part) => {
    if (!part) return null;
    if (/^\d+$/.test(part)) return { index: Number(part) };
    const uv = part.split(",").map((v) => (v.trim() === "" ? NaN : Number(v)));
    return uv.length === 2 && uv.every((v) => Math.abs(v) <= most) ? { uv } : undefined;
  };
  const ends = [end(a), end(b)];
  if (rest.length || !["linear", "slerp"].includes(method) || ends.includes(undefined) || !ends.some(Boolean))
    return null;
  return { path: { a: ends[0], b: ends[1], method } };
}
