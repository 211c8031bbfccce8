// What a net in the browser draws changes along z as finite differences say, for every architecture, with and without a class.
import assert from "node:assert/strict";
import test from "node:test";
import { Net } from "../../vae/ui/static/js/space/net.js";

// Numbers in [-1, 1) that are the same at every run (Park and Miller 1988).
function* chance() {
  for (let state = 7; ;) {
    state = (state * 48271) % 2147483647;
    yield (2 * state) / 2147483647 - 1;
  }
}

// A net of random weights, of the shapes that vae/model.py gives them.
function netOf(architecture, conditional) {
  const some = chance(),
    [channels, height, width] = [3, 7, 9],
    [first, second, dense, size, classes] = [4, 5, 6, 2, conditional ? 10 : 0],
    area = second * Math.ceil(height / 4) * Math.ceil(width / 4),
    kernel = architecture === "conv" ? 4 : 3,
    tensors = {};
  const layer = (name, shape, outs) => {
    const draw = (count) => Float32Array.from({ length: count }, () => 0.7 * some.next().value);
    tensors[`${name}.weight`] = { shape, data: draw(shape.reduce((a, b) => a * b)) };
    tensors[`${name}.bias`] = { shape: [outs], data: draw(outs) };
  };
  const linear = (name, outs, ins) => layer(name, [outs, ins], outs),
    down = (name, outs, ins) => layer(name, [outs, ins, 3, 3], outs),
    up = (name, ins, outs) => layer(name, [ins, outs, kernel, kernel], outs);
  if (architecture === "mlp") {
    linear("encoder.body.layers.0", dense, channels * height * width + classes);
    linear("decoder.body.layers.0", dense, size + classes);
    linear("decoder.body.layers.1", dense, dense);
    linear("decoder.out", channels * height * width, dense);
  } else {
    down("encoder.conv.0", first, channels);
    down("encoder.conv.1", first, first);
    down("encoder.conv.2", second, first);
    linear("encoder.body.layers.0", dense, area + classes);
    if (architecture === "conv") linear("decoder.body.layers.0", dense, size + classes);
    if (architecture === "conv") linear("decoder.body.layers.1", area, dense);
    else linear("decoder.body.layers.0", area, size + classes);
    up("decoder.conv.0", second, architecture === "conv" ? first : second);
    up("decoder.conv.1", architecture === "conv" ? first : second, first);
    down("decoder.out", channels, first);
  }
  linear("encoder.mu", size, dense);
  return new Net(tensors, {
    architecture,
    conditional,
    residual: architecture === "mlp",
    image_shape: [channels, height, width],
    latent_dim: size,
    num_classes: 10,
  });
}

const WAYS = [
  [1, 0],
  [0.6, 0.8],
];
const far = (a, b) => a.reduce((most, v, i) => Math.max(most, Math.abs(v - b[i])), 0);

for (const architecture of ["mlp", "conv", "conv3"])
  for (const conditional of [false, true]) {
    const net = netOf(architecture, conditional),
      label = conditional ? 3 : null,
      z = [0.3, -0.4],
      step = 1e-3;
    test(`${architecture}${conditional ? ", conditional" : ""}: the image changes as its tangents say`, () => {
      const tangents = net.tangents(z, WAYS, undefined, label);
      WAYS.forEach((way, k) => {
        const moved = (sign) =>
          net.decode(
            z.map((v, i) => v + sign * step * way[i]),
            undefined,
            label,
          );
        const [before, after] = [moved(-1), moved(1)];
        const slope = after.map((v, i) => (v - before[i]) / (2 * step));
        assert.ok(far(slope, tangents[k]) < 2e-3, String(far(slope, tangents[k])));
        assert.ok(
          far(
            slope,
            slope.map(() => 0),
          ) > 0.01,
        ); // else there is nothing to compare
      });
    });
    test(`${architecture}${conditional ? ", conditional" : ""}: the class counts where there is one`, () => {
      const x = new Float32Array(net.pixels).fill(0.05),
        images = [3, 4].map((as) => net.decode(z, undefined, as)),
        codes = [3, 4].map((as) => net.encode(x, as).mu);
      assert.equal(far(...images) > 1e-3, conditional);
      assert.equal(far(...codes) > 1e-3, conditional);
    });
  }
