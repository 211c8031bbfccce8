// Light and dark: follows the system until a person chooses, and remembers the choice.
import { get, set } from "../state/store.js";

const KEY = "lx-theme";
const system = matchMedia("(prefers-color-scheme: dark)");

function kept() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

const wanted = () => (kept() ? kept() === "dark" : system.matches);

export function apply() {
  const dark = wanted();
  document.body.classList.toggle("dark", dark);
  set({ dark });
}

export function toggle() {
  const dark = !get().dark;
  try {
    if (dark === system.matches) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, dark ? "dark" : "light");
  } catch {
    // a private window keeps no choice; it lasts until the reload
  }
  document.body.classList.toggle("dark", dark);
  set({ dark });
}

system.addEventListener("change", apply);
// Gradio sets its own idea of the mode when it mounts.
new MutationObserver(
  () =>
    document.body.classList.contains("dark") !== get().dark &&
    document.body.classList.toggle("dark", get().dark),
).observe(document.body, { attributeFilter: ["class"] });
apply();
