// SELECTED: one test image, its reconstruction, the error, and what the figures say of it.
import { classNames, latest } from "../state/store.js";
import { fill, h, number, term, title, wide } from "../parts/dom.js";
import { gap, pictureOf } from "../parts/pixels.js";
import { named, votesText } from "../parts/meter.js";
import { fetchNotice } from "../parts/absent.js";
import { selectedSetters } from "./ends.js";
import * as explorer from "../explorer/explorer.js";

function figureOf(canvas, caption) {
  return h("figure", { class: "shot" }, canvas, h("figcaption", {}, caption));
}

export function selectedBlock(map) {
  const block = h("section", { class: "selected-image", "aria-label": "Selected image" });
  const turn = latest(async () => {
    const { model, index, frame } = map.get();
    if (!map.drawn) return;
    if (!block.dataset.model) {
      fill(
        block,
        h(
          "div",
          { class: "inspector__head" },
          title("Selected", h("span", { class: "inspector__what" }, `test image ${index}`)),
        ),
        h(
          "div",
          { class: "row row--top" },
          ["original", "reconstruction", "error"].map((text) => figureOf(gap("coming"), text)),
        ),
        h("p", { class: "selected-image__votes quiet" }, "waking the networks …"),
      );
    }
    try {
      const reply = await explorer.select(model, index, frame.chart);
      map.set({ selection: reply });
      const side = wide.matches ? 84 : 56,
        { original, x_recon: recon, error_image: error } = reply,
        name = classNames()[reply.label] ?? reply.label;
      block.dataset.index = String(index);
      block.dataset.model = model.name;
      block.dataset.ready = "yes";
      fill(
        block,
        h(
          "div",
          { class: "inspector__head" },
          title("Selected", h("span", { class: "inspector__what" }, `test image ${index}, ${named(name)}`)),
          selectedSetters(map),
        ),
        h(
          "div",
          { class: "row row--top" },
          original && figureOf(pictureOf(original, 0, side, "original"), "original"),
          figureOf(pictureOf(recon, 0, side, "reconstruction"), "reconstruction"),
          error &&
            figureOf(
              pictureOf(
                error,
                0,
                side,
                "error: blue where ink is missing, orange where there is too much",
                "signed",
              ),
              "error",
            ),
          original
            ? h(
                "dl",
                { class: "facts" },
                fact(term("recon"), reply.recon, "nats"),
                fact(term("kl"), reply.kl, "nats"),
                h("dd", { class: "quiet facts__note" }, "at the mean"),
              )
            : fetchNotice(map.get().dataset),
        ),
        h("p", { class: "selected-image__votes" }, term("votes"), " ", votesText(reply.label_votes)),
      );
    } catch (fault) {
      fill(block, title("Selected"), h("p", { class: "warn" }, fault.message));
    }
  });
  map.on(["index", "frame", "images", "offline"], () => !map.get().offline && turn());
  return block;
}

const fact = (name, value, unit) =>
  value === null || value === undefined
    ? null
    : [h("dt", {}, name), h("dd", {}, number(value, 1), h("span", { class: "unit" }, ` ${unit}`))];
