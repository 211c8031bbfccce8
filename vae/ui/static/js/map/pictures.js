// Where few codes are in view, each is drawn as its own picture.
import { tokens } from "../state/store.js";
import { latest } from "../state/turns.js";
import { h } from "../parts/dom.js";
import { imageData, screenRatio } from "../parts/pixels.js";
import * as explorer from "../explorer/explorer.js";

const made = new WeakMap(); // picture -> {canvas, dark}

function canvasOf(picture, dark) {
  const known = made.get(picture);
  if (known?.dark === dark) return known.canvas;
  const [, height, width] = picture.shape,
    canvas = h("canvas", { width, height });
  canvas.getContext("2d").putImageData(imageData(picture), 0, 0);
  made.set(picture, { canvas, dark });
  return canvas;
}

export class Pictures {
  constructor(map, plot) {
    this.map = map;
    this.plot = plot;
    this.canvas = h("canvas", { class: "plot__pictures", "aria-hidden": "true" });
    plot.host.insertBefore(this.canvas, plot.overlay);
    this.fetch = latest(async (indices) => {
      try {
        await explorer.thumbnails(this.map.get().model, indices);
      } catch {
        return; // the points are there
      }
      this.update();
    });
    this.map.on(["pictures"], () => this.update());
  }

  // The codes in view, null where they are too many.
  inView() {
    const { frame, hidden } = this.map.get(),
      { x, y } = this.plot.ranges(),
      found = [];
    for (let i = 0; i < frame.labels.length; i += 1) {
      const u = frame.uv[2 * i],
        v = frame.uv[2 * i + 1];
      if (u < x[0] || u > x[1] || v < y[0] || v > y[1] || hidden.has(frame.labels[i])) continue;
      if (found.length >= tokens.map.pictures) return null;
      found.push(i);
    }
    return found;
  }

  update() {
    const { frame, model, dark } = this.map.get(),
      { canvas, plot } = this,
      [width, height] = plot.size,
      ratio = screenRatio();
    const indices = this.map.drawn && plot.view && plot.frame === frame ? this.inView() : null;
    if (!indices && canvas.dataset.count === "0") return;
    [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
    canvas.dataset.count = "0";
    if (!indices?.length) return;
    const brush = canvas.getContext("2d"),
      wide = model.image_shape[2],
      side = Math.max(1, Math.round(tokens.map.picture / wide)) * wide,
      lacking = [];
    const [left, top] = plot.toPx(plot.ranges().x[0], plot.ranges().y[1]);
    brush.setTransform(ratio, 0, 0, ratio, 0, 0);
    brush.beginPath();
    brush.rect(left, top, ...plot.inner);
    brush.clip();
    brush.imageSmoothingEnabled = false;
    for (const i of indices) {
      const picture = explorer.thumbnail(model, i);
      if (!picture) {
        lacking.push(i);
        continue;
      }
      const [px, py] = plot.toPx(frame.uv[2 * i], frame.uv[2 * i + 1]),
        x = Math.round(px - side / 2),
        y = Math.round(py - side / 2);
      brush.globalAlpha = plot.chosen && !plot.chosen[i] ? tokens.pick.pale : 1;
      brush.fillStyle = tokens.classes[frame.labels[i] % tokens.classes.length];
      brush.fillRect(x - 2, y - 2, side + 4, side + 4);
      brush.drawImage(canvasOf(picture, dark), x, y, side, side);
    }
    canvas.dataset.count = String(indices.length - lacking.length);
    if (lacking.length) this.fetch(lacking);
  }
}
