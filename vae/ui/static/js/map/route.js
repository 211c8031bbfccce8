// The path between A and B on the map: its letters and lines, and what is computed about it beside the page.
import { tokens } from "../state/store.js";
import { latest } from "../state/turns.js";
import { say, saying } from "../state/texts.js";
import { count, fill, h, percent, s } from "../parts/dom.js";
import { carryOver, listenForKeys, NAMES, placeOf, setEnd } from "./ends.js";
import { Drawer, lengthText } from "./strips.js";
import { noSphere } from "../space/latent.js";
import { chartOf } from "../space/chart.js";
import * as explorer from "../explorer/explorer.js";

const { images: IMAGES } = tokens.path;
const chartKey = (frame) => frame && JSON.stringify([frame.key, frame.chart, frame.origin]); // the map may be drawn anew meanwhile: the same chart, another object

const shortest = () =>
  h(
    "b",
    { class: "term", tabindex: "0", "data-hint": say("map.route.shortest.hint") },
    say("map.route.shortest.term"),
  );

// On a plane through more dimensions than two, a path runs from place to place, not from code to code.
const onPlane = (frame, model) =>
  frame.basis &&
  model.latent_dim > 2 &&
  h(
    "span",
    { class: "quiet" },
    " · ",
    h(
      "span",
      {
        class: "term",
        tabindex: "0",
        "data-hint": say("map.route.on_plane.hint"),
      },
      say("map.route.on_plane.term"),
    ),
  );

export class Route {
  constructor(map, plot, stage) {
    this.map = map;
    this.plot = plot;
    this.frame = null;
    /** @type {any[]} */
    this.made = [null, null]; // what has been found: the straight or spherical path, and the shortest
    this.keys = [null, null]; // what each of them was asked for
    this.lit = [0, -1]; // the picture that is pointed at: row and number
    this.moving = false; // whether a hand holds an end
    this.drawer = new Drawer(map, IMAGES, (row, n) => {
      this.lit = [row, n];
      this.draw();
    });
    stage.append(this.drawer.element);
    listenForKeys(map, plot.host, stage);
    this.lines = s("svg", { class: "path" });
    this.ends = NAMES.map((name) => this.end(name));
    plot.overlay.append(this.lines, ...this.ends);
    this.turns = [latest(() => this.first()), latest(() => this.second())];
    this.map.on(["frame"], ({ frame }) => {
      if (!frame) return;
      const before = this.frame;
      this.frame = frame;
      carryOver(map, before, frame);
    });
    this.map.on(["path", "frame", "local", "model", "label", "offline"], () => this.update());
  }

