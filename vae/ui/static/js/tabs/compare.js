// The Compare tab: the same test images through every size of z, and what the sizes cost and learned.
import { classNames, datasetOf, family, get, latest, modelOf, on, tokens } from "../state/store.js";
import { fill, h, notice, number, segmented, select, term, whileSeen } from "../parts/dom.js";
import { pictureOf } from "../parts/pixels.js";
import { axis, Figure, palette } from "../parts/figure.js";
import { fetchNotice, noModels, notTrainedCell } from "../parts/absent.js";
import * as explorer from "../explorer/explorer.js";
import { choose, goTo } from "../state/mapview.js";

const asked = { kind: "classes", label: 0, list: "", seed: 0 };
const COUNT = tokens.compare.images;

// Which test images are asked for: one of each of the first classes, eight of one class, a list of numbers, or random ones.
async function chosen(model) {
  if (asked.kind === "list") {
    const list = asked.list
      .split(/[\s,;]+/)
      .filter(Boolean)
      .map(Number);
    if (!list.length || !list.every((i) => Number.isInteger(i) && i >= 0))
      throw new Error(`Write up to ${COUNT} test image numbers, such as 0, 1, 15.`);
    return list.slice(0, COUNT);
  }
  const label = (k) =>
    asked.kind === "class" ? asked.label : asked.kind === "classes" ? k % classNames().length : null;
  const found = await Promise.all(
    Array.from({ length: COUNT }, (_, k) => explorer.indexOfClass(model, label(k), asked.seed * 1000 + k)),
  );
  return found;
}

const SIZE_COLOURS = ["#94a4a2", "#3f90da", "#832db6", "#e76300", "#bd1f01", "#a96b59", "#ffa90e"];

export function mount({ element, shell }) {
  const bar = h("div", { class: "bar" }),
    note = h("div", {}),
    table = h("div", { class: "scroll" });
  const cost = new Figure("test loss and its parts over the size of z", 190),
    epochs = new Figure("test loss per epoch, every size", 190),
    steps = new Figure("training loss per step, every size", 190);
  const part = (text, figure, ...rest) =>
    h("div", {}, h("h2", { class: "section" }, text), figure.element, ...rest);
  const root = h(
    "section",
    { class: "compare stack", "aria-label": "Compare" },
    h("div", {}, bar, note, table),
    h(
      "div",
      { class: "figures" },
      part(
        "What a size costs",
        cost,
        h(
          "p",
          { class: "quiet" },
          "Test set, ",
          term("nats"),
          " per image: ",
          term("recon"),
          " falls as z grows, ",
          term("kl"),
          " rises.",
        ),
      ),
      part("Learning, per epoch", epochs),
      part("Learning, per step", steps),
    ),
  );
  fill(element, root);

  function controls() {
    const names = classNames();
    const kind = segmented(
      "test images",
      [
        { value: "classes", text: "one of each", hint: "One test image of each of the first eight classes" },
        { value: "class", text: "one class", hint: "Eight test images of one class" },
        { value: "random", text: "random", hint: "Eight test images by chance" },
        { value: "list", text: "by number", hint: "The test images you name" },
      ],
      asked.kind,
      (value) => change({ kind: value }),
    );
    const extra =
      asked.kind === "class"
        ? select(
            "class",
            names.map((name, i) => ({ value: i, text: name })),
            asked.label,
            (value) => change({ label: Number(value) }),
          )
        : asked.kind === "list"
          ? h("input", {
              class: "input",
              type: "text",
              placeholder: "0, 1, 15, 42",
              value: asked.list,
              "aria-label": "test image numbers",
              on: { change: (event) => change({ list: event.target.value }) },
            })
          : null;
    const seed =
      asked.kind === "list"
        ? null
        : h(
            "label",
            { class: "field" },
            h("span", { class: "field__name" }, "seed"),
            h("input", {
              class: "input input--index",
              type: "number",
              min: "0",
              max: "9999",
              value: String(asked.seed),
              "aria-label": "seed",
              "data-hint": "The same seed always gives the same images",
              on: {
                change: (event) =>
                  change({ seed: Math.max(0, Math.min(9999, Math.round(Number(event.target.value)) || 0)) }),
              },
            }),
          );
    fill(
      bar,
      h("div", { class: "field" }, h("span", { class: "field__name" }, "test images"), kind),
      extra,
      seed,
      asked.kind === "list"
        ? null
        : h(
            "button",
            {
              type: "button",
              class: "button",
              "data-hint": "Eight others: the next seed",
              on: { click: () => change({ seed: asked.seed + 1 }) },
            },
            "others",
          ),
    );
  }
  function change(patch) {
    Object.assign(asked, patch);
    controls();
    load();
  }

  const load = latest(async () => {
    const models = family(),
      { dataset, recipe } = get();
    root.classList.toggle("compare--empty", !models.length);
    if (!models.length) {
      fill(bar);
      fill(table);
      return void fill(note, noModels());
    }
    root.classList.add("busy");
    try {
      const indices = await chosen(models[0]);
      const reply = await explorer.compare(dataset, indices, models);
      fill(note, reply.originals ? null : fetchNotice(dataset));
      fill(table, rows(reply, dataset, recipe, shell));
      root.dataset.dataset = dataset;
      root.dataset.recipe = recipe;
      root.dataset.kind = asked.kind;
      root.dataset.ready = "yes";
    } catch (fault) {
      fill(note, notice(fault.message));
    }
    root.classList.remove("busy");
  });

  const charts = latest(async () => {
    const models = family();
    if (!models.length) return;
    const histories = await explorer.history(models);
    const colour = new Map(models.map((m, k) => [m.name, SIZE_COLOURS[k % SIZE_COLOURS.length]]));
    cost.show(() => costs(models));
    epochs.show(() =>
      curves(
        models.map((m) => ({
          name: `z ${m.latent_dim}`,
          colour: colour.get(m.name),
          x: histories[m.name].epochs.map((e) => e.epoch),
          y: histories[m.name].epochs.map((e) => e.test_recon + (e.test_kl ?? 0)),
        })),
        "epoch",
        true,
      ),
    );
    steps.show(() =>
      curves(
        models.map((m) => ({
          name: `z ${m.latent_dim}`,
          colour: colour.get(m.name),
          x: histories[m.name].steps.map((s) => s[0]),
          y: histories[m.name].steps.map((s) => s[1]),
        })),
        "step",
        false,
      ),
    );
  });

  whileSeen(
    root,
    (tell) => on(["dataset", "recipe", "catalogue", "images"], tell),
    () => {
      controls();
      load();
      charts();
    },
  );
}

