// The only module that knows Gradio: its tabs, its mode, its doors and its queued events.
import { get, on } from "../state/store.js";

function openTab(name) {
  /** @type {NodeListOf<HTMLElement>} */
  const tabs = document.querySelectorAll("[role=tab]");
  [...tabs].find((tab) => tab.textContent.trim() === name)?.click();
}

async function alive() {
  try {
    return (await fetch(new URL("gradio_api/startup-events", document.baseURI), { cache: "no-store" })).ok;
  } catch {
    return false;
  }
}

// Downloading a data set is a queued event of Python's; its news come as the value of the part that started it.
function hearNews({ props, watch }, work) {
  watch("value", () => props.value && work(JSON.parse(props.value)));
}

// What a part is told of its surroundings, made of what Gradio gives it: {props, server, trigger, watch}.
export const shellOf = (given) => ({
  openTab,
  alive,
  doors: given.server,
  fetchImages: (dataset) => given.trigger("fetch_images", { dataset }),
  cancelFetch: () => given.trigger("cancel_fetch", {}),
  onNews: (work) => hearNews(given, work),
});

// The page is as dark as the store says, whatever Gradio makes of it when it mounts.
export function keepDark() {
  const { classList } = document.body,
    put = () => classList.contains("dark") !== get().dark && classList.toggle("dark", get().dark);
  on(["dark"], put);
  new MutationObserver(put).observe(document.body, { attributeFilter: ["class"] });
}
