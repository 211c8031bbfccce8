// Models that are added, trained again or removed while the page is open: noticed with the page's own questions, never under a hand.
import { get, keyOf, set, tokens } from "../state/store.js";
import { choose, main } from "../state/mapview.js";
import { onAnswer } from "../explorer/server.js";
import * as explorer from "../explorer/explorer.js";
import { say } from "../state/texts.js";
import { h } from "../parts/dom.js";

let held = false; // a button or finger is down: a stroke or a drag
for (const [name, down] of /** @type {[string, boolean][]} */ ([
  ["pointerdown", true],
  ["pointerup", false],
  ["pointercancel", false],
]))
  document.addEventListener(name, () => (held = down), { capture: true });

let asked = 0, // when the list was last asked for
  due = false, // an answer has said that it has changed
  looking = false;
async function look() {
  if (held || document.hidden || !get().catalogue || looking) return;
  const now = performance.now();
  if (!due && now - asked < tokens.revisionMs) return;
  asked = now;
  looking = true;
  try {
    if (due || (await explorer.revision()) !== get().catalogue.revision) await lookAnew();
  } catch {
    // the next answer looks again
  }
  looking = false;
}

async function lookAnew() {
  if (held) return;
  const catalogue = await explorer.catalogue();
  if (held) return; // the next question looks again
  due = false;
  take(catalogue);
}

// The new list; what is open stays open until a person loads what has replaced it.
function take(catalogue) {
  const { model, dataset } = main.get(),
    now = model && catalogue.models.find((m) => m.name === model.name),
    first = !get().catalogue.models.length;
  set({ catalogue });
  if (!model) {
    if (first) choose({ model: catalogue.opens });
    else if (catalogue.models.some((m) => m.dataset === dataset)) choose({});
    return;
  }
  if (!now || keyOf(now) !== keyOf(model)) set({ changed: model.name });
}

// Loads what has taken the open model's place, in the same view where it is of the same kind and size; where it is gone, what is nearest to it.
function load() {
  const { changed, catalogue, dataset, recipe, latentDim } = get(),
    model = catalogue.models.find((m) => m.name === changed);
  if (model && model.dataset === dataset && model.variant === recipe && model.latent_dim === latentDim)
    main.set({ model, changed: null, here: null, selection: null });
  else choose({ model: model?.name });
}

// The line about the open model, null while there is nothing to say.
export function changedLine() {
  const { changed, catalogue } = get();
  if (!changed) return null;
  const there = catalogue.models.some((m) => m.name === changed);
  return [
    there ? say("page.watch.again", { model: changed }) : say("page.watch.gone", { model: changed }),
    " ",
    h(
      "button",
      { key: "load", type: "button", class: "button", on: { click: load } },
      there ? say("page.watch.load") : say("page.watch.show_another"),
    ),
  ];
}

export function watchModels() {
  asked = performance.now(); // the page has just been given it
  onAnswer((changed) => {
    due ||= changed.length > 0;
    look();
  });
  document.addEventListener("pointerup", () => due && look());
  document.addEventListener("visibilitychange", look);
}
