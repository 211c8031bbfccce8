// The image at HERE as a few lines of Python against the library's public names.
import { get } from "../state/store.js";
import { toLatent } from "../explorer/local.js";
import { vectorText } from "../parts/dom.js";

// null where no place is known yet.
export function snippet() {
  const { model, frame, uv, here, label, catalogue } = get();
  const z =
    frame && model && frame.model === model.name && uv
      ? (toLatent(frame, uv) ?? (here?.model === model.name ? here.z : null))
      : null;
  if (!z) return null;
  const numbers = Array.from(z, (v) => String(Number(v.toPrecision(9)))),
    lines = [];
  for (let i = 0; i < numbers.length; i += 8) lines.push(numbers.slice(i, i + 8).join(", "));
  const given = model.conditional ? `, torch.tensor([${label}])` : "",
    [channels] = model.image_shape;
  return `# ${model.name} at z = ${vectorText(z)}; run it where app.py runs
import torch
from vae import load_model

model = load_model(${JSON.stringify(`${catalogue.folder}/${model.name}`)})
z = torch.tensor([[${lines.join(",\n                   ")}]])
with torch.inference_mode():
    image = model.decode(z${given})[0${channels === 1 ? ", 0" : ""}].numpy()  # ${(channels === 1 ? model.image_shape.slice(1) : model.image_shape).join(" x ")}, 0 is paper, 1 is ink
`;
}
