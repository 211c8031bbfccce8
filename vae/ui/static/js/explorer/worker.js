// Long arithmetic beside the page: each message is one question {id, kind, ...}, each answer {id, ...} or {id, fault}.
import { readSafetensors } from "../space/safetensors.js";
import { Net } from "../space/net.js";
import { Codes, pointwise } from "../space/neighbours.js";
import { openField, paint } from "../space/field.js";
import { seek, strip, turns } from "../space/geodesic.js";

let model = null,
  field = null;
const searches = new Map(); // begun and not done: the id of the question that began one -> its turns
const MOST = 8; // of them: one that nobody goes on with is forgotten

const work = {
  gaps: ({ mu, size }) => ({ gaps: new Codes(mu, size, null).gaps() }),
  pointwise: ({ space, size, view, width }) => {
    const start = performance.now(),
      values = pointwise(space, size, view, width);
    return { values, ms: performance.now() - start };
  },
  // Every place decoded and every image encoded, one at a time, and the median time of one; as `label` where the model is conditional.
  twin: ({ weights, config, z, x, label }) => {
    const net = new Net(readSafetensors(weights), config),
      times = { z: [], x: [] },
      places = z.length / net.size,
      count = x.length / net.pixels;
    const images = new Float32Array(places * net.pixels),
      mu = new Float32Array(count * net.size),
      logvar = new Float32Array(count * net.size);
    const timed = (kind, work) => {
      const start = performance.now(),
        made = work();
      times[kind].push(performance.now() - start);
      return made;
    };
    for (let i = 0; i < places; i += 1)
      timed("z", () =>
        net.decode(
          z.subarray(i * net.size, (i + 1) * net.size),
          images.subarray(i * net.pixels, (i + 1) * net.pixels),
          label,
        ),
      );
    for (let i = 0; i < count; i += 1) {
      const code = timed("x", () => net.encode(x.subarray(i * net.pixels, (i + 1) * net.pixels), label));
      mu.set(code.mu, i * net.size);
      logvar.set(code.logvar, i * net.size);
    }
    const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];
    return { images, mu, logvar, decodeMs: median(times.z), encodeMs: median(times.x) };
  },
  // What the questions after it are about.
  open: ({ name, weights, config, mu, labels }) => {
    model = {
      name,
      mu,
      shape: config.image_shape,
      net: new Net(readSafetensors(weights), config),
      codes: new Codes(mu, config.latent_dim, labels),
      gaps: null,
    };
    return {};
  },
  measured: ({ name, gaps }) => {
    if (model?.name === name) model.gaps = gaps;
    return {};
  },
  chart: ({ frame }) => {
    field = openField(frame, model);
    return {};
  },
  ground: (question) => paint(model, field, question),
  strip: (question) => strip(model, field.chart, question),
  // A long search a little at a time: with a question it begins, with the id of that question it goes on.
  seek: ({ id, question, goOn = id }) => {
    if (question) searches.set(id, seek(model, field.chart, question));
    if (searches.size > MOST) searches.delete(searches.keys().next().value);
    const search = searches.get(goOn);
    // eslint-disable-next-line no-restricted-syntax -- for programmers
    if (!search) throw new Error(`search ${goOn} was not begun or is over`);
    const answer = turns(search);
    if (answer.done) searches.delete(goOn);
    return { ...answer, search: goOn };
  },
};

self.onmessage = ({ data: { id, kind, ...fields } }) => {
  try {
    const answer = work[kind]({ id, ...fields });
    self.postMessage({ id, ...answer }, { transfer: answer.sheet ? [answer.sheet.buffer] : [] });
  } catch (fault) {
    self.postMessage({ id, fault: fault.message });
  }
};
