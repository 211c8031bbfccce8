// The browser's net against the server's, on demand: the same places and images through both.
import { fill, h, number } from "../parts/dom.js";
import * as explorer from "../explorer/explorer.js";
import { main } from "../state/mapview.js";
import { say, sentence } from "../state/texts.js";

const { get } = main;
const largest = (a, b) => a.reduce((most, v, i) => Math.max(most, Math.abs(v - b[i])), 0);

// How far this browser's answers are from the server's, and what each takes.
async function compare(model) {
  const { ours, theirs, way } = await explorer.twin(model);
  return {
    real: theirs.real,
    apart: {
      image: largest(ours.images, theirs.images),
      code: Math.max(largest(ours.mu, theirs.mu), largest(ours.logvar, theirs.logvar)),
    },
    ours: [ours.decodeMs, ours.encodeMs],
    theirs: [theirs.decode_ms, theirs.encode_ms],
    way,
  };
}

const small = (value) =>
  value === 0
    ? "0"
    : value
        .toExponential(1)
        .replace("e-", " · 10⁻")
        .replace(/⁻(\d+)$/, (_, d) => `⁻${d.replace(/\d/g, (c) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[c])}`);
const ms = (value) => `${number(value, value < 10 ? 2 : 0)} ms`;

function table({ apart, ours, theirs, way, real }) {
  const row = (name, ...cells) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, name),
      cells.map((text) => h("td", { class: "number" }, text)),
    );
  return [
    h(
      "table",
      { class: "table" },
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          ["", ...sentence("tabs", "twin", "heads")].map((text) =>
            h("th", { scope: "col", class: "number" }, text),
          ),
        ),
      ),
      h(
        "tbody",
        {},
        row(say("tabs.twin.decoded"), ms(ours[0]), ms(theirs[0]), small(apart.image)),
        row(
          real ? say("tabs.twin.encoded.test") : say("tabs.twin.encoded.decoded"),
          ms(ours[1]),
          ms(theirs[1]),
          small(apart.code),
        ),
        row(say("tabs.twin.way"), "–", ms(way), ""),
      ),
    ),
    h("p", { class: "quiet" }, real ? say("tabs.twin.note.test") : say("tabs.twin.note.decoded")),
  ];
}

export function twin() {
  const { model } = get(),
    out = h("div", {}),
    button = h("button", { type: "button", class: "button", on: { click: run } }, say("tabs.twin.button"));
  async function run() {
    button.disabled = true;
    fill(out, h("p", { class: "quiet", role: "status" }, say("tabs.twin.busy")));
    try {
      const found = await compare(model);
      fill(out, table(found));
      Object.assign(out.dataset, {
        ready: "yes",
        image: found.apart.image,
        code: found.apart.code,
      });
    } catch (fault) {
      fill(out, h("p", { class: "warn" }, fault.message));
    }
    button.disabled = false;
  }
  return h(
    "section",
    { class: "twin" },
    h("h2", {}, say("tabs.twin.title")),
    h("p", {}, say("tabs.twin.about")),
    h("p", {}, button),
    out,
  );
}
