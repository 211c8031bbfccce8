// HERE and NEAREST: what lies under the pointer, answered in the browser at every movement; by the server where the browser cannot.
import { classNames, keyOf, tokens } from "../state/store.js";
import { latest } from "../state/turns.js";
import { fill, h, number, percent, term, title, vectorText, wide } from "../parts/dom.js";
import { paint, picture, respace } from "../parts/pixels.js";
import { hereSetters } from "./ends.js";
import { fade, meter, named, votesText } from "../parts/meter.js";
import * as explorer from "../explorer/explorer.js";
import { goTo } from "../state/mapview.js";
import { say, saying } from "../state/texts.js";

const narrow = matchMedia("(max-width: 800px)");
const space = () => (wide.matches ? 224 : narrow.matches ? 112 : 140);

const SLOW_SEARCH = 2,
  SEARCH_EVERY = 60; // milliseconds: a search that takes longer than the first is made no oftener than the second

export function hereBlock(map) {
  const canvas = picture(space(), say("map.here.alt")),
    bar = meter();
  const where = h("span", {}),
    looks = h("strong", {}),
    share = h("span", { class: "quiet" }),
    who = h("p", { class: "quiet here__who" }),
    fault = h("p", { class: "warn", hidden: true });
  const faint = h(
    "button",
    {
      type: "button",
      class: "link here__fade",
      "aria-pressed": "true",
      "data-hint": say("map.here.fade_hint"),
      on: {
        click: () => {
          const fading = !map.get().fading;
          map.set({ fading });
          faint.setAttribute("aria-pressed", String(fading));
          faint.textContent = fading ? say("map.here.fades") : say("map.here.stays");
          dim();
        },
      },
    },
    say("map.here.fades"),
  );
  const text = h(
    "div",
    { class: "here__text" },
    h("div", { class: "inspector__head" }, title(say("map.here.title")), hereSetters(map)),
    h("p", { class: "here__z" }, term("z"), " = ", where),
    h("p", {}, saying("map.here.looks", { looks })),
    h("p", { class: "here__support" }, term("support"), " ", bar, " ", share, " ", faint),
    who,
    fault,
  );
  const block = h(
    "section",
    { class: "here", "aria-label": say("map.here.title") },
    h("div", { class: "here__picture" }, canvas),
    text,
  );
  wide.addEventListener("change", () => respace(canvas, space()));
  let support = null,
    cost = 0,
    searched = 0,
    later = null,
    slow = null;
  const dim = () => (canvas.style.opacity = map.get().fading && support !== null ? fade(support) : 1);

  // The picture at z, and whose work it was.
  function show(z, frame, image) {
    paint(canvas, image);
    where.textContent = vectorText(z);
    const { by, ms } = image;
    const spent = number(ms, by === "browser" ? 1 : 0);
    who.textContent =
      ms > 1000
        ? say(`map.here.by.${by}`)
        : say("map.here.by.in", { by: say(`map.here.by.${by}`), ms: spent });
    fault.hidden = true;
    Object.assign(block.dataset, { z: JSON.stringify(Array.from(z)), model: frame.model, by, ready: "yes" });
  }

  // What lies around z: votes, support, the nearest.
  function tell(z, frame, around) {
    support = around.support;
    dim();
    const [best] = Object.entries(around.label_votes).sort((a, b) => b[1] - a[1]);
    looks.textContent = votesText(around.label_votes);
    bar.put(support ?? 0);
    share.textContent = support === null ? "…" : percent(support);
    canvas.setAttribute("aria-label", say("map.here.image", { name: classNames()[best[0]] ?? best[0] }));
    map.set({ here: { ...around, z: Array.from(z), model: frame.model } });
  }

  // The search around z: at every movement where it is quick, now and then where it is not.
  function search(z, frame, around) {
    clearTimeout(later);
    const now = () => {
      const start = performance.now(),
        found = around();
      cost = 0.8 * cost + 0.2 * (performance.now() - start);
      searched = start;
      if (found) tell(z, frame, found);
    };
    const wait = cost < SLOW_SEARCH ? 0 : SEARCH_EVERY - (performance.now() - searched);
    if (wait <= 0) now();
    else later = setTimeout(() => map.get().frame.key === frame.key && now(), wait);
  }

  let asked = 0,
    answered = 0; // numbers of the newest question, and of the newest that has its answer
  const lane = new explorer.Lane();
  async function turn() {
    const { model, frame, uv, label, offline } = map.get();
    if (!model || !frame || !uv) return;
    const mine = (asked += 1),
      alone = offline || frame.key !== keyOf(model); // a model that is chosen but not drawn yet changes nothing
    slow ??= setTimeout(() => block.classList.add("busy"), tokens.slowMs);
    try {
      const found = await explorer.place(frame, uv, label, { alone, lane });
      if (found && mine > answered && map.get().frame.key === frame.key) {
        answered = mine;
        show(found.z, frame, found.image);
        search(found.z, frame, found.around);
      }
    } catch (refusal) {
      fault.textContent = refusal.message;
      fault.hidden = false;
    }
    if (mine !== asked) return;
    clearTimeout(slow);
    slow = null;
    block.classList.remove("busy");
  }
  map.on(["uv", "frame", "label", "offline", "local"], turn);
  return block;
}

