// The training images' codes below the test images', on demand: the server encodes them part by part, the map shows what has come.
import { datasetOf } from "../state/store.js";
import { latest } from "../state/turns.js";
import { count, fill, h } from "../parts/dom.js";
import { fetchNotice } from "../parts/absent.js";
import * as explorer from "../explorer/explorer.js";
import { say } from "../state/texts.js";

const KEPT = 6; // charts whose training codes are held
const kept = new Map(); // "key chart" -> {uv, labels, have, total}
const partOf = ({ key, chart }) => `${key} ${chart}`;

const TEXT = say("map.training.codes");

const switchOf = (map) =>
  h(
    "button",
    {
      type: "button",
      class: "legend__all training",
      "aria-pressed": "false",
      on: { click: () => map.set({ codes: map.get().codes === "all" ? "test" : "all" }) },
      "data-hint": say("map.training.hint"),
    },
    TEXT,
  );

// Gives back the switch, for the end of the legend.
export function training(map, plot, stage) {
  const trainingKey = switchOf(map);
  const card = h("div", { class: "latent-map__card", role: "alert", hidden: true });
  const news = h("div", { class: "latent-map__news", role: "status" }); // over the map, so that nothing moves
  stage.append(card, news);
  const close = (text) =>
    h("button", { type: "button", class: "button", on: { click: () => map.set({ codes: "test" }) } }, text);

  function show(frame, part) {
    const some = part?.have > 0;
    if (!some && !plot.behind) return;
    plot.behind = some
      ? { frame, uv: part.uv.subarray(0, 2 * part.have), labels: part.labels.subarray(0, part.have) }
      : null;
    if (plot.frame === frame && plot.view) plot.paint();
  }

  function refuse(sentence, ...more) {
    fill(news);
    fill(card, h("p", {}, sentence), ...more);
    card.hidden = false;
  }

  const load = latest(async () => {
    const { codes, frame, model } = map.get();
    card.hidden = true;
    trainingKey.setAttribute("aria-pressed", String(codes === "all"));
    fill(trainingKey, TEXT);
    fill(news);
    if (!map.drawn) return;
    if (codes !== "all") return show(frame, null);
    const part = kept.get(partOf(frame)) ?? { uv: null, labels: null, have: 0, total: null },
      began = performance.now(),
      from = part.have;
    show(frame, part);
    while (part.have !== part.total) {
      if (!part.have) fill(news, say("map.training.begun"));
      let reply;
      try {
        reply = await explorer.trainingMap(model, part.have, frame.chart);
      } catch (fault) {
        return refuse(
          fault.message,
          h(
            "div",
            { class: "row" },
            h("button", { type: "button", class: "button", on: { click: load } }, say("common.try_again")),
            close(say("map.training.test_only")),
          ),
        );
      }
      if (map.get().frame !== frame || map.get().codes !== "all") return void load(); // another question by now
      if (reply.absent)
        return refuse(
          say("map.training.absent", { why: reply.absent }),
          datasetOf(model.dataset) && fetchNotice(model.dataset),
          close(say("map.training.test_only")),
        );
      add(part, reply);
      kept.delete(partOf(frame));
      kept.set(partOf(frame), part);
      if (kept.size > KEPT) kept.delete(kept.keys().next().value);
      show(frame, part);
      const left = Math.round(
        (((performance.now() - began) / (part.have - from)) * (part.total - part.have)) / 1000,
      );
      fill(
        news,
        left > 1
          ? say("map.training.left", { have: count(part.have), total: count(part.total), left })
          : say("map.training.encoded", { have: count(part.have), total: count(part.total) }),
      );
    }
    fill(news);
    fill(trainingKey, say("map.training.shown", { total: count(part.total) }));
  });
  map.on(["codes", "frame", "model", "images"], load);
  return trainingKey;
}

function add(part, { uv, labels, start, total }) {
  if (part.total !== total)
    Object.assign(part, { uv: new Float32Array(2 * total), labels: new Uint8Array(total), total });
  part.uv.set(uv, 2 * start);
  part.labels.set(labels, start);
  part.have = start + uv.length / 2;
}
