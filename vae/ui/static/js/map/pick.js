// The pen of the map: a box or a lasso by mouse, finger or keys chooses codes, adds to the chosen or takes away from them; see picked.js.
import { tokens } from "../state/store.js";
import { say } from "../state/texts.js";
import { count, fill, h, s, segmented } from "../parts/dom.js";
import { edges, rounded, simplify } from "../space/outline.js";
import { add, drawnOn, follow } from "./picked.js";
import { meanOf } from "../space/latent.js";
import { chartOf } from "../space/chart.js";

// The tools with their icons.
const TOOLS = {
  pan: "M8 1.5v13M1.5 8h13M6 3.5l2-2 2 2M6 12.5l2 2 2-2M3.5 6l-2 2 2 2M12.5 6l2 2-2 2",
  box: "M2 3.5h2.5M6.75 3.5h2.5M11.5 3.5H14v2.2M14 7.2v2M14 10.8v1.7h-2.5M9.25 12.5h-2.5M4.5 12.5H2v-1.7M2 9.2v-2M2 5.7V3.5",
  lasso:
    "M8 2.2c3.5 0 6 1.7 6 3.9S11.5 10 8 10 2 8.3 2 6.1 4.5 2.2 8 2.2zM4.6 9.3c-1.6.9-1.5 2.6 0 2.9 1.2.2 1.3 1.2.5 2",
};

const NEXT = ["new", "add", "cut"].map((value) => ({
  value,
  text: say(`map.pick.next.${value}.text`),
  hint: say(`map.pick.next.${value}.hint`),
}));

const narrow = matchMedia("(max-width: 800px)"); // there the sheet lies below the map
const icon = (d) =>
  s(
    "svg",
    {
      viewBox: "0 0 16 16",
      width: 16,
      height: 16,
      fill: "none",
      stroke: "currentColor",
      "stroke-width": 1.4,
      "aria-hidden": "true",
      style: "display:block;margin:auto",
    },
    s("path", { d }),
  );

const button = (attributes, click, ...kids) =>
  h("button", { type: "button", ...attributes, on: { click } }, kids);

// What is chosen, in words over the map, and what can be done about it.
class Note {
  constructor(map) {
    this.map = map;
    this.mode = "new"; // what the next outline does: one of NEXT
    this.said = h("span", { role: "status" });
    this.modes = h("div", {});
    this.show = button(
      { class: "link" },
      () => document.querySelector(".chosen")?.scrollIntoView({ block: "start" }),
      say("map.pick.show"),
    );
    this.clear = button(
      { class: "link", "data-hint": say("common.clear_chosen") },
      () => map.set({ picked: null }),
      say("map.pick.clear"),
    );
    this.element = h("div", { class: "pick__note" }, this.said, " ", this.show, this.clear, this.modes);
  }

  draw() {
    const { tool, picked, frame } = this.map.get(),
      { said } = this,
      n = picked?.indices?.length,
      last = picked?.strokes.at(-1);
    if (!picked)
      [said.textContent, this.mode] = [frame && tool !== "pan" ? say(`map.pick.${tool}.task`) : "", "new"];
    else if (n === undefined) said.textContent = say("common.counting");
    else if (n) said.textContent = say("map.pick.chosen", { n, count: count(n) });
    else said.textContent = last.cut ? say("map.pick.nothing_left") : say(`map.pick.${last.tool}.nothing`);
    this.show.hidden = !n || !narrow.matches;
    this.clear.hidden = !picked;
    this.element.hidden = !said.textContent;
    this.drawModes();
  }

  drawModes() {
    const { picked, tool } = this.map.get(),
      turn = (value) => {
        this.mode = value;
        this.drawModes();
      };
    const modes = () => segmented(say("map.pick.next.label"), NEXT, this.mode, turn);
    fill(this.modes, picked?.indices && tool !== "pan" && modes());
  }
}

// The pen and its lines.
class Pen {
  constructor(map, plot, note) {
    this.map = map;
    this.plot = plot;
    this.note = note;
    this.layer = s("svg", { class: "pick" }); // cut off where the axes begin
    this.stroke = null; // {tool, places, by: a pointer's id or "keys", how: one of NEXT}
    this.mean = {}; // {picked, frame, uv}: where the mean of the chosen lies
    plot.overlay.append(this.layer);
  }

