// The map's surface in four layers: ground canvas, scattergl points, a canvas for gliding points, an SVG for all that is written or pointed at.
import { tokens } from "./store.js";
import { h, s } from "./dom.js";
import { axis, layout, plotly } from "./figure.js";
import { SCALE } from "./colour.js";

const MARGIN = { l: 40, r: 6, t: 6, b: 30 };
const CONFIG = { displayModeBar: false, scrollZoom: true, doubleClick: false, responsive: false };

// Smallest and largest u and v of places [u0, v0, u1, v1, ...].
export function bounds(uv) {
  const box = [Infinity, -Infinity, Infinity, -Infinity];
  for (let i = 0; i < uv.length; i += 2) {
    box[0] = Math.min(box[0], uv[i]); box[1] = Math.max(box[1], uv[i]);
    box[2] = Math.min(box[2], uv[i + 1]); box[3] = Math.max(box[3], uv[i + 1]);
  }
  return box;
}

export class Plot {
  constructor(host, { interactive = true } = {}) {
    this.host = host;
    this.interactive = interactive;
    this.ground = h("canvas", { class: "plot__ground", "aria-hidden": "true" });
    this.points = h("div", { class: "plot__points" });
    this.glide = h("canvas", { class: "plot__glide", "aria-hidden": "true" });
    [this.still, this.live] = [s("g", {}), s("g", {})]; // what changes with the view, and what follows the pointer
    this.overlay = s("svg", { class: "plot__overlay", "aria-hidden": "true" }, this.still, this.live);
    host.classList.add("plot");
    host.append(this.ground, this.points, this.glide, this.overlay);
    this.frame = null;
    this.view = null; // {u, v, scale}: centre and units per pixel
    this.scale = null; // {frame, values, low, high} where colour says something else than the class
    this.onView = () => {};
    new ResizeObserver(() => this.frame && this.draw(this.frame, { keep: true })).observe(host);
  }

  get size() {
    return [this.host.clientWidth, this.host.clientHeight];
  }

  get inner() {
    const [width, height] = this.size;
    return [width - MARGIN.l - MARGIN.r, height - MARGIN.t - MARGIN.b];
  }

  fitView(frame) {
    const [u0, u1, v0, v1] = bounds(frame.uv), [width, height] = this.inner, pad = 1 + 2 * tokens.map.pad;
    const scale = Math.max((u1 - u0) / width, (v1 - v0) / height, 1e-6) * pad;
    return { u: (u0 + u1) / 2, v: (v0 + v1) / 2, scale };
  }

  ranges() {
    const { u, v, scale } = this.view, [width, height] = this.inner;
    return { x: [u - (scale * width) / 2, u + (scale * width) / 2], y: [v - (scale * height) / 2, v + (scale * height) / 2] };
  }

  // frame: {uv, labels, titles: [u, v]}; hidden: classes not drawn
  async draw(frame, { keep = false, glide = false, hidden = this.hidden ?? new Set() } = {}) {
    const [width, height] = this.size;
    if (!width || !height) {
      this.frame = frame;
      return;
    }
    const P = await plotly();
    const before = glide && this.frame && this.view && this.frame.uv.length === frame.uv.length ? this.pixelsOf(this.frame) : null;
    this.frame = frame;
    this.hidden = hidden;
    if (!keep || !this.view) this.view = this.fitView(frame);
    const ranges = this.ranges();
    await P.react(this.points, [this.trace(frame, hidden)], layout({
      width, height, margin: MARGIN, hovermode: false, dragmode: this.interactive ? "pan" : false, uirevision: "kept by us",
      xaxis: axis(frame.titles[0], { range: ranges.x, automargin: false, nticks: 8, zeroline: true, fixedrange: !this.interactive }),
      yaxis: axis(frame.titles[1], { range: ranges.y, automargin: false, nticks: 8, scaleanchor: "x", fixedrange: !this.interactive }),
    }), { ...CONFIG, scrollZoom: this.interactive });
    if (!this.listening && this.interactive) this.listen();
    if (before) await this.run(before, this.pixelsOf(frame), frame.labels, hidden);
    this.onView();
  }

