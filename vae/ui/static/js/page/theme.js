// Light and dark: follows the system until a person chooses, and remembers the choice.
import { get, set } from "../state/store.js";
import { keepDark } from "./shell.js";

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

function apply() {
  const dark = wanted();
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
  set({ dark });
}

system.addEventListener("change", apply);
keepDark();
apply();
