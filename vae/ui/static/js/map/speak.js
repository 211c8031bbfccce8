// The place on the map in words, for those who hear the page: once it has stopped moving, politely.
import { get, on, tokens } from "../state/store.js";
import { h, percent, vectorText } from "../parts/dom.js";
import { votesText } from "./here.js";

export function speaker() {
  const line = h("p", { class: "unseen", "aria-live": "polite", role: "status" });
  let waiting = null;
  on(["here"], () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      const { here, model } = get();
      if (!here || here.model !== model?.name) return;
      const support = here.support === null ? "" : `, support ${percent(here.support)}`;
      line.textContent = `z ${vectorText(here.z)}, looks like ${votesText(here.label_votes)}${support}`;
    }, tokens.map.speakMs);
  });
  return line;
}
