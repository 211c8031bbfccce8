// What the codes around a place say of it, to be read: support as a meter and as a fade, votes in words.
import { classNames, tokens } from "../state/store.js";
import { h, percent } from "./dom.js";

export const named = (name) => (/^\d$/.test(name) ? `${name === "8" ? "an" : "a"} ${name}` : name);

export const votesText = (votes, names = classNames()) =>
  Object.entries(votes)
    .sort((a, b) => b[1] - a[1])
    .slice(0, 3)
    .map(([label, share]) => `${names[label] ?? label} (${percent(share)})`)
    .join(", ");

export const fade = (support) => Math.min(1, Math.max(tokens.support.faint, support / tokens.support.full));

export function meter(support = 0) {
  const cells = Array.from({ length: 5 }, () => h("i", {})),
    element = h(
      "span",
      {
        class: "meter",
        role: "meter",
        "aria-valuemin": "0",
        "aria-valuemax": "100",
        "aria-label": "support",
      },
      cells,
    );
  element.put = (share) => {
    cells.forEach((cell, i) => cell.classList.toggle("meter__on", i < Math.round(share * 5)));
    element.setAttribute("aria-valuenow", String(Math.round(share * 100)));
  };
  element.put(support);
  return element;
}
