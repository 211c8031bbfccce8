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
      (event) => {
        if (!fingers.delete(event.pointerId)) return;
        if (fingers.size < 2) held = null;
      },
      { capture: true },
    );
  }
}
