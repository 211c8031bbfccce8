// What a hand does on the map: moving decodes, a click or tap selects, arrows walk, two fingers grow and move it; and the cross and the posterior that follow the pointer.
import { tokens } from "../state/store.js";
import { drawLive, ellipse } from "../parts/marks.js";
import { chartOf } from "../space/chart.js";
import { posteriorDraws } from "../space/latent.js";
import { pathKey, setNext } from "./ends.js";

// Two fingers on a map: it grows, shrinks and moves with them. One finger is not looked at here.
export function pinch(host, plot) {
  const fingers = new Map(); // pointer -> [x, y] in the host
  let held = null,
    asked = false; // {uv between the fingers, how far apart, scale} when the second came down
  const at = ({ clientX, clientY }) => {
    const box = host.getBoundingClientRect();
    return [clientX - box.left, clientY - box.top];
  };
  const grip = () => {
    const [[ax, ay], [bx, by]] = [...fingers.values()];
    return { middle: [(ax + bx) / 2, (ay + by) / 2], apart: Math.max(1, Math.hypot(ax - bx, ay - by)) };
  };

  function follow() {
    asked = false;
    if (!held || fingers.size !== 2) return;
    const {
        middle: [px, py],
        apart,
      } = grip(),
      scale = (held.scale * held.apart) / apart,
      [x, y, width, height] = plot.box;
    plot.see({
      u: held.uv[0] - (px - x - width / 2) * scale,
      v: held.uv[1] + (py - y - height / 2) * scale,
      scale,
    }); // what lay between the fingers stays there
  }

  host.addEventListener(
    "pointerdown",
    (event) => {
      if (event.pointerType !== "touch" || !plot.view) return;
      fingers.set(event.pointerId, at(event));
      if (fingers.size !== 2) return;
      const { middle, apart } = grip();
      held = { uv: plot.toUv(...middle), apart, scale: plot.view.scale };
      window.dispatchEvent(new PointerEvent("pointercancel")); // what the first finger began is over
      event.stopImmediatePropagation();
    },
    { capture: true },
  );
  host.addEventListener(
    "pointermove",
    (event) => {
      if (!fingers.has(event.pointerId)) return;
      fingers.set(event.pointerId, at(event));
      if (!held || asked) return;
      asked = true;
      requestAnimationFrame(follow);
    },
    { capture: true },
  );
  for (const kind of ["pointerup", "pointercancel"]) {
    window.addEventListener(
      kind,
      (/** @type {PointerEvent} */ event) => {
        if (!fingers.delete(event.pointerId)) return;
        if (fingers.size < 2) held = null;
      },
      { capture: true },
    );
  }
}

// Pointer and keys: moving decodes, a click or tap selects, arrows walk.
export function hands(map, host, plot) {
  const at = (event) => {
    const box = host.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const here = (px, py) => map.set({ uv: plot.toUv(px, py) });
  let down = null;
  const ready = () => plot.frame && plot.view;

  host.addEventListener("pointermove", (event) => {
    const [px, py] = at(event);
    if (!ready() || (down && event.pointerType === "mouse")) return;
    if (plot.inside(px, py) && (event.pointerType !== "touch" || down)) here(px, py);
  });
  host.addEventListener(
    "pointerleave",
    (event) => event.pointerType !== "touch" && !down && map.get().click && map.set({ uv: map.get().click }),
  );
  host.addEventListener(
    "pointerdown",
    (event) => {
      if (event.button !== 0 || !ready() || event.target.closest(".path__end")) return;
      const [px, py] = at(event);
      down = plot.inside(px, py) ? { px, py, touch: event.pointerType !== "mouse" } : null;
      if (down?.touch) {
        host.setPointerCapture(event.pointerId);
        here(px, py);
      }
    },
    { capture: true },
  );
  // Plotly covers the page while a button is down: the end of a click is heard on the window.
  window.addEventListener(
    "pointerup",
    (event) => {
      if (!down) return;
      const [px, py] = at(event),
        still = Math.hypot(px - down.px, py - down.py) <= tokens.map.moved,
        touch = down.touch;
      down = null;
      if (still && event.shiftKey) mark(map, plot, px, py);
      else if (still) click(map, plot, px, py);
      else if (touch) map.set({ click: map.get().uv });
    },
    { capture: true },
  );
  window.addEventListener("pointercancel", () => (down = null));
  host.addEventListener("dblclick", () => plot.zoom(0));

  const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  host.addEventListener("keydown", (event) => {
    if (!ready() || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const [px, py] = plot.toPx(...(map.get().uv ?? [plot.view.u, plot.view.v])),
      step = steps[event.key];
    if (pathKey(map, event.key)) return event.preventDefault();
    if (step) {
      const size = tokens.map.keyStep * (event.shiftKey ? 10 : 1),
        next = plot.toUv(px + step[0] * size, py + step[1] * size);
      map.set({ uv: next, click: next });
    } else if (event.key === "Enter") {
      const near = plot.nearest(px, py);
      if (near) map.set({ index: near.index, uv: plot.toUv(px, py) });
    } else if (event.key === "Escape") {
      const { frame, index } = map.get(),
        own = [frame.uv[2 * index], frame.uv[2 * index + 1]];
      map.set({ uv: own, click: own, hidden: new Set() });
    } else if (event.key === "+" || event.key === "=") plot.zoom(tokens.map.zoomStep);
    else if (event.key === "-") plot.zoom(1 / tokens.map.zoomStep);
    else if (event.key === "0") plot.zoom(0);
    else return;
    event.preventDefault();
  });
}

export function click(map, plot, px, py) {
  const near = plot.nearest(px, py),
    uv = plot.toUv(px, py);
  map.set({ uv, click: uv });
  if (near && near.px <= tokens.map.click) map.set({ index: near.index });
}

// Shift and a click: the next end of a path, exactly here.
export function mark(map, plot, px, py) {
  const uv = plot.toUv(px, py);
  map.set({ uv, click: uv });
  setNext(map, { uv });
}

// Draws the live marks of a plot whenever HERE moves; gives back the drawing itself, for when the view moves.
export function follow(map, plot) {
  let over = -1,
    shape = {},
    resting = null;

  // The spread of the code under the pointer, unless it is the selected one, whose spread is drawn anyway.
  function under(frame, uv) {
    const { local, index, model } = map.get(),
      near = plot.nearest(...plot.toPx(...uv));
    const found =
      near &&
      near.px <= tokens.map.click &&
      near.index !== index &&
      local?.key === frame.key &&
      model?.variational
        ? near.index
        : -1;
    if (found === over) return;
    over = found;
    shape = {};
    clearTimeout(resting);
    if (found < 0) return;
    if (frame.basis) {
      const size = local.codes.size,
        at = [frame.uv[2 * found], frame.uv[2 * found + 1]],
        logvar = local.logvar.subarray(found * size, (found + 1) * size);
      shape = { spreads: [1, 2].map((sigmas) => ellipse(at, logvar, frame.basis, sigmas)) };
    } else {
      resting = setTimeout(() => {
        // sixty-four searches: only where the pointer stays
        const chart = chartOf(frame, local);
        shape = { samples: posteriorDraws(local, found, tokens.draw.samples).map((z) => chart.toPlane(z)) };
        live();
      }, tokens.map.restMs);
    }
  }

  function live() {
    const { frame, uv } = map.get();
    if (!frame || !plot.view) return;
    if (uv) under(frame, uv);
    drawLive(plot, { here: uv, ...shape });
  }

  map.on(["frame", "index", "local"], () => {
    over = -1;
    shape = {};
  });
  map.on(["frame", "uv", "index", "local"], live);
  return live;
}
