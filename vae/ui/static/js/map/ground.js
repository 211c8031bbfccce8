// What lies behind the codes: the manifold's tiles, or a field of colours. A worker computes it; what is there moves along until it comes.
import { keyOf, tokens } from "../state/store.js";
import { latest } from "../state/turns.js";
import { count, fill, h, number, percent } from "../parts/dom.js";
import { screenRatio } from "../parts/pixels.js";
import { VOTERS } from "../space/neighbours.js";
import * as explorer from "../explorer/explorer.js";
import { say } from "../state/texts.js";

export const GROUNDS = Object.fromEntries(
  ["manifold", "class", "density", "support", "stretch", "none"].map((what) => [
    what,
    [say(`map.ground.${what}.name`), say(`map.ground.${what}.hint`, { k: VOTERS })],
  ]),
);

const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
const look = (dark) => {
  const { print, accent } = tokens[dark ? "dark" : "light"];
  return {
    ink: rgb(print),
    strength: tokens.ground.strength,
    full: tokens.support.full,
    colours: tokens.classes.map(rgb),
    accent: rgb(accent),
    strong: tokens.ground.strong,
  };
};

const TEXTS = {
  manifold: () => [say("map.ground.manifold.key", { full: percent(tokens.support.full) })],
  class: () => [say("map.ground.class.key", { k: VOTERS })],
  density: ({ high }) => [
    "0",
    high < 100 ? number(high, 1) : count(Math.round(high)),
    say("map.ground.density.key"),
  ],
  support: () => ["0", percent(1), say("map.ground.support.key")],
  stretch: ({ low, high }) => [
    say("map.ground.stretch.low", { low: number(low, 1) }),
    say("map.ground.stretch.high", { high: number(high, 1) }),
    say("map.ground.stretch.key"),
  ],
};

// shown: {what, low, high}; the scale is drawn where the text has two ends.
function legendOf(shown) {
  const parts = TEXTS[shown.what](shown);
  if (parts.length === 1) return parts;
  const [from, to, text] = parts;
  return [h("span", {}, from), h("i", { class: "latent-map__ramp" }), h("span", {}, to), h("span", {}, text)];
}

export class Ground {
  constructor(map, plot) {
    this.map = map;
    this.plot = plot;
    this.shown = null; // {sheet: canvas, grid, what, frame}
    this.cost = { ...tokens.ground.cost }; // milliseconds a cell, as measured
    this.key = "";
    this.caption = h("p", { class: "latent-map__key", role: "status" });
    this.resting = null; // a timer: a view that stays gets finer cells
    this.load = latest((fine) => this.ask(fine));
    this.map.on(["local"], () => this.update());
  }

  // Called after every move of the view and every new model: what is there moves along at once, what is missing is computed.
  update() {
    this.draw();
    this.load(false);
  }

  // Cells as small as can be computed while one waits: manifold tiles 12 to 24 along the longer side, of a whole multiple of the image's pixels where one is near.
  measure(what, budget) {
    const {
        view,
        inner: [width, height],
      } = this.plot,
      long = Math.max(width, height),
      { least, most } = tokens.ground.cells[what];
    const affordable = Math.sqrt((width * height * this.cost[what]) / budget),
      small = most ? long / most : least,
      large = most ? long / least : 3 * least;
    let side = Math.min(large, Math.max(small, affordable));
    if (what === "manifold") {
      const [, , wide] = this.map.get().model.image_shape,
        whole = Math.max(1, Math.round(side / wide)) * wide;
      if (Math.abs(whole - side) < 0.2 * side) side = whole;
    }
    return this.lattice(side * view.scale);
  }

