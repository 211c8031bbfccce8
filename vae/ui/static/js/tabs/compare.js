// The Compare tab: the same test images through every size of z, and what the sizes cost and learned.
import { classNames, datasetOf, family, get, modelOf, on, tokens } from "../state/store.js";
import { latest } from "../state/turns.js";
import { choose, goTo } from "../state/mapview.js";
import { say, saying } from "../state/texts.js";
import * as explorer from "../explorer/explorer.js";
import { fetchNotice, noModels, notTrainedCell } from "../parts/absent.js";
import { field, fill, h, notice, number, segmented, select, term, whileSeen } from "../parts/dom.js";
import { pictureOf } from "../parts/pixels.js";
import { costFigures } from "./costs.js";

const COUNT = tokens.compare.images;
const KINDS = ["classes", "class", "random", "list"].map((value) => ({
  value,
  text: say(`tabs.compare.kinds.${value}.text`),
  hint: say(`tabs.compare.kinds.${value}.hint`),
}));

// Which test images are asked for: one of each of the first classes, eight of one class, a list of numbers, or random ones.
class Choice {
  constructor(changed) {
    this.changed = changed;
    this.kind = "classes";
    this.label = 0;
    this.list = "";
    this.seed = 0;
    this.bar = h("div", { class: "bar" });
  }

  change(patch) {
    Object.assign(this, patch);
    this.draw();
    this.changed();
  }

  // Their numbers.
  async indices(model) {
    const { kind, list, seed } = this;
    if (kind === "list") {
      const numbers = list
        .split(/[\s,;]+/)
        .filter(Boolean)
        .map(Number);
      if (!numbers.length || !numbers.every((i) => Number.isInteger(i) && i >= 0))
        throw new Error(say("tabs.compare.list.wanted", { n: COUNT }));
      return numbers.slice(0, COUNT);
    }
    const label = (k) =>
      kind === "class" ? this.label : kind === "classes" ? k % classNames().length : null;
    return Promise.all(
      Array.from({ length: COUNT }, (_, k) => explorer.indexOfClass(model, label(k), seed * 1000 + k)),
    );
  }

  classPicker() {
    const options = classNames().map((name, i) => ({ value: i, text: name }));
    return select(say("tabs.compare.class"), options, this.label, (value) =>
      this.change({ label: Number(value) }),
    );
  }

  listField() {
    return h("input", {
      key: "list",
      class: "input",
      type: "text",
      placeholder: say("tabs.compare.list.example"),
      value: this.list,
      "aria-label": say("tabs.compare.list.label"),
      on: { change: (event) => this.change({ list: event.target.value }) },
    });
  }

  seedField() {
    const whole = (text) => Math.max(0, Math.min(9999, Math.round(Number(text)) || 0));
    const box = h("input", {
      key: "seed",
      class: "input input--index",
      type: "number",
      min: "0",
      max: "9999",
      value: String(this.seed),
      "aria-label": say("tabs.compare.seed.label"),
      "data-hint": say("tabs.compare.seed.hint"),
      on: { change: (event) => this.change({ seed: whole(event.target.value) }) },
    });
    const others = h(
      "button",
      {
        key: "others",
        type: "button",
        class: "button",
        "data-hint": say("tabs.compare.others.hint"),
        on: { click: () => this.change({ seed: this.seed + 1 }) },
      },
      say("tabs.compare.others.text"),
    );
    return [field(say("tabs.compare.seed.label"), box), others];
  }

  draw() {
    const kinds = segmented(say("tabs.compare.images"), KINDS, this.kind, (kind) => this.change({ kind }));
    fill(
      this.bar,
      field(say("tabs.compare.images"), kinds),
      this.kind === "class" && this.classPicker(),
      this.kind === "list" ? this.listField() : this.seedField(),
    );
  }
}

export function mount({ element, shell }) {
  const note = h("div", {}),
    table = h("div", { class: "scroll" }),
    figures = costFigures();
  const load = latest(async () => {
    const models = family(),
      { dataset, recipe } = get();
    root.classList.toggle("compare--empty", !models.length);
    if (!models.length) {
      fill(choice.bar);
      fill(table);
      return void fill(note, noModels());
    }
    root.classList.add("busy");
    try {
      const indices = await choice.indices(models[0]),
        reply = await explorer.compare(dataset, indices, models);
      fill(note, reply.originals ? null : fetchNotice(dataset));
      fill(table, rows(reply, dataset, recipe, shell));
      Object.assign(root.dataset, { dataset, recipe, kind: choice.kind, ready: "yes" });
    } catch (fault) {
      fill(note, notice(fault.message));
    }
    root.classList.remove("busy");
  });
  const draw = latest(async () => family().length && figures.show(family()));
  const choice = new Choice(load);
  const root = h(
    "section",
    { class: "compare stack", "aria-label": say("page.tabs.compare") },
    h("div", {}, choice.bar, note, table),
    figures.element,
  );
  fill(element, root);

  whileSeen(
    root,
    (tell) => on(["dataset", "recipe", "catalogue", "images"], tell),
    () => {
      choice.draw();
      load();
      draw();
    },
  );
}

function rows(reply, dataset, recipe, shell) {
  const space = innerWidth > 1500 ? 112 : innerWidth > 1240 || innerWidth <= 800 ? 84 : 56,
    names = classNames();
  const pick = (index, latentDim) => {
    choose({ latentDim });
    goTo(index);
    shell.openTab("map");
  };
  const { originals } = reply;
  const head = h(
    "tr",
    { "data-row": "original" },
    h("th", { scope: "row" }, say("tabs.compare.originals")),
    reply.indices.map((index, k) =>
      h(
        "td",
        {},
        h(
          "div",
          { class: "wall__cell" },
          originals ? pictureOf(originals, k, space, say("tabs.compare.original", { index })) : null,
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
              "data-hint": say("tabs.compare.take"),
              on: { click: () => pick(index, z) },
            },
            pictureOf(images, k, space, say("tabs.compare.image", { index, z })),
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
      saying("tabs.compare.under", { recon: term("recon"), kl: term("kl"), nats: term("nats") }),
    ),
  ];
}
