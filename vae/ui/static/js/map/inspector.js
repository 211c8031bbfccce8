// The Map tab's right side: what is HERE, what is SELECTED, the same image through EVERY SIZE, and the NEAREST codes.
import {
  ask,
  choose,
  classNames,
  datasetOf,
  family,
  get,
  latest,
  modelOf,
  on,
  set,
  unpack,
} from "../state/store.js";
import { fill, h, number, term } from "../parts/dom.js";
import { pictureOf } from "../parts/pixels.js";
import { fetchNotice } from "../parts/absent.js";
import { hereBlock, named, nearestBlock, title, votesText, wide } from "./here.js";
import { trainCommand } from "../page/header.js";
import { selectedSetters } from "./ends.js";
import { chosenBlock } from "./sheet.js";

export { votesText } from "./here.js";

export function mount({ element }) {
  const here = hereBlock(),
    selected = selectedBlock(),
    sizes = sizesBlock(),
    nearest = nearestBlock();
  const hint = h(
    "p",
    { class: "inspector__foot" },
    "Move to decode, click to select, or draw your own in Draw.",
  );
  const panel = h(
    "aside",
    { class: "inspector", "aria-label": "This place" },
    here,
    chosenBlock(),
    selected,
    sizes,
    nearest,
    hint,
  );
  fill(element, panel);
  on(["model"], ({ model }) => panel.classList.toggle("inspector--empty", !model));
}

function figureOf(canvas, caption) {
  return h("figure", { class: "shot" }, canvas, h("figcaption", {}, caption));
}

// What stands where a picture will come, as large as it will be.
export const gap = (kind) => h("span", { class: `sizes__gap sizes__gap--${kind}` });

function selectedBlock() {
  const block = h("section", { class: "selected-image", "aria-label": "Selected image" });
  const turn = latest(async () => {
    const { model, index, frame } = get();
    if (!model || !frame || frame.model !== model.name) return;
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
      const reply = await ask("select", { model: model.name, index, chart: frame.chart });
      set({ selection: { ...reply, model: model.name } });
      const side = wide.matches ? 84 : 56,
        original = unpack(reply.original),
        recon = unpack(reply.x_recon),
        error = unpack(reply.error_image),
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
          selectedSetters(),
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
            : fetchNotice(get().dataset),
        ),
        h("p", { class: "selected-image__votes" }, term("votes"), " ", votesText(reply.label_votes)),
      );
    } catch (fault) {
      fill(block, title("Selected"), h("p", { class: "warn" }, fault.message));
    }
  });
  on(["index", "frame", "images", "offline"], () => !get().offline && turn());
  return block;
}

const fact = (name, value, unit) =>
  value === null || value === undefined
    ? null
    : [h("dt", {}, name), h("dd", {}, number(value, 1), h("span", { class: "unit" }, ` ${unit}`))];

function sizesBlock() {
  const row = h("div", { class: "sizes__row" });
  const block = h(
    "section",
    { class: "sizes", "aria-label": "Every size" },
    title("Every size", h("span", { class: "inspector__what" }, "of z, the selected image")),
    row,
  );
  let last = null;
  const turn = latest(async () => {
    const models = family(),
      { dataset, recipe, index, latentDim } = get();
    if (!models.length) return fill(row, h("p", { class: "quiet" }, "No model of this kind yet."));
    const sizes = datasetOf(dataset)?.sizes ?? [],
      waiting = () => sizes.map((z) => one(z, modelOf(dataset, recipe, z), null, latentDim));
    if (!block.dataset.ready) fill(row, waiting());
    try {
      const key = JSON.stringify([dataset, recipe, index, get().images]);
      const reply =
        last?.key === key
          ? last.reply
          : await ask("reconstruct", { dataset, index, models: models.map((m) => m.name) });
      last = { key, reply };
      fill(
        row,
        sizes.map((z) => one(z, modelOf(dataset, recipe, z), reply, get().latentDim)),
      );
      block.dataset.ready = "yes";
      block.dataset.index = String(index);
    } catch (fault) {
      fill(row, waiting(), h("p", { class: "warn" }, fault.message)); // a size that the browser holds can still be gone to
    }
  });
  on(["index", "model", "images", "offline"], () => !get().offline && get().catalogue && turn());
  return block;
}

function one(z, model, reply, now) {
  const side = wide.matches ? 84 : 56;
  if (!model)
    return h(
      "span",
      {
        class: "sizes__one sizes__one--none",
        "data-hint": `Not trained yet: ${trainCommand(get().dataset, family()[0]?.recipe ?? get().recipe, z)}`,
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
      type: "button",
      class: "sizes__one",
      "aria-pressed": String(z === now),
      "data-size": String(z),
      "data-hint":
        value === null
          ? `Go to size ${z}`
          : `Go to size ${z}: recon ${number(value, 1)} nats${answer.kl === null ? "" : `, kl ${number(answer.kl, 1)} nats`} at the mean`,
      on: { click: () => choose({ latentDim: z }) },
    },
    h("b", {}, String(z)),
    answer
      ? pictureOf(unpack(answer.x_recon), 0, side, `through ${z} numbers`)
      : [gap("coming"), h("small", {}, "…")],
    value === null ? null : h("small", {}, `${number(value, 0)} nats`),
  );
}