  line(places, name) {
    const text = ([u, v]) =>
      this.plot
        .toPx(u, v)
        .map((p) => p.toFixed(1))
        .join(" ");
    return s("path", { class: name, d: `M${places.map(text).join("L")}Z` });
  }

  // The outlines that are to be seen, as closed lines with their class.
  outlines(picked, frame) {
    const { stroke } = this,
      corners = (/** @type {number[]} */ [u0, u1, v0, v1]) => [
        [u0, v0],
        [u1, v0],
        [u1, v1],
        [u0, v1],
      ];
    const kept =
      (!stroke || stroke.how !== "new") && picked?.indices
        ? picked.strokes.filter((one) => drawnOn(one, frame))
        : [];
    const drawn = stroke ? [{ ...stroke, outline: stroke.places, cut: stroke.how === "cut" }] : [];
    return [...kept, ...drawn].map(({ tool, outline, cut }) => [
      tool === "box" ? corners(edges(outline)) : outline,
      cut ? "pick__line pick__line--cut" : "pick__line",
    ]);
  }

  draw() {
    const { map, plot, layer } = this,
      { picked, frame, local } = map.get();
    if (!plot.view || !frame) return;
    const [left, top] = plot.toPx(plot.ranges().x[0], plot.ranges().y[1]),
      [width, height] = plot.inner,
      box = { x: left, y: top, width, height, viewBox: `${left} ${top} ${width} ${height}` };
    for (const [key, value] of Object.entries(box)) layer.setAttribute(key, value);
    const centred = this.centre(picked, frame, local) && !this.stroke,
      [x, y] = centred ? plot.toPx(...this.mean.uv) : [];
    fill(
      layer,
      this.outlines(picked, frame).flatMap(([line, name]) => [
        this.line(line, "pick__line pick__line--halo"),
        this.line(line, name),
      ]),
      centred &&
        s("path", { class: "pick__centre", d: `M${x - 6} ${y}L${x} ${y - 6}L${x + 6} ${y}L${x} ${y + 6}Z` }),
    );
  }

  // Where the mean of the chosen lies; found once, not at every frame of a pan.
  centre(picked, frame, local) {
    if (!picked?.indices?.length || local?.key !== frame.key) return false;
    if (this.mean.picked !== picked || this.mean.frame !== frame)
      this.mean = { picked, frame, uv: chartOf(frame, local).toPlane(meanOf(local, picked.indices)) };
    return true;
  }

  // The pen's place, kept on the paper.
  under(px, py) {
    const [u, v] = this.plot.toUv(px, py),
      { x, y } = this.plot.ranges(),
      within = (value, [low, high]) => Math.min(high, Math.max(low, value));
    return [within(u, x), within(v, y)];
  }

  start(by, place, event) {
    const { tool, picked } = this.map.get(),
      how = event.altKey ? "cut" : event.shiftKey ? "add" : this.note.mode;
    this.stroke = { by, tool, places: [place], how: picked?.indices ? how : "new" };
  }

  move(place) {
    const { stroke } = this;
    if (stroke.tool === "box") stroke.places[1] = place;
    else stroke.places.push(place);
    this.draw();
  }

  // The pen is lifted: true where it has drawn something.
  lift() {
    const { tool, places, how } = this.stroke,
      { scale } = this.plot.view,
      [u0, u1, v0, v1] = edges(places);
    this.drop();
    if (Math.hypot(u1 - u0, v1 - v0) <= tokens.map.moved * scale) return false;
    const { tolerance, vertices, places: all } = tokens.pick,
      before = how === "new" ? [] : (this.map.get().picked?.strokes ?? []),
      used = before.reduce((sum, { outline }) => sum + outline.length, 0);
    const box = [
        [u0, v0],
        [u1, v1],
      ],
      most = Math.max(8, Math.min(vertices, all - used)),
      line = tool === "box" ? box : simplify(places, tolerance * scale, most);
    add(this.map, { tool, outline: rounded(line, scale) }, how);
    return true;
  }

