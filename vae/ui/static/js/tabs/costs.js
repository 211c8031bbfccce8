// What the sizes of z cost and how they learned, as three figures.
import * as explorer from "../explorer/explorer.js";
import { h, term } from "../parts/dom.js";
import { say, saying } from "../state/texts.js";
import { axis, Figure, palette } from "../parts/figure.js";

const SIZE_COLOURS = ["#94a4a2", "#3f90da", "#832db6", "#e76300", "#bd1f01", "#a96b59", "#ffa90e"];

// {element, show(models)}
export function costFigures() {
  const cost = new Figure(say("tabs.costs.sizes.figure"), 190),
    epochs = new Figure(say("tabs.costs.epoch.figure"), 190),
    steps = new Figure(say("tabs.costs.step.figure"), 190);
  const part = (text, figure, ...rest) =>
    h("div", {}, h("h2", { class: "section" }, text), figure.element, ...rest);
  const words = { recon: term("recon"), kl: term("kl"), nats: term("nats") };
  const element = h(
    "div",
    { class: "figures" },
    part(
      say("tabs.costs.sizes.title"),
      cost,
      h("p", { class: "quiet" }, saying("tabs.costs.sizes.falls", words)),
    ),
    part(say("tabs.costs.epoch.title"), epochs),
    part(say("tabs.costs.step.title"), steps),
  );

  async function show(models) {
    const histories = await explorer.history(models);
    const lines = (of) =>
      models.map((m, k) => ({
        name: `z ${m.latent_dim}`,
        colour: SIZE_COLOURS[k % SIZE_COLOURS.length],
        ...of(histories[m.name]),
      }));
    const perEpoch = ({ epochs: rows }) => ({
        x: rows.map((e) => e.epoch),
        y: rows.map((e) => e.test_recon + (e.test_kl ?? 0)),
      }),
      perStep = ({ steps: rows }) => ({ x: rows.map(([step]) => step), y: rows.map(([, loss]) => loss) });
    cost.show(() => costs(models));
    epochs.show(() => curves(lines(perEpoch), "epoch", true));
    steps.show(() => curves(lines(perStep), "step", false));
  }
  return { element, show };
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
    hovertemplate: `${say("tabs.costs.sizes.hover", { name, value: "%{y:.1f}", z: "%{x}" })}<extra></extra>`,
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
      xaxis: axis(say("common.size_of_z"), { type: "category" }),
      yaxis: axis(say("tabs.costs.nats_per_image"), { rangemode: "tozero" }),
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
        hovertemplate: `${say(`tabs.costs.${unit}.hover`, { name: l.name, at: "%{x}", value: "%{y:.1f}" })}<extra></extra>`,
      })),
    layout: {
      showlegend: true,
      legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0, font: { color: colours.ink } },
      xaxis: axis(say(`tabs.costs.${unit}.axis`)),
      yaxis: axis(say("tabs.costs.nats_per_image")),
      margin: { l: 44, r: 8, t: 24, b: 36 },
    },
  };
}
