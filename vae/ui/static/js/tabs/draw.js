// The Draw tab: an own drawing through every size of z, and its place on the map of size 2.
import { classNames, datasetOf, family, latest, modelOf, tokens } from "../state/store.js";
import { fill, h, notice, number, percent, slider, term, vectorText, whileSeen } from "../parts/dom.js";
import { gap, paint, picture, pictureOf } from "../parts/pixels.js";
import { Paper } from "./paper.js";
import { bounds, Plot } from "../parts/plot.js";
import { densest, drawMarks, ellipse } from "../parts/marks.js";
import { noModels, notTrainedCell } from "../parts/absent.js";
import { votesText } from "../parts/meter.js";
import * as explorer from "../explorer/explorer.js";
import { choose, goTo, main, MapView } from "../state/mapview.js";

const { get, set, on } = main;
const button = (text, hint, work, name = "button") =>
  h("button", { type: "button", class: name, "data-hint": hint, on: { click: work } }, text);

export function mount({ element, shell }) {
  const hint = h("div", { class: "desk__hint" }),
    seen = picture(112, "the drawing as the model sees it", true),
    answers = h("div", { class: "scroll" }),
    note = h("div", {}),
    where = h("p", { class: "quiet" });
  const paper = new Paper(() => {
    hint.hidden = !paper.empty;
    send();
  });
  const brush = slider(
    "brush",
    {
      min: tokens.draw.brushLeast,
      max: tokens.draw.brushMost,
      value: tokens.draw.brush,
      hint: "Width of the brush",
    },
    (value) => (paper.brush = value),
  );
  const host = h("div", {
    class: "desk__map",
    role: "img",
    "aria-label": "map of size 2 with the place of the drawing",
  });
  const desk = h(
    "div",
    { class: "desk__column" },
    h("div", { class: "desk__paper" }, paper.screen, hint),
    h(
      "div",
      { class: "row" },
      button("Undo", "Take the last stroke back", () => paper.undo()),
      button("Clear", "An empty sheet", () => paper.clear()),
      brush.element,
    ),
    button(
      "Start from the selected test image",
      "Draw on top of the image that is selected on the map",
      begin,
    ),
    h(
      "div",
      { class: "row row--top" },
      h("figure", { class: "shot" }, seen, h("figcaption", {}, "what the model sees")),
      h(
        "p",
        { class: "quiet", style: "max-width:150px" },
        "Cropped, scaled and centred the way the data set was made.",
      ),
    ),
  );
  const mapPart = h(
    "div",
    { class: "desk__column" },
    h("h2", { class: "section" }, "Its place at size 2"),
    host,
    where,
  );
  const root = h(
    "section",
    { class: "draw", "aria-label": "Draw" },
    note,
    h(
      "div",
      { class: "desk" },
      desk,
      h(
        "div",
        { class: "desk__column desk__column--wide" },
        h("h2", { class: "section" }, "In every size of z"),
        answers,
      ),
      mapPart,
    ),
  );
  fill(element, root);

  const plot = new Plot(host, { interactive: false });
  const place = new MapView(); // the map of size 2, with the place of the drawing
  let names = new Map(),
    reply = null;
  const two = () => modelOf(get().dataset, get().recipe, 2);
  const marks = () => {
    const { frame, model } = place.get(),
      code = model && reply?.[model.name];
    if (!frame || !plot.view) return;
    const spreads = () => [1, 2].map((sigmas) => ellipse(code.mu, code.logvar, frame.basis, sigmas));
    drawMarks(plot, {
      names,
      hidden: new Set(),
      drawn: code?.mu,
      spreads: code && model.variational ? spreads() : [],
    });
  };
  plot.onView = marks;

  async function begin() {
    const { dataset, index, model } = get();
    if (!model) return;
    paper.start(await explorer.testImage(model, index), get().dataset === dataset ? index : null);
  }

  const send = latest(async () => {
    const models = family();
    root.dataset.strokes = String(paper.strokes.length);
    if (paper.empty || !models.length) {
      reply = null;
      delete root.dataset.vote;
      fill(where);
      set({ drawing: null });
      marks();
      return blank();
    }
    const slow = setTimeout(() => answers.classList.add("busy"), tokens.slowMs),
      began = performance.now();
    try {
      const own = paper.base && !paper.strokes.length ? paper.base.index : null;
      reply = await explorer.encode(models, paper.bytes(), { exclude: own, label: get().label });
      if (paper.empty) return;
      const first = reply[models[0].name],
        code = reply[two()?.name];
      paint(seen, first.x);
      fill(answers, table(reply, shell));
      fill(note);
      const best = Object.entries(reply[models.at(-1).name].label_votes).sort((a, b) => b[1] - a[1])[0][0];
      Object.assign(root.dataset, {
        vote: best,
        answered: String(Math.round(performance.now() - began)),
        ready: "yes",
      });
      if (code) {
        fill(
          where,
          term("z"),
          ` = ${vectorText(code.mu)}; the ellipses hold one and two standard deviations. `,
          button("Show on the map", "Go to this place on the Map tab", () => {
            choose({ latentDim: 2 });
            set({ chart: "axes:0,1", uv: code.mu, click: code.mu });
            shell.openTab("Map");
          }),
        );
        set({ drawing: { model: two().name, mu: code.mu, logvar: code.logvar } });
      }
      marks();
    } catch (fault) {
      fill(note, notice(fault.message));
    }
    clearTimeout(slow);
    answers.classList.remove("busy");
  });

  function blank() {
    seen.getContext("2d").clearRect(0, 0, seen.width, seen.height);
    seen.lxImage = null;
    const dataset = datasetOf(get().dataset),
      digits = /^\d$/.test(classNames()[0] ?? "");
    fill(
      hint,
      h("b", {}, digits ? "Draw a digit" : `Draw one of ${dataset?.title ?? "these"}`),
      digits ? "with mouse, finger or pen" : classNames().slice(0, 4).join(", ").toLowerCase() + " …",
    );
    fill(
      answers,
      h(
        "p",
        { class: "quiet" },
        "Each size of z answers while you draw: with its reconstruction, what it takes the drawing for, and the test images nearest to it.",
      ),
      outline(),
    );
  }

  const map = latest(async () => {
    const model = two();
    mapPart.hidden = !model;
    place.set({ model });
    if (!model || place.drawn) return;
    const frame = await explorer.map(model, "axes:0,1");
    place.set({ frame });
    names = densest(frame, classNames(), bounds(frame.uv));
    await plot.draw(frame);
    root.dataset.map = model.name;
  });

  place.on(["dark"], ({ frame }) => frame && plot.draw(frame, { keep: true }));
  let dataset = null;
  whileSeen(
    root,
    (tell) => on(["dataset", "recipe", "catalogue", "label"], tell),
    () => {
      if (!get().catalogue) return;
      root.classList.toggle("draw--empty", !family().length);
      fill(note, family().length ? null : noModels());
      if (dataset && dataset !== get().dataset) paper.clear();
      dataset = get().dataset;
      map();
      send();
    },
  );
}

