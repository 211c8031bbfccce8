// The Draw tab: an own drawing through every size of z, and its place on the map of size 2.
import { classNames, datasetOf, family, modelOf, tokens } from "../state/store.js";
import { latest } from "../state/turns.js";
import { fill, h, notice, number, percent, slider, term, vectorText, whileSeen } from "../parts/dom.js";
import { gap, paint, picture, pictureOf } from "../parts/pixels.js";
import { Paper } from "./paper.js";
import { Plot } from "../parts/plot.js";
import { bounds } from "../parts/view.js";
import { densest, drawMarks, ellipse } from "../parts/marks.js";
import { noModels, notTrainedCell } from "../parts/absent.js";
import { votesText } from "../parts/meter.js";
import { fillIn, say, saying, sentence } from "../state/texts.js";
import * as explorer from "../explorer/explorer.js";
import { choose, goTo, main, MapView } from "../state/mapview.js";

const { get, set, on } = main;
const button = (text, hint, work) =>
  h("button", { type: "button", class: "button", "data-hint": hint, on: { click: work } }, text);

// The desk: the paper, what can be done with it, and the drawing as the model sees it.
function deskOf(paper, hint, limits, seen, begin) {
  const { brushLeast: min, brushMost: max, brush: value } = tokens.draw,
    brush = slider(
      say("tabs.draw.brush.label"),
      { min, max, value, hint: say("tabs.draw.brush.hint") },
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
      button(say("tabs.draw.undo.label"), say("tabs.draw.undo.hint"), () => paper.undo()),
      button(say("tabs.draw.clear.label"), say("tabs.draw.clear.hint"), () => paper.clear()),
      brush.element,
    ),
    button(say("tabs.draw.begin.label"), say("tabs.draw.begin.hint"), begin),
    h(
      "div",
      { class: "row row--top" },
      h("figure", { class: "shot" }, seen, h("figcaption", {}, say("tabs.draw.seen.caption"))),
      h("p", { class: "quiet", style: "max-width:150px" }, say("tabs.draw.seen.how")),
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
      "aria-label": say("tabs.draw.place.map"),
    });
    this.element = h(
      "div",
      { class: "desk__column" },
      h("h2", { class: "section" }, say("tabs.draw.place.title")),
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
        saying("tabs.draw.place.where", { z: term("z"), mu: vectorText(code.mu) }),
        " ",
        button(say("tabs.draw.place.show.label"), say("tabs.draw.place.show.hint"), show),
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
    title = datasetOf(get().dataset)?.title;
  if (/^\d$/.test(names[0] ?? ""))
    return [h("b", {}, say("tabs.draw.empty.digit")), say("tabs.draw.empty.with")];
  return [
    h("b", {}, title ? say("tabs.draw.empty.one_of", { title }) : say("tabs.draw.empty.any")),
    names.slice(0, 4).join(", ").toLowerCase() + " …",
  ];
}
const emptyAnswers = () => [h("p", { class: "quiet" }, say("tabs.draw.empty.answers")), outline()];

export function mount({ element, shell }) {
  const hint = h("div", { class: "desk__hint" }),
    limits = h("p", { class: "quiet draw__limits" }),
    seen = picture(112, say("tabs.draw.seen.label"), true),
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
      h("h2", { class: "section" }, say("tabs.draw.answers.title")),
      answers,
    ),
    place.element,
  );
  const root = h("section", { class: "draw", "aria-label": say("page.tabs.draw") }, note, columns);
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
      shell.openTab("map");
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
    h("td", { class: "quiet" }, say("tabs.draw.answers.rebuilt")),
    h("td", { class: "quiet" }, votes),
    h("td", { class: "quiet" }, say("tabs.draw.answers.nearest")),
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
    h("tbody", {}, head(say("tabs.draw.answers.looks_like")), rows),
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
      h("td", {}, pictureOf(answer.x_recon, 0, space, say("tabs.draw.answers.reconstruction", { z }))),
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
                "data-hint": say("tabs.draw.answers.near", {
                  index: near.index,
                  name: classNames()[near.label] ?? near.label,
                  distance: number(near.distance),
                }),
                on: {
                  click: () => {
                    choose({ latentDim: z });
                    goTo(near.index);
                    shell.openTab("map");
                  },
                },
              },
              pictureOf(pictures, k, space, say("common.test_image", { index: near.index })),
            ),
          ),
        ),
      ),
    );
  });
  return h(
    "table",
    { class: "wall" },
    h("tbody", {}, head(term("votes", say("tabs.draw.answers.looks_like"))), rows),
  );
}
