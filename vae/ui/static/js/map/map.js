// The Map tab's left side: every test image's code on a chart, and what a hand does on it.
import { planeOf } from "../space/chart.js";
import { classNames, keyOf, tokens } from "../state/store.js";
import { latest } from "../state/turns.js";
import { main } from "../state/mapview.js";
import { say } from "../state/texts.js";
import * as explorer from "../explorer/explorer.js";
import { keepHeld } from "../explorer/local.js";
import { mapDrawn, modelHeld, Refusal } from "../explorer/server.js";
import { fill, h, notice } from "../parts/dom.js";
import { noModels } from "../parts/absent.js";
import { colouring, scaleKey } from "../parts/colour.js";
import { densest, drawMarks, ellipse } from "../parts/marks.js";
import { Plot } from "../parts/plot.js";
import { bounds } from "../parts/view.js";
import { anchorPicker, asClass, charts, colours, grounds, jump, legend } from "./bar.js";
import { Ground } from "./ground.js";
import { click, follow, hands, mark, pinch } from "./hands.js";
import { speaker } from "./here.js";
import { pick } from "./pick.js";
import { Pictures } from "./pictures.js";
import { saver } from "./png.js";
import { Route } from "./route.js";
import { training } from "./training.js";
import { honesty } from "./trust.js";

export function mount({ element }) {
  const latent = new LatentMap(main);
  fill(element, latent.root);
  latent.begin();
}

class LatentMap {
  constructor(map) {
    this.map = map;
    this.names = new Map(); // label -> {name, uv}: where a class's name stands
    this.bar = h("div", { class: "latent-map__bar" });
    this.keys = h("div", { class: "legend" });
    this.note = h("div", { class: "latent-map__note" });
    this.host = h("div", {
      class: "latent-map__plot",
      tabindex: "0",
      role: "application",
      "aria-roledescription": say("map.map.role"),
      "aria-label": say("map.map.label"),
    });
    this.zoom = this.zoomButtons();
    this.stage = h("div", { class: "latent-map__stage" }, this.host, this.zoom, this.note);
    this.root = h(
      "section",
      { class: "latent-map", "aria-label": say("map.map.title") },
      this.bar,
      this.stage,
      this.keys,
      speaker(map),
    );
    this.load = latest(() => this.draw());
  }

  zoomButtons() {
    const button = ([text, factor, hint]) =>
      h(
        "button",
        {
          type: "button",
          "aria-label": hint,
          "data-hint": hint,
          on: { click: () => this.plot.zoom(factor) },
        },
        text,
      );
    const { zoomStep } = tokens.map;
    return h(
      "div",
      { class: "latent-map__zoom" },
      [
        ["+", zoomStep, say("map.map.closer")],
        ["−", 1 / zoomStep, say("map.map.farther")],
        ["□", 0, say("map.map.everything")],
      ].map(button),
    );
  }

  // Once the map stands on the page: its layers, what hands do on it, and what it watches.
  begin() {
    const { map, host, stage, zoom, root } = this,
      plot = (this.plot = new Plot(host));
    this.ground = new Ground(map, plot);
    this.live = follow(map, plot);
    this.pictures = new Pictures(map, plot);
    this.route = new Route(map, plot, stage);
    const saves = saver(map, { plot, ground: this.ground, pictures: this.pictures });
    stage.append(this.ground.caption);
    this.outline = pick(map, plot, stage, zoom, (px, py, event) =>
      (event.shiftKey ? mark : click)(map, plot, px, py),
    );
    zoom.append(saves.button);
    root.append(saves.sheet);
    plot.onView = () => this.moved();
    keepHeld(map);
    this.trainingKey = training(map, plot, stage);
    this.listen();
    this.fillBar();
    pinch(host, plot);
    hands(map, host, plot);
  }

  moved() {
    const { map, plot, ground, pictures, route } = this;
    this.marks();
    this.outline();
    this.live();
    ground.update();
    pictures.update();
    map.set({ view: plot.seen() });
    route.draw();
  }

  // ---- the chart and its codes

  async draw() {
    const { map, root, note, load } = this,
      { model, chart, anchor, catalogue, frame: before } = map.get();
    if (!catalogue) return;
    root.classList.toggle("latent-map--empty", !model);
    if (!model) {
      delete root.dataset.ready;
      mapDrawn();
      modelHeld();
      return void fill(note, noModels());
    }
    root.classList.add("busy");
    try {
      await this.show(await explorer.map(model, chart, anchor), before, model);
    } catch (fault) {
      if (fault instanceof Refusal && (chart || anchor !== null))
        return this.refused(fault, before?.key === keyOf(model) ? before : null);
      const again = h(
        "button",
        { key: "again", type: "button", class: "button", on: { click: load } },
        say("common.try_again"),
      );
      fill(note, notice(fault.message, again));
    }
    mapDrawn();
    root.classList.remove("busy");
  }

