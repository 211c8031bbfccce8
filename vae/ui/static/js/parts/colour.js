// What the colour of a code says: its class, or a figure of its own with its scale.
import { hasImages, keyOf } from "../state/store.js";
import { h, number, percent } from "./dom.js";
import { klOf } from "../space/latent.js";
import * as explorer from "../explorer/explorer.js";
import { say } from "../state/texts.js";

export const COLOURS = {
  label: [say("parts.colour.label.name"), say("parts.colour.label.hint")],
  kl: [say("parts.colour.kl.name"), say("parts.colour.kl.hint")],
  recon: [say("parts.colour.recon.name"), say("parts.colour.recon.hint")],
  trust: [say("parts.colour.trust.name"), say("parts.colour.trust.hint")],
};
const SCALE = ["#440154", "#414487", "#2a788e", "#22a884", "#7ad151", "#fde725"]; // viridis: even steps to the eye and to the colour-blind
const known = new Map();

// The scale in 255 steps of "#rrggbb".
export function shades() {
  const part = (a, b, t, k) =>
    Math.round(parseInt(a.slice(k, k + 2), 16) * (1 - t) + parseInt(b.slice(k, k + 2), 16) * t)
      .toString(16)
      .padStart(2, "0");
  return Array.from({ length: 255 }, (_, i) => {
    const at = (i / 254) * (SCALE.length - 1),
      k = Math.min(SCALE.length - 2, Math.floor(at));
    return `#${[1, 3, 5].map((c) => part(SCALE[k], SCALE[k + 1], at - k, c)).join("")}`;
  });
}

// Whether a colouring can be had for the model that is shown.
export function paints(what, { local, model }) {
  if (what === "kl" || what === "trust")
    return Boolean((what === "trust" || model?.variational) && local?.key === keyOf(model));
  return what !== "recon" || hasImages(model?.dataset);
}

// The figure of every code, null where the server cannot count it.
export async function valuesOf(what, { model, frame, local }) {
  if (what === "trust") return (await explorer.pointwise("trust", model, frame)).values;
  const key = `${what} ${keyOf(model)}`;
  if (!known.has(key)) {
    const coming = what === "kl" ? Promise.resolve(klOf(local)) : explorer.recons(model);
    known.set(key, coming);
    coming.catch(() => known.delete(key));
  }
  return known.get(key);
}

// {what, frame, values, low, high} of the chosen colouring, null for labels; the scale runs from the 2nd to the 98th hundredth.
export async function colouring(map) {
  const state = map.get(),
    { colour: what, frame } = state;
  if (what === "label" || !paints(what, state)) return null;
  const values = await valuesOf(what, state);
  if (!values || map.get().frame !== frame || map.get().colour !== what) return null;
  const sorted = values.slice().sort(),
    at = (share) => sorted[Math.round(share * (sorted.length - 1))];
  return { what, frame, values, low: at(0.02), high: at(0.98) };
}

// The scale's key, from its low to its high end.
export function scaleKey({ what, low, high }) {
  const text = (value) =>
    what === "trust" ? percent(value) : say("common.nats", { value: number(value, 1) });
  return h(
    "div",
    {
      class: "scale",
      role: "img",
      "aria-label": say("parts.colour.scale", { name: COLOURS[what][0], low: text(low), high: text(high) }),
    },
    h("span", {}, text(low)),
    h("i", { style: `background:linear-gradient(90deg, ${SCALE.join(", ")})` }),
    h("span", {}, text(high)),
  );
}
