// The Draw tab: an own drawing through every size of z, and its place on the map of size 2.
import { classNames, datasetOf, family, latest, modelOf, tokens } from "../state/store.js";
import { fill, h, notice, number, percent, slider, term, vectorText, whileSeen } from "../parts/dom.js";
import { gap, paint, picture, pictureOf } from "../parts/pixels.js";
import { Paper } from "./paper.js";
import { bounds, Plot } from "../parts/plot.js";
import { densest, drawMarks, ellipse } from "../parts/marks.js";
import { noModels, notTrainedCell } from "../parts/absent.js";
import { votesText } from "../parts/meter.js";
import { fillIn, sentence } from "../state/texts.js";
import * as explorer from "../explorer/explorer.js";
import { choose, goTo, main, MapView } from "../state/mapview.js";

const { get, set, on } = main;
const button = (text, hint, work, name = "button") =>
  h("button", { type: "button", class: name, "data-hint": hint, on: { click: work } }, text);

// The desk: the paper, what can be done with it, and the drawing as the model sees it.
function deskOf(paper, hint, limits, seen, begin) {
  const { brushLeast: min, brushMost: max, brush: value } = tokens.draw,
    brush = slider(
      "brush",
      { min, max, value, hint: "Width of the brush" },
      (width) => (paper.brush = width),
    );
  return h(
    "div",
    { class: "desk__column" },
    h("div", { class: "desk__paper" }, paper.screen, hint),
    limits,
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
}

// The map of size 2 with the place of the drawing: a second map on the page.
class Place {
  constructor() {
    this.map = new MapView();
    this.names = new Map(); // label -> {name, uv}: where a class's name stands
    this.code = null; // the drawing's, {mu, logvar}
    this.where = h("p", { class: "quiet" });
    this.host = h("div", {
      class: "desk__map",
      role: "img",
      "aria-label": "map of size 2 with the place of the drawing",
    });
    this.element = h(
      "div",
      { class: "desk__column" },
      h("h2", { class: "section" }, "Its place at size 2"),
      this.host,
      this.where,
    );
    this.plot = new Plot(this.host, { interactive: false });
    this.plot.onView = () => this.marks();
    this.map.on(["dark"], ({ frame }) => frame && this.plot.draw(frame, { keep: true }));
    this.load = latest(async (drawn) => {
      const model = modelOf(get().dataset, get().recipe, 2);
      this.element.hidden = !model;
      this.map.set({ model });
      if (!model || this.map.drawn) return;
      const frame = await explorer.map(model, "axes:0,1");
      this.map.set({ frame });
      this.names = densest(frame, classNames(), bounds(frame.uv));
      await this.plot.draw(frame);
      drawn(model);
    });
  }

  // The drawing lies here, with one and two standard deviations; nowhere where there is none. `show` goes to the place on the Map tab.
  put(code, show) {
    this.code = code;
    if (!code) fill(this.where);
    else
      fill(
        this.where,
        term("z"),
        ` = ${vectorText(code.mu)}; the ellipses hold one and two standard deviations. `,
        button("Show on the map", "Go to this place on the Map tab", show),
      );
    this.marks();
  }

  marks() {
    const { plot, code } = this,
      { frame, model } = this.map.get();
    if (!frame || !plot.view) return;
    const spreads = () => [1, 2].map((sigmas) => ellipse(code.mu, code.logvar, frame.basis, sigmas));
    drawMarks(plot, {
      names: this.names,
      hidden: new Set(),
      drawn: code?.mu,
      spreads: code && model?.variational ? spreads() : [],
    });
  }
}

// What is said and shown while the sheet is empty.
function emptyHint() {
  const names = classNames(),
    title = datasetOf(get().dataset)?.title ?? "these",
    digits = /^\d$/.test(names[0] ?? "");
  return [
    h("b", {}, digits ? "Draw a digit" : `Draw one of ${title}`),
    digits ? "with mouse, finger or pen" : names.slice(0, 4).join(", ").toLowerCase() + " …",
  ];
}
const emptyAnswers = () => [
  h(
    "p",
    { class: "quiet" },
    "Each size of z answers while you draw: with its reconstruction, what it takes the drawing for, and the test images nearest to it.",
  ),
  outline(),
];

export function mount({ element, shell }) {
  const hint = h("div", { class: "desk__hint" }),
    limits = h("p", { class: "quiet draw__limits" }),
    seen = picture(112, "the drawing as the model sees it", true),
    answers = h("div", { class: "scroll" }),
    note = h("div", {}),
    place = new Place();
  const paper = new Paper(() => {
    hint.hidden = !paper.empty;
    send();
  });
  const columns = h(
    "div",
    { class: "desk" },
    deskOf(paper, hint, limits, seen, begin),
    h(
      "div",
      { class: "desk__column desk__column--wide" },
      h("h2", { class: "section" }, "In every size of z"),
      answers,
    ),
    place.element,
  );
  const root = h("section", { class: "draw", "aria-label": "Draw" }, note, columns);
  fill(element, root);

  async function begin() {
    const { dataset, index, model } = get();
    if (!model) return;
    paper.start(await explorer.testImage(model, index), get().dataset === dataset ? index : null);
  }

  function clear() {
    delete root.dataset.vote;
    set({ drawing: null });
    place.put(null);
    seen.getContext("2d").clearRect(0, 0, seen.width, seen.height);
    seen.lxImage = null;
    fill(hint, emptyHint());
    fill(answers, emptyAnswers());
  }

  function show(reply, models) {
    const two = modelOf(get().dataset, get().recipe, 2),
      code = reply[two?.name] ?? null,
      votes = Object.entries(reply[models.at(-1).name].label_votes);
    paint(seen, reply[models[0].name].x);
    fill(answers, table(reply, shell));
    fill(note);
    root.dataset.vote = votes.sort((a, b) => b[1] - a[1])[0][0];
    if (code) set({ drawing: { model: two.name, mu: code.mu, logvar: code.logvar } });
    place.put(code, () => {
      choose({ latentDim: 2 });
      set({ chart: "axes:0,1", uv: code.mu, click: code.mu });
      shell.openTab("Map");
    });
  }

  const send = latest(async () => {
    const models = family();
    root.dataset.strokes = String(paper.strokes.length);
    if (paper.empty || !models.length) return clear();
    const slow = setTimeout(() => answers.classList.add("busy"), tokens.slowMs),
      began = performance.now();
    try {
      const own = paper.base && !paper.strokes.length ? paper.base.index : null,
        reply = await explorer.encode(models, paper.bytes(), { exclude: own, label: get().label });
      if (!paper.empty) {
        show(reply, models);
        root.dataset.answered = String(Math.round(performance.now() - began));
        root.dataset.ready = "yes";
      }
    } catch (fault) {
      fill(note, notice(fault.message));
    }
    clearTimeout(slow);
    answers.classList.remove("busy");
  });

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
      const known = sentence("drawing", dataset);
      limits.hidden = !known;
      fill(limits, known && fillIn(known.text, known));
      place.load((model) => (root.dataset.map = model.name));
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