  drop() {
    this.stroke = null;
    this.draw();
  }
}

// The tools of a map; `tap` is what a click without a movement does. Gives back the drawing of the outline, for when the view moves.
export function pick(map, plot, stage, beside, tap) {
  const buttons = Object.entries(TOOLS).map(([tool, d]) =>
    button(
      {
        "aria-label": say(`map.pick.${tool}.name`),
        "data-hint": say(`map.pick.${tool}.hint`),
        "data-tool": tool,
      },
      () => map.set({ tool }),
      icon(d),
    ),
  );
  beside.append(
    h("div", { class: "pick__tools", role: "group", "aria-label": say("map.pick.tools") }, buttons),
  );
  const note = new Note(map),
    pen = new Pen(map, plot, note);
  stage.append(note.element);
  follow(map);
  wire(map, plot, stage, pen, tap);

  map.on(["tool", "picked", "frame"], ({ tool }) => {
    for (const one of buttons) one.setAttribute("aria-pressed", String(one.dataset.tool === tool));
    if (pen.stroke && pen.stroke.tool !== tool) pen.drop();
    note.draw();
  });
  map.on(["picked"], ({ picked, frame }) => {
    const chosen = picked?.indices?.length ? new Uint8Array(frame.labels.length) : null;
    picked?.indices?.forEach((i) => (chosen[i] = 1));
    if (!chosen && !plot.chosen) return pen.draw();
    plot.chosen = chosen;
    if (!plot.view || plot.frame !== frame) return;
    plot.paint();
    plot.onView();
  });
  map.on(["local"], () => pen.draw());
  return () => pen.draw();
}

// Pointer and keys of the pen. Its listeners come before the map's own hands hear of it: with a tool chosen, a drag neither pans nor decodes.
function wire(map, plot, stage, pen, tap) {
  const at = (event) => {
    const box = plot.host.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const drawing = () => map.get().tool !== "pan" && plot.view && plot.frame === map.get().frame;
  stage.addEventListener(
    "pointerdown",
    (event) => {
      const [px, py] = at(event);
      if (
        !drawing() ||
        event.button !== 0 ||
        !plot.host.contains(event.target) ||
        event.target.closest(".path__end") ||
        !plot.inside(px, py)
      )
        return;
      event.stopPropagation();
      event.preventDefault();
      if (pen.stroke) return pen.drop(); // a second finger, or the mouse after the keys
      plot.host.focus({ preventScroll: true });
      plot.host.setPointerCapture(event.pointerId);
      pen.start(event.pointerId, pen.under(px, py), event);
    },
    { capture: true },
  );
  const own = (event) => pen.stroke?.by === event.pointerId;
  stage.addEventListener("pointermove", (event) => own(event) && pen.move(pen.under(...at(event))));
  stage.addEventListener("pointerup", (event) => own(event) && !pen.lift() && tap(...at(event), event));
  stage.addEventListener("pointercancel", (event) => own(event) && pen.drop());
  stage.addEventListener("keydown", (event) => {
    // after the map's own hands: an arrow has moved HERE
    if (!drawing() || event.target !== plot.host) return;
    const here = map.get().uv ?? [plot.view.u, plot.view.v],
      byKeys = pen.stroke?.by === "keys";
    if (event.key === " ") {
      event.preventDefault();
      if (byKeys) pen.lift();
      else pen.start("keys", here, event);
    } else if (event.key.startsWith("Arrow") && byKeys) pen.move(pen.under(...plot.toPx(...here)));
  });
  document.addEventListener(
    "keydown",
    (event) => {
      const { picked, tool } = map.get(),
        nothing = !pen.stroke && !picked && tool === "pan",
        target = /** @type {Element} */ (event.target);
      if (
        event.key !== "Escape" ||
        plot.host.offsetParent === null ||
        target.matches("input, select, textarea") ||
        nothing
      )
        return;
      event.preventDefault(); // Escape takes one step back at a time; the map's own comes last
      if (pen.stroke) pen.drop();
      else map.set(picked ? { picked: null } : { tool: "pan" });
    },
    { capture: true },
  );
}