  async show(frame, before, model) {
    const { map, plot, root } = this,
      { labels, uv } = frame,
      state = map.get();
    const glide = before?.dataset === model.dataset && before.key !== frame.key,
      other = before?.key !== frame.key || before.chart !== frame.chart,
      linked = before ? null : state.view;
    this.names = densest(frame, classNames(), bounds(uv));
    const index = state.index < labels.length ? state.index : 0,
      own = [uv[2 * index], uv[2 * index + 1]],
      kept = (!other || state.uv ? state.click : null) ?? own;
    if (index !== state.index)
      map.set({
        news: say("map.map.no_image", {
          dataset: model.dataset,
          last: labels.length - 1,
          index: state.index,
        }),
      });
    map.set({ frame, index, uv: kept, click: kept });
    fill(this.note);
    await null; // the bars around the map have their size once they know the frame
    const aimed = linked && plot.aim(linked);
    await plot.draw(frame, { glide, hidden: map.get().hidden, keep: !other || aimed });
    Object.assign(root.dataset, { model: frame.model, chart: frame.chart, ready: "yes" });
  }

  // The model has no such chart: back to the one before it, or to the usual one.
  refused({ message }, before) {
    const { map } = this,
      rest = before ? say("map.map.stays") : say("map.map.usual");
    map.set({
      chart: before?.chart ?? null,
      anchor: before?.anchor ?? null,
      uv: null,
      click: null,
      view: null,
      news: [map.get().news, message, rest].filter(Boolean).join(" "),
    });
  }

  marks() {
    const { map, plot, names } = this,
      { frame, model, index, selection, hidden, drawing } = map.get();
    if (!frame || !plot.view) return;
    const place = (i) => [frame.uv[2 * i], frame.uv[2 * i + 1]],
      selected = place(index),
      fresh = selection && selection.key === frame.key && selection.index === index,
      own = fresh && selection.logvar?.length === model?.latent_dim, // the server may hold another model of this name by now
      linear = frame.basis && own && model.variational;
    drawMarks(plot, {
      corners: planeOf(frame.chart)?.map(place),
      names,
      hidden,
      selected,
      drawn: drawing && drawing.model === frame.model && frame.chart === "axes:0,1" ? drawing.mu : null,
      spreads: linear ? [1, 2].map((sigmas) => ellipse(selected, selection.logvar, frame.basis, sigmas)) : [],
      samples: own && selection.spread && frame.chart === "umap" ? selection.spread : [],
    });
  }

  // What the codes' colour says, which may have to be counted first.
  async paint() {
    const { map, plot, root, keys } = this,
      { frame } = map.get(),
      before = plot.scale;
    if (!frame || frame.model !== root.dataset.model) return;
    const counting = h("span", { class: "scale quiet", role: "status" }, say("common.counting")),
      slow = setTimeout(() => fill(keys, legend(map, this.trainingKey), counting), tokens.slowMs);
    try {
      plot.scale = await colouring(map);
    } catch (fault) {
      plot.scale = null;
      fill(this.note, notice(fault.message));
    }
    clearTimeout(slow);
    if (plot.scale !== before) await plot.draw(frame, { keep: true });
    this.fillKeys();
    root.dataset.colour = plot.scale?.what ?? "label";
  }

  // ---- what stands around the map

  fillKeys() {
    const { map, plot, keys } = this;
    fill(keys, map.get().model ? [...legend(map, this.trainingKey), plot.scale && scaleKey(plot.scale)] : []);
  }

  fillBar() {
    const { map, bar, root } = this,
      { line, sheet } = honesty(map),
      anchors = h("span", { style: "display:contents" }),
      facts = h("div", { class: "row latent-map__facts" }),
      wish = { seed: 0, label: "any" };
    root.append(sheet);
    map.on(["frame", "model", "index"], () => fill(anchors, map.drawn ? anchorPicker(map) : []));
    map.on(["frame", "chart", "model", "local", "ground", "colour"], ({ model, frame }) => {
      const all = () => [
        charts(map),
        grounds(map),
        colours(map),
        asClass(map),
        fill(facts, anchors, line, jump(map, wish)),
      ];
      fill(bar, model && frame ? all() : []);
    });
    map.on(["frame", "hidden", "model"], () => this.fillKeys());
  }

  listen() {
    const { map, plot, ground, pictures, root, load } = this;
    map.on(["catalogue", "model", "chart", "anchor"], load);
    map.on(["frame", "index", "selection", "drawing"], () => this.marks());
    map.on(["hidden"], ({ hidden, frame }) => {
      if (frame && frame.model === root.dataset.model) plot.draw(frame, { keep: true, hidden });
    });
    map.on(["dark"], ({ frame }) => {
      if (frame) plot.draw(frame, { keep: true });
      ground.recolour();
    });
    map.on(["ground", "label"], () => ground.update());
    map.on(["local", "images", "dark"], () => pictures.update());
    map.on(
      ["colour", "frame", "local"],
      latest(() => this.paint()),
    );
  }
}
