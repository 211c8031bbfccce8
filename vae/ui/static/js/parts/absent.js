// What is said where something is missing: a data set's images, with a button to fetch them and progress; a model, with the command that trains it.
import { datasetOf, get } from "../state/store.js";
import { command, fill, h } from "./dom.js";

const running = new Map(); // dataset -> last news

function line(box, dataset) {
  const news = running.get(dataset),
    title = datasetOf(dataset)?.title ?? dataset;
  const button = (text, work) => h("button", { type: "button", class: "button", on: { click: work } }, text);
  const begin = () => {
    running.set(dataset, { share: 0, text: "asking for the files" });
    line(box, dataset);
    document.dispatchEvent(new CustomEvent("lx-fetch", { detail: dataset }));
  };
  if (get().catalogue?.public)
    return fill(
      box,
      h(
        "p",
        {},
        `The original images of ${title} are not on this server, and visitors of a public page cannot start downloads; everything else works.`,
      ),
    );
  if (!news || news.done)
    return fill(
      box,
      h("p", {}, `The original images of ${title} are not on this computer; everything else works.`),
      button("Fetch them", begin),
    );
  if (news.error) return fill(box, h("p", { class: "warn" }, news.error), button("Try again", begin));
  return fill(
    box,
    h("progress", { max: 1, value: news.share, "aria-label": "download" }),
    h("p", { class: "quiet" }, news.text),
    button("Cancel", () => document.dispatchEvent(new CustomEvent("lx-cancel"))),
  );
}

const shown = new Map(); // box -> dataset
document.addEventListener("lx-fetched", ({ detail }) => {
  running.set(detail.dataset, detail);
  for (const [box, dataset] of [...shown]) {
    if (!box.isConnected) shown.delete(box);
    else if (dataset === detail.dataset) line(box, dataset);
  }
});

export function fetchNotice(dataset) {
  const box = h("div", { class: "fetch", role: "status" });
  shown.set(box, dataset);
  line(box, dataset);
  return box;
}

export const trainCommand = (dataset, recipe, latentDim) =>
  `python -m vae train --dataset ${dataset} --recipe ${recipe} --latent-dims ${latentDim}`;

export function noModels() {
  const { models, broken } = get().catalogue,
    faults = Object.keys(broken).length;
  if (models.length) return missing();
  return h(
    "div",
    { class: "empty" },
    h("h2", {}, "There is no model here yet"),
    h(
      "p",
      {},
      "Train one on scikit-learn’s handwritten digits: it needs no download and takes seconds. Then reload this page.",
    ),
    command("python -m vae train --dataset digits --recipe default --latent-dims 2,5,10,20"),
    faults
      ? h(
          "p",
          { class: "quiet" },
          `${faults} ${faults === 1 ? "folder" : "folders"} in models cannot be opened; About says why.`,
        )
      : null,
  );
}

// This data set has no model yet, though others have.
function missing() {
  const { dataset, datasets } = { ...get(), ...get().catalogue },
    known = datasets.find((d) => d.name === dataset);
  return h(
    "div",
    { class: "empty" },
    h("h2", {}, `There is no model of ${known?.title ?? dataset} yet`),
    h("p", {}, "Train one with this command, then reload this page; or choose another data set above."),
    command(trainCommand(dataset, "default", (known?.sizes ?? [2]).join(","))),
  );
}
