// Text onto the clipboard, also where the page came over plain http and its browser has no `navigator.clipboard`; else a box to copy from by hand.
import { h } from "./dom.js";
import { say } from "../state/texts.js";

// Whether the text lies on the clipboard now. Where it does not, it stands selected in a box that says which keys copy it.
/** @param {string} text */
export async function copyText(text) {
  if (await written(text)) return true;
  byHand(text);
  return false;
}

async function written(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copySelected(text);
  }
}

const selected = (text) => {
  const area = h("textarea", {
    class: "copying__text",
    readOnly: true,
    "aria-label": say("parts.clipboard.text"),
  });
  area.value = text;
  return area;
};

// The older way, which works over plain http: what is selected in a field is copied as by the keys. The keyboard goes back to where it was.
function copySelected(text) {
  const area = selected(text),
    before = /** @type {?HTMLElement} */ (document.activeElement);
  Object.assign(area.style, { position: "fixed", top: "0", opacity: "0" });
  document.body.append(area);
  area.select();
  try {
    return document.execCommand("copy");
  } catch {
    return false;
  } finally {
    area.remove();
    before?.focus({ preventScroll: true });
  }
}

// A box over the page with the text selected; Escape or its button closes it.
function byHand(text) {
  const area = selected(text),
    box = h(
      "dialog",
      { class: "copying", "aria-label": say("parts.clipboard.by_hand") },
      h("p", { class: "copying__how" }, say("parts.clipboard.how")),
      area,
      h(
        "button",
        { type: "button", class: "copying__close", on: { click: () => box.close() } },
        say("common.close"),
      ),
    );
  box.addEventListener("close", () => box.remove());
  document.body.append(box);
  box.showModal();
  area.focus();
  area.select();
}

// A command that a click copies.
export const command = (text) => {
  const button = h(
    "button",
    {
      type: "button",
      class: "command",
      "data-hint": say("parts.clipboard.command"),
      on: {
        click: async () => {
          if (await copyText(text)) button.dataset.copied = "yes";
          else delete button.dataset.copied;
        },
      },
    },
    h("code", {}, text),
  );
  return button;
};
