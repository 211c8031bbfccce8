// Small pictures of test images without a question for each: all test images in one answer where they are at hand, reconstructions decoded here otherwise.
import { datasetOf, get, keyOf, on, set, tokens } from "../state/store.js";
import { ask, unpack } from "./server.js";
import { held } from "./local.js";

const sheets = new Map(); // dataset -> {data, shape} | null while it comes
const coming = new Map(); // dataset -> promise of that
const made = new Map(); // "model index" -> {data, shape}
const pictures = new Map(); // index -> its part of the sheet: the same object each time, so that a canvas knows what it shows
const MADE = 4000;
on(["images"], () => [...sheets].forEach(([dataset, sheet]) => sheet === null && sheets.delete(dataset)));

async function load(dataset) {
  sheets.set(dataset, null);
  try {
    const reply = await fetch(new URL(`lx/images/${encodeURIComponent(dataset)}`, document.baseURI), {
      cache: "no-cache",
    });
    if (!reply.ok) return;
    sheets.set(dataset, { data: new Uint8Array(await reply.arrayBuffer()), shape: datasetOf(dataset).shape });
    pictures.clear();
    set({ pictures: get().pictures + 1 });
  } catch {
    // reconstructions stand in until the images come
  }
}

function begin(dataset) {
  if (datasetOf(dataset)?.images && !sheets.has(dataset)) coming.set(dataset, load(dataset));
}

// The picture of a test image, {data, shape} with bytes, or null where only the server can make it.
export function thumbnail(model, index) {
  begin(model.dataset);
  const sheet = sheets.get(model.dataset);
  if (sheet) {
    const known = pictures.get(index);
    if (known?.sheet === sheet) return known;
    const size = sheet.shape.reduce((a, b) => a * b, 1);
    const picture = {
      data: sheet.data.subarray(index * size, (index + 1) * size),
      shape: sheet.shape,
      sheet,
    };
    pictures.set(index, picture);
    return picture;
  }
  const key = `${keyOf(model)} ${index}`,
    local = held(model);
  if (made.has(key)) return made.get(key);
  if (!local?.net) return null;
  const size = local.codes.size,
    image = local.net.decode(
      local.mu.subarray(index * size, (index + 1) * size),
      undefined,
      local.labels[index],
    );
  return keep(key, {
    data: Uint8Array.from(image, (v) => Math.round(v * 255)),
    shape: local.config.image_shape,
  });
}

function keep(key, picture) {
  if (made.size > MADE) made.delete(made.keys().next().value);
  made.set(key, picture);
  return picture;
}

// The same for several, asking the server for those that cannot be had here.
export async function thumbnails(model, indices) {
  const absent = indices.filter((index) => !thumbnail(model, index));
  for (let k = 0; k < absent.length; k += tokens.pick.sheet) {
    const some = absent.slice(k, k + tokens.pick.sheet),
      images = unpack((await ask("thumbnails", { model: model.name, indices: some })).images);
    const shape = images.shape.slice(1),
      size = shape.reduce((a, b) => a * b, 1);
    some.forEach((index, n) =>
      keep(`${keyOf(model)} ${index}`, { data: images.data.subarray(n * size, (n + 1) * size), shape }),
    );
  }
  return indices.map((index) => thumbnail(model, index) ?? made.get(`${keyOf(model)} ${index}`));
}

// A test image itself where the data set is at hand, else what stands in for it.
export async function testImage(model, index) {
  begin(model.dataset);
  await coming.get(model.dataset);
  return (await thumbnails(model, [index]))[0];
}
