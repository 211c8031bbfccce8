// The Manifold tab: a grid of places decoded into one sheet.
import { keyOf, latest, tokens } from "../state/store.js";
import {
  fill,
  h,
  notice,
  number,
  save,
  segmented,
  slider,
  term,
  vectorText,
  whileSeen,
} from "../parts/dom.js";
import { imageData, paint, picture } from "../parts/pixels.js";
import { chartPicker } from "../parts/charts.js";
import { noModels } from "../parts/absent.js";
import { titles } from "../space/chart.js";
import * as explorer from "../explorer/explorer.js";
import { main } from "../state/mapview.js";

const { get, set, on } = main;
const asked = { n: tokens.manifold.n, extent: tokens.manifold.extent, spacing: "even", chart: null };
let sheet = null; // {images, z, uv, n, model, chart}

export function mount({ element, shell }) {
  const root = h("section", { class: "manifold", "aria-label": "Manifold" });
  const bar = h("div", { class: "bar" }),
    canvas = h("canvas", {
      class: "sheet__canvas",
      tabindex: "0",
      role: "img",
      "aria-label": "decoded grid",
    }),
    tile = h("div", { class: "sheet__tile", hidden: true });
  const big = picture(168, "the tile under the pointer", true),
    words = h("div", { class: "stack", style: "gap:4px" }),
    note = h("div", {});
  const hold = h("div", { class: "sheet__hold" }, canvas, tile);
  const side = h("aside", { class: "sheet__side" }, big, words);
  fill(root, bar, note, h("div", { class: "sheet" }, hold, side));
  fill(element, root);

  const n = slider(
    "tiles a side",
    {
      min: tokens.manifold.least,
      max: tokens.manifold.most,
      value: asked.n,
      hint: "How many places are decoded along each side",
    },
    (value) => change({ n: value }),
  );
  const extent = slider(
    "extent ±",
    {
      min: 0.5,
      max: tokens.manifold.extentMost,
      step: 0.1,
      value: asked.extent,
      show: (v) => number(v, 1),
      hint: "How far the grid reaches, in units of z on axes, in standard deviations of the codes elsewhere",
    },
    (value) => change({ extent: value }),
  );

  function controls() {
    const even = asked.spacing === "even";
    extent.element.style.visibility = even ? "visible" : "hidden";
    const spacing = segmented(
      "spacing",
      [
        { value: "even", text: "even", hint: "Places at equal distances" },
        {
          value: "equal-mass",
          text: "equal-mass",
          hint: "Places that cut the prior N(0, I) into equal shares: dense in the middle, sparse outside",
        },
      ],
      asked.spacing,
      (value) => change({ spacing: value }),
    );
    const preset = (text, patch, hint) =>
      h(
        "button",
        {
          type: "button",
          class: "button",
          "data-hint": hint,
          on: {
            click: () => {
              change(patch);
              n.put(asked.n);
              extent.put(asked.extent);
            },
          },
        },
        text,
      );
    const { model, frame } = get();
    if (!model) return void fill(bar);
    const names = main.drawn ? frame.charts : ["axes:0,1"];
    const usual = model.chart;
    fill(
      bar,
      chartPicker(
        {
          chart: asked.chart ?? usual,
          charts: names,
          size: model.latent_dim,
          frame,
          selected: () => get().index,
        },
        (chart) => change({ chart }),
      ),
      n.element,
      spacing,
      extent.element,
      h(
        "div",
        { class: "row row--right" },
        preset("15 × 15 over [−1, 1]", { n: 15, extent: 1, spacing: "even" }, "As many tutorials show it"),
        preset(
          "30 × 30 equal-mass",
          { n: 30, spacing: "equal-mass" },
          "As in Kingma & Welling 2014, figure 4",
        ),
        h(
          "button",
          {
            type: "button",
            class: "button",
            "data-hint": "Save the sheet as a picture, pixel by pixel",
            on: { click: png },
          },
          "PNG",
        ),
      ),
    );
  }

  function change(patch) {
    Object.assign(asked, patch);
    controls();
    load();
  }

  const load = latest(async () => {
    const { model } = get();
    root.classList.toggle("manifold--empty", !model);
    if (!model) return void fill(note, noModels());
    const { n: size, extent: reach, spacing, chart } = asked,
      usual = chart ?? model.chart;
    const slow = setTimeout(() => hold.classList.add("busy"), tokens.slowMs);
    if (!sheet)
      fill(
        words,
        h(
          "p",
          { class: "quiet", role: "status" },
          `decoding ${size} × ${size} places; the first answer wakes the networks …`,
        ),
      );
    try {
      const answer = await explorer.manifold(model, {
        n: size,
        extent: reach,
        spacing,
        chart: usual,
        label: get().label,
      });
      sheet = { ...answer, n: size, model: model.name, chart: usual };
      fill(note);
      draw();
      show(Math.floor((size * size) / 2));
      canvas.setAttribute("aria-label", `${size} by ${size} decoded places of ${model.name}`);
      Object.assign(root.dataset, { model: model.name, n: size, chart: usual, spacing, ready: "yes" });
    } catch (fault) {
      fill(
        note,
        notice(
          fault.message,
          h("button", { type: "button", class: "button", on: { click: load } }, "Try again"),
        ),
      );
    }
    clearTimeout(slow);
    hold.classList.remove("busy");
  });

  function draw() {
    if (!sheet) return;
    const { images, n: size } = sheet,
      [height, width] = images.shape.slice(-2),
      brush = canvas.getContext("2d");
    [canvas.width, canvas.height] = [size * width, size * height];
    for (let k = 0; k < size * size; k += 1)
      brush.putImageData(imageData(images, k), (k % size) * width, Math.floor(k / size) * height);
    fit();
  }

  // Whole multiples where the sheet fits; a sheet larger than the screen is made smaller, smoothly.
  function fit() {
    const room = Math.max(
        280,
        Math.min(root.clientWidth - (root.clientWidth > 800 ? 300 : 0), innerHeight - 190),
      ),
      times = Math.floor(room / canvas.width);
    canvas.style.width = `${times >= 1 ? canvas.width * times : room}px`;
    canvas.style.height = canvas.style.width;
    canvas.style.imageRendering = times >= 1 ? "pixelated" : "auto";
  }

  function show(k, outlined = false) {
    if (!sheet) return;
    const { n: size, z } = sheet,
      length = z.shape[2],
      column = k % size,
      row = Math.floor(k / size),
      side = canvas.clientWidth / size;
    const here = z.data.slice(k * length, (k + 1) * length),
      [right, up] = titles(sheet.chart);
    paint(big, sheet.images, k);
    Object.assign(tile.style, {
      left: `${column * side}px`,
      top: `${row * side}px`,
      width: `${side}px`,
      height: `${side}px`,
    });
    tile.hidden = !outlined;
    words.dataset.z = JSON.stringify(Array.from(here));
    fill(
      words,
      h("p", {}, term("z"), ` = ${vectorText(here)}`),
      h("p", { class: "quiet" }, `row ${row + 1}, column ${column + 1}`),
      h("p", { class: "quiet" }, `To the right ${right}, upwards ${up}.`),
      h("p", { class: "quiet" }, "Move over the sheet to read a place; a click takes it to the map."),
    );
  }

  const tileAt = (event) => {
    const box = canvas.getBoundingClientRect(),
      clip = (v) => Math.max(0, Math.min(sheet.n - 1, Math.floor(v)));
    return (
      clip(((event.clientY - box.top) / box.height) * sheet.n) * sheet.n +
      clip(((event.clientX - box.left) / box.width) * sheet.n)
    );
  };
  let current = 0;
  const point = (k) => show((current = k), true);
  const take = () => {
    const uv = Array.from(sheet.uv.data.slice(2 * current, 2 * current + 2));
    set({ chart: sheet.chart, uv, click: uv });
    shell.openTab("Map");
  };
  canvas.addEventListener("pointermove", (event) => sheet && point(tileAt(event)));
  canvas.addEventListener("pointerleave", () => (tile.hidden = true));
  canvas.addEventListener("click", (event) => {
    if (!sheet) return;
    point(tileAt(event));
    take();
  });
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -(sheet?.n ?? 0), ArrowDown: sheet?.n ?? 0 }[
      event.key
    ];
    if (step && current + step >= 0 && current + step < sheet.n ** 2) point(current + step);
    else if (event.key === "Enter" && sheet) take();
    else return;
    event.preventDefault();
  });
  const png = () => sheet && canvas.toBlob((blob) => save(blob, `${sheet.model}-manifold-${sheet.n}.png`));

  new ResizeObserver(fit).observe(root);
  on(["dark"], draw);
  let before = null;
  whileSeen(
    root,
    (tell) => on(["model", "frame", "label", "images"], tell),
    () => {
      controls();
      const { model, label } = get(),
        key = `${model && keyOf(model)} ${label}`;
      if (key === before) return;
      if (before && sheet?.chart !== "pca") asked.chart = null;
      before = key;
      controls();
      load();
    },
  );
}
