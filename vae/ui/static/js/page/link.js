// The view as an address and back, by a table of what a link holds; and the place as Python.
import { axesOf, chartOf, planeOf } from "../space/chart.js";
import { datasetOf, modelOf, tokens } from "../state/store.js";
import { main } from "../state/mapview.js";
import { say } from "../state/texts.js";
import { vectorText } from "../parts/dom.js";
import { GROUNDS } from "../map/ground.js";
import { COLOURS } from "../parts/colour.js";
import { readPath, writePath } from "../map/ends.js";
import { pickText, readPick } from "../space/outline.js";
import { wishOf } from "./shell.js";

const { get, on } = main;
const farthest = () => get().catalogue.limits.z; // a place farther out than this says nothing

// Numbers separated by commas, null where one of them is none or they are not as many as wanted.
function numbers(text, wanted = undefined) {
  const all = text.split(",").map((part) => (part.trim() === "" ? NaN : Number(part)));
  return all.every((v) => Number.isFinite(v) && Math.abs(v) <= farthest()) &&
    (wanted === undefined || all.length === wanted)
    ? all
    : null;
}
const rounded = (values) => Array.from(values, (v) => Number(v.toFixed(4))).join(",");
const whole = (text, key) => (/^\d{1,7}$/.test(text) ? { [key]: Number(text) } : null);

function chartNamed(text, { latentDim }) {
  const axes = axesOf(text),
    corners = planeOf(text);
  const good = axes
    ? axes[0] !== axes[1] && Math.max(...axes) < latentDim
    : corners
      ? new Set(corners).size === 3
      : /^(pca|umap)$/.test(text);
  return good ? { chart: text } : null;
}

function viewOf(text) {
  const [u, v, span] = numbers(text, 3) ?? [];
  return span > 0 ? { view: { u, v, span } } : null;
}

function placeOf(text) {
  const uv = numbers(text, 2);
  return uv && { uv, click: uv };
}

function hiddenOf(text) {
  const labels = numbers(text);
  return labels?.every((v) => Number.isInteger(v) && v >= 0 && v < 256) ? { hidden: new Set(labels) } : null;
}

function labelOf(text, { dataset }) {
  const { classes } = datasetOf(dataset) ?? get().catalogue.datasets[0];
  return Number(text) < classes.length ? whole(text, "label") : null;
}

function pickOf(text, { dataset }) {
  const picked = readPick(text, { ...tokens.pick, farthest: farthest() }),
    known = (name) =>
      get().catalogue.models.some((m) => m.name === name && m.dataset === (dataset ?? m.dataset));
  return picked?.strokes.every(({ of }) => !of || known(of.model)) ? { picked } : null;
}

// What a link holds beside the model: its key, the parts of the store it depends on, how it is written (null: left out) and how it is read:
// a patch of the store, or null for what cannot be. `read` is told of the model {dataset, recipe, latentDim} that the link opens.
/** @type {{key: string, of: string[], write: (state: any) => any, read: (text: string, model?: any) => any}[]} */
const FIELDS = [
  {
    key: "chart",
    of: ["chart", "frame"],
    write: ({ chart, frame }) => chart ?? frame?.chart,
    read: chartNamed,
  },
  {
    key: "anchor",
    of: ["anchor"],
    write: ({ anchor }) => anchor,
    read: (text) => whole(text, "anchor"),
  },
  {
    key: "ground",
    of: ["ground"],
    write: ({ ground }) => ground,
    read: (text) => (Object.hasOwn(GROUNDS, text) ? { ground: text } : null),
  },
  {
    key: "colour",
    of: ["colour"],
    write: ({ colour }) => colour,
    read: (text) => (Object.hasOwn(COLOURS, text) ? { colour: text } : null),
  },
  {
    key: "codes",
    of: ["codes"],
    write: ({ codes }) => (codes === "all" ? codes : null),
    read: (text) => (text === "all" ? { codes: text } : null),
  },
  {
    key: "view",
    of: ["view"],
    write: ({ view }) => view && rounded([view.u, view.v, view.span]),
    read: viewOf,
  },
  {
    key: "at",
    of: ["click"],
    write: ({ click, uv }) => (click ?? uv) && rounded(click ?? uv),
    read: placeOf,
  },
  {
    key: "path",
    of: ["path"],
    write: ({ path }) => writePath(path),
    read: (text) => readPath(text, farthest()),
  },
  {
    key: "image",
    of: ["index"],
    write: ({ index }) => index,
    read: (text) => whole(text, "index"),
  },
  {
    key: "hide",
    of: ["hidden"],
    write: ({ hidden }) => [...hidden].join(",") || null,
    read: hiddenOf,
  },
  {
    key: "pick",
    of: ["picked"],
    write: ({ picked }) => picked && pickText(picked),
    read: pickOf,
  },
  {
    key: "as",
    of: ["label", "model"],
    write: ({ model, label }) => (model?.conditional ? label : null),
    read: labelOf,
  },
];

// Which model a link opens: its folder and the revision of its weights; where there is none, what was asked for.
const modelFields = ({ model, dataset, recipe, latentDim }) =>
  model ? { model: model.name, rev: model.rev } : { data: dataset, recipe, z: latentDim };

