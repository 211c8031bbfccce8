// The only module that knows Gradio: its tabs, its mode, its doors and its queued events.
import { get, on, set } from "../state/store.js";
import { say } from "../state/texts.js";

// Opens a tab by its key, as the table of sentences names it.
function openTab(key) {
  /** @type {NodeListOf<HTMLElement>} */
  const tabs = document.querySelectorAll("[role=tab]"),
    title = say(`page.tabs.${key}`);
  [...tabs].find((tab) => tab.textContent.trim() === title)?.click();
}

const REFUSALS = new Set([403, 413, 429]);

// Gradio hides why a question got no answer. The same request, as large, to an address that only wants to be read: the server's guard refuses it
// likewise, and where it does not, the address itself answers that it may only be read (405), which says that the server is there.
/** @param {object} [fields] */
async function probe(fields = {}) {
  try {
    const reply = await fetch(new URL("gradio_api/startup-events", document.baseURI), {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ data: fields }),
      cache: "no-store",
    });
    if (!REFUSALS.has(reply.status)) return { there: reply.ok || reply.status === 405 };
    const { error } = await reply.json().catch(() => ({}));
    return {
      there: false,
      refusal: error ?? say("page.shell.refused", { status: reply.status }),
      tooLarge: reply.status === 413,
      seconds: Number(reply.headers.get("Retry-After")) || 0,
    };
  } catch {
    return { there: false };
  }
}

// Downloading a data set is a queued event of Python's; its news come as the value of the part that started it.
function hearNews({ props, watch }, work) {
  watch("value", () => props.value && work(JSON.parse(props.value)));
}

// What a part is told of its surroundings, made of what Gradio gives it: {props, server, trigger, watch}.
export const shellOf = (given) => ({
  openTab,
  probe,
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

// Light and dark: follows the system until a person chooses, and remembers the choice. A host's wish in the address holds for this visit, until a press of the button.
const KEY = "lx-theme";
const system = matchMedia("(prefers-color-scheme: dark)");

function kept() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

// The wish that a host such as Hugging Face put into this visit's address, null where there is none.
export function wishOf() {
  const theme = new URL(location.href).searchParams.get("__theme");
  return ["light", "dark", "system"].includes(theme) ? theme : null;
}

function wanted() {
  const theme = wishOf() ?? kept() ?? "system";
  return theme === "system" ? system.matches : theme === "dark";
}

const apply = () => set({ dark: wanted() });

export function toggle() {
  const dark = !get().dark;
  try {
    if (dark === system.matches) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, dark ? "dark" : "light");
  } catch {
    // a private window keeps no choice; it lasts until the reload
  }
  if (wishOf()) {
    // a reload, too, shows what was pressed
    const search = location.search.replace(/__theme=[^&]*/, `__theme=${dark ? "dark" : "light"}`);
    history.replaceState(history.state, "", search + location.hash);
  }
  set({ dark });
}

system.addEventListener("change", apply);
keepDark();
apply();