const head = (votes) =>
  h(
    "tr",
    {},
    h("th"),
    h("td", { class: "quiet" }, "rebuilt"),
    h("td", { class: "quiet" }, votes),
    h("td", { class: "quiet" }, "nearest five test images"),
  );

// Where the answers will stand once there is a drawing.
function outline() {
  const coming = () => gap("coming");
  const rows = family().map(({ latent_dim: z }) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, "z ", h("b", {}, String(z))),
      h("td", {}, coming()),
      h("td", { style: "min-width:96px" }),
      h("td", {}, h("div", { class: "row" }, Array.from({ length: 5 }, coming))),
    ),
  );
  return h(
    "table",
    { class: "wall draw__outline", "aria-hidden": "true" },
    h("tbody", {}, head("looks like"), rows),
  );
}

function table(reply, shell) {
  const { dataset, recipe } = get(),
    space = 56;
  const rows = (datasetOf(dataset)?.sizes ?? []).map((z) => {
    const model = modelOf(dataset, recipe, z),
      answer = model && reply[model.name];
    if (!answer)
      return h(
        "tr",
        { class: "quiet", "data-row": String(z) },
        h("th", { scope: "row" }, "z ", h("b", {}, String(z))),
        h("td", { colSpan: 3 }, notTrainedCell(dataset, recipe, z)),
      );
    const { pictures } = answer,
      [best, share] = Object.entries(answer.label_votes).sort((a, b) => b[1] - a[1])[0];
    return h(
      "tr",
      { "data-row": String(z), "data-vote": best },
      h("th", { scope: "row" }, "z ", h("b", {}, String(z))),
      h("td", {}, pictureOf(answer.x_recon, 0, space, `reconstruction through ${z} numbers`)),
      h(
        "td",
        { style: "min-width:96px" },
        h("strong", {}, `${classNames()[best] ?? best} (${percent(share)})`),
        h("br"),
        h("small", {}, votesText(answer.label_votes).split(", ").slice(1).join(", ")),
      ),
      h(
        "td",
        {},
        h(
          "div",
          { class: "row" },
          answer.nearest.map((near, k) =>
            h(
              "button",
              {
                type: "button",
                class: "wall__cell",
                "data-hint": `Test image ${near.index}, ${classNames()[near.label] ?? near.label}, distance ${number(near.distance)}. Click: to the map`,
                on: {
                  click: () => {
                    choose({ latentDim: z });
                    goTo(near.index);
                    shell.openTab("Map");
                  },
                },
              },
              pictureOf(pictures, k, space, `test image ${near.index}`),
            ),
          ),
        ),
      ),
    );
  });
  return h("table", { class: "wall" }, h("tbody", {}, head(term("votes", "looks like")), rows));
}