export function nearestBlock(map) {
  const row = h("div", { class: "nearest__row" });
  const block = h(
    "section",
    { class: "nearest", "aria-label": say("map.here.nearest") },
    title(say("map.here.nearest"), h("span", { class: "inspector__what" }, say("map.here.nearest_what"))),
    row,
  );
  let places = [];

  function place(n) {
    const canvas = picture(wide.matches ? 84 : 56, ""),
      far = h("small", {});
    const button = h(
      "button",
      { type: "button", class: "nearest__one", on: { click: () => goTo(places[n].index, map) } },
      canvas,
      far,
    );
    return { button, canvas, far, index: -1, key: "" };
  }

  const absent = latest(async (indices) => {
    try {
      await explorer.thumbnails(map.get().model, indices);
    } catch {
      return; // the server is gone or refuses: the places keep their distances
    }
    draw();
  });

  function draw() {
    const { here, model } = map.get();
    if (!here || here.model !== model?.name) return;
    if (places.length !== here.nearest.length) {
      places = here.nearest.map((_, n) => place(n));
      fill(
        row,
        places.map((one) => one.button),
      );
    }
    const lacking = [];
    here.nearest.forEach((near, n) => {
      const one = places[n],
        image = explorer.thumbnail(model, near.index),
        key = `${here.model} ${near.index}`;
      one.far.textContent = number(near.distance, 2);
      if (!image) lacking.push(near.index);
      else if (one.image?.data !== image.data) paint(one.canvas, image);
      one.image = image;
      if (one.key === key) return;
      Object.assign(one, { key, index: near.index });
      one.button.dataset.index = String(near.index);
      one.button.dataset.hint = say("map.here.near", {
        index: near.index,
        name: named(classNames()[near.label] ?? near.label),
      });
      one.canvas.setAttribute("aria-label", say("common.test_image", { index: near.index }));
    });
    if (lacking.length) absent(lacking);
    else block.dataset.ready = "yes";
  }
  map.on(["here", "images", "local", "pictures"], draw);
  wide.addEventListener("change", () => places.forEach((one) => respace(one.canvas, wide.matches ? 84 : 56)));
  return block;
}

// The place on the map in words, for those who hear the page: once it has stopped moving, politely.
export function speaker(map) {
  const line = h("p", { class: "unseen", "aria-live": "polite", role: "status" });
  let waiting = null;
  map.on(["here"], () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      const { here, model } = map.get();
      if (!here || here.model !== model?.name) return;
      const told = { z: vectorText(here.z), looks: votesText(here.label_votes) };
      line.textContent =
        here.support === null
          ? say("map.here.spoken", told)
          : say("map.here.spoken_support", { ...told, support: percent(here.support) });
    }, tokens.map.speakMs);
  });
  return line;
}