function rows(reply, dataset, recipe, shell) {
  const space = innerWidth > 1500 ? 112 : innerWidth > 1240 || innerWidth <= 800 ? 84 : 56,
    names = classNames();
  const pick = (index, latentDim) => {
    choose({ latentDim });
    goTo(index);
    shell.openTab("Map");
  };
  const { originals } = reply;
  const head = h(
    "tr",
    { "data-row": "original" },
    h("th", { scope: "row" }, "original"),
    reply.indices.map((index, k) =>
      h(
        "td",
        {},
        h(
          "div",
          { class: "wall__cell" },
          originals ? pictureOf(originals, k, space, `original ${index}`) : null,
          h("small", {}, `${index} · ${names[reply.labels[k]] ?? reply.labels[k]}`),
        ),
      ),
    ),
  );
  const body = (datasetOf(dataset)?.sizes ?? []).map((z) => {
    const model = modelOf(dataset, recipe, z),
      row = model && reply.models[model.name];
    if (!row)
      return h(
        "tr",
        { class: "quiet", "data-row": String(z) },
        h("th", { scope: "row" }, "z ", h("b", {}, String(z))),
        h("td", { colSpan: COUNT }, notTrainedCell(dataset, recipe, z)),
      );
    const { images } = row;
    return h(
      "tr",
      { "data-row": String(z) },
      h("th", { scope: "row" }, "z ", h("b", {}, String(z))),
      reply.indices.map((index, k) =>
        h(
          "td",
          {},
          h(
            "button",
            {
              type: "button",
              class: "wall__cell",
              "data-hint": "Take this image and size to the map",
              on: { click: () => pick(index, z) },
            },
            pictureOf(images, k, space, `image ${index} through ${z} numbers`),
            row.recon[k] === null
              ? null
              : h(
                  "small",
                  {},
                  `${number(row.recon[k], 0)}${row.kl[k] === null ? "" : ` + ${number(row.kl[k], 1)}`}`,
                ),
          ),
        ),
      ),
    );
  });
  return [
    h("table", { class: "wall" }, h("tbody", {}, head, body)),
    h(
      "p",
      { class: "quiet" },
      "Under each picture: ",
      term("recon"),
      " + ",
      term("kl"),
      " in ",
      term("nats"),
      ", at the mean.",
    ),
  ];
}

function costs(models) {
  const colours = palette(),
    x = models.map((m) => String(m.latent_dim));
  const of = (key) => models.map((m) => m.metrics[key] ?? null);
  const line = (name, y, colour, dash) => ({
    type: "scatter",
    mode: "lines+markers+text",
    name,
    x,
    y,
    text: y.map((v, i) => (i === y.length - 1 && v !== null ? name : "")),
    textposition: "middle right",
    cliponaxis: false,
    line: { color: colour, width: 2, dash },
    marker: { size: 6, color: colour },
    hovertemplate: `${name} %{y:.1f} nats at z %{x}<extra></extra>`,
    textfont: { color: colours.ink },
  });
  const elbo = of("elbo").map((v) => (v === null ? null : -v));
  return {
    data: [
      line("recon + kl", elbo, colours.ink),
      line("recon", of("recon"), colours.accent, "dash"),
      line("kl", of("kl"), colours.less, "dot"),
    ],
    layout: {
      xaxis: axis("size of z", { type: "category" }),
      yaxis: axis("nats per image", { rangemode: "tozero" }),
      margin: { l: 44, r: 80, t: 8, b: 36 },
    },
  };
}

function curves(lines, unit, marked) {
  const colours = palette();
  return {
    data: lines
      .filter((l) => l.x.length)
      .map((l) => ({
        type: "scatter",
        mode: marked && l.x.length < 40 ? "lines+markers" : "lines",
        name: l.name,
        x: l.x,
        y: l.y,
        line: { color: l.colour, width: marked ? 2 : 1.25 },
        marker: { size: 4 },
        hovertemplate: `${l.name}, ${unit} %{x}: %{y:.1f} nats<extra></extra>`,
      })),
    layout: {
      showlegend: true,
      legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0, font: { color: colours.ink } },
      xaxis: axis(unit),
      yaxis: axis("nats per image"),
      margin: { l: 44, r: 8, t: 24, b: 36 },
    },
  };
}
