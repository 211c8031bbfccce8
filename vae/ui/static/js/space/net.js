// The encoder and the decoder of an MLP model, in plain typed arrays. No DOM: workers use it too.

// One linear layer. Weights are kept transposed (in, out): eight rows are added at a time, and rows whose input is zero, as half are after a ReLU, are skipped.
class Linear {
  constructor({ data, shape: [outs, ins] }, bias) {
    Object.assign(this, {
      ins,
      outs,
      bias: bias.data,
      weight: new Float32Array(ins * outs),
      live: new Int32Array(ins),
    });
    for (let o = 0; o < outs; o += 1)
      for (let i = 0; i < ins; i += 1) this.weight[i * outs + o] = data[o * ins + i];
  }

  // W x + b; without b for a tangent.
  run(x, out, bias = this.bias) {
    const { weight, ins, outs, live } = this;
    let count = 0,
      k = 0;
    for (let i = 0; i < ins; i += 1) if (x[i] !== 0) live[count++] = i;
    if (bias) out.set(bias);
    else out.fill(0);
    for (; k + 8 <= count; k += 8) {
      const a = x[live[k]],
        b = x[live[k + 1]],
        c = x[live[k + 2]],
        d = x[live[k + 3]],
        e = x[live[k + 4]],
        f = x[live[k + 5]],
        g = x[live[k + 6]],
        h = x[live[k + 7]];
      const p = live[k] * outs,
        q = live[k + 1] * outs,
        r = live[k + 2] * outs,
        s = live[k + 3] * outs,
        t = live[k + 4] * outs,
        u = live[k + 5] * outs,
        v = live[k + 6] * outs,
        w = live[k + 7] * outs;
      for (let o = 0; o < outs; o += 1) {
        out[o] +=
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
    for (; k < count; k += 1) {
      const a = x[live[k]],
        p = live[k] * outs;
      for (let o = 0; o < outs; o += 1) out[o] += a * weight[p + o];
    }
  }
}

// Hidden layers with ReLU; where a layer is as wide as its input and `residual` is on, it adds to it.
class Body {
  constructor(layers, residual) {
    Object.assign(this, { layers, residual, buffers: layers.map((layer) => new Float32Array(layer.outs)) });
  }

  run(x) {
    let h = x;
    this.layers.forEach((layer, n) => {
      const out = this.buffers[n],
        add = this.residual && layer.ins === layer.outs;
      layer.run(h, out);
      if (add) for (let i = 0; i < out.length; i += 1) out[i] = out[i] > 0 ? h[i] + out[i] : h[i];
      else for (let i = 0; i < out.length; i += 1) if (out[i] < 0) out[i] = 0;
      h = out;
    });
    return h;
  }

  // The derivative of the last run along t: the same layers without their biases, open where they were open.
  tangent(t) {
    this.layers.forEach((layer, n) => {
      const value = this.buffers[n],
        before = n ? this.buffers[n - 1] : null,
        add = this.residual && layer.ins === layer.outs,
        out = new Float32Array(layer.outs);
      layer.run(t, out, null);
      for (let i = 0; i < out.length; i += 1) {
        if (add) out[i] = value[i] > before[i] ? t[i] + out[i] : t[i];
        else if (value[i] <= 0) out[i] = 0;
      }
      t = out;
    });
    return t;
  }
}

const AE_LOGVAR = -20; // what a plain autoencoder answers as logvar

export const runsHere = (config) => config.architecture === "mlp" && !config.conditional;

export class Net {
  // tensors: of readSafetensors; config: {hidden, residual, image_shape, latent_dim, ...} of the model's card
  constructor(tensors, config) {
    const linear = (name) => new Linear(tensors[`${name}.weight`], tensors[`${name}.bias`]);
    const body = (side) =>
      new Body(
        config.hidden.map((_, n) => linear(`${side}.body.layers.${n}`)),
        config.residual,
      );
    this.shape = config.image_shape;
    this.size = config.latent_dim;
    this.encoder = {
      body: body("encoder"),
      mu: linear("encoder.mu"),
      logvar: tensors["encoder.logvar.weight"] ? linear("encoder.logvar") : null,
    };
    this.decoder = { body: body("decoder"), out: linear("decoder.out") };
    this.pixels = this.decoder.out.outs;
  }

  // The logits at z, written into `out` (pixels).
  logits(z, out = new Float32Array(this.pixels)) {
    this.decoder.out.run(this.decoder.body.run(z), out);
    return out;
  }

  // The image at z in [0, 1].
  decode(z, out = new Float32Array(this.pixels)) {
    this.logits(z, out);
    for (let i = 0; i < out.length; i += 1) out[i] = 1 / (1 + Math.exp(-out[i]));
    return out;
  }

  // The derivatives of the image at z along each direction of `basis`; decodes z into `out` by the way.
  tangents(z, basis, out = new Float32Array(this.pixels)) {
    this.decode(z, out);
    return basis.map((direction) => {
      const tangent = new Float32Array(this.pixels);
      this.decoder.out.run(this.decoder.body.tangent(direction), tangent, null);
      for (let i = 0; i < tangent.length; i += 1) tangent[i] *= out[i] * (1 - out[i]);
      return tangent;
    });
  }

  // log sqrt det J'J at z, J the image's derivatives along two directions: how fast it changes over an area of a chart.
  stretch(z, basis) {
    const [a, b] = this.tangents(z, basis);
    let aa = 0,
      ab = 0,
      bb = 0;
    for (let i = 0; i < a.length; i += 1) ((aa += a[i] * a[i]), (ab += a[i] * b[i]), (bb += b[i] * b[i]));
    return 0.5 * Math.log(Math.max(aa * bb - ab * ab, 1e-30));
  }

  // {mu, logvar} of an image x in [0, 1].
  encode(x) {
    const h = this.encoder.body.run(x),
      mu = new Float32Array(this.size),
      logvar = new Float32Array(this.size).fill(AE_LOGVAR);
    this.encoder.mu.run(h, mu);
    this.encoder.logvar?.run(h, logvar);
    return { mu, logvar };
  }
}
