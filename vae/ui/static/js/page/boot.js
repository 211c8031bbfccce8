// Starts the parts of the page; the only place that asks where the page's files lie.
import { workerAt } from "../explorer/local.js";
import { bring, shellOf } from "./shell.js";

workerAt(new URL("../explorer/worker.js", import.meta.url));

// Each part comes by itself, so that one that cannot be loaded takes none of the others with it.
const PARTS = {
  header: () => import("./header.js"),
  map: () => import("../map/map.js"),
  inspector: () => import("../map/selected.js"),
  manifold: () => import("../tabs/manifold.js"),
  compare: () => import("../tabs/compare.js"),
  draw: () => import("../tabs/draw.js"),
  about: () => import("../tabs/about.js"),
};

// Fills the element of a part; `given` is what the shell knows it by.
export async function mount(element, given) {
  const part = await bring(PARTS[element.dataset.part], element);
  return part.mount({ element, shell: shellOf(given) });
}