  async ask(fine) {
    const { frame, model, ground: what, label, local, dark } = this.map.get();
    if (
      what === "none" ||
      !this.map.drawn ||
      local?.key !== frame.key ||
      !this.plot.view ||
      this.plot.inner[0] < 60 ||
      !explorer.offersGround(what, model, frame)
    )
      return;
    const {
        shown,
        plot: { view },
      } = this,
      same = shown?.what === what && shown.frame === frame && Math.abs(shown.scale / view.scale - 1) < 1e-6,
      finer = fine && this.measure(what, tokens.ground.restBudgetMs);
    const kept = same && !(finer && finer.du < 0.85 * shown.grid.du); // a pan keeps the cells' size
    const grid = kept ? this.lattice(shown.grid.du) : finer || this.measure(what, tokens.ground.budgetMs),
      key = JSON.stringify([grid, what, label, keyOf(model), frame.chart, dark, Boolean(local.gaps)]);
    if (this.key === key) {
      if (fine) this.plot.ground.dataset.settled = key;
      return;
    }
    clearTimeout(this.resting);
    const began = performance.now(),
      { scale } = view;
    const made = await explorer.ground(model, frame, { what, grid, look: look(dark), label });
    if (this.map.get().frame !== frame || this.map.get().ground !== what) return void this.load(false);
    if (made.fresh !== 0)
      this.cost[what] = 0.5 * this.cost[what] + 0.5 * (made.ms / (made.fresh ?? made.count));
    this.key = key;
    this.shown = {
      sheet: h("canvas", { width: made.width, height: made.height }),
      grid,
      what,
      frame,
      scale,
      low: made.low,
      high: made.high,
    };
    fill(this.caption, legendOf(this.shown));
    this.shown.sheet.getContext("2d").putImageData(new ImageData(made.sheet, made.width, made.height), 0, 0);
    this.draw();
    this.resting = setTimeout(() => this.load(true), tokens.ground.restMs);
    Object.assign(this.plot.ground.dataset, { waited: (performance.now() - began).toFixed(0), key });
  }

  // The cells of this step over what the axes show now; they stand at whole multiples of it, so that a pan keeps them.
  lattice(step) {
    const { x, y } = this.plot.ranges(),
      first = Math.floor(x[0] / step),
      top = Math.floor(y[1] / step);
    return {
      columns: Math.floor(x[1] / step) - first + 1,
      rows: top - Math.floor(y[0] / step) + 1,
      u0: first * step,
      v1: (top + 1) * step,
      du: step,
      dv: step,
    };
  }

  draw() {
    const {
        ground: canvas,
        size: [width, height],
      } = this.plot,
      ratio = screenRatio(),
      { ground } = this.map.get();
    if (!width || !this.plot.view) return;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio))
      [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
    const brush = canvas.getContext("2d");
    brush.setTransform(ratio, 0, 0, ratio, 0, 0);
    brush.clearRect(0, 0, width, height);
    const there = this.visible();
    Object.assign(canvas.dataset, {
      tiles: there ? String(this.shown.grid.columns * this.shown.grid.rows) : "0",
      what: there ? ground : "none",
    });
    this.caption.hidden = !there;
    this.lay(brush);
  }

  // Whether what has been computed is what the map now asks for.
  visible() {
    const { ground: what, frame, model } = this.map.get(),
      { shown } = this;
    return (
      what !== "none" &&
      shown?.frame === frame &&
      shown.what === what &&
      explorer.offersGround(what, model, frame)
    );
  }

  // The ground as it is, on any canvas whose unit is a pixel of the page.
  lay(brush) {
    if (!this.visible()) return;
    const { ground } = this.map.get();
    const { u0, v1, du, dv, columns, rows } = this.shown.grid,
      [left, top] = this.plot.toPx(u0, v1),
      [right, bottom] = this.plot.toPx(u0 + columns * du, v1 - rows * dv);
    const [x, y] = this.plot.toPx(this.plot.ranges().x[0], this.plot.ranges().y[1]),
      [wide, high] = this.plot.inner;
    brush.save();
    brush.beginPath();
    brush.rect(x, y, wide, high);
    brush.clip();
    brush.imageSmoothingEnabled = ground !== "manifold" || (right - left) % this.shown.sheet.width !== 0;
    brush.drawImage(
      this.shown.sheet,
      Math.round(left),
      Math.round(top),
      Math.round(right - left),
      Math.round(bottom - top),
    );
    brush.restore();
  }

  // Other colours when the page turns dark.
  recolour() {
    this.key = "";
    this.update();
  }
}
