// The Map tab's right side: what is HERE, what is SELECTED, the same image through EVERY SIZE, and the NEAREST codes.
import { classNames, datasetOf, family, keyOf, modelOf, page } from "../state/store.js";
import { latest } from "../state/turns.js";
import { fill, h, number, term, title, wide } from "../parts/dom.js";
import { gap, pictureOf } from "../parts/pixels.js";
import { named, votesText } from "../parts/meter.js";
import { fetchNotice, notTrained } from "../parts/absent.js";
import { selectedSetters } from "./ends.js";
import { hereBlock, nearestBlock } from "./here.js";
import { chosenBlock } from "./sheet.js";
import * as explorer from "../explorer/explorer.js";
import { choose, main } from "../state/mapview.js";
import { say } from "../state/texts.js";

export function mount({ element }) {
  const map = main,
    here = hereBlock(map),
    selected = selectedBlock(map),
    sizes = sizesBlock(map),
    nearest = nearestBlock(map);
  const hint = h("p", { class: "inspector__foot" }, say("map.selected.foot"));
  const panel = h(
    "aside",
    { class: "inspector", "aria-label": say("map.selected.place") },
    here,
    chosenBlock(map),
    selected,
    sizes,
    nearest,
    hint,
  );
  fill(element, panel);
  map.on(["model"], ({ model }) => panel.classList.toggle("inspector--empty", !model));
}

// SELECTED: one test image, its reconstruction, the error, and what the figures say of it.
function figureOf(canvas, caption) {
  return h("figure", { class: "shot" }, canvas, h("figcaption", {}, caption));
}

function selectedBlock(map) {
  const block = h("section", { class: "selected-image", "aria-label": say("map.selected.image") });
  const turn = latest(async () => {
    const { model, index, frame } = map.get();
    if (!map.drawn) return;
    if (!block.dataset.model) {
      fill(
        block,
        h(
          "div",
          { key: "head", class: "inspector__head" },
          title(
            say("map.selected.title"),
            h("span", { class: "inspector__what" }, say("common.test_image", { index })),
          ),
        ),
        h(
          "div",
          { class: "row row--top" },
          ["original", "reconstruction", "error"].map((kind) =>
            figureOf(gap("coming"), say(`map.selected.${kind}`)),
          ),
        ),
        h("p", { class: "selected-image__votes quiet" }, say("map.selected.waking")),
      );
    }
    try {
      const reply = await explorer.select(model, index, frame.chart);
      map.set({ selection: { ...reply, key: keyOf(model) } });
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
          { key: "head", class: "inspector__head" },
          title(
            say("map.selected.title"),
            h(
              "span",
              { class: "inspector__what" },
              say("common.test_image_named", { index, name: named(name) }),
            ),
          ),
          selectedSetters(map),
        ),
        h(
          "div",
          { class: "row row--top" },
          original &&
            figureOf(
              pictureOf(original, 0, side, say("map.selected.original")),
              say("map.selected.original"),
            ),
          figureOf(
            pictureOf(recon, 0, side, say("map.selected.reconstruction")),
            say("map.selected.reconstruction"),
          ),
          error &&
            figureOf(
              pictureOf(error, 0, side, say("map.selected.error_alt"), "signed"),
              say("map.selected.error"),
            ),
          original
            ? h(
                "dl",
                { class: "facts" },
                fact(term("recon"), reply.recon, "nats"),
                fact(term("kl"), reply.kl, "nats"),
                h("dd", { class: "quiet facts__note" }, say("map.selected.at_the_mean")),
              )
            : fetchNotice(map.get().dataset),
        ),
        h("p", { class: "selected-image__votes" }, term("votes"), " ", votesText(reply.label_votes)),
      );
    } catch (fault) {
      fill(
        block,
        title(say("map.selected.title")),
        h("p", { class: fault.changed?.length ? "quiet" : "warn" }, fault.message),
      );
    }
  });
  map.on(["index", "frame", "images"], turn);
  return block;
}

const fact = (name, value, unit) =>
  value === null || value === undefined
    ? null
    : [h("dt", {}, name), h("dd", {}, number(value, 1), h("span", { class: "unit" }, ` ${unit}`))];

// EVERY SIZE: the selected image through each size of z.
function sizesBlock(map) {
  const row = h("div", { class: "sizes__row" });
  const block = h(
    "section",
    { class: "sizes", "aria-label": say("map.selected.sizes") },
    title(say("map.selected.sizes"), h("span", { class: "inspector__what" }, say("map.selected.sizes_what"))),
    row,
  );
  let last = null;
  const turn = latest(async () => {
    const models = family(),
      { dataset, recipe, index, latentDim } = map.get();
    if (!models.length) return fill(row, h("p", { class: "quiet" }, say("map.selected.no_model")));
    const sizes = datasetOf(dataset)?.sizes ?? [],
      waiting = () => sizes.map((z) => one(z, modelOf(dataset, recipe, z), null, latentDim));
    if (!block.dataset.ready) fill(row, waiting());
    try {
      const key = JSON.stringify([dataset, models.map(keyOf), index, map.get().images]);
      const reply = last?.key === key ? last.reply : await explorer.reconstruct(dataset, index, models);
      last = { key, reply };
      fill(
        row,
        sizes.map((z) => one(z, modelOf(dataset, recipe, z), reply, map.get().latentDim)),
      );
      block.dataset.ready = "yes";
      block.dataset.index = String(index);
    } catch (fault) {
      fill(row, waiting(), h("p", { class: fault.changed?.length ? "quiet" : "warn" }, fault.message)); // a size that the browser holds can still be gone to
    }
  });
  map.on(["index", "model", "images"], () => map.get().catalogue && turn());
  return block;
}

function one(z, model, reply, now) {
  const side = wide.matches ? 84 : 56;
  if (!model)
    return h(
      "span",
      {
        key: z,
        class: "sizes__one sizes__one--none",
        "data-hint": notTrained(page.get().dataset, page.get().recipe, z),
        tabindex: "0",
      },
      h("b", {}, String(z)),
      gap("none"),
    );
  const answer = reply?.models[model.name],
    value = answer?.recon ?? null;
  return h(
    "button",
    {
      key: z,
      type: "button",
      class: "sizes__one",
      "aria-pressed": String(z === now),
      "data-size": String(z),
      "data-hint":
        value === null
          ? say("map.selected.go", { z })
          : answer.kl === null
            ? say("map.selected.go_recon", { z, recon: number(value, 1) })
            : say("map.selected.go_both", { z, recon: number(value, 1), kl: number(answer.kl, 1) }),
      on: { click: () => choose({ latentDim: z }) },
    },
    h("b", {}, String(z)),
    answer
      ? pictureOf(answer.x_recon, 0, side, say("map.selected.through", { z }))
      : [gap("coming"), h("small", {}, "…")],
    value === null ? null : h("small", {}, say("common.nats", { value: number(value, 0) })),
  );
}
