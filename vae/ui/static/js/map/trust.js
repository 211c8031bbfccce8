// How much the chart lies: one line beside the chart's name, and behind it what the figures mean, the command that computes them again, and a count for this very chart.
import { get, keyOf } from "../state/store.js";
import { fill, h, number, percent } from "../parts/dom.js";
import { command } from "../parts/clipboard.js";
import { axesOf } from "../space/chart.js";
import { VOTERS } from "../space/neighbours.js";
import * as explorer from "../explorer/explorer.js";
import { say } from "../state/texts.js";

const KINDS = [
  ["trustworthiness", "trust", "trust", say("map.trust.meaning.trust")],
  ["continuity", "continuity", "continuity", say("map.trust.meaning.continuity")],
];
const exact = (frame, model) => model.latent_dim === 2 && frame.basis && frame.explained > 0.9999;

// A figure of this chart: counted in the browser, or from metrics.json where it speaks of this chart; undefined where nobody knows.
function figure(key, kind, { frame, model }) {
  const made = explorer.counted(kind, frame);
  return made ? made.mean : frame.chart === frame.default ? (model.metrics[key] ?? null) : undefined;
}

function words(state) {
  const { frame, model } = state,
    parts = [];
  if (exact(frame, model)) return axesOf(frame.chart) ? say("map.trust.exact") : say("map.trust.turned");
  if (frame.explained !== null) parts.push(say("map.trust.keeps", { share: percent(frame.explained) }));
  const figures = KINDS.map(([key, kind, name]) => [name, figure(key, kind, state)]);
  if (figures.every(([, value]) => value === undefined))
    parts.push(frame.explained === null ? say("map.trust.bends") : say("map.trust.not_counted"));
  else
    for (const [name, value] of figures)
      if (value !== undefined)
        parts.push(value === null ? say("map.trust.not_computed", { name }) : `${name} ${number(value, 2)}`);
  return parts.join(" · ");
}

// A text of Python that stays whole within a shell's double quotes.
const python = (text) =>
  `'${text.replace(/[^\p{L}\p{N} ./:~@+,=_-]/gu, (c) => "\\U" + c.codePointAt(0).toString(16).padStart(8, "0"))}'`;

// What anybody can run for a chart that metrics.json does not speak of.
function snippet({ frame, model }) {
  const { folder } = get().catalogue,
    explorer = `Explorer(${folder === "models" ? "" : python(folder)})`,
    name = python(model.name);
  // eslint-disable-next-line no-restricted-syntax -- Python, not a sentence
  return `python -c "from vae import Explorer; from vae.space.neighbours import pointwise_trustworthiness as t; e = ${explorer}; z, uv = e.codes(${name})['mu'], e.map(${name}, '${frame.chart}')['uv']; print(t(z, uv).mean(), t(uv, z).mean())"`;
}

// {line: for the bar, sheet: for a place that is never drawn anew}
export function honesty(map) {
  const sheet = h("div", { class: "sheet-pop", popover: "auto", id: "lx-honesty" });
  const line = h("button", {
    type: "button",
    class: "link honesty",
    popovertarget: "lx-honesty",
    "data-hint": say("map.trust.hint"),
  });
  let card = null,
    fault = null,
    counting = false;

  async function measure() {
    const { frame, model } = map.get();
    counting = true;
    draw();
    try {
      for (const kind of ["trust", "continuity"]) await explorer.pointwise(kind, model, frame);
    } catch (problem) {
      fault = problem.message;
    }
    counting = false;
    draw();
  }

  function body(state) {
    const { frame, model, local } = state,
      own = frame.chart === frame.default,
      made = KINDS.map(([, kind]) => explorer.counted(kind, frame));
    const known = KINDS.map(([key, kind]) => figure(key, kind, state)),
      said = card?.model === keyOf(model) ? card.metrics.trustworthiness?.command : null;
    const rows = KINDS.flatMap(([key, , , meaning], k) => [
      h("dt", {}, key),
      h(
        "dd",
        { "data-figure": key },
        known[k] === undefined
          ? say("map.trust.figure.uncounted")
          : known[k] === null
            ? say("common.not_computed")
            : number(known[k], 3),
      ),
      h("dd", { class: "quiet" }, meaning),
    ]);
    const source = made.every(Boolean)
      ? say("map.trust.source.counted", { seconds: number((made[0].ms + made[1].ms) / 1000, 1), k: VOTERS })
      : own
        ? said
          ? say("map.trust.source.command", { k: VOTERS })
          : say("map.trust.source.metrics", { k: VOTERS })
        : say("map.trust.source.elsewhere", { chart: frame.default });
    const shown = own && !made.every(Boolean) ? said : snippet(state),
      ready = local?.key === keyOf(model);
    return [
      h("h2", { class: "inspector__title" }, say("map.trust.title")),
      h(
        "p",
        {},
        frame.explained === null
          ? say("map.trust.lies.umap")
          : exact(frame, model)
            ? say("map.trust.lies.exact")
            : say("map.trust.lies.flat", { size: model.latent_dim, share: percent(frame.explained) }),
      ),
      h("dl", { class: "honesty__figures" }, rows),
      h("p", { class: "quiet" }, source),
      shown && command(shown),
      fault && h("p", { class: "warn" }, fault),
      h(
        "div",
        { key: "actions", class: "row" },
        !made.every(Boolean) &&
          h(
            "button",
            {
              key: "count",
              type: "button",
              class: "button",
              disabled: counting || !ready,
              on: { click: measure },
            },
            counting ? say("common.counting") : say("map.trust.count"),
          ),
        h(
          "button",
          {
            key: "colour",
            type: "button",
            class: "button",
            disabled: !ready,
            on: { click: () => map.set({ colour: "trust" }) },
          },
          say("map.trust.colour"),
        ),
      ),
    ];
  }

  function draw() {
    const state = map.get();
    if (!map.drawn) return;
    line.textContent = words(state);
    line.dataset.chart = state.frame.chart;
    if (sheet.matches(":popover-open")) fill(sheet, body(state));
  }

  sheet.addEventListener("toggle", async ({ newState }) => {
    if (newState !== "open") return;
    fault = null;
    const at = line.getBoundingClientRect();
    draw();
    Object.assign(sheet.style, {
      left: `${Math.max(8, Math.min(innerWidth - sheet.offsetWidth - 8, at.left))}px`,
      top: `${Math.min(at.bottom + 6, Math.max(8, innerHeight - sheet.offsetHeight - 8))}px`,
    });
    const { model } = map.get();
    if (card?.model === keyOf(model)) return;
    try {
      card = { ...(await explorer.card(model)), model: keyOf(model) };
    } catch (problem) {
      fault = problem.message;
    }
    draw();
  });
  map.on(["frame", "model", "local", "colour", "counted"], draw);
  return { line, sheet };
}
