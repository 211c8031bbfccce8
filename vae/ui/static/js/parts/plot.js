// The map's surface in four layers: ground canvas, Plotly's axes and gestures, the codes as dots, an SVG for all that is written or pointed at.
import { tokens } from "../state/store.js";
import { h, s } from "./dom.js";
import { axis, layout, palette, plotly } from "./figure.js";
import { shades } from "./colour.js";
import { Dots, UNSEEN } from "./dots.js";
import { onRatio } from "./pixels.js";
import { MARGIN, View } from "./view.js";

const PLAIN = tokens.classes[3]; // grey
const CONFIG = { displayModeBar: false, scrollZoom: true, doubleClick: false, responsive: false };

export class Plot extends View {
  constructor(host, { interactive = true } = {}) {
    super(host);
    this.interactive = interactive;
    this.ground = h("canvas", { class: "plot__ground", "aria-hidden": "true" });
    this.points = h("div", { class: "plot__points" });
    const canvas = h("canvas", { class: "plot__dots", "aria-hidden": "true" });
    this.dots = new Dots(canvas);
    this.still = s("g", {}); // what changes with the view
    this.live = s("g", {}); // what follows the pointer
    this.overlay = s("svg", { class: "plot__overlay", "aria-hidden": "true" }, this.still, this.live);
    host.classList.add("plot");
    host.append(this.ground, this.points, canvas, this.overlay);
    this.chosen = null; // 1 for each code that stands out, where some do
    this.scale = null; // {frame, values, low, high} where colour says something else than the class
    this.onView = () => {};
    new ResizeObserver(() => {
      this.measured = null;
      if (this.frame) this.draw(this.frame, { keep: true });
    }).observe(host);
    onRatio(() => {
      if (!this.view) return;
      this.paint();
      this.onView(); // which draws the other canvases
    });
  }

  // frame: {uv, labels, titles: [u, v]}; hidden: classes not drawn
  async draw(frame, { keep = false, glide = false, hidden = this.hidden ?? new Set() } = {}) {
    const [width, height] = this.size;
    if (!width || !height) {
      this.frame = frame;
      return;
    }
    const P = await plotly();
    const before =
      glide && this.frame && this.view && this.frame.uv.length === frame.uv.length
        ? this.pixelsOf(this.frame)
        : null;
    this.frame = frame;
    this.hidden = hidden;
    const side = Math.min(...this.inner),
      aimed = this.view?.aimed;
    if (!keep || !this.view) this.view = this.fitView(frame);
    else if (aimed && aimed !== side)
      this.view = { ...this.view, scale: (this.view.scale * aimed) / side, aimed: side }; // the bars around a linked view may still have grown
    const ranges = this.ranges();
    await P.react(
      this.points,
      [],
      layout({
        width,
        height,
        margin: MARGIN,
        hovermode: false,
        dragmode: this.interactive ? "pan" : false,
        uirevision: "kept",
        xaxis: axis(frame.titles[0], {
          range: ranges.x,
          automargin: false,
          nticks: 8,
          zeroline: true,
          fixedrange: !this.interactive,
        }),
        yaxis: axis(frame.titles[1], {
          range: ranges.y,
          automargin: false,
          nticks: 8,
          scaleanchor: "x",
          fixedrange: !this.interactive,
        }),
      }),
      { ...CONFIG, scrollZoom: this.interactive },
    );
    if (!this.listening && this.interactive) this.listen();
    if (before) await this.run(before, this.pixelsOf(frame));
    this.paint();
    this.onView();
  }

  // The codes at the places that the view gives them, or at `px` while they glide.
  paint(px = this.placed(this.frame, "own"), dots = this.dots) {
    clearTimeout(this.settling);
    if (Math.min(...this.inner) < 1) return;
    this.painted = this.view;
    const { behind, frame, pointSize: size } = this,
      { size: small, opacity } = tokens.behind;
    const below = behind?.frame === frame && {
      ...this.paleLook(),
      px: this.placed(behind, "behind"),
      size: size * small,
      opacity,
    };
    const { pale, ...own } = this.look(),
      others = pale && { kinds: pale, palette: [palette().quiet], px, size, opacity: tokens.pick.pale };
    dots.paint(
      this.size,
      this.box,
      [below, others, { ...own, px, size, opacity: tokens.map.opacity }].filter(Boolean),
    );
  }

