// The About tab: the chosen model's card, the recipes, and every model there is.
import { latest } from "../state/turns.js";
import { count, fill, h, notice, number, s, whileSeen } from "../parts/dom.js";
import { command } from "../parts/clipboard.js";
import { fillIn, say, sentence } from "../state/texts.js";
import { twin } from "./twin.js";
import { noModels } from "../parts/absent.js";
import * as explorer from "../explorer/explorer.js";
import { choose, main } from "../state/mapview.js";

const { get, on } = main;
const section = (title, ...rest) => h("section", {}, h("h2", {}, title), ...rest);
const table = (heads, rows, numbers = [], kind = "") =>
  h(
    "table",
    { class: `table ${kind}` },
    heads &&
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          heads.map((text, k) =>
            h("th", { scope: "col", class: numbers.includes(k) ? "number" : null }, text),
          ),
        ),
      ),
    h("tbody", {}, rows),
  );
const digits = (value, key) =>
  value === null || value === undefined
    ? "–"
    : key === "parameters"
      ? count(value)
      : key === "active_units"
        ? String(value)
        : ["knn_accuracy", "trustworthiness", "continuity"].includes(key)
          ? number(value, 3)
          : number(value, 1);

export function mount({ element, shell }) {
  const card = h("div", { class: "about__card about" }),
    models = h("div", {}),
    words = h("div", {}),
    root = h("article", { class: "about", "aria-label": say("page.tabs.about") }, card, words, models);
  fill(element, root);

  const load = latest(async () => {
    const { model, catalogue } = get();
    if (!model) return void fill(card, noModels());
    try {
      const reply = await explorer.card(model);
      fill(card, ...describe(reply.card));
      root.dataset.model = model.name;
      root.dataset.ready = "yes";
    } catch (fault) {
      fill(card, notice(fault.message));
      if (catalogue) list();
    }
  });
  const list = () => fill(models, all(shell));
  on(["catalogue"], ({ catalogue }) => catalogue && fill(words, recipes(catalogue)));
  whileSeen(
    root,
    (tell) => on(["model", "catalogue"], tell),
    () => {
      if (!get().catalogue) return;
      load();
      list();
    },
  );
}

// What a figure says, and of how many draws where it counts some.
function meaning(key, { k }) {
  const said = fillIn(sentence("metrics", key), { chart: get().model.chart });
  return k ? say("tabs.about.scores.with_k", { meaning: said, k }) : said;
}

function describe(card) {
  const { model, train, provenance, metrics } = card,
    kind = model.variational ? "variational" : "plain";
  const facts = (object) =>
    table(
      null,
      Object.entries(object)
        .filter(([, v]) => v !== null && v !== undefined)
        .map(([key, value]) =>
          h(
            "tr",
            {},
            h("th", { scope: "row" }, key.replaceAll("_", " ")),
            h(
              "td",
              {},
              key === "command" ? command(value) : Array.isArray(value) ? value.join(" × ") : String(value),
            ),
          ),
        ),
    );
  return [
    section(
      card.name,
      h(
        "p",
        {},
        say(`tabs.about.card.${kind}`, {
          dataset: card.dataset,
          recipe: card.recipe,
          pixels: model.image_shape.slice(1).join(" × "),
          z: model.latent_dim,
        }),
      ),
      h("div", { class: "scroll", tabindex: "0" }, network(card)),
    ),
    section(
      say("tabs.about.scores.title"),
      h("p", { class: "quiet" }, say("tabs.about.scores.how")),
      table(
        sentence("tabs", "about", "scores", "heads"),
        Object.entries(metrics)
          .filter(([key]) => key in get().catalogue.metrics)
          .map(([key, m]) =>
            h(
              "tr",
              { "data-metric": key },
              h("td", {}, h("code", {}, key)),
              h("td", { class: "number" }, digits(m.value, key)),
              h("td", {}, m.unit),
              h("td", { class: "quiet" }, meaning(key, m)),
              h("td", {}, h("code", {}, m.command || say("common.not_computed"))),
            ),
          ),
        [1],
        "table--scores",
      ),
    ),
    twin(),
    section(
      say("tabs.about.built.title"),
      h(
        "div",
        { class: "recipes" },
        h("div", {}, h("h3", {}, say("tabs.about.built.network")), facts(model)),
        h("div", {}, h("h3", {}, say("tabs.about.built.training")), facts(train)),
        h("div", {}, h("h3", {}, say("tabs.about.built.provenance")), facts(provenance)),
      ),
    ),
  ];
}

