// The drawer of a path: which way it goes, how long it is, and the pictures along it; along the shortest one too.
import { say } from "../state/texts.js";
import { fill, h, number, percent, s, segmented, vectorText } from "../parts/dom.js";
import { paint, picture, respace } from "../parts/pixels.js";
import { clearPath } from "./ends.js";
import { fade } from "../parts/meter.js";

const WAYS = ["linear", "slerp"].map((value) => ({
  value,
  text: say(`map.strips.${value}.text`),
  hint: say(`map.strips.${value}.hint`),
}));
export const lengthText = (value) =>
  h(
    "span",
    {
      class: "term",
      tabindex: "0",
      "data-hint": say("map.strips.length.hint"),
      "data-length": String(value),
    },
    say("map.strips.length.text", { length: number(value, 1) }),
  );
const sample = (kind) =>
  s(
    "svg",
    { class: "route__sample", viewBox: "0 0 24 8", width: "24", height: "8", "aria-hidden": "true" },
    s("path", { class: `route__line route__line--${kind}`, d: "M1 4H23" }),
  );

// One row of pictures with their support; arrows walk along it.
class Strip {
  constructor(map, name, count, light) {
    this.map = map;
    this.name = name;
    this.now = null; // what is shown
    this.ones = []; // its places: {canvas, bar, button}
    this.element = h("div", {
      class: "route__strip",
      role: "group",
      "aria-label": say(`map.strips.pictures.${name}`),
      on: { keydown: (event) => this.walk(event) },
    });
    for (let n = 0; n < count; n += 1) {
      const canvas = picture(56, say(`map.strips.not_there.${name}`, { number: n + 1, count })),
        bar = h("i", {});
      const button = h(
        "button",
        {
          type: "button",
          class: "route__one",
          tabindex: n ? "-1" : "0",
          disabled: true,
          on: {
            click: () => this.now && map.set({ uv: this.now.uvs[n], click: this.now.uvs[n] }),
            pointerenter: () => light(n),
            pointerleave: () => light(-1),
            focus: () => light(n),
            blur: () => light(-1),
          },
        },
        canvas,
        h("span", { class: "route__support" }, bar),
      );
      this.ones.push({ canvas, bar, button });
    }
    this.element.append(...this.ones.map(({ button }) => button));
  }

  walk(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key],
      at = this.ones.findIndex(({ button }) => button === document.activeElement),
      next = this.ones[at + step];
    if (!step || at < 0 || !next) return;
    event.preventDefault();
    this.ones[at].button.tabIndex = -1;
    next.button.tabIndex = 0;
    next.button.focus();
  }

  // made: {zs, uvs, supports, images: [bytes], shape} or null while it comes: what is there stays, dimmed.
  show(made) {
    this.element.classList.toggle("busy", !made && Boolean(this.now));
    if (!made) return;
    this.now = made;
    made.images.forEach((data, n) => {
      const { canvas, bar, button } = this.ones[n],
        share = percent(made.supports[n]);
      paint(canvas, { data, shape: made.shape });
      bar.style.width = `${made.supports[n] * 100}%`;
      button.disabled = false;
      button.dataset.hint = say("map.strips.place", { z: vectorText(made.zs[n]), share });
      canvas.setAttribute(
        "aria-label",
        say(`map.strips.picture.${this.name}`, { number: n + 1, count: this.ones.length, share }),
      );
    });
    this.dim();
    Object.assign(this.element.dataset, { zs: JSON.stringify(made.zs), ready: "yes" });
  }

  empty() {
    this.now = null;
    delete this.element.dataset.ready;
    for (const { canvas, bar, button } of this.ones) {
      canvas.lxImage = null;
      canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
      bar.style.width = 0;
      button.disabled = true;
      delete button.dataset.hint;
    }
  }

  dim() {
    this.now?.supports.forEach(
      (support, n) => (this.ones[n].canvas.style.opacity = this.map.get().fading ? fade(support) : 1),
    );
  }

  respace(space) {
    for (const { canvas } of this.ones) respace(canvas, space);
  }
}

export class Drawer {
  // map: a MapView; light(row, n): a picture is pointed at, -1 none
  constructor(map, count, light) {
    this.map = map;
    this.strips = ["straight", "shortest"].map(
      (name, row) => new Strip(map, name, count, (n) => light(row, n)),
    );
    this.ways = h("div", {});
    this.first = h("p", { class: "route__text", role: "status" });
    this.second = h("p", { class: "route__text", role: "status" });
    const fold = h(
      "button",
      {
        type: "button",
        class: "icon",
        "aria-label": say("map.strips.fold"),
        "aria-expanded": "true",
        "data-hint": say("map.strips.fold_hint"),
        on: {
          click: () =>
            fold.setAttribute("aria-expanded", String(!this.element.classList.toggle("route--folded"))),
        },
      },
      "–",
    );
    const away = h(
      "button",
      {
        type: "button",
        class: "icon",
        "aria-label": say("map.strips.remove"),
        "data-hint": say("map.strips.remove_hint"),
        on: { click: () => clearPath(map) },
      },
      "×",
    );
    this.body = h(
      "div",
      { class: "route__body" },
      this.strips[0].element,
      h("div", { class: "route__head" }, sample("shortest"), this.second),
      this.strips[1].element,
    );
    this.element = h(
      "section",
      { class: "route", "aria-label": say("map.strips.path"), hidden: true },
      h("div", { class: "route__head" }, sample("straight"), this.ways, this.first, fold, away),
      this.body,
    );
    new ResizeObserver(
      ([
        {
          contentRect: { width },
        },
      ]) => width && this.strips.forEach((strip) => strip.respace(Math.floor((width - count + 1) / count))),
    ).observe(this.element);
    map.on(["fading"], () => this.strips.forEach((strip) => strip.dim()));
  }

  open(path, both) {
    this.element.hidden = !path;
    this.element.classList.toggle("route--waiting", !both);
    if (!path) return;
    this.strips[0].name = path.method === "slerp" ? "spherical" : "straight";
    this.strips[0].element.setAttribute("aria-label", say(`map.strips.pictures.${this.strips[0].name}`));
    fill(
      this.ways,
      segmented(say("map.strips.ways"), WAYS, path.method, (method) =>
        this.map.set({ path: { ...this.map.get().path, method } }),
      ),
    );
  }

  say(row, ...what) {
    fill([this.first, this.second][row], ...what);
  }
}