// The query of this view: nothing but what is ours, so that what a host put into the address does not travel on.
export function query() {
  const state = get(),
    kept = new URLSearchParams();
  for (const [key, value] of [
    ...Object.entries(modelFields(state)),
    ...FIELDS.map((field) => [field.key, field.write(state)]),
  ]) {
    if (value !== null && value !== undefined) kept.set(key, value);
  }
  return kept.toString().replaceAll("%2C", ",").replaceAll("%3A", ":").replaceAll("%3B", ";");
}

// The address for others: on a Space its own, never that of the frame it sits in.
export function linkTo() {
  const { space } = get().catalogue ?? {},
    address = new URL(space ? `https://${space}/` : location.href.split(/[?#]/)[0]);
  address.search = query();
  return address.href;
}

// The address bar follows the view once it rests; in a Space's frame the visible bar is the parent's.
export function syncAddress() {
  let waiting = null;
  const write = () => {
    const search = query(),
      theme = wishOf(); // the host's wish stays in the address of this visit alone
    history.replaceState(null, "", `?${search}${theme ? `&__theme=${theme}` : ""}`);
    if (get().catalogue.space && window.parent !== window)
      window.parent.postMessage({ queryString: search }, "https://huggingface.co");
  };
  on([...new Set(["dataset", ...FIELDS.flatMap((field) => field.of)])], () => {
    clearTimeout(waiting);
    if (main.drawn || !get().model) waiting = setTimeout(write, tokens.linkMs);
  });
}

// The model that a link asks for: by its folder's name, or, as old links do, by data set, recipe and size; as far as it exists.
function modelOfLink(asked, { datasets, models }, fault) {
  const named = models.find((m) => m.name === asked.get("model"));
  if (asked.has("model") && !named) fault("model", asked.get("model"));
  if (named)
    return {
      model: named.name,
      dataset: named.dataset,
      latentDim: named.latent_dim,
      changed: asked.has("rev") && asked.get("rev") !== named.rev,
    };
  const text = (key) => asked.get(key);
  const { name: dataset, sizes } = datasets.find((d) => d.name === text("data")) ?? {};
  const inSet = models.filter((m) => m.dataset === (dataset ?? m.dataset));
  if (dataset && !inSet.length)
    return { dataset, latentDim: sizes.find((size) => String(size) === text("z")) ?? null }; // the page itself says that there is no model of it
  const recipe = inSet.find((m) => m.variant === text("recipe"))?.variant,
    latentDim = inSet.find((m) => String(m.latent_dim) === text("z"))?.latent_dim ?? null;
  if (asked.has("data") && !dataset) fault("data", text("data"));
  if (asked.has("recipe") && !recipe) fault("recipe", text("recipe"));
  if (asked.has("z") && latentDim === null) fault("z", text("z"));
  if (dataset && recipe && latentDim !== null && !modelOf(dataset, recipe, latentDim)) {
    fault("model", say("page.link.family", { dataset, recipe, z: latentDim }));
    return { latentDim: null };
  }
  return { dataset, recipe, latentDim };
}

// What an address asks for, as far as it exists; the rest is left to the defaults, and one line says so.
export function readLink(catalogue) {
  const asked = new URL(location.href).searchParams,
    view = {},
    faults = [];
  const fault = (key, text) => faults.push(say(`page.link.asked.${key}`, { value: text.slice(0, 40) }));
  const opens = modelOfLink(asked, catalogue, fault),
    model = { ...opens, latentDim: opens.latentDim ?? 2 };
  for (const { key, read } of FIELDS) {
    if (!asked.has(key)) continue;
    const patch = read(asked.get(key), model);
    if (patch) Object.assign(view, patch);
    else fault(key, asked.get(key));
  }
  const news = [];
  if (opens.changed) news.push(say("page.link.trained_again", { model: opens.model }));
  if (faults.length)
    news.push(say("page.link.not_here", { n: faults.length, asked: faults.join(say("page.link.and")) }));
  return { ...opens, view, news: news.join(" ") || null };
}

// The image at Here as a few lines of Python against the library's public names; null where no place is known yet.
export function snippet() {
  const { model, frame, uv, here, label, catalogue, local } = get();
  const z =
    main.drawn && uv
      ? (chartOf(frame, local)?.toLatent(uv) ?? (here?.model === model.name ? here.z : null))
      : null;
  if (!z) return null;
  const numbers = Array.from(z, (v) => String(Number(v.toPrecision(9)))),
    lines = [];
  for (let i = 0; i < numbers.length; i += 8) lines.push(numbers.slice(i, i + 8).join(", "));
  const given = model.conditional ? `, torch.tensor([${label}])` : "",
    [channels] = model.image_shape;
  /* eslint-disable no-restricted-syntax -- Python code */
  return `# ${model.name} at z = ${vectorText(z)}; run it where app.py runs
import torch
from vae import load_model

model = load_model(${JSON.stringify(`${catalogue.folder}/${model.name}`)})
z = torch.tensor([[${lines.join(",\n                   ")}]])
with torch.inference_mode():
    image = model.decode(z${given})[0${channels === 1 ? ", 0" : ""}].numpy()  # ${(channels === 1 ? model.image_shape.slice(1) : model.image_shape).join(" x ")}, 0 is paper, 1 is ink
`;
}
