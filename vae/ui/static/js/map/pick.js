// The pen of the map: a box or a lasso by mouse, finger or keys chooses codes, adds to the chosen or takes away from them; see picked.js.
import { tokens } from "../state/store.js";
import { count, fill, h, s, segmented } from "../parts/dom.js";
import { edges, rounded, simplify } from "../space/outline.js";
import { add, drawnOn, follow } from "./picked.js";
import { meanOf } from "../space/latent.js";
import { chartOf } from "../space/chart.js";

const TOOLS = {
  pan: [
    "Move",
    "Dragging moves the map; a finger decodes",
    "M8 1.5v13M1.5 8h13M6 3.5l2-2 2 2M6 12.5l2 2 2-2M3.5 6l-2 2 2 2M12.5 6l2 2-2 2",
  ],
  box: [
    "Choose with a box",
    "Drag a box over codes to choose them. By keyboard, on the map: Space puts the pen down, arrows move it, Space lifts it. Shift adds to what is chosen, Alt takes away",
    "M2 3.5h2.5M6.75 3.5h2.5M11.5 3.5H14v2.2M14 7.2v2M14 10.8v1.7h-2.5M9.25 12.5h-2.5M4.5 12.5H2v-1.7M2 9.2v-2M2 5.7V3.5",
  ],
  lasso: [
    "Choose with a lasso",
    "Draw around codes to choose them; the line closes by itself. By keyboard, on the map: Space puts the pen down, arrows move it, Space lifts it. Shift adds to what is chosen, Alt takes away",
    "M8 2.2c3.5 0 6 1.7 6 3.9S11.5 10 8 10 2 8.3 2 6.1 4.5 2.2 8 2.2zM4.6 9.3c-1.6.9-1.5 2.6 0 2.9 1.2.2 1.3 1.2.5 2",
  ],
};
const TASK = { box: "Drag a box over codes to choose them", lasso: "Draw around codes to choose them" };

const NEXT = [
  { value: "new", text: "new", hint: "The next outline starts anew" },
  { value: "add", text: "add", hint: "The next outline adds what it holds; or hold Shift" },
  { value: "cut", text: "take away", hint: "The next outline takes away what it holds; or hold Alt" },
];

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