  // The codes behind have their class's colour, or none where some of the others are chosen or the colour says a figure that these do not have.
  paleLook() {
    const { behind, hidden } = this,
      palette = this.chosen || this.scale?.frame === this.frame ? [PLAIN] : tokens.classes;
    if (
      this.pale?.behind !== behind ||
      this.pale.hidden !== hidden ||
      this.pale.palette.length !== palette.length
    ) {
      this.pale = {
        behind,
        hidden,
        palette,
        kinds: Uint8Array.from(behind.labels, (label) =>
          hidden.has(label) ? UNSEEN : label % palette.length,
        ),
      };
    }
    return this.pale;
  }

  // What each code's colour is; counted anew only where a colouring, a class filter or what is chosen has changed. Where some are chosen, the others are `pale`.
  look() {
    const { frame, hidden, chosen, known } = this,
      scale = this.scale?.frame === frame ? this.scale : null;
    if (known?.frame === frame && known.hidden === hidden && known.scale === scale && known.chosen === chosen)
      return known;
    const pale = chosen && new Uint8Array(frame.labels.length).fill(UNSEEN);
    const palette = scale ? shades() : tokens.classes,
      kinds = new Uint8Array(frame.labels.length),
      { values, low, high } = scale ?? {};
    for (let i = 0; i < kinds.length; i += 1) {
      if (hidden.has(frame.labels[i])) kinds[i] = UNSEEN;
      else if (chosen && !chosen[i]) [kinds[i], pale[i]] = [UNSEEN, 0];
      else
        kinds[i] = scale
          ? Math.min(
              palette.length - 1,
              Math.max(0, Math.floor(((values[i] - low) / (high - low || 1)) * palette.length)),
            )
          : frame.labels[i] % palette.length;
    }
    return (this.known = { frame, hidden, scale, chosen, palette, kinds, pale });
  }

  get pointSize() {
    return (
      tokens.map.point *
      (this.frame.labels.length < 1000 ? 2 : 1) *
      Math.min(1.25, Math.max(0.75, Math.min(...this.inner) / 560))
    );
  }

  // The view moves under a hand: more codes than can be painted at each frame move as the picture they were, and are painted where they rest.
  move() {
    if (!this.painted || this.dots.ms <= tokens.map.paintMs) return this.paint();
    const grow = this.painted.scale / this.view.scale,
      [x, y] = this.toPx(this.painted.u, this.painted.v),
      [left, top, width, height] = this.box;
    this.dots.carry(this.box, grow, x - (left + width / 2) * grow, y - (top + height / 2) * grow);
    clearTimeout(this.settling);
    this.settling = setTimeout(() => this.paint(), tokens.map.restMs);
  }

  listen() {
    this.listening = true;
    const moved = (paint) => () => {
      const { xaxis, yaxis } = this.points._fullLayout,
        [width] = this.inner;
      this.view = {
        u: (xaxis.range[0] + xaxis.range[1]) / 2,
        v: (yaxis.range[0] + yaxis.range[1]) / 2,
        scale: (xaxis.range[1] - xaxis.range[0]) / width,
      };
      paint();
      this.onView();
    };
    this.points.on(
      "plotly_relayouting",
      moved(() => this.move()),
    );
    this.points.on(
      "plotly_relayout",
      moved(() => this.paint()),
    );
    // A finger decodes; Plotly would take it for a pan.
    this.points.addEventListener("touchstart", (event) => event.stopPropagation(), {
      capture: true,
      passive: true,
    });
  }

  async zoom(factor) {
    if (!this.view) return;
    return this.see(
      factor === 0 ? this.fitView(this.frame) : { ...this.view, scale: this.view.scale / factor },
    );
  }

  // Another part of the chart: {u, v, scale}.
  async see(view) {
    this.view = view;
    const P = await plotly(),
      ranges = this.ranges();
    await P.relayout(this.points, { "xaxis.range": ranges.x, "yaxis.range": ranges.y }); // which paints at its end
  }

  // Points on their way from one model's places to another's, matched by test index.
  run(from, to) {
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return Promise.resolve();
    const began = performance.now(),
      px = new Float32Array(to.length);
    return new Promise((resolve) => {
      const step = () => {
        const share = Math.min(1, (performance.now() - began) / tokens.map.glideMs),
          t = share * share * (3 - 2 * share);
        for (let i = 0; i < px.length; i += 1) px[i] = from[i] + (to[i] - from[i]) * t;
        this.paint(px);
        if (share < 1) requestAnimationFrame(step);
        else resolve();
      };
      step();
    });
  }
}
