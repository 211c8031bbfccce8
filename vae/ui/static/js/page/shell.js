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

/** @type {any} */
const early = window; // see again.js

// Where questions go and what goes with them, as Gradio's own client would ask: it is let ask once, and what it would send is kept. Its own way
// hides why a question got no answer.
let way = null;
function wayOf(doors) {
  if (way) return way;
  const { fetch } = window;
  window.fetch = async (input, init) => {
    way = { url: String(input), init, body: JSON.parse(String(init.body)) };
    return new Response("null");
  };
  try {
    doors.revision({});
  } finally {
    window.fetch = fetch;
  }
  return way;
}

// What came of a request: its answer, or why there is none and how long to wait.
async function replyOf(request, attempt, read) {
  try {
    const reply = await request();
    if (reply.ok) return { answer: await read(reply) };
    const { error, changed } = await reply.json().catch(() => ({}));
    return { status: reply.status, error, changed, wait: early.lxAgain.delay(reply, attempt) };
  } catch {
    return { wait: early.lxAgain.delay(null, attempt) }; // it has not come
  }
}

const askDoor = (doors) => (door, fields, attempt) => {
  const { url, init, body } = wayOf(doors),
    text = JSON.stringify({ ...body, fn_name: door, data: fields });
  return replyOf(
    () => fetch(url, { ...init, body: text }),
    attempt,
    (reply) => reply.json(),
  );
};

const file = (path, attempt) =>
  replyOf(
    () => fetch(new URL(path, document.baseURI), { cache: "no-cache" }),
    attempt,
    (reply) => reply.arrayBuffer(),
  );

// One calm line at the page's top while the server is busy, null for none; `press`: {text, work} of a button in it.
export const tellWaiting = (text, press) => early.lxAgain.tell("questions", text, press);

// A part's module, however long it takes to come.
export const bring = (load, element) => early.lxAgain.bring(load, element);

// Downloading a data set is a queued event of Python's; its news come as the value of the part that started it.
function hearNews({ props, watch }, work) {
  watch("value", () => props.value && work(JSON.parse(props.value)));
}

// What a part is told of its surroundings, made of what Gradio gives it: {props, server, trigger, watch}.
export const shellOf = (given) => ({
  openTab,
  ask: askDoor(given.server),
  file,
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
