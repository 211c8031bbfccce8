// Images as canvases: pixelated, at whole multiples, grey images as ink on the theme's paper (both sources were inverted by their makers).
import { get, on, tokens } from "../state/store.js";
import { h } from "./dom.js";

const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
const mix = (a, b, t) => a.map((v, i) => Math.round(v + (b[i] - v) * t));
const packed = ([r, g, b]) => ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0; // one pixel as canvases keep it
const ramps = {};

// The 256 colours of grey values: ink on paper, or differences around 128.
export function ramp(kind) {
  const mode = get().dark ? "dark" : "light";
  return (ramps[mode + kind] ??= Uint32Array.from({ length: 256 }, (_, v) => {
    const { paper, print, more, less } = tokens[mode];
    if (kind === "ink") return packed(mix(rgb(paper), rgb(print), v / 255));
    const signed = Math.max(-1, Math.min(1, (v - 128) / 127));
    return packed(mix(rgb(paper), rgb(signed > 0 ? more : less), Math.min(1, Math.abs(signed) * 1.25)));
  }));
}

// The pixels of image k of `images` ({data, shape: [..., C, H, W]}) as ImageData.
export function imageData(images, k = 0, kind = "ink") {
  const [channels, height, width] = images.shape.slice(-3);
  const size = height * width,
    from = k * channels * size,
    table = ramp(kind);
  const out = new ImageData(width, height),
    pixels = new Uint32Array(out.data.buffer),
    { data } = images;
  if (channels === 3)
    for (let i = 0; i < size; i += 1)
      pixels[i] = packed([data[from + i], data[from + size + i], data[from + 2 * size + i]]);
  else for (let i = 0; i < size; i += 1) pixels[i] = table[data[from + i]];
  return out;
}

export function paint(canvas, images, k = 0, kind = "ink") {
  const [, height, width] = images.shape.slice(-3);
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  canvas.lxImage = { images, k, kind };
  canvas.getContext("2d").putImageData(imageData(images, k, kind), 0, 0);
  fit(canvas);
}

// The largest whole multiple that fits into the space the style asks for (--space).
function fit(canvas) {
  const space = Number(canvas.dataset.space || 56);
  const times = Math.max(1, Math.floor(space / canvas.width));
  canvas.style.width = `${canvas.width * times}px`;
  canvas.style.height = `${canvas.height * times}px`;
}

// An empty picture; `held` takes its place before it is painted.
export const picture = (space, alt, held = false) =>
  h("canvas", {
    class: "pixels",
    width: 1,
    height: 1,
    "data-space": String(space),
    role: "img",
    "aria-label": alt,
    style: held ? `width:${space}px;height:${space}px` : "",
  });

export function pictureOf(images, k, space, alt, kind = "ink") {
  const canvas = picture(space, alt);
  paint(canvas, images, k, kind);
  return canvas;
}

export function respace(canvas, space) {
  canvas.dataset.space = String(space);
  fit(canvas);
}

on(["dark"], () => {
  for (const canvas of /** @type {NodeListOf<any>} */ (document.querySelectorAll("canvas.pixels"))) {
    const { images, k, kind } = canvas.lxImage ?? {};
    if (images) paint(canvas, images, k, kind);
  }
});

// What stands where a picture will come, as large as it will be.
export const gap = (kind) => h("span", { class: `sizes__gap sizes__gap--${kind}` });

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
