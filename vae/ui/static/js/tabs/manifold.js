// The Manifold tab: a grid of places decoded into one sheet.
import { keyOf, tokens } from "../state/store.js";
import { latest } from "../state/turns.js";
import {
  fill,
  h,
  notice,
  number,
  save,
  segmented,
  slider,
  term,
  vectorText,
  whileSeen,
} from "../parts/dom.js";
import { imageData, paint, picture } from "../parts/pixels.js";
import { chartPicker } from "../parts/charts.js";
import { noModels } from "../parts/absent.js";
import * as explorer from "../explorer/explorer.js";
import { main } from "../state/mapview.js";
import { say } from "../state/texts.js";

const { get, set, on } = main;
const button = (text, hint, work) =>
  h("button", { key: text, type: "button", class: "button", "data-hint": hint, on: { click: work } }, text);

// What is asked for, and the controls that change it.
class Wishes {
  constructor(changed, save) {
    this.changed = changed;
    this.save = save;
    this.n = tokens.manifold.n;
    this.extent = tokens.manifold.extent;
    this.spacing = "even";
    this.chart = null; // null: the usual one of the model
    this.bar = h("div", { class: "bar" });
    this.tiles = slider(
      say("tabs.manifold.tiles.label"),
      {
        min: tokens.manifold.least,
        max: tokens.manifold.most,
        value: this.n,
        hint: say("tabs.manifold.tiles.hint"),
      },
      (value) => this.change({ n: value }),
    );
    this.reach = slider(
      say("tabs.manifold.extent.label"),
      {
        min: 0.5,
        max: tokens.manifold.extentMost,
        step: 0.1,
        value: this.extent,
        show: (v) => number(v, 1),
        hint: say("tabs.manifold.extent.hint"),
      },
      (value) => this.change({ extent: value }),
    );
  }

  change(patch) {
    Object.assign(this, patch);
    this.draw();
    this.changed();
  }

  preset(kind, patch) {
    const [text, hint] = [
      say(`tabs.manifold.presets.${kind}.text`),
      say(`tabs.manifold.presets.${kind}.hint`),
    ];
    return button(text, hint, () => {
      this.change(patch);
      this.tiles.put(this.n);
      this.reach.put(this.extent);
    });
  }

  draw() {
    const { model, frame } = get();
    if (!model) return void fill(this.bar);
    this.reach.element.style.visibility = this.spacing === "even" ? "visible" : "hidden";
    const spacings = ["even", "equal-mass"].map((value) => ({
      value,
      text: say(`tabs.manifold.spacings.${value}.text`),
      hint: say(`tabs.manifold.spacings.${value}.hint`),
    }));
    const chart = {
      chart: this.chart ?? model.chart,
      charts: main.drawn ? frame.charts : ["axes:0,1"],
      size: model.latent_dim,
      frame,
      selected: () => get().index,
    };
    fill(
      this.bar,
      chartPicker(chart, (value) => this.change({ chart: value })),
      this.tiles.element,
      segmented(say("tabs.manifold.spacing"), spacings, this.spacing, (value) =>
        this.change({ spacing: value }),
      ),
      this.reach.element,
      h(
        "div",
        { key: "presets", class: "row row--right" },
        this.preset("tutorials", { n: 15, extent: 1, spacing: "even" }),
        this.preset("kingma", { n: 30, spacing: "equal-mass" }),
        button(say("tabs.manifold.save.label"), say("tabs.manifold.save.hint"), () => this.save()),
      ),
    );
  }
}

// The decoded grid, and beside it the tile that is pointed at.
class Sheet {
  constructor(take) {
    this.take = take;
    this.made = null; // {images, z, uv, n, model, chart}
    this.current = 0;
    this.canvas = h("canvas", {
      class: "sheet__canvas",
      tabindex: "0",
      role: "img",
      "aria-label": say("tabs.manifold.sheet.label"),
    });
    this.tile = h("div", { class: "sheet__tile", hidden: true });
    this.big = picture(168, say("tabs.manifold.sheet.tile"), true);
    this.words = h("div", { class: "stack", style: "gap:4px" });
    this.hold = h("div", { class: "sheet__hold" }, this.canvas, this.tile);
    this.element = h(
      "div",
      { class: "sheet" },
      this.hold,
      h("aside", { class: "sheet__side" }, this.big, this.words),
    );
    this.listen();
  }

  // The grid is there: its tiles, and the middle one of them in words.
  put(made) {
    this.made = made;
    this.draw();
    this.show(Math.floor((made.n * made.n) / 2));
    this.canvas.setAttribute(
      "aria-label",
      say("tabs.manifold.sheet.made", { side: made.n, model: made.model }),
    );
  }

  waiting(n) {
    if (this.made) return;
    fill(
      this.words,
      h("p", { class: "quiet", role: "status" }, say("tabs.manifold.sheet.waiting", { side: n })),
    );
  }

