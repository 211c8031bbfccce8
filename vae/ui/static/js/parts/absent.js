// What is said where something is missing: a data set's images, with a button to fetch them and progress; a model, with the command that trains it.
import { datasetOf, get, on, set } from "../state/store.js";
import { fill, h } from "./dom.js";
import { command } from "./clipboard.js";
import { cancelFetch, fetchImages } from "../explorer/server.js";
import { fillIn, say, saying } from "../state/texts.js";

function line(box, dataset, news) {
  const { catalogue } = get(),
    { title = dataset, fault } = datasetOf(dataset) ?? {};
  const button = (text, work) =>
    h("button", { key: text, type: "button", class: "button", on: { click: work } }, text);
  const begin = () => {
    set({ downloads: { ...get().downloads, [dataset]: { share: 0, text: say("common.asking") } } });
    fetchImages(dataset);
  };
  if (fault) return fill(box, h("p", {}, fault)); // a download leaves files that are there as they are
  if (catalogue?.public) return fill(box, h("p", {}, say("parts.absent.public", { title })));
  if (!news || news.done)
    return fill(
      box,
      h("p", {}, say("parts.absent.here", { title })),
      button(say("parts.absent.fetch"), begin),
    );
  if (news.error)
    return fill(box, h("p", { class: "warn" }, news.error), button(say("common.try_again"), begin));
  return fill(
    box,
    h("progress", { max: 1, value: news.share, "aria-label": say("parts.absent.download") }),
    h("p", { class: "quiet" }, news.text, timeLeft(news.seconds_left)),
    button(say("common.cancel"), cancelFetch),
  );
}

const timeLeft = (seconds) =>
  !seconds
    ? ""
    : seconds < 90
      ? say("parts.absent.seconds_left", { seconds })
      : say("parts.absent.minutes_left", { minutes: Math.round(seconds / 60) });

// The line for a data set; it ends by itself once it has left the page.
export function fetchNotice(dataset) {
  const box = h("div", { class: "fetch", role: "status" });
  let placed = false,
    shown = null;
  const off = on(["downloads"], ({ downloads }) => {
    placed ||= box.isConnected;
    if (placed && !box.isConnected) return void off();
    const news = downloads[dataset];
    if (shown && shown.news === news) return;
    shown = { news };
    line(box, dataset, news);
  });
  return box;
}

// The command that trains a variant of a data set at these sizes of z, with all its flags.
function trainCommand(dataset, variant, sizes) {
  const known = get().catalogue.commands[dataset];
  return fillIn(known[variant] ?? known.default, { latent_dims: sizes });
}

// The same in a table's cell, with the command to copy.
export const notTrainedCell = (dataset, variant, size) =>
  get().catalogue.public
    ? notTrained(dataset, variant, size)
    : saying("parts.absent.cell", {
        command: h("code", { class: "formula" }, trainCommand(dataset, variant, size)),
      });

// What is said of a size without a model: where one can train, how.
export const notTrained = (dataset, variant, size) =>
  get().catalogue.public
    ? say("parts.absent.no_size", { size })
    : say("parts.absent.not_trained", { command: trainCommand(dataset, variant, size) });

export function noModels() {
  const { models, broken } = get().catalogue,
    faults = Object.keys(broken).length;
  if (models.length) return missing();
  return h(
    "div",
    { class: "empty" },
    h("h2", {}, say("parts.absent.none")),
    h("p", {}, say("parts.absent.train_digits")),
    command(trainCommand("digits", "default", "2,5,10,20")),
    faults ? h("p", { class: "quiet" }, say("parts.absent.broken", { n: faults })) : null,
  );
}

// This data set has no model yet, though others have.
function missing() {
  const { dataset, datasets } = { ...get(), ...get().catalogue },
    known = datasets.find((d) => d.name === dataset);
  return h(
    "div",
    { class: "empty" },
    h("h2", {}, say("parts.absent.none_of", { title: known?.title ?? dataset })),
    h("p", {}, say("parts.absent.train_one")),
    command(trainCommand(dataset, "default", (known?.sizes ?? [2]).join(","))),
  );
}
