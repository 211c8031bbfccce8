// The net in plain arrays: its derivatives against finite differences, its layers against sums written out.
import assert from "node:assert/strict";
import test from "node:test";
import { chance, near } from "./chance.js";
import { Net } from "../../vae/ui/static/js/space/net.js";

const draw = chance(),
  Z = 3,
  H = 6,
  SHAPE = [1, 2, 4];

function mlp(residual) {
  const tensors = {},
    linear = (name, outs, ins) => {
      tensors[`${name}.weight`] = { data: draw(outs * ins), shape: [outs, ins] };
      tensors[`${name}.bias`] = { data: draw(outs), shape: [outs] };
    };
  [8, H].forEach((ins, n) => linear(`encoder.body.layers.${n}`, H, ins));
  [Z, H].forEach((ins, n) => linear(`decoder.body.layers.${n}`, H, ins));
  linear("encoder.mu", Z, H);
  linear("encoder.logvar", Z, H);
  linear("decoder.out", 8, H);
  const config = {
    architecture: "mlp",
    hidden: [H, H],
    residual,
    image_shape: SHAPE,
    latent_dim: Z,
    conditional: false,
  };
  return { tensors, config, net: new Net(tensors, config) };
}

const apply = (tensors, name, x) => {
  const { data, shape } = tensors[`${name}.weight`],
    [outs, ins] = shape;
  return Array.from({ length: outs }, (_, o) =>
    x.reduce((sum, value, i) => sum + data[o * ins + i] * value, tensors[`${name}.bias`].data[o]),
  );
};
const relu = (x) => x.map((value) => Math.max(0, value));

for (const residual of [false, true]) {
  const kind = residual ? "with residual layers" : "without residual layers";

  test(`images and codes are the sums of products that the weights say, ${kind}`, () => {
    const { tensors, net } = mlp(residual),
      body = (side, x) => {
        const first = relu(apply(tensors, `${side}.body.layers.0`, x)),
          second = relu(apply(tensors, `${side}.body.layers.1`, first));
        return residual ? second.map((value, k) => value + first[k]) : second;
      };
    const z = Array.from(draw(Z)),
      logits = apply(tensors, "decoder.out", body("decoder", z));
    near(
      net.decode(Float32Array.from(z)),
      logits.map((value) => 1 / (1 + Math.exp(-value))),
      1e-5,
    );
    const x = Array.from(draw(8)),
      { mu, logvar } = net.encode(Float32Array.from(x));
    near(mu, apply(tensors, "encoder.mu", body("encoder", x)), 1e-4);
    near(logvar, apply(tensors, "encoder.logvar", body("encoder", x)), 1e-4);
  });

  test(`tangents are the image's differences over a small step, ${kind}`, () => {
    const { net } = mlp(residual),
      z = draw(Z),
      basis = [
        [1, 0, 0],
        [0, 0.6, 0.8],
      ],
      step = 1e-3,
      moved = (direction, way) => net.decode(z.map((value, k) => value + way * step * direction[k])).slice(),
      wanted = basis.map((direction) => {
        const [ahead, behind] = [moved(direction, 1), moved(direction, -1)];
        return ahead.map((value, k) => (value - behind[k]) / (2 * step));
      }),
      tangents = net.tangents(z, basis);
    tangents.forEach((tangent, n) => near(tangent, wanted[n], 2e-3));
    const dot = (a, b) => a.reduce((sum, value, k) => sum + value * b[k], 0),
      [a, b] = wanted,
      area = Math.sqrt(dot(a, a) * dot(b, b) - dot(a, b) ** 2);
    assert.ok(Math.abs(Math.exp(net.stretch(z, basis)) - area) < 2e-3 * Math.sqrt(dot(a, a) * dot(b, b)));
  });
}
