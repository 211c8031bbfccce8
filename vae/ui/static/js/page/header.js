// The top of the page: data set, recipe, size of z, light or dark, a link to this very view; and the page's start.
import { datasetOf, get, modelOf, modelsOf, on, set, variantsOf } from "../state/store.js";
import { field, fill, h, segmented, select } from "../parts/dom.js";
import { linkTo, readLink, snippet, syncAddress } from "./link.js";
import { copyText } from "../parts/clipboard.js";
import { notTrained } from "../parts/absent.js";
import { fillIn, say, sentence } from "../state/texts.js";
import { connect } from "../explorer/server.js";
import { changedLine, watchModels } from "./watch.js";
import * as explorer from "../explorer/explorer.js";
import { choose, main } from "../state/mapview.js";
import { askNow } from "../explorer/patience.js";
import { tellWaiting, toggle } from "./shell.js";

const TRAITS = ["seed", "epochs", "beta", "date"];
const trait = (key, value) => say(`page.header.traits.${key}`, { value });

// What tells models of one variant and size apart; their folders' names where that does not.
function differences(models) {
  const told = TRAITS.filter((key) => new Set(models.map((m) => m.traits[key])).size > 1),
    texts = models.map((m) => told.map((key) => trait(key, m.traits[key])).join(", "));
  return texts.map((text, k) =>
    text && texts.indexOf(text) === texts.lastIndexOf(text) ? text : models[k].name,
  );
}

// A list of the models that share data set, recipe and size, where there are several.
function twins({ dataset, recipe, latentDim, chosen }) {
  const models = modelsOf(dataset, recipe, latentDim);
  if (models.length < 2) return null;
  const texts = differences(models),
    options = models.map((m, k) => ({ value: m.name, text: texts[k] }));
  const hint = say("page.header.model.hint", { n: models.length, chosen });
  return field(
    say("page.header.model.label"),
    select(say("page.header.model.label"), options, chosen, (name) => choose({ model: name }), hint),
  );
}

const dismiss = () =>
  h(
    "button",
    {
      key: "dismiss",
      type: "button",
      class: "head__dismiss",
      "aria-label": say("page.header.dismiss"),
      on: { click: () => set({ news: null }) },
    },
    "×",
  );

// What is said while the server is too busy for this page's questions, and after a minute a button that asks them at once.
function waitingLine(busy) {
  if (!busy) return [null];
  if (busy === "long") return [say("page.again.long"), { text: say("common.try_again"), work: askNow }];
  return [busy === "soon" ? say("page.again.busy") : say("page.again.seconds", { seconds: busy })];
}

// What a recipe is, in one line.
function recipeHint(recipe) {
  const hint = sentence("recipes", recipe, "hint");
  return hint ? fillIn(hint, get().catalogue.recipes[recipe]) : say("page.header.recipe.hint");
}

// Light or dark, and what can be copied: a link to this view, and its image as Python.
function tools() {
  const mode = h(
    "button",
    {
      type: "button",
      class: "icon",
      "aria-label": say("page.header.mode.label"),
      "data-hint": say("page.header.mode.hint"),
      on: { click: toggle },
    },
    icon("mode"),
  );
  const link = h(
    "button",
    {
      type: "button",
      class: "icon",
      "aria-label": say("page.header.link.label"),
      "data-hint": say("page.header.link.label"),
      on: { click: () => copy(link, "link", linkTo()) },
    },
    icon("link"),
  );
  const code = h(
    "button",
    {
      type: "button",
      class: "icon",
      "aria-label": say("page.header.code.label"),
      "data-hint": say("page.header.code.hint"),
      on: { click: () => copy(code, "code", snippet()) },
    },
    icon("code"),
  );
  return [mode, code, link];
}

async function copy(button, kind, text) {
  const copied = Boolean(text) && (await copyText(text)),
    outcome = copied ? "copied" : "failed";
  button.dataset.hint = text ? say(`page.header.${kind}.${outcome}`) : say("page.header.no_place");
  if (copied) button.dataset.copied = text;
  else delete button.dataset.copied;
  button.dispatchEvent(new PointerEvent("pointerover", { bubbles: true }));
}

