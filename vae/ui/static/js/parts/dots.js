// Disks painted by arithmetic straight into the pixels of a canvas: exact at every view, quick without a graphics card.
import { screenRatio } from "./pixels.js";

export const UNSEEN = 255; // the kind of a disk that is not drawn
const STEPS = 4; // places within a pixel, each way, that a disk's centre is rounded to

const stamps = new Map();
// The pixels that a disk covers, for each of its STEPS x STEPS places within a pixel: where they lie, and their share of 256.
function stampOf(radius, opacity) {
  const key = `${radius} ${opacity}`;
  if (stamps.has(key)) return stamps.get(key);
  const reach = Math.ceil(radius + 0.5),
    starts = [0],
    dx = [],
    dy = [],
    cover = [];
  for (let place = 0; place < STEPS * STEPS; place += 1) {
    const x = ((place % STEPS) + 0.5) / STEPS,
      y = (Math.floor(place / STEPS) + 0.5) / STEPS;
    for (let j = -reach; j <= reach; j += 1)
      for (let i = -reach; i <= reach; i += 1) {
        const share = Math.min(1, Math.max(0, radius + 0.5 - Math.hypot(i + 0.5 - x, j + 0.5 - y)));
        if (share * opacity * 256 < 1) continue;
        dx.push(i);
        dy.push(j);
        cover.push(Math.round(share * opacity * 256));
      }
    starts.push(cover.length);
  }
  if (stamps.size > 16) stamps.clear();
  const stamp = { reach, starts, dx, dy, cover: Int32Array.from(cover) };
  stamps.set(key, stamp);
  return stamp;
}

// A palette of "#rrggbb" as the pairs of bytes that are mixed together: red with blue, green with an alpha of 255.
function pairs(colours) {
  const bytes = colours.map((hex) => [1, 3, 5].map((k) => parseInt(hex.slice(k, k + 2), 16)));
  return {
    rb: Int32Array.from(bytes, ([r, , b]) => r | (b << 16)),
    ga: Int32Array.from(bytes, ([, g]) => g | (255 << 16)),
  };
}

const LIFT = Uint32Array.from({ length: 256 }, (_, a) => (a ? Math.round((255 / a) * 65536) : 0));

export class Dots {
  // ratio: pixels of the canvas to one of the page; the screen's own where none is given
  constructor(canvas, ratio = null) {
    this.canvas = canvas;
    this.own = ratio;
    this.recent = []; // milliseconds of the last three paintings
    this.image = null;
    this.sheet = null; // the last painting, to be moved while the next would be too slow
  }

  get ratio() {
    return this.own ?? screenRatio();
  }

  // What a painting takes: the quickest of the last ones, since the first waits for the compiler and any of them for other work.
  get ms() {
    return Math.min(...this.recent);
  }

  resize([width, height]) {
    const { ratio } = this,
      wide = Math.round(width * ratio),
      high = Math.round(height * ratio);
    if (this.canvas.width !== wide || this.canvas.height !== high)
      [this.canvas.width, this.canvas.height] = [wide, high];
    return ratio;
  }

  // layers: [{px: [x0, y0, ...] in CSS pixels of the host, kinds: a colour of `palette` each, palette: ["#rrggbb"], size, opacity}], the last on top;
  // box: the part of the host to paint, [left, top, width, height].
  paint(size, box, layers) {
    const began = performance.now(),
      ratio = this.resize(size),
      brush = this.canvas.getContext("2d");
    const [left, top, wide, high] = box.map((edge) => Math.round(edge * ratio));
    const drawn = layers.map((layer) => ({
      ...layer,
      stamp: stampOf((layer.size * ratio) / 2, layer.opacity),
    }));
    const pad = 2 * Math.max(1, ...drawn.map(({ stamp }) => stamp.reach)),
      width = wide + 2 * pad,
      height = high + 2 * pad; // no disk meets an edge
    if (this.image?.width !== width || this.image.height !== height)
      this.image = new ImageData(width, height);
    const pixels = new Uint32Array(this.image.data.buffer);
    pixels.fill(0);
    let count = 0;
    for (const layer of drawn) count += stampAll(pixels, width, height, layer, ratio, pad - left, pad - top);
    for (let i = 0; i < pixels.length; i += 1) {
      // a canvas takes colours before their alpha is multiplied in
      const p = pixels[i];
      if (p === 0 || p >= 0xff000000) continue;
      const lift = LIFT[p >>> 24];
      pixels[i] =
        (p & 0xff000000) |
        ((((p >>> 16) & 255) * lift + 32768) & 0xff0000) |
        (((((p >>> 8) & 255) * lift + 32768) >>> 8) & 0xff00) |
        (((p & 255) * lift + 32768) >>> 16);
    }
    brush.setTransform(1, 0, 0, 1, 0, 0);
    brush.clearRect(0, 0, this.canvas.width, this.canvas.height);
    brush.putImageData(this.image, left - pad, top - pad, pad, pad, wide, high);
    this.sheet = null;
    this.recent = [performance.now() - began, ...this.recent.slice(0, 2)];
    Object.assign(this.canvas.dataset, { count: String(count), ms: this.recent[0].toFixed(1) });
  }

  // The last painting drawn elsewhere: what lay at (x, y) comes to (x * grow + dx, y * grow + dy), in CSS pixels.
  carry(box, grow, dx, dy) {
    const { canvas, ratio } = this,
      brush = canvas.getContext("2d");
    if (!this.sheet) {
      this.sheet = new OffscreenCanvas(canvas.width, canvas.height);
      this.sheet.getContext("2d").drawImage(canvas, 0, 0);
    }
    brush.setTransform(1, 0, 0, 1, 0, 0);
    brush.clearRect(0, 0, canvas.width, canvas.height);
    brush.save();
    brush.beginPath();
    brush.rect(...box.map((edge) => edge * ratio));
    brush.clip();
    brush.drawImage(this.sheet, dx * ratio, dy * ratio, canvas.width * grow, canvas.height * grow);
    brush.restore();
  }
}

// Lays every disk of a layer over the pixels (red, green, blue, alpha, alpha multiplied in); how many are to be seen somewhere.
function stampAll(pixels, width, height, { px, kinds, palette, stamp }, ratio, shiftX, shiftY) {
  const { rb, ga } = pairs(palette),
    { reach, starts, dx, dy, cover } = stamp,
    offsets = Int32Array.from(dx, (x, k) => dy[k] * width + x);
  const low = reach,
    right = width - reach - 1,
    bottom = height - reach - 1;
  let count = 0;
  for (let i = 0; i < kinds.length; i += 1) {
    const kind = kinds[i];
    if (kind === UNSEEN) continue;
    count += 1;
    const x = px[2 * i] * ratio + shiftX,
      y = px[2 * i + 1] * ratio + shiftY;
    if (!(x >= low && x < right && y >= low && y < bottom)) continue;
    const column = x | 0,
      row = y | 0,
      place = (((y - row) * STEPS) | 0) * STEPS + (((x - column) * STEPS) | 0);
    const at = row * width + column,
      red = rb[kind],
      green = ga[kind],
      end = starts[place + 1];
    for (let k = starts[place]; k < end; k += 1) {
      const a = cover[k],
        b = 256 - a,
        p = pixels[at + offsets[k]];
      pixels[at + offsets[k]] =
        (((Math.imul(p & 0xff00ff, b) + Math.imul(red, a) + 0x800080) >>> 8) & 0xff00ff) |
        ((Math.imul((p >>> 8) & 0xff00ff, b) + Math.imul(green, a) + 0x800080) & 0xff00ff00);
    }
  }
  return count;
}