  trace(frame, hidden) {
    const x = [], y = [], color = [], classes = tokens.classes.length, scale = this.scale?.frame === frame ? this.scale : null;
    for (let i = 0; i < frame.labels.length; i += 1) {
      if (hidden.has(frame.labels[i])) continue;
      x.push(frame.uv[2 * i]);
      y.push(frame.uv[2 * i + 1]);
      color.push(scale ? scale.values[i] : frame.labels[i] % classes);
    }
    const colorscale = scale ? SCALE.map((c, i) => [i / (SCALE.length - 1), c]) : tokens.classes.flatMap((c, i) => [[i / classes, c], [(i + 1) / classes, c]]);
    const [cmin, cmax] = scale ? [scale.low, scale.high] : [-0.5, classes - 0.5];
    const size = tokens.map.point * (frame.labels.length < 1000 ? 2 : 1) * Math.min(1.25, Math.max(0.75, Math.min(...this.inner) / 560));
    return { type: "scattergl", mode: "markers", x, y, hoverinfo: "skip",
      marker: { size, opacity: tokens.map.opacity, color, cmin, cmax, colorscale, showscale: false } };
  }

  listen() {
    this.listening = true;
    const moved = () => {
      const { xaxis, yaxis } = this.points._fullLayout, [width] = this.inner;
      this.view = { u: (xaxis.range[0] + xaxis.range[1]) / 2, v: (yaxis.range[0] + yaxis.range[1]) / 2, scale: (xaxis.range[1] - xaxis.range[0]) / width };
      this.onView();
    };
    this.points.on("plotly_relayouting", moved);
    this.points.on("plotly_relayout", moved);
    // A finger decodes; Plotly would take it for a pan.
    this.points.addEventListener("touchstart", (event) => event.stopPropagation(), { capture: true, passive: true });
  }

  async zoom(factor) {
    if (!this.view) return;
    this.view = factor === 0 ? this.fitView(this.frame) : { ...this.view, scale: this.view.scale / factor };
    const P = await plotly(), ranges = this.ranges();
    await P.relayout(this.points, { "xaxis.range": ranges.x, "yaxis.range": ranges.y });
    this.onView();
  }

  // A place on the chart as a place in the host, in CSS pixels, and back.
  toPx(u, v) {
    const { scale } = this.view, [width, height] = this.inner;
    return [MARGIN.l + width / 2 + (u - this.view.u) / scale, MARGIN.t + height / 2 - (v - this.view.v) / scale];
  }

  toUv(px, py) {
    const { scale } = this.view, [width, height] = this.inner;
    return [this.view.u + (px - MARGIN.l - width / 2) * scale, this.view.v - (py - MARGIN.t - height / 2) * scale];
  }

  inside(px, py) {
    const [width, height] = this.size;
    return px >= MARGIN.l && px <= width - MARGIN.r && py >= MARGIN.t && py <= height - MARGIN.b;
  }

  pixelsOf(frame) {
    const out = new Float32Array(frame.uv.length);
    for (let i = 0; i < out.length; i += 2) [out[i], out[i + 1]] = this.toPx(frame.uv[i], frame.uv[i + 1]);
    return out;
  }

  // The drawn code nearest to a place in pixels: {index, px} or null.
  nearest(px, py, frame = this.frame) {
    const [u, v] = this.toUv(px, py);
    let best = Infinity, index = -1;
    for (let i = 0; i < frame.labels.length; i += 1) {
      if (this.hidden?.has(frame.labels[i])) continue;
      const d = (frame.uv[2 * i] - u) ** 2 + (frame.uv[2 * i + 1] - v) ** 2;
      if (d < best) [best, index] = [d, i];
    }
    return index < 0 ? null : { index, px: Math.sqrt(best) / this.view.scale };
  }

  // Points on their way from one model's places to another's, matched by test index.
  run(from, to, labels, hidden) {
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return Promise.resolve();
    const [width, height] = this.size, ratio = devicePixelRatio || 1, brush = this.glide.getContext("2d");
    [this.glide.width, this.glide.height] = [width * ratio, height * ratio];
    brush.setTransform(ratio, 0, 0, ratio, 0, 0);
    brush.globalAlpha = tokens.map.opacity;
    const groups = tokens.classes.map(() => []);
    labels.forEach((label, i) => !hidden.has(label) && groups[label % groups.length].push(i));
    this.points.classList.add("plot__points--away");
    const began = performance.now(), side = tokens.map.point * 0.85;
    return new Promise((resolve) => {
      const step = () => {
        const share = Math.min(1, (performance.now() - began) / tokens.map.glideMs), t = share * share * (3 - 2 * share);
        brush.clearRect(0, 0, width, height);
        groups.forEach((group, k) => {
          brush.fillStyle = tokens.classes[k];
          for (const i of group) {
            brush.fillRect(from[2 * i] + (to[2 * i] - from[2 * i]) * t - side / 2, from[2 * i + 1] + (to[2 * i + 1] - from[2 * i + 1]) * t - side / 2, side, side);
          }
        });
        if (share < 1) return requestAnimationFrame(step);
        this.points.classList.remove("plot__points--away");
        brush.clearRect(0, 0, width, height);
        resolve();
      };
      step();
    });
  }
}
