// The layers of a net in plain typed arrays. No DOM: workers use it too.
//
// Every layer has `ins`, `outs` and run(x, out, biased): what it makes of x, written into `out`; without its bias it carries a tangent.
// `relu`: whether ReLU follows it. `adds`: whether it then adds to its input.

// Weights that lie row by row, one row an input. Inputs that are zero, as half are after a ReLU, are skipped.
class Rows {
  constructor(inputs, length) {
    this.length = length; // of a row
    this.weight = new Float32Array(inputs * length);
    this.starts = new Int32Array(inputs + 7); // where the rows of the live inputs begin
    this.values = new Float32Array(inputs + 7); // and what they are multiplied by
  }

  // Takes `count` inputs of x from `first` on; how many rows are to be added, a multiple of eight: the last ones may be rows times zero.
  take(x, first, count) {
    const { starts, values, length } = this;
    let live = 0;
    for (let i = 0; i < count; i += 1) {
      const value = x[first + i];
      if (value !== 0) ((starts[live] = i * length), (values[live++] = value));
    }
    while (live & 7) ((starts[live] = 0), (values[live++] = 0));
    return live;
  }

  // out[at + o] += the sum over the rows taken of value * row[from + o], o < many. Eight rows at a time.
  add(live, from, out, at, many) {
    const { weight, starts, values } = this;
    for (let k = 0; k < live; k += 8) {
      const a = values[k],
        b = values[k + 1],
        c = values[k + 2],
        d = values[k + 3],
        e = values[k + 4],
        f = values[k + 5],
        g = values[k + 6],
        h = values[k + 7];
      const p = starts[k] + from,
        q = starts[k + 1] + from,
        r = starts[k + 2] + from,
        s = starts[k + 3] + from,
        t = starts[k + 4] + from,
        u = starts[k + 5] + from,
        v = starts[k + 6] + from,
        w = starts[k + 7] + from;
      for (let o = 0; o < many; o += 1) {
        out[at + o] +=
          a * weight[p + o] +
          b * weight[q + o] +
          c * weight[r + o] +
          d * weight[s + o] +
          e * weight[t + o] +
          f * weight[u + o] +
          g * weight[v + o] +
          h * weight[w + o];
      }
    }
  }
}

export class Linear extends Rows {
  constructor({ data, shape: [outs, ins] }, bias, { relu = false, residual = false } = {}) {
    super(ins, outs);
    this.ins = ins;
    this.outs = outs;
    this.bias = bias.data;
    this.relu = relu;
    this.adds = residual && ins === outs;
    for (let o = 0; o < outs; o += 1)
      for (let i = 0; i < ins; i += 1) this.weight[i * outs + o] = data[o * ins + i];
  }

  run(x, out, biased = true) {
    if (biased) out.set(this.bias);
    else out.fill(0);
    this.add(this.take(x, 0, this.ins), 0, out, 0, this.outs);
  }
}

// A convolution over (H, W, C): every input pixel is spread over the output pixels it reaches. With stride 2 it is a transposed one, which doubles the sides;
// with stride 1 an ordinary one with padding 1 and a kernel of 3, which spreads by its kernel turned round.
export class Convolution extends Rows {
  constructor({ data, shape: [a, b, kernel] }, bias, before, { stride, relu }) {
    const [from, to] = stride === 1 ? [b, a] : [a, b];
    super(from, kernel * kernel * to);
    this.bias = bias.data;
    this.from = from; // channels
    this.to = to;
    this.kernel = kernel;
    this.stride = stride;
    this.relu = relu;
    this.before = before; // (H, W)
    this.sides = before.map((side) => side * stride);
    this.ins = before[0] * before[1] * from;
    this.outs = this.sides[0] * this.sides[1] * to;
    const taps = kernel * kernel;
    for (let i = 0; i < from; i += 1)
      for (let o = 0; o < to; o += 1)
        for (let tap = 0; tap < taps; tap += 1)
          this.weight[(i * taps + tap) * to + o] =
            stride === 1 ? data[(o * from + i) * taps + taps - 1 - tap] : data[(i * to + o) * taps + tap];
  }

