// To a test image by its number, or to a random one.
import { ask, classNames, get, set } from "../state/store.js";
import { field, h, select } from "../parts/dom.js";

let seed = 0,
  wanted = "any";

export function goTo(index) {
  const { frame } = get(),
    uv = frame ? [frame.uv[2 * index], frame.uv[2 * index + 1]] : null;
  set({ index, uv, click: uv });
}

export function jump() {
  const { frame } = get();
  if (!frame) return null;
  const box = h("input", {
    class: "input input--index",
    type: "number",
    min: "0",
    max: String(frame.labels.length - 1),
    inputmode: "numeric",
    "aria-label": "test image number",
    placeholder: "no.",
    "data-hint": `A test image from 0 to ${frame.labels.length - 1}`,
    on: { change: go, keydown: (event) => event.key === "Enter" && go() },
  });
  function go() {
    const index = Number(box.value);
    const good = box.value !== "" && Number.isInteger(index) && index >= 0 && index < frame.labels.length;
    box.setAttribute("aria-invalid", String(!good && box.value !== ""));
    if (good) goTo(index);
  }
  const classes = select(
    "class of the random image",
    [
      { value: "any", text: "any class" },
      ...classNames().map((name, label) => ({ value: label, text: name })),
    ],
    wanted,
    (value) => (wanted = value),
  );
  const random = h(
    "button",
    {
      type: "button",
      class: "button",
      "data-hint": "A random test image of this class",
      on: {
        click: async () => {
          seed += 1;
          const { index } = await ask("find", {
            model: get().model.name,
            label: wanted === "any" ? null : Number(wanted),
            seed,
          });
          goTo(index);
        },
      },
    },
    "random",
  );
  return h("div", { class: "row row--right" }, field("test image", box), classes, random);
}
