// Pixels of the screen to one of the page: more on a fine monitor, and as the browser's own zoom says.
const watchers = new Set();
let seen = 0;

export const screenRatio = () => devicePixelRatio || 1;

// Waits for the next change. A query is true of one ratio alone; the window's size, too, tells of a zoom.
function arm() {
  seen = screenRatio();
  matchMedia(`(resolution: ${seen}dppx)`).addEventListener("change", look, { once: true });
}

function look() {
  if (screenRatio() === seen) return;
  arm();
  for (const work of [...watchers]) work();
}

// Calls `work` when the ratio has changed: another monitor, another zoom. Gives back what ends that.
/** @param {() => void} work */
export function onRatio(work) {
  if (!seen) {
    arm();
    addEventListener("resize", look);
  }
  watchers.add(work);
  return () => watchers.delete(work);
}