// The tools of a map; `tap` is what a click without a movement does. Gives back the drawing of the outline, for when the view moves.
export function pick(map, plot, stage, beside, tap) {
  const buttons = Object.entries(TOOLS).map(([tool, [name, hint, d]]) =>
    h(
      "button",
      {
        type: "button",
        "aria-label": name,
        "data-hint": hint,
        "data-tool": tool,
        on: { click: () => map.set({ tool }) },
      },
      icon(d),
    ),
  );
  beside.append(
    h("div", { class: "pick__tools", role: "group", "aria-label": "what dragging does" }, buttons),
  );
  const said = h("span", { role: "status" }),
    modes = h("div", {});
  const show = h(
    "button",
    {
      type: "button",
      class: "link",
      on: { click: () => document.querySelector(".chosen")?.scrollIntoView({ block: "start" }) },
    },
    "show",
  );
  const clear = h(
    "button",
    {
      type: "button",
      class: "link",
      "data-hint": "Clear what is chosen (Escape)",
      on: { click: () => map.set({ picked: null }) },
    },
    "clear",
  );
  const note = h("div", { class: "pick__note" }, said, " ", show, clear, modes);
  const layer = s("svg", { class: "pick" }); // cut off where the axes begin
  plot.overlay.append(layer);
  stage.append(note);
  let stroke = null,
    mode = "new",
    mean = {}; // stroke: {tool, places, by: a pointer's id or "keys", how: one of NEXT}
  follow(map);

  function path(line, name) {
    return s("path", {
      class: name,
      d: `M${line
        .map(([u, v]) =>
          plot
            .toPx(u, v)
            .map((p) => p.toFixed(1))
            .join(" "),
        )
        .join("L")}Z`,
    });
  }

  function draw() {
    const { picked, frame, local } = map.get();
    if (!plot.view || !frame) return;
    const [left, top] = plot.toPx(plot.ranges().x[0], plot.ranges().y[1]),
      [width, height] = plot.inner;
    for (const [key, value] of Object.entries({
      x: left,
      y: top,
      width,
      height,
      viewBox: `${left} ${top} ${width} ${height}`,
    }))
      layer.setAttribute(key, value);
    const shapes = [
      ...((!stroke || stroke.how !== "new") && picked?.indices
        ? picked.strokes.filter((one) => drawnOn(one, frame))
        : []),
      ...(stroke ? [{ ...stroke, outline: stroke.places, cut: stroke.how === "cut" }] : []),
    ];
    const lines = shapes.map(({ tool, outline, cut }) => [
      tool === "box"
        ? (([u0, u1, v0, v1]) => [
            [u0, v0],
            [u1, v0],
            [u1, v1],
            [u0, v1],
          ])(edges(outline))
        : outline,
      cut ? "pick__line pick__line--cut" : "pick__line",
    ]);
    const [x, y] = centre(picked, frame, local) ? plot.toPx(...mean.uv) : [];
    fill(
      layer,
      lines.flatMap(([line, name]) => [path(line, "pick__line pick__line--halo"), path(line, name)]),
      x !== undefined &&
        !stroke &&
        s("path", { class: "pick__centre", d: `M${x - 6} ${y}L${x} ${y - 6}L${x + 6} ${y}L${x} ${y + 6}Z` }),
    );
  }

  // Where the mean of the chosen lies; found once, not at every frame of a pan.
  function centre(picked, frame, local) {
    if (!picked?.indices?.length || local?.key !== frame.key) return false;
    if (mean.picked !== picked || mean.frame !== frame)
      mean = { picked, frame, uv: chartOf(frame, local).toPlane(meanOf(local, picked.indices)) };
    return true;
  }

  // The pen's place, kept on the paper.
  function under(px, py) {
    const [u, v] = plot.toUv(px, py),
      { x, y } = plot.ranges(),
      within = (value, [low, high]) => Math.min(high, Math.max(low, value));
    return [within(u, x), within(v, y)];
  }

  function start(by, place, event) {
    stroke = {
      by,
      tool: map.get().tool,
      places: [place],
      how: !map.get().picked?.indices ? "new" : event.altKey ? "cut" : event.shiftKey ? "add" : mode,
    };
  }

  function move(place) {
    if (stroke.tool === "box") stroke.places[1] = place;
    else stroke.places.push(place);
    draw();
  }

  // The pen is lifted: true where it has drawn something.
  function lift() {
    const { tool, places, how } = stroke,
      { scale } = plot.view,
      [u0, u1, v0, v1] = edges(places);
    stroke = null;
    draw();
    if (Math.hypot(u1 - u0, v1 - v0) <= tokens.map.moved * scale) return false;
    const { tolerance, vertices, places: all } = tokens.pick,
      used =
        how === "new"
          ? 0
          : (map.get().picked?.strokes ?? []).reduce((sum, { outline }) => sum + outline.length, 0);
    const line =
      tool === "box"
        ? [
            [u0, v0],
            [u1, v1],
          ]
        : simplify(places, tolerance * scale, Math.max(8, Math.min(vertices, all - used)));
    add(map, { tool, outline: rounded(line, scale) }, how);
    return true;
  }

  function drop() {
    stroke = null;
    draw();
  }

  const at = (event) => {
    const box = plot.host.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const drawing = () => map.get().tool !== "pan" && plot.view && plot.frame === map.get().frame;
  // Before the map's own hands hear of it: with a tool chosen, a drag neither pans nor decodes.
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
      if (stroke) return drop(); // a second finger, or the mouse after the keys
      plot.host.focus({ preventScroll: true });
      plot.host.setPointerCapture(event.pointerId);
      start(event.pointerId, under(px, py), event);
    },
    { capture: true },
  );
  stage.addEventListener(
    "pointermove",
    (event) => stroke?.by === event.pointerId && move(under(...at(event))),
  );
  stage.addEventListener(
    "pointerup",
    (event) => stroke?.by === event.pointerId && !lift() && tap(...at(event), event),
  );
  stage.addEventListener("pointercancel", (event) => stroke?.by === event.pointerId && drop());
  stage.addEventListener("keydown", (event) => {
    // after the map's own hands: an arrow has moved HERE
    if (!drawing() || event.target !== plot.host) return;
    const here = map.get().uv ?? [plot.view.u, plot.view.v];
    if (event.key === " ") {
      event.preventDefault();
      if (stroke?.by === "keys") lift();
      else start("keys", here, event);
    } else if (event.key.startsWith("Arrow") && stroke?.by === "keys")
      move(under(...plot.toPx(...map.get().uv)));
  });
  document.addEventListener(
    "keydown",
    (event) => {
      const { picked, tool } = map.get();
      if (
        event.key !== "Escape" ||
        plot.host.offsetParent === null ||
        /** @type {Element} */ (event.target).matches("input, select, textarea") ||
        (!stroke && !picked && tool === "pan")
      )
        return;
      event.preventDefault(); // Escape takes one step back at a time; the map's own comes last
      if (stroke) drop();
      else map.set(picked ? { picked: null } : { tool: "pan" });
    },
    { capture: true },
  );

  map.on(["tool", "picked", "frame"], ({ tool, picked, frame }) => {
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.tool === tool));
    if (stroke && stroke.tool !== tool) drop();
    const n = picked?.indices?.length,
      last = picked?.strokes.at(-1);
    if (!picked) [said.textContent, mode] = [(frame && TASK[tool]) || "", "new"];
    else if (n === undefined) said.textContent = "counting …";
    else if (n) said.textContent = `${count(n)} ${n === 1 ? "code" : "codes"} chosen`;
    else
      said.textContent = last.cut
        ? "Nothing is left. Add another outline, or press Escape to start anew."
        : `No code lies inside this ${last.tool}. Draw over some of the dots, or zoom in on them first; hidden classes are left out.`;
    show.hidden = !n || !narrow.matches;
    clear.hidden = !picked;
    note.hidden = !said.textContent;
    next();
  });
  function next() {
    fill(
      modes,
      map.get().picked?.indices &&
        map.get().tool !== "pan" &&
        segmented("what the next outline does", NEXT, mode, (value) => {
          mode = value;
          next();
        }),
    );
  }
  map.on(["picked"], ({ picked, frame }) => {
    const chosen = picked?.indices?.length ? new Uint8Array(frame.labels.length) : null;
    picked?.indices?.forEach((i) => (chosen[i] = 1));
    if (!chosen && !plot.chosen) return draw();
    plot.chosen = chosen;
    if (!plot.view || plot.frame !== frame) return;
    plot.paint();
    plot.onView();
  });
  map.on(["local"], draw);
  return draw;
}
