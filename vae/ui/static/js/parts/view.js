// Which part of a chart is seen: how its places u, v become pixels of the element that shows it, and back.
import { tokens } from "../state/store.js";

export const MARGIN = { l: 40, r: 6, t: 6, b: 30 };

// Smallest and largest u and v of lists of places [u0, v0, u1, v1, ...].
export function bounds(...lists) {
  const box = [Infinity, -Infinity, Infinity, -Infinity];
  for (const uv of lists)
    for (let i = 0; i < uv.length; i += 2) {
      box[0] = Math.min(box[0], uv[i]);
      box[1] = Math.max(box[1], uv[i]);
      box[2] = Math.min(box[2], uv[i + 1]);
      box[3] = Math.max(box[3], uv[i + 1]);
    }
  return box;
}

export class View {
  constructor(host) {
    this.host = host;
    this.frame = null;
    /** @type {?{u: number, v: number, scale: number, aimed?: number}} */
    this.view = null; // {u, v, scale, aimed}: centre, units per pixel, and the shorter side a linked view was aimed at
    this.lists = {};
    this.measured = null; // [width, height] of the host
    this.hidden = undefined; // the classes that are not drawn
    this.behind = null; // {frame, uv, labels} of codes that are only to be seen, below the frame's own
  }

  // Measured once: asked for between two drawings, a browser would lay the whole page out anew.
  get size() {
    this.measured ??= [this.host.clientWidth, this.host.clientHeight];
    return this.measured;
  }

  get inner() {
    const [width, height] = this.size;
    return [Math.max(0, width - MARGIN.l - MARGIN.r), Math.max(0, height - MARGIN.t - MARGIN.b)]; // a hidden tab has no size
  }

  get box() {
    return [MARGIN.l, MARGIN.t, ...this.inner];
  }

  fitView(frame) {
    const [u0, u1, v0, v1] = bounds(frame.uv, this.behind?.frame === frame ? this.behind.uv : []),
      [width, height] = this.inner,
      pad = 1 + 2 * tokens.map.pad;
    const scale = Math.max((u1 - u0) / width, (v1 - v0) / height, 1e-6) * pad;
    return { u: (u0 + u1) / 2, v: (v0 + v1) / 2, scale };
  }

  // What part of the chart is seen, in numbers that mean the same in a window of any size: its middle {u, v} and the span of its shorter side;
  // null where everything is, as it is at first.
  seen() {
    const { u, v, scale } = this.view,
      whole = this.fitView(this.frame),
      near = 0.5 * scale;
    const all =
      Math.abs(scale / whole.scale - 1) < 1e-3 &&
      Math.abs(u - whole.u) < near &&
      Math.abs(v - whole.v) < near;
    return all ? null : { u, v, span: scale * Math.min(...this.inner) };
  }

  // Where the next drawing looks; false where the map has no size yet.
  aim({ u, v, span }) {
    const side = Math.min(...this.inner);
    if (side > 0) this.view = { u, v, scale: span / side, aimed: side };
    return side > 0;
  }

  ranges() {
    const { u, v, scale } = this.view,
      [width, height] = this.inner;
    return {
      x: [u - (scale * width) / 2, u + (scale * width) / 2],
      y: [v - (scale * height) / 2, v + (scale * height) / 2],
    };
  }

  // A place on the chart as a place in the host, in CSS pixels, and back.
  toPx(u, v) {
    const { scale } = this.view,
      [width, height] = this.inner;
    return [
      MARGIN.l + width / 2 + (u - this.view.u) / scale,
      MARGIN.t + height / 2 - (v - this.view.v) / scale,
    ];
  }

  toUv(px, py) {
    const { scale } = this.view,
      [width, height] = this.inner;
    return [
      this.view.u + (px - MARGIN.l - width / 2) * scale,
      this.view.v - (py - MARGIN.t - height / 2) * scale,
    ];
  }

  inside(px, py) {
    const [width, height] = this.size;
    return px >= MARGIN.l && px <= width - MARGIN.r && py >= MARGIN.t && py <= height - MARGIN.b;
  }

  pixelsOf({ uv }, out = new Float32Array(uv.length)) {
    const [x, y] = this.toPx(0, 0),
      { scale } = this.view;
    for (let i = 0; i < out.length; i += 2) {
      out[i] = x + uv[i] / scale;
      out[i + 1] = y - uv[i + 1] / scale;
    }
    return out;
  }

  // The same in a list of its own, written over at every frame.
  placed(frame, which) {
    if (this.lists[which]?.length !== frame.uv.length) this.lists[which] = new Float32Array(frame.uv.length);
    return this.pixelsOf(frame, this.lists[which]);
  }

  // The drawn code nearest to a place in pixels: {index, px} or null.
  nearest(px, py, frame = this.frame) {
    const [u, v] = this.toUv(px, py);
    let best = Infinity,
      index = -1;
    for (let i = 0; i < frame.labels.length; i += 1) {
      if (this.hidden?.has(frame.labels[i])) continue;
      const d = (frame.uv[2 * i] - u) ** 2 + (frame.uv[2 * i + 1] - v) ** 2;
      if (d < best) [best, index] = [d, i];
    }
    return index < 0 ? null : { index, px: Math.sqrt(best) / this.view.scale };
  }
}
