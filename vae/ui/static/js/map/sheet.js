// What the chosen codes are: how many, their mean decoded, their classes, their pictures, and all of them as a table.
import { classNames, keyOf, tokens } from "../state/store.js";
import { latest } from "../state/turns.js";
import { count, fill, h, number, percent, save, segmented, select, term } from "../parts/dom.js";
import { paint, picture } from "../parts/pixels.js";
import { paints, valuesOf } from "../parts/colour.js";
import { byDistance, classesOf, klOf, meanFigure, meanOf, tableOf } from "../space/latent.js";
import { fade, meter, named, votesText } from "../parts/meter.js";
import { chartOf } from "../space/chart.js";
import * as explorer from "../explorer/explorer.js";
import { goTo } from "../state/mapview.js";
import { say, saying } from "../state/texts.js";

const ORDERS = ["number", "near", "far"];
const share = (part) => (part < 0.005 ? "<1\u202f%" : percent(part));
const nameOf = (label) => classNames()[label] ?? String(label);

// The chosen codes, and the model that knows their codes; null until both are there.
function known(map) {
  const { picked, local, model } = map.get();
  return picked?.indices?.length &&
    local &&
    model &&
    local.key === keyOf(model) &&
    picked.indices.length <= local.codes.count
    ? { local, model, indices: picked.indices, all: picked.indices.length === local.codes.count }
    : null;
}

const nats = (values, { indices, all }) => [
  number(meanFigure(values, indices), 1),
  h(
    "span",
    { class: "unit" },
    all ? say("map.sheet.nats") : say("map.sheet.nats_of_all", { all: number(meanFigure(values), 1) }),
  ),
];

function saveTable(map) {
  const found = known(map);
  if (found)
    save(
      new Blob([tableOf(found.local, found.indices)], { type: "text/csv" }),
      `${found.model.name}-${found.indices.length}-codes.csv`,
    );
}

// The switch between the chosen codes and the selected image, and what can be done with the chosen.
function headOf(map, total, side, turn) {
  const sides = [
    {
      value: "chosen",
      text: say("map.sheet.chosen", { total: count(total) }),
      hint: say("map.sheet.chosen_hint"),
    },
    {
      value: "image",
      text: say("map.sheet.image"),
      hint: say("map.sheet.image_hint"),
    },
  ];
  const button = (text, attributes, click) =>
    h("button", { key: text, type: "button", ...attributes, on: { click } }, text);
  return [
    segmented(say("map.sheet.sides"), sides, side, turn),
    h(
      "div",
      { key: "actions", class: "row row--right" },
      button(say("map.sheet.csv"), { class: "button", "data-hint": say("map.sheet.csv_hint") }, () =>
        saveTable(map),
      ),
      button(
        "×",
        { class: "icon", "aria-label": say("map.sheet.clear"), "data-hint": say("common.clear_chosen") },
        () => map.set({ picked: null, tool: "pan" }),
      ),
    ),
  ];
}

// Their mean, decoded, with its figures: {element, draw}.
function meanOfThem(map, block) {
  const canvas = picture(tokens.pick.centre, say("map.sheet.mean_alt")),
    looks = h("dd", { class: "chosen__looks" }),
    near = h("span", {}),
    gauge = meter(),
    recon = h("dd", {}),
    kl = h("dd", {});
  const centre = h(
    "div",
    { class: "row row--top" },
    h(
      "button",
      {
        type: "button",
        class: "chosen__mean",
        "data-hint": say("map.sheet.mean_hint"),
        on: { click: toMean },
      },
      canvas,
    ),
    h(
      "dl",
      { class: "facts" },
      h("dt", {}, say("map.sheet.looks")),
      looks,
      h("dt", {}, term("support")),
      h("dd", {}, gauge, " ", near),
      h("dt", {}, saying("map.sheet.mean_of", { figure: term("recon") })),
      recon,
      h("dt", {}, saying("map.sheet.mean_of", { figure: term("kl") })),
      kl,
    ),
  );
  function toMean() {
    const found = known(map),
      uv = found && chartOf(map.get().frame, found.local)?.toPlane(meanOf(found.local, found.indices));
    if (uv) map.set({ uv, click: uv });
  }

  const drawMean = latest(async () => {
    const found = known(map);
    if (!found) return;
    const z = meanOf(found.local, found.indices),
      { label_votes, support } = explorer.around(found.model, z);
    looks.textContent = votesText(label_votes);
    gauge.put(support ?? 0);
    near.textContent = support === null ? "…" : percent(support);
    canvas.style.opacity = support === null ? 1 : fade(support);
    if (found.model.variational) fill(kl, nats(klOf(found.local), found));
    else kl.textContent = say("map.sheet.plain");
    try {
      paint(canvas, await explorer.decode(found.model, z, map.get().label));
      Object.assign(block.dataset, {
        z: JSON.stringify(Array.from(z)),
        model: found.model.name,
        count: String(found.indices.length),
      });
    } catch (fault) {
      looks.textContent = fault.message;
    }
  });

  const drawRecon = latest(async () => {
    const found = known(map);
    if (!found) return;
    if (!paints("recon", map.get())) return void (recon.textContent = say("map.sheet.needs_images"));
    const slow = setTimeout(() => (recon.textContent = say("common.counting")), tokens.slowMs);
    try {
      const values = await valuesOf("recon", map.get());
      if (known(map)?.model === found.model)
        fill(recon, values ? nats(values, known(map)) : say("map.sheet.needs_images"));
      block.dataset.recon = found.model.name;
    } catch (fault) {
      recon.textContent = fault.message;
    }
    clearTimeout(slow);
  });
  return {
    element: centre,
    draw: () => {
      drawMean();
      drawRecon();
    },
  };
}