  draw() {
    if (!this.made) return;
    const { canvas } = this,
      { images, n } = this.made,
      [height, width] = images.shape.slice(-2),
      brush = canvas.getContext("2d");
    [canvas.width, canvas.height] = [n * width, n * height];
    for (let k = 0; k < n * n; k += 1)
      brush.putImageData(imageData(images, k), (k % n) * width, Math.floor(k / n) * height);
    this.fit();
  }

  // Whole multiples where the sheet fits; a sheet larger than the screen is made smaller, smoothly.
  fit() {
    const { canvas } = this,
      { clientWidth: wide } = this.element.parentElement;
    const room = Math.max(280, Math.min(wide - (wide > 800 ? 300 : 0), innerHeight - 190)),
      times = Math.floor(room / canvas.width);
    canvas.style.width = `${times >= 1 ? canvas.width * times : room}px`;
    canvas.style.height = canvas.style.width;
    canvas.style.imageRendering = times >= 1 ? "pixelated" : "auto";
  }

  show(k, outlined = false) {
    if (!this.made) return;
    const { tile, words } = this,
      { n, z, images, chart } = this.made,
      length = z.shape[2],
      column = k % n,
      row = Math.floor(k / n),
      side = this.canvas.clientWidth / n;
    const here = z.data.slice(k * length, (k + 1) * length),
      [right, up] = explorer.titles(chart),
      box = { left: column * side, top: row * side, width: side, height: side };
    paint(this.big, images, k);
    for (const [name, value] of Object.entries(box)) tile.style[name] = `${value}px`;
    tile.hidden = !outlined;
    words.dataset.z = JSON.stringify(Array.from(here));
    fill(
      words,
      h("p", {}, term("z"), ` = ${vectorText(here)}`),
      h("p", { class: "quiet" }, say("tabs.manifold.tile.cell", { row: row + 1, column: column + 1 })),
      h("p", { class: "quiet" }, say("tabs.manifold.tile.axes", { right, up })),
      h("p", { class: "quiet" }, say("tabs.manifold.tile.how")),
    );
  }

  point(k) {
    this.current = k;
    this.show(k, true);
  }

  // The place of the tile that was pointed at last.
  get uv() {
    return Array.from(this.made.uv.data.slice(2 * this.current, 2 * this.current + 2));
  }

  listen() {
    const { canvas, tile } = this,
      tileAt = (event) => {
        const box = canvas.getBoundingClientRect(),
          { n } = this.made,
          cell = (part) => Math.max(0, Math.min(n - 1, Math.floor(part * n)));
        return (
          cell((event.clientY - box.top) / box.height) * n + cell((event.clientX - box.left) / box.width)
        );
      };
    canvas.addEventListener("pointermove", (event) => this.made && this.point(tileAt(event)));
    canvas.addEventListener("pointerleave", () => (tile.hidden = true));
    canvas.addEventListener("click", (event) => {
      if (!this.made) return;
      this.point(tileAt(event));
      this.take();
    });
    canvas.addEventListener("keydown", (event) => {
      const n = this.made?.n ?? 0,
        step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -n, ArrowDown: n }[event.key],
        next = this.current + step;
      if (step && next >= 0 && next < n ** 2) this.point(next);
      else if (event.key === "Enter" && this.made) this.take();
      else return;
      event.preventDefault();
    });
  }

  save() {
    if (this.made) this.canvas.toBlob((blob) => save(blob, `${this.made.model}-manifold-${this.made.n}.png`));
  }
}

export function mount({ element, shell }) {
  const root = h("section", { class: "manifold", "aria-label": say("page.tabs.manifold") }),
    note = h("div", {});
  const sheet = new Sheet(() => {
    set({ chart: sheet.made.chart, uv: sheet.uv, click: sheet.uv });
    shell.openTab("map");
  });
  const load = latest(async () => {
    const { model, label } = get();
    root.classList.toggle("manifold--empty", !model);
    if (!model) return void fill(note, noModels());
    const { n, extent, spacing } = wishes,
      chart = wishes.chart ?? model.chart,
      slow = setTimeout(() => sheet.hold.classList.add("busy"), tokens.slowMs);
    sheet.waiting(n);
    try {
      const answer = await explorer.manifold(model, { n, extent, spacing, chart, label });
      fill(note);
      sheet.put({ ...answer, n, model: model.name, chart });
      Object.assign(root.dataset, { model: model.name, n, chart, spacing, ready: "yes" });
    } catch (fault) {
      fill(note, notice(fault.message, button(say("common.try_again"), null, load)));
    }
    clearTimeout(slow);
    sheet.hold.classList.remove("busy");
  });
  const wishes = new Wishes(load, () => sheet.save());
  fill(root, wishes.bar, note, sheet.element);
  fill(element, root);

  new ResizeObserver(() => sheet.fit()).observe(root);
  on(["dark"], () => sheet.draw());
  let before = null;
  whileSeen(
    root,
    (tell) => on(["model", "frame", "label", "images"], tell),
    () => {
      wishes.draw();
      const { model, label } = get(),
        key = `${model && keyOf(model)} ${label}`;
      if (key === before) return;
      if (before && sheet.made?.chart !== "pca") wishes.chart = null;
      before = key;
      wishes.draw();
      load();
    },
  );
}
