// The encoder and the decoder of a model, layer for layer as vae/model.py builds them. No DOM: workers use it too.
import { Chain, Convolution, Linear, Order, Pool } from "./layers.js";

const AE_LOGVAR = -20; // what a plain autoencoder answers as logvar

// What an encoder puts before its body, and a decoder behind it, in convolutional nets.
function downward(weights, [channels, height, width]) {
  const convolution = (n, sides) =>
    new Convolution(...weights(`encoder.conv.${n}`), sides, { stride: 1, relu: true });
  const first = convolution(0, [height, width]),
    second = convolution(1, first.sides),
    half = new Pool(second.sides, second.to),
    third = convolution(2, half.sides),
    quarter = new Pool(third.sides, third.to);
  return [
    Order.channelsLast([channels, height, width]),
    first,
    second,
    half,
    third,
    quarter,
    Order.channelsFirst([third.to, ...quarter.sides]),
  ];
}

function upward(weights, [channels, height, width]) {
  const transposed = (n, sides) =>
    new Convolution(...weights(`decoder.conv.${n}`), sides, { stride: 2, relu: true });
  const grid = [Math.ceil(height / 4), Math.ceil(width / 4)],
    first = transposed(0, grid),
    second = transposed(1, first.sides),
    out = new Convolution(...weights("decoder.out"), second.sides, { stride: 1, relu: false });
  return [
    Order.channelsLast([first.from, ...grid]),
    first,
    second,
    out,
    Order.channelsFirst([channels, height, width], out.sides),
  ];
}

export class Net {
  // tensors: of readSafetensors; config: {architecture, image_shape, latent_dim, ...} of the model's card
  constructor(tensors, config) {
    const { image_shape: shape, architecture, residual } = config;
    /** @type {(name: string) => [any, any]} */
    const weights = (name) => [tensors[`${name}.weight`], tensors[`${name}.bias`]];
    const linear = (name, options) => new Linear(...weights(name), options);
    const body = (side) =>
      Object.keys(tensors)
        .filter((name) => name.startsWith(`${side}.body.`) && name.endsWith(".weight"))
        .map((_, n) => linear(`${side}.body.layers.${n}`, { relu: true, residual }));
    this.shape = shape;
    this.size = config.latent_dim;
    this.pixels = shape.reduce((a, b) => a * b, 1);
    this.classes = config.conditional ? config.num_classes : 0;
    const flat = architecture === "mlp",
      up = flat ? [linear("decoder.out")] : upward(weights, shape);
    this.convolutions = flat ? null : new Chain(downward(weights, shape));
    this.encoder = new Chain(body("encoder"));
    this.mu = linear("encoder.mu");
    this.logvar = tensors["encoder.logvar.weight"] ? linear("encoder.logvar") : null;
    this.decoder = new Chain([...body("decoder"), ...up]);
  }

  // What a chain of a conditional model takes: x and, behind it, the label as one-hot; nothing but zeros there where label is null.
  withLabel(chain, x, label) {
    if (!this.classes) return x;
    const joined = new Float32Array(chain.layers[0].ins);
    joined.set(x);
    if (label !== null) joined[x.length + label] = 1;
    return joined;
  }

  // The label that a conditional model needs and no other looks at.
  checked(label) {
    if (this.classes && !(Number.isInteger(label) && label >= 0 && label < this.classes))
      throw new Error(`label is ${label}; this model takes whole numbers from 0 to ${this.classes - 1}.`);
    return label;
  }

  // The image at z in [0, 1], written into `out` (pixels).
  decode(z, out = new Float32Array(this.pixels), label = null) {
    this.decoder.run(this.withLabel(this.decoder, z, this.checked(label)), out);
    for (let i = 0; i < out.length; i += 1) out[i] = 1 / (1 + Math.exp(-out[i]));
    return out;
  }

  // The derivatives of the image at z along each direction of `basis`; decodes z into `out` by the way.
  tangents(z, basis, out = new Float32Array(this.pixels), label = null) {
    this.decode(z, out, label);
    return basis.map((direction) => {
      const tangent = this.decoder.tangent(this.withLabel(this.decoder, direction, null));
      for (let i = 0; i < tangent.length; i += 1) tangent[i] *= out[i] * (1 - out[i]);
      return tangent;
    });
  }

  // log sqrt det J'J at z, J the image's derivatives along two directions: how fast it changes over an area of a chart.
  stretch(z, basis, label = null) {
    const [a, b] = this.tangents(z, basis, undefined, label);
    let aa = 0,
      ab = 0,
      bb = 0;
    for (let i = 0; i < a.length; i += 1) ((aa += a[i] * a[i]), (ab += a[i] * b[i]), (bb += b[i] * b[i]));
    return 0.5 * Math.log(Math.max(aa * bb - ab * ab, 1e-30));
  }

  // {mu, logvar} of an image x in [0, 1].
  encode(x, label = null) {
    const seen = this.convolutions ? this.convolutions.run(x) : x,
      h = this.encoder.run(this.withLabel(this.encoder, seen, this.checked(label))),
      mu = new Float32Array(this.size),
      logvar = new Float32Array(this.size).fill(AE_LOGVAR);
    this.mu.run(h, mu);
    this.logvar?.run(h, logvar);
    return { mu, logvar };
  }
}