  // A letter on the map, which a hand can move.
  end(name) {
    const { plot } = this,
      group = s(
        "g",
        { class: "path__end", "data-end": name },
        s("circle", { r: 11 }),
        s("text", { y: 4.5 }, name.toUpperCase()),
      );
    let held = null;
    group.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      held = event.pointerId;
      this.moving = true;
      group.setPointerCapture(held);
      event.preventDefault();
    });
    group.addEventListener("pointermove", (event) => {
      if (event.pointerId !== held) return;
      const box = plot.host.getBoundingClientRect(),
        [px, py] = [event.clientX - box.left, event.clientY - box.top];
      if (plot.inside(px, py)) setEnd(this.map, name, { uv: plot.toUv(px, py) });
    });
    for (const over of ["pointerup", "pointercancel"])
      group.addEventListener(over, () => {
        held = null;
        this.moving = false;
        this.keys = [null, null];
        this.update();
      });
    return group;
  }

  // What is asked about now: {ends: places, path, frame, local}, null where an end is open or another model is on its way.
  question() {
    const { path, frame, model, local, label } = this.map.get(),
      ends = NAMES.map((name) => placeOf(path?.[name], frame));
    if (!ends.every(Boolean) || !this.map.drawn || local?.key !== frame.key) return null;
    const way = JSON.stringify([chartKey(frame), ends, model.conditional ? label : null]),
      key = JSON.stringify([way, path.method]);
    return { path, frame, local, model, label, ends, keys: [key, way] };
  }

  update() {
    const { path, frame } = this.map.get(),
      ends = NAMES.map((name) => placeOf(path?.[name], frame)),
      both = ends.every(Boolean),
      now = this.question();
    this.drawer.open(path, both);
    if (both && !this.moving) this.aside(ends);
    this.drawer.element.dataset.method = path?.method ?? "";
    if (path && !both)
      this.drawer.say(0, say("map.route.set", ends[0] ? { set: "A", open: "B" } : { set: "B", open: "A" }));
    if (!now) this.keys = [null, null];
    for (const row of [0, 1]) {
      if (this.keys[row] === now?.keys[row] && now) continue;
      if (row || this.made[0]?.frame !== frame || !both) this.made[row] = null; // a hand that moves an end keeps its line until the next comes
      if (!now) this.drawer.strips[row].empty();
      else if (row && this.moving)
        this.drawer.strips[row].show(null); // looked for once the hand rests
      else this.turns[row]();
    }
    if (both && !now) this.drawer.say(0, say("map.route.waiting"));
    this.draw();
  }

  // The drawer lies where it hides fewer of the two ends.
  aside(ends) {
    const {
        plot,
        drawer: { element },
      } = this,
      high = plot.size[1];
    if (!plot.view) return;
    const rows = ends.map((uv) => plot.toPx(...uv)[1]),
      low = rows.filter((y) => y > high - element.offsetHeight).length,
      top = rows.filter((y) => y < element.offsetHeight).length;
    element.classList.toggle("route--top", low > top);
  }

  // The straight or spherical path.
  async first() {
    const now = this.question();
    if (!now || this.keys[0] === now.keys[0]) return;
    const {
        path: { method },
        frame,
        local,
        model,
        label,
        ends: uvs,
      } = now,
      ends = uvs.map((uv) => chartOf(frame, local).toLatent(uv)),
      { drawer } = this,
      strip = drawer.strips[0];
    this.keys[0] = now.keys[0];
    const refused = method === "slerp" && noSphere(...ends);
    if (refused) {
      strip.empty();
      return void drawer.say(
        0,
        h("span", { class: "warn" }, say(`map.route.no_sphere.${refused.why}`, refused)),
      );
    }
    strip.show(null);
    try {
      const chart = chartKey(frame),
        fits = () => chartKey(this.question()?.frame) === chart && this.map.get().path.method === method; // a hand may have moved on: what is there is shown, the newest waits
      const made = await explorer.interpolate(model, frame, { ends, method, label });
      if (!fits()) return;
      strip.show({ ...made, shape: model.image_shape });
      this.made[0] = { ...made, frame };
      this.draw();
      drawer.say(0, h("span", { class: "quiet" }, say("map.route.measuring")));
      if (this.moving) return; // once the hand rests
      const wanted = () => this.question()?.keys[0] === now.keys[0],
        length = await explorer.pathLength(model, frame, { ends, method, label }, wanted);
      if (length !== null) drawer.say(0, lengthText(length), onPlane(frame, model));
    } catch (fault) {
      this.keys[0] = null; // asked again as soon as something changes
      drawer.say(0, h("span", { class: "warn" }, fault.message));
    }
  }

  // The shortest path, on charts that are planes.
  async second() {
    const now = this.question();
    if (!now || this.keys[1] === now.keys[1]) return;
    const {
        frame,
        model,
        label,
        ends: [a, b],
      } = now,
      { drawer } = this,
      strip = drawer.strips[1],
      off = !frame.basis
        ? say("map.route.no_plane")
        : Math.hypot(a[0] - b[0], a[1] - b[1]) < 1e-9
          ? say("map.route.same_place")
          : null;
    this.keys[1] = now.keys[1];
    drawer.element.classList.toggle("route--single", Boolean(off));
    if (off) {
      strip.empty();
      return void drawer.say(1, off);
    }
    strip.show(null);
    drawer.say(1, h("span", { class: "quiet" }, say("map.route.looking")));
    try {
      const question = { start: Array.from(a), end: Array.from(b), label },
        wanted = () => this.question()?.keys[1] === now.keys[1];
      const found = await explorer.shortestPath(model, frame, question, wanted, (far) => this.progress(far));
      if (found) this.finish(found, model);
    } catch (fault) {
      this.keys[1] = null;
      drawer.say(1, h("span", { class: "warn" }, fault.message));
    }
  }

  // How far the search for the shortest path is, and its line as it is by now.
  progress(far) {
    const { drawer } = this;
    if (far.seen)
      drawer.say(
        1,
        h(
          "span",
          { class: "quiet" },
          say("map.route.decoded", { seen: count(far.seen), most: count(far.most) }),
        ),
      );
    if (!far.line) return;
    drawer.say(
      1,
      h("span", { class: "quiet" }, say("map.route.smoothing", { turn: far.turn, most: far.sweeps })),
    );
    this.made[1] = { line: far.line, uvs: [] };
    this.draw();
  }

  // The shortest path is there: its pictures, its length against the straight one's, its line.
  finish(found, model) {
    const { drawer } = this,
      less = percent(1 - found.length / found.straight);
    this.made[1] = found;
    drawer.strips[1].show({ ...found, shape: model.image_shape });
    drawer.say(
      1,
      found.asShort
        ? say("map.route.as_short")
        : saying("map.route.shortest.found", {
            shortest: shortest(),
            length: lengthText(found.length),
            less,
          }),
    );
    drawer.element.dataset.short = found.asShort ? "straight" : "other";
    this.draw();
  }

  // Letters, lines and the places of the pictures, wherever the view has moved.
  draw() {
    const { plot } = this,
      { path, frame } = this.map.get();
    if (!plot.view || !frame) return;
    const uvs = NAMES.map((name) => placeOf(path?.[name], frame));
    const [x, y] = plot.toPx(plot.ranges().x[0], plot.ranges().y[1]),
      [width, height] = plot.inner;
    for (const [key, value] of Object.entries({
      x,
      y,
      width,
      height,
      viewBox: `${x} ${y} ${width} ${height}`,
    }))
      this.lines.setAttribute(key, value);
    this.ends.forEach((group, n) => {
      const at = uvs[n] && plot.toPx(...uvs[n]);
      group.style.display = at && plot.inside(...at) ? "" : "none";
      if (at) group.setAttribute("transform", `translate(${at[0].toFixed(1)} ${at[1].toFixed(1)})`);
    });
    fill(this.lines, uvs.every(Boolean) ? this.paths(uvs, path, frame) : []);
  }

  // The lines of both paths as far as they are known, and the places of their pictures.
  paths(uvs, path, frame) {
    const { plot } = this,
      kids = [];
    const text = (uv) =>
      plot
        .toPx(...uv)
        .map((v) => v.toFixed(1))
        .join(" ");
    const first = this.made[0]?.line ?? (frame.basis && path.method === "linear" ? uvs : null);
    for (const [row, line] of [
      [0, first],
      [1, this.made[1]?.line],
    ]) {
      if (!line || (row && this.made[1].asShort && path.method === "linear")) continue;
      const d = `M${line.map(text).join("L")}`,
        kind = row ? "shortest" : "straight";
      kids.push(
        s("path", { class: "route__line route__line--halo", d }),
        s("path", { class: `route__line route__line--${kind}`, d }),
      );
      for (const [n, uv] of (this.made[row]?.uvs ?? []).entries()) {
        const [cx, cy] = plot.toPx(...uv),
          lit = this.lit[0] === row && this.lit[1] === n;
        kids.push(s("circle", { class: "path__step", cx, cy, r: lit ? 7 : 2.5 }));
      }
    }
    return kids;
  }
}
