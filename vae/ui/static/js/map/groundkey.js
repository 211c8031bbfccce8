// What the ground behind the codes says, in one line with its scale.
import { count, h, number, percent } from "../parts/dom.js";
import { tokens } from "../state/store.js";

const TEXTS = {
  manifold: () => [
    `each tile: what the decoder draws there, fainter where support is under ${percent(tokens.support.full)}`,
  ],
  class: () => ["colour: the most votes of the 15 nearest codes, pale where they disagree"],
  density: ({ high }) => [
    "0",
    high < 100 ? number(high, 1) : count(Math.round(high)),
    "codes to a unit of area",
  ],
  support: () => ["0", percent(1), "support: as near to a code as codes lie to each other"],
  stretch: ({ low, high }) => [
    `calm ${number(low, 1)}`,
    `${number(high, 1)} fast`,
    "stretch: how fast the image changes, log √det JᵀJ",
  ],
};

// shown: {what, low, high}; the scale is drawn where the text has two ends.
export function legendOf(shown) {
  const parts = TEXTS[shown.what](shown);
  if (parts.length === 1) return parts;
  const [from, to, text] = parts;
  return [h("span", {}, from), h("i", { class: "latent-map__ramp" }), h("span", {}, to), h("span", {}, text)];
}
