// What follows the pointer on the map: the cross, and the posterior of the code that lies under it.
import { tokens } from "../state/store.js";
import { drawLive, ellipse } from "../parts/marks.js";
import { chartOf } from "../space/chart.js";
import { posteriorDraws } from "../space/latent.js";

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