// Which data set, which recipe and which size of z, each with what there is of it.
function controlsOf(state) {
  const { datasets } = state.catalogue,
    dataset = datasetOf(state.dataset);
  const data = segmented(
    say("page.header.data.group"),
    datasets.map((d) => ({
      value: d.name,
      text: sentence("page", "header", "data", "short", d.name) ?? d.title,
      hint: say("page.header.data.hint", { title: d.title, height: d.shape[1], width: d.shape[2] }),
    })),
    state.dataset,
    (value) => choose({ dataset: value }),
  );
  const variants = variantsOf(state.dataset);
  const recipes = select(
    say("page.header.recipe.label"),
    (variants.length ? variants : ["default"]).map((v) => ({ value: v, text: v })),
    state.recipe,
    (value) => choose({ recipe: value }),
    recipeHint(state.recipe),
  );
  const sizes = segmented(
    say("common.size_of_z"),
    (dataset?.sizes ?? []).map((z) => {
      const there = modelOf(state.dataset, state.recipe, z);
      return {
        value: z,
        text: String(z),
        disabled: !there,
        hint: there ? say("page.header.size_hint", { z }) : notTrained(state.dataset, state.recipe, z),
      };
    }),
    state.latentDim,
    (value) => choose({ latentDim: value }),
  );
  return [
    field(say("page.header.data.label"), data),
    field(say("page.header.recipe.label"), recipes),
    field(say("common.size_of_z"), sizes),
    twins(state),
  ];
}

export function mount({ element, shell }) {
  connect(shell);
  const name = h("h1", { class: "head__name" }, say("page.title"));
  const controls = h("div", { class: "head__controls" }),
    device = h("p", { class: "head__device" });
  const alarm = h("div", { class: "head__alarm", role: "alert", hidden: true });
  const fold = h(
    "button",
    {
      type: "button",
      class: "head__fold",
      "aria-expanded": "false",
      on: {
        click: () => {
          const open = head.classList.toggle("head--open");
          fold.setAttribute("aria-expanded", String(open));
        },
      },
    },
    "",
  );
  const head = h(
    "header",
    { class: "head" },
    name,
    fold,
    controls,
    h("div", { class: "head__tools" }, tools()),
    device,
    alarm,
  );
  fill(element, head);

  on(["catalogue", "dataset", "recipe", "latentDim", "chosen"], (state) => {
    if (!state.catalogue) return;
    fill(controls, controlsOf(state));
    const title = datasetOf(state.dataset)?.title ?? "";
    fill(fold, `${title} · ${state.recipe ?? ""} · z ${state.latentDim ?? ""}`);
  });
  on(["offline", "news", "changed"], ({ offline, news }) => {
    const line = offline ?? changedLine() ?? (news && [news, dismiss()]);
    alarm.hidden = !line;
    fill(alarm, line);
  });
  start(device, element, alarm);
  on(["offline", "busy"], ({ offline, busy }) => tellWaiting(...(offline ? [null] : waitingLine(busy))));

  shell.onNews((news) => {
    set({ downloads: { ...get().downloads, [news.dataset]: news } });
    if (news.done) reload();
  });
}

async function reload() {
  set({ catalogue: await explorer.catalogue(), images: get().images + 1 });
}

async function start(device, element, alarm) {
  try {
    const catalogue = await explorer.catalogue();
    set({ catalogue });
    alarm.hidden = true;
    const linked = readLink(catalogue),
      opens = catalogue.models.find((m) => m.name === catalogue.opens);
    choose({
      model: linked.model,
      dataset: linked.dataset ?? opens?.dataset ?? catalogue.datasets[0].name,
      recipe: linked.recipe ?? "default",
      latentDim: linked.latentDim ?? 2,
    });
    main.set({ ...linked.view, news: linked.news });
    syncAddress();
    watchModels();
    element.dataset.ready = "yes";
    device.textContent = await explorer.deviceName();
  } catch (fault) {
    alarm.hidden = false;
    fill(alarm, fault.message);
  }
}

const PATHS = {
  mode: "M8 1.5a6.5 6.5 0 1 0 0 13zM8 1.5a6.5 6.5 0 0 1 0 13",
  code: "M5.5 4.5L2 8l3.5 3.5M10.5 4.5L14 8l-3.5 3.5",
  link: "M6.5 9.5l3-3M7 4.5l1.6-1.6a3 3 0 0 1 4.3 4.3L11.3 8.8M9 11.5l-1.6 1.6a3 3 0 0 1-4.3-4.3l1.6-1.6",
};
export function icon(kind) {
  const holder = h("span", { class: `icon__${kind}`, "aria-hidden": "true" });
  holder.innerHTML = `<svg viewBox="0 0 16 16" width="16" height="16" fill="none" stroke="currentColor" stroke-width="1.4"><path d="${PATHS[kind]}"${kind === "mode" ? ' fill="currentColor" fill-rule="evenodd" clip-path="inset(0 50% 0 0)"/><circle cx="8" cy="8" r="6.5"' : ""}/></svg>`;
  return holder;
}
