// The Map tab's left side: every test image's code on a chart, and what a hand does on it.
import { classNames, get, latest, on, set, tokens } from "../state/store.js";
import { fill, h, notice } from "../parts/dom.js";
import { bounds, Plot } from "../parts/plot.js";
import { densest, drawMarks, ellipse } from "../parts/marks.js";
import { follow } from "./hover.js";
import { chartPicker } from "../parts/charts.js";
import { honesty } from "./trust.js";
import { training } from "./training.js";
import { Ground } from "./ground.js";
import { Pictures } from "./pictures.js";
import { click, hands, mark, pinch } from "./hands.js";
import { saver } from "./png.js";
import { Route } from "./route.js";
import { pick } from "./pick.js";
import { colouring, scaleKey } from "../parts/colour.js";
import { anchorPicker, asClass, colours, grounds, jump, legend } from "./bar.js";
import { planeOf } from "../space/chart.js";
import { speaker } from "./here.js";
import { noModels } from "../parts/absent.js";
import { mapDrawn, modelHeld, Refusal } from "../explorer/server.js";
import * as explorer from "../explorer/explorer.js";
import { keepHeld } from "../explorer/local.js";

export function mount({ element }) {
  const bar = h("div", { class: "latent-map__bar" }),
    keys = h("div", { class: "legend" }),
    note = h("div", { class: "latent-map__note" });
  const host = h("div", {
    class: "latent-map__plot",
    tabindex: "0",
    role: "application",
    "aria-roledescription": "map",
    "aria-label":
      "Map of the test images’ codes. Arrow keys move the place that is decoded, Enter selects the nearest image, with Shift ten times as far; plus and minus zoom. A and B set the ends of a path at this place. Escape removes the path; pressed again it goes back to the selected image and shows every class.",
  });
  const zoom = h(
    "div",
    { class: "latent-map__zoom" },
    ...[
      ["+", tokens.map.zoomStep, "Closer"],
      ["−", 1 / tokens.map.zoomStep, "Farther"],
      ["□", 0, "Show everything"],
    ].map(([text, factor, hint]) =>
      h(
        "button",
        { type: "button", "aria-label": hint, "data-hint": hint, on: { click: () => plot.zoom(factor) } },
        text,
      ),
    ),
  );
  const stage = h("div", { class: "latent-map__stage" }, host, zoom, note);
  const root = h("section", { class: "latent-map", "aria-label": "Map" }, bar, stage, keys, speaker());
  fill(element, root);
  const plot = new Plot(host),
    ground = new Ground(plot),
    live = follow(plot),
    pictures = new Pictures(plot),
    route = new Route(plot, stage);
  const saves = saver({ plot, ground, pictures });
  stage.append(ground.caption);
  const outline = pick(plot, stage, zoom, (px, py, event) => (event.shiftKey ? mark : click)(plot, px, py));
  zoom.append(saves.button);
  root.append(saves.sheet);
  plot.onView = () => {
    marks();
    outline();
    live();
    ground.update();
    pictures.update();
    set({ view: plot.seen() });
    route.draw();
  };
  keepHeld({ get, set, on });
  training(plot, stage);
  let names = new Map();

  const load = latest(async () => {
    const { model, chart, anchor, catalogue, frame: before } = get();
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
      const frame = await explorer.map(model, chart, anchor),
        { labels } = frame;
      const glide = before?.dataset === model.dataset && before.model !== model.name;
      const other = before?.model !== frame.model || before.chart !== frame.chart,
        linked = before ? null : get().view;
      names = densest(frame, classNames(), bounds(frame.uv));
      const index = get().index < labels.length ? get().index : 0,
        own = [frame.uv[2 * index], frame.uv[2 * index + 1]];
      const kept = !other || get().uv ? get().click : null;
      if (index !== get().index)
        set({
          news: `The test images of ${model.dataset} end at ${labels.length - 1}; there is no ${get().index}, so image 0 is shown.`,
        });
      set({ frame, index, uv: kept ?? own, click: kept ?? own });
      fill(note);
      await null; // the bars around the map have their size once they know the frame
      const aimed = linked && plot.aim(linked);
      await plot.draw(frame, { glide, hidden: get().hidden, keep: !other || aimed });
      root.dataset.model = frame.model;
      root.dataset.chart = frame.chart;
      root.dataset.ready = "yes";
    } catch (fault) {
      if (fault instanceof Refusal && !fault.lost && (chart || anchor !== null))
        return refused(fault, before?.model === model.name ? before : null);
      fill(
        note,
        notice(
          fault.message,
          h("button", { type: "button", class: "button", on: { click: load } }, "Try again"),
        ),
      );
    }
    mapDrawn();
    root.classList.remove("busy");
  });

  // The model has no such chart: back to the one before it, or to the usual one.
  function refused({ message }, before) {
    const news = [get().news, message, before ? "The map stays as it was." : "The usual chart is shown."]
      .filter(Boolean)
      .join(" ");
    set({
      chart: before?.chart ?? null,
      anchor: before?.anchor ?? null,
      uv: null,
      click: null,
      view: null,
      news,
    });
  }

  function marks() {
    const { frame, index, selection, hidden, drawing } = get();
    if (!frame || !plot.view) return;
    const selected = [frame.uv[2 * index], frame.uv[2 * index + 1]];
    const fresh = selection && selection.model === frame.model && selection.index === index;
    const linear = frame.basis && fresh && get().model?.variational;
    drawMarks(plot, {
      corners: planeOf(frame.chart)?.map((i) => [frame.uv[2 * i], frame.uv[2 * i + 1]]),
      names,
      hidden,
      selected,
      drawn: drawing && drawing.model === frame.model && frame.chart === "axes:0,1" ? drawing.mu : null,
      spreads: linear ? [1, 2].map((sigmas) => ellipse(selected, selection.logvar, frame.basis, sigmas)) : [],
      samples: fresh && selection.spread && frame.chart === "umap" ? selection.spread : [],
    });
  }

  on(["catalogue", "model", "chart", "anchor"], load);
  on(["offline"], ({ offline, frame, model }) => !offline && model && frame?.model !== model.name && load());
  on(["frame", "index", "selection", "drawing"], marks);
  on(
    ["hidden"],
    ({ hidden, frame }) =>
      frame && frame.model === root.dataset.model && plot.draw(frame, { keep: true, hidden }),
  );
  on(["dark"], () => {
    if (get().frame) plot.draw(get().frame, { keep: true });
    ground.recolour();
  });
  on(["ground", "label"], () => ground.update());
  on(["local", "images", "dark"], () => pictures.update());
  const paint = latest(async () => {
    const { frame } = get(),
      before = plot.scale;
    if (!frame || frame.model !== root.dataset.model) return;
    const slow = setTimeout(
      () => fill(keys, [...legend(), h("span", { class: "scale quiet", role: "status" }, "counting …")]),
      tokens.slowMs,
    );
    try {
      plot.scale = await colouring();
    } catch (fault) {
      plot.scale = null;
      fill(note, notice(fault.message));
    }
    clearTimeout(slow);
    if (plot.scale !== before) await plot.draw(frame, { keep: true });
    fill(keys, get().model ? [...legend(), plot.scale && scaleKey(plot.scale)] : []);
    root.dataset.colour = plot.scale?.what ?? "label";
  });
  on(["colour", "frame", "local"], paint);
  const { line, sheet } = honesty(),
    anchors = h("span", { style: "display:contents" });
  root.append(sheet);
  on(["frame", "model", "index"], ({ model, frame }) =>
    fill(anchors, frame?.model === model?.name ? anchorPicker() : []),
  );
  on(["frame", "chart", "model", "local", "ground", "colour"], ({ model, frame }) =>
    fill(
      bar,
      model && frame
        ? [
            chartPicker(),
            grounds(),
            colours(),
            asClass(model),
            h("div", { class: "row latent-map__facts" }, anchors, line, jump()),
          ]
        : [],
    ),
  );
  on(["frame", "hidden", "model"], ({ model }) =>
    fill(keys, model ? [...legend(), plot.scale && scaleKey(plot.scale)] : []),
  );
  pinch(host, plot);
  hands(host, plot);
}
