// One line and a button where a data set's images are missing, with progress while they come.
import { datasetOf, get } from "../state/store.js";
import { fill, h } from "./dom.js";

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
