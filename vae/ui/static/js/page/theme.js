// Light and dark: follows the system until a person chooses, and remembers the choice. A host's wish in the address holds for this visit, until a press of the button.
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