// Every layer as a bar whose height grows with the logarithm of its width; the code stands in the accent colour.
function network(card) {
  const { model, layers } = card,
    weights = layers.filter((layer) => layer.name.endsWith("weight") && layer.shape.length > 1);
  const transposed = (layer) => layer.shape.length === 4 && layer.name.startsWith("decoder.conv");
  const width = (layer) => (transposed(layer) ? layer.shape[1] : layer.shape[0]);
  /** @type {{text: string, size: number, name?: string, conv?: boolean, code?: boolean}[]} */
  const steps = [
    { text: model.image_shape.join(" × "), size: model.image_shape.reduce((a, b) => a * b), name: "x" },
  ];
  for (const layer of weights.filter((l) => l.name.startsWith("encoder") && !/mu|logvar/.test(l.name)))
    steps.push({ size: width(layer), conv: layer.shape.length === 4, text: String(width(layer)) });
  if (model.variational)
    steps.push({
      size: 2 * model.latent_dim,
      text: `${model.latent_dim} + ${model.latent_dim}`,
      name: "mu, logvar",
    });
  steps.push({ size: model.latent_dim, text: String(model.latent_dim), name: "z", code: true });
  const back = weights.filter((l) => l.name.startsWith("decoder"));
  back.forEach((layer, k) =>
    steps.push(
      k === back.length - 1
        ? { size: steps[0].size, text: steps[0].text, name: "x̂" }
        : { size: width(layer), conv: layer.shape.length === 4, text: String(width(layer)) },
    ),
  );
  const gap = 860 / steps.length,
    tall = (size) => 8 + 17 * Math.log2(Math.max(1, size)),
    middle = 118;
  const parts = steps.flatMap((step, k) => {
    const x = gap * (k + 0.5),
      height = tall(step.conv ? step.size * 8 : step.size),
      kids = [];
    if (k) {
      const before = steps[k - 1],
        old = tall(before.conv ? before.size * 8 : before.size),
        px = gap * (k - 0.5) + 7;
      kids.push(
        s("path", {
          d: `M${px} ${middle - old / 2}L${x - 7} ${middle - height / 2}V${middle + height / 2}L${px} ${middle + old / 2}Z`,
          style: "stroke:none",
        }),
      );
    }
    kids.push(
      s("path", {
        class: step.code ? "net__z" : "",
        d: `M${x - 7} ${middle - height / 2}h14v${height}h-14z`,
      }),
      s("text", { x, y: 238 }, step.text),
      s(
        "text",
        { x, y: 256, class: "net__quiet" },
        step.name ?? (step.conv ? say("tabs.about.network.conv") : ""),
      ),
    );
    return kids;
  });
  return s(
    "svg",
    {
      class: "net",
      viewBox: "-30 0 920 264",
      role: "img",
      "aria-label": say("tabs.about.network.label", { layers: steps.map((step) => step.text).join(", ") }),
    },
    ...parts,
  );
}

function recipes(catalogue) {
  return section(
    say("tabs.about.recipes.title"),
    h("p", { class: "quiet" }, say("tabs.about.recipes.how")),
    h(
      "div",
      { class: "recipes" },
      Object.entries(catalogue.recipes).map(([name, numbers]) => {
        const told = (part) => fillIn(sentence("recipes", name, part), numbers);
        return h(
          "div",
          { "data-recipe": name },
          h("h3", {}, `${name}: ${told("title")}`),
          h("p", {}, told("net")),
          h("p", { class: "formula" }, told("loss")),
          h("p", { class: "quiet" }, told("training")),
          h("p", {}, told("trap")),
        );
      }),
    ),
    h("h3", { style: "margin-top:16px" }, say("tabs.about.recipes.flags")),
    table(
      null,
      Object.entries(sentence("flags")).map(([name, text]) =>
        h("tr", {}, h("th", { scope: "row" }, h("code", {}, name)), h("td", {}, text)),
      ),
    ),
    h("h3", { style: "margin-top:16px" }, say("tabs.about.recipes.traps")),
    h(
      "ul",
      { style: "padding-left:18px;list-style:disc" },
      sentence("traps").map((text) => h("li", {}, text)),
    ),
  );
}

function all(shell) {
  const { catalogue } = get(),
    broken = Object.entries(catalogue.broken);
  const go = (m) => {
    choose({ model: m.name });
    shell.openTab("map");
  };
  const keys = [
    "elbo",
    "recon",
    "kl",
    "log_likelihood",
    "active_units",
    "knn_accuracy",
    "parameters",
    "seconds",
  ];
  return section(
    say("tabs.about.models.title"),
    table(
      [say("tabs.about.models.model"), ...keys.map((k) => k.replaceAll("_", " "))],
      catalogue.models.map((m) =>
        h(
          "tr",
          { "data-model": m.name },
          h("td", {}, h("button", { type: "button", class: "link", on: { click: () => go(m) } }, m.name)),
          keys.map((k) => h("td", { class: "number" }, digits(m.metrics[k], k))),
        ),
      ),
      [1, 2, 3, 4, 5, 6, 7, 8],
    ),
    broken.length
      ? h(
          "div",
          { class: "stack", style: "margin-top:16px;gap:4px" },
          h("h3", {}, say("tabs.about.models.broken")),
          table(
            null,
            broken.map(([name, reason]) =>
              h("tr", { "data-broken": name }, h("th", { scope: "row" }, name), h("td", {}, reason)),
            ),
          ),
        )
      : null,
  );
}