  run(x, out, biased = true) {
    const { from, to, kernel, stride, bias, sides } = this,
      [height, width] = this.before;
    if (!biased) out.fill(0);
    else for (let at = 0; at < out.length; at += to) out.set(bias, at);
    for (let y = 0; y < height; y += 1)
      for (let x0 = 0; x0 < width; x0 += 1) {
        const live = this.take(x, (y * width + x0) * from, from);
        if (!live) continue;
        const top = y * stride - 1,
          left = x0 * stride - 1,
          first = left < 0 ? 1 : 0,
          last = Math.min(kernel, sides[1] - left);
        for (let row = top < 0 ? 1 : 0; row < kernel && top + row < sides[0]; row += 1) {
          const at = ((top + row) * sides[1] + left + first) * to;
          this.add(live, (row * kernel + first) * to, out, at, (last - first) * to);
        }
      }
  }
}

// The largest of 2 x 2 pixels of (H, W, C); sides are rounded up.
export class Pool {
  constructor(before, channels) {
    this.before = before; // (H, W)
    this.channels = channels;
    this.sides = before.map((side) => Math.ceil(side / 2));
    this.ins = before[0] * before[1] * channels;
    this.outs = this.sides[0] * this.sides[1] * channels;
  }

  run(x, out) {
    const { channels, sides } = this,
      [height, width] = this.before;
    out.fill(-Infinity);
    for (let y = 0, i = 0; y < height; y += 1)
      for (let x0 = 0; x0 < width; x0 += 1) {
        const at = ((y >> 1) * sides[1] + (x0 >> 1)) * channels;
        for (let c = 0; c < channels; c += 1, i += 1) if (x[i] > out[at + c]) out[at + c] = x[i];
      }
  }
}

// Numbers in another order: images are (C, H, W), convolutions work on (H, W, C).
export class Order {
  constructor(ins, from) {
    this.ins = ins;
    this.from = from;
    this.outs = from.length;
  }

  run(x, out) {
    const { from, outs } = this;
    for (let i = 0; i < outs; i += 1) out[i] = x[from[i]];
  }

  static channelsLast(shape) {
    const [channels, height, width] = shape,
      area = height * width,
      ins = channels * area;
    return new Order(
      ins,
      Int32Array.from({ length: ins }, (_, i) => (i % channels) * area + Math.floor(i / channels)),
    );
  }

  // Back again, and what lies beyond (C, H, W) is cut off.
  static channelsFirst(shape, sides = shape.slice(1)) {
    const [channels, height, width] = shape,
      pixel = (i) => Math.floor((i % (height * width)) / width) * sides[1] + (i % width);
    return new Order(
      channels * sides[0] * sides[1],
      Int32Array.from(
        { length: channels * height * width },
        (_, i) => pixel(i) * channels + Math.floor(i / (height * width)),
      ),
    );
  }
}

// Layers one after the other.
export class Chain {
  constructor(layers) {
    this.layers = layers;
    this.values = layers.map((layer) => new Float32Array(layer.outs));
  }

  // The values stay for `tangent`; the last ones go into `out` where it is given.
  run(x, out = this.values.at(-1)) {
    const { layers, values } = this;
    let h = (this.x = x);
    for (let n = 0; n < layers.length; n += 1) {
      const layer = layers[n],
        to = n === layers.length - 1 ? out : values[n];
      layer.run(h, to);
      if (layer.adds) for (let i = 0; i < to.length; i += 1) to[i] = to[i] > 0 ? h[i] + to[i] : h[i];
      else if (layer.relu) for (let i = 0; i < to.length; i += 1) if (to[i] < 0) to[i] = 0;
      h = to;
    }
    return h;
  }

  // The derivative of the last run along t: the same layers without their biases, open where they were open. Not for chains that pool.
  tangent(t) {
    const { layers, values } = this;
    for (let n = 0; n < layers.length; n += 1) {
      const layer = layers[n],
        value = values[n],
        before = n ? values[n - 1] : this.x,
        out = new Float32Array(layer.outs);
      layer.run(t, out, false);
      if (layer.adds)
        for (let i = 0; i < out.length; i += 1) out[i] = value[i] > before[i] ? t[i] + out[i] : t[i];
      else if (layer.relu) for (let i = 0; i < out.length; i += 1) if (value[i] <= 0) out[i] = 0;
      t = out;
    }
    return t;
  }
}