// How many of each class: {element, draw}.
function classesOfThem() {
  const classes = h("ul", { class: "chosen__classes", "aria-label": say("map.sheet.classes") });
  function draw({ local, indices }) {
    const found = classesOf(local.labels, indices);
    fill(
      classes,
      found.map(([label, n]) =>
        h(
          "li",
          { "data-label": String(label) },
          h("span", {}, nameOf(label)),
          h("b", {}, count(n)),
          h("span", { class: "quiet" }, share(n / indices.length)),
          h("i", {
            style: `width:${(100 * n) / found[0][1]}%;background:var(--lx-class-${label % tokens.classes.length})`,
          }),
        ),
      ),
    );
  }
  return { element: classes, draw };
}

// Their pictures, of which one can be selected: {elements, draw, press}.
function contactSheet(map, block) {
  let order = "number";
  const shots = h("div", {
      class: "chosen__shots",
      role: "group",
      "aria-label": say("map.sheet.contact"),
    }),
    sorting = h("div", { class: "row" });
  const shown = ({ local, indices }) => {
    const sorted = order === "number" ? indices : byDistance(local, indices, meanOf(local, indices));
    return Array.from((order === "far" ? sorted.reverse() : sorted).slice(0, tokens.pick.sheet));
  };

  const drawShots = latest(async () => {
    const found = known(map);
    if (!found) return;
    const indices = shown(found),
      total = found.indices.length;
    fill(
      sorting,
      h(
        "span",
        {},
        total > indices.length
          ? say("map.sheet.first", { shown: indices.length, total: count(total) })
          : say("map.sheet.all", { n: total }),
      ),
      total > 1 &&
        select(
          say("map.sheet.order"),
          ORDERS.map((value) => ({ value, text: say(`map.sheet.orders.${value}`) })),
          order,
          (value) => {
            order = value;
            drawShots();
          },
          say("map.sheet.order_hint"),
        ),
    );
    let images;
    try {
      images = await explorer.thumbnails(found.model, indices);
    } catch {
      images = indices.map((index) => explorer.thumbnail(found.model, index)); // the server is gone: what can be made here is shown
    }
    if (known(map)?.indices !== found.indices || known(map).model !== found.model) return drawShots();
    fill(
      shots,
      indices.map((index, n) => {
        const alt = say("common.test_image_named", { index, name: named(nameOf(found.local.labels[index])) }),
          small = picture(tokens.pick.picture, alt);
        if (images[n]) paint(small, images[n]);
        return h(
          "button",
          {
            key: index,
            type: "button",
            class: "chosen__one",
            "data-index": String(index),
            "data-hint": alt,
            style: `border-color:var(--lx-class-${found.local.labels[index] % tokens.classes.length})`,
            on: { click: () => goTo(index, map) },
          },
          small,
        );
      }),
    );
    press();
    block.dataset.ready = String(indices.length);
  });

  // The one that is selected is pressed, and the tab key finds it; or the first.
  function press() {
    const { index } = map.get(),
      own = [...shots.children],
      pressed = own.find((one) => one.dataset.index === String(index));
    for (const one of own) {
      one.setAttribute("aria-pressed", String(one === pressed));
      one.tabIndex = one === (pressed ?? own[0]) ? 0 : -1;
    }
  }

  shots.addEventListener("keydown", (event) => {
    const own = [...shots.children],
      now = own.indexOf(document.activeElement),
      wide = own.filter((one) => one.offsetTop === own[0].offsetTop).length;
    const next = {
      ArrowLeft: now - 1,
      ArrowRight: now + 1,
      ArrowUp: now - wide,
      ArrowDown: now + wide,
      Home: 0,
      End: own.length - 1,
    }[event.key];
    if (next === undefined || now < 0) return;
    event.preventDefault();
    own[Math.max(0, Math.min(own.length - 1, next))].focus();
  });
  return { elements: [sorting, shots], draw: drawShots, press };
}

export function chosenBlock(map) {
  const bar = h("div", { class: "row" }),
    body = h("div", { class: "chosen__body" }),
    block = h("section", { class: "chosen", "aria-label": say("map.sheet.title") }, bar, body),
    mean = meanOfThem(map, block),
    classes = classesOfThem(),
    sheet = contactSheet(map, block);
  let side = "chosen",
    strokes = null;

  function head() {
    const total = map.get().picked?.indices?.length ?? 0;
    block.hidden = !total;
    block.dataset.side = total ? side : "image";
    const turn = (value) => {
      side = value;
      head();
    };
    if (total) fill(bar, headOf(map, total, side, turn));
  }

  function draw() {
    const found = known(map);
    if (found) {
      fill(body, mean.element, classes.element, sheet.elements);
      mean.draw();
      classes.draw(found);
      return void sheet.draw();
    }
    for (const key of ["ready", "recon", "z", "count"]) delete block.dataset[key];
    fill(body, h("p", { class: "quiet" }, say("common.counting")));
  }

  map.on(["picked"], ({ picked }) => {
    if (picked && picked.strokes !== strokes) side = "chosen";
    strokes = picked?.strokes;
    head();
  });
  map.on(["picked", "local", "label", "images"], draw);
  map.on(["index"], sheet.press);
  map.on(["pictures"], sheet.draw);
  return block;
}
