// The drawing canvas: mouse, finger and pen; strokes can be undone; the drawing is white ink on black underneath, ink on paper on the screen.
import { get, on, tokens } from "../state/store.js";
import { h } from "../parts/dom.js";
import { say } from "../state/texts.js";
import { imageData } from "../parts/pixels.js";

const SIDE = tokens.draw.side;

export class Paper {
  constructor(changed) {
    this.changed = changed;
    this.strokes = []; // [{width, points: [[x, y], ...]}]
    this.base = null; // {images, k, index}: a test image under the strokes
    this.brush = tokens.draw.brush;
    this.screen = h("canvas", {
      width: SIDE,
      height: SIDE,
      "aria-label": say("tabs.paper.label"),
      role: "img",
      class: "desk__canvas",
    });
    this.under = h("canvas", { width: SIDE, height: SIDE });
    this.ink = this.under.getContext("2d", { willReadFrequently: true });
    this.stroke = null;
    this.hands();
    on(["dark"], () => this.repaint());
  }

  get empty() {
    return !this.strokes.length && !this.base;
  }

  undo() {
    if (this.strokes.length) this.strokes.pop();
    else this.base = null;
    this.repaint();
    this.changed();
  }

  clear() {
    this.strokes = [];
    this.base = null;
    this.repaint();
    this.changed();
  }

  start(images, index) {
    this.strokes = [];
    this.base = { images, index };
    this.repaint();
    this.changed();
  }

  colours() {
    const { paper, print } = tokens[get().dark ? "dark" : "light"];
    return { paper, print };
  }

  repaint() {
    const { paper } = this.colours(),
      view = this.screen.getContext("2d");
    this.ink.fillStyle = "#000";
    this.ink.fillRect(0, 0, SIDE, SIDE);
    view.fillStyle = paper;
    view.fillRect(0, 0, SIDE, SIDE);
    if (this.base) this.lay(view);
    for (const stroke of this.strokes)
      for (let i = 0; i < stroke.points.length; i += 1) this.segment(stroke, i);
  }

  // The test image under the strokes, in ink for the eye and in white on black for the model.
  lay(view) {
    const { images } = this.base,
      [height, width] = images.shape.slice(-2),
      small = h("canvas", { width, height }),
      brush = small.getContext("2d");
    brush.putImageData(imageData(images, 0), 0, 0);
    view.drawImage(small, 0, 0, SIDE, SIDE);
    const grey = new ImageData(width, height);
    for (let i = 0; i < width * height; i += 1)
      grey.data.set([images.data[i], images.data[i], images.data[i], 255], i * 4);
    brush.putImageData(grey, 0, 0);
    this.ink.drawImage(small, 0, 0, SIDE, SIDE);
  }

  segment(stroke, i) {
    const to = stroke.points[i],
      from = stroke.points[Math.max(0, i - 1)];
    for (const [brush, colour] of [
      [this.ink, "#fff"],
      [this.screen.getContext("2d"), this.colours().print],
    ]) {
      Object.assign(brush, {
        lineWidth: stroke.width,
        lineCap: "round",
        lineJoin: "round",
        strokeStyle: colour,
      });
      brush.beginPath();
      brush.moveTo(...from);
      brush.lineTo(to[0], to[1] + (i === 0 ? 0.01 : 0)); // a dot is a line of no length, which some browsers leave out
      brush.stroke();
    }
  }

  hands() {
    const at = (event) => {
      const box = this.screen.getBoundingClientRect();
      return [
        ((event.clientX - box.left) / box.width) * SIDE,
        ((event.clientY - box.top) / box.height) * SIDE,
      ];
    };
    this.screen.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || this.stroke) return;
      event.preventDefault();
      this.screen.setPointerCapture(event.pointerId);
      this.stroke = { width: this.brush, points: [at(event)], pointer: event.pointerId };
      this.strokes.push(this.stroke);
      this.segment(this.stroke, 0);
      this.changed();
    });
    this.screen.addEventListener("pointermove", (event) => {
      if (this.stroke?.pointer !== event.pointerId) return;
      const steps = event.getCoalescedEvents?.() ?? [];
      for (const step of steps.length ? steps : [event]) {
        this.stroke.points.push(at(step));
        this.segment(this.stroke, this.stroke.points.length - 1);
      }
      this.changed();
    });
    const end = (event) => {
      if (this.stroke?.pointer !== event.pointerId) return;
      this.stroke = null;
      this.changed();
    };
    for (const name of ["pointerup", "pointercancel", "lostpointercapture"])
      this.screen.addEventListener(name, end);
  }

  // The ink as bytes in base64, one a pixel.
  bytes() {
    const { data } = this.ink.getImageData(0, 0, SIDE, SIDE);
    let text = "";
    for (let i = 0; i < data.length; i += 4) text += String.fromCharCode(data[i]);
    return btoa(text);
  }
}
