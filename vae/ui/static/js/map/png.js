// The map as it is shown, as a PNG: ground, axes, codes, pictures and all that is written on them, painted anew at the size asked for.
import { say } from "../state/texts.js";
import { h, save } from "../parts/dom.js";
import { Dots } from "../parts/dots.js";
import { palette, plotly } from "../parts/figure.js";

const STYLED = [
  "fill",
  "fill-opacity",
  "stroke",
  "stroke-width",
  "stroke-dasharray",
  "stroke-linejoin",
  "opacity",
  "font-family",
  "font-size",
  "font-weight",
  "text-anchor",
  "dominant-baseline",
  "paint-order",
  "display",
  "visibility",
];

async function load(text) {
  const image = new Image();
  image.src = text.startsWith("data:")
    ? text
    : `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await image.decode();
  return image;
}

// An SVG of the page as a picture of its own: what style sheets said of it goes along.
function drawing(svg, width, height) {
  const copy = svg.cloneNode(true),
    from = svg.querySelectorAll("*");
  copy.querySelectorAll("*").forEach((one, k) => {
    const seen = getComputedStyle(from[k]);
    for (const name of STYLED) one.style.setProperty(name, seen.getPropertyValue(name));
  });
  for (const [key, value] of Object.entries({
    xmlns: "http://www.w3.org/2000/svg",
    width,
    height,
    viewBox: `0 0 ${width} ${height}`,
  }))
    copy.setAttribute(key, value);
  return new XMLSerializer().serializeToString(copy);
}

// The line that says what the ground shows, where the page has it.
function write(brush, caption, host) {
  const frame = host.getBoundingClientRect(),
    box = caption.getBoundingClientRect(),
    seen = getComputedStyle(caption),
    { ground, ink, accent } = palette();
  if (caption.hidden || !box.width) return;
  const place = (rect) => [rect.left - frame.left, rect.top - frame.top, rect.width, rect.height];
  brush.fillStyle = ground;
  brush.globalAlpha = 0.84;
  brush.fillRect(...place(box));
  brush.globalAlpha = 1;
  brush.font = `${seen.fontSize} ${seen.fontFamily}`;
  brush.textBaseline = "alphabetic";
  for (const part of caption.childNodes) {
    const range = document.createRange();
    range.selectNode(part);
    const [x, y, width, height] = place(range.getBoundingClientRect());
    if (part.textContent) {
      const { fontBoundingBoxAscent: above, fontBoundingBoxDescent: below } = brush.measureText(
        part.textContent,
      );
      brush.fillStyle = ink;
      brush.fillText(part.textContent, x, y + (height + above - below) / 2);
    } else {
      const ramp = brush.createLinearGradient(x, 0, x + width, 0);
      ramp.addColorStop(0, ground);
      ramp.addColorStop(1, accent);
      brush.fillStyle = ramp;
      brush.globalAlpha = Number(getComputedStyle(part).opacity);
      brush.fillRect(x, y, width, height);
      brush.globalAlpha = 1;
    }
  }
}

// A canvas `times` as large as the map on the page.
export async function picture({ plot, ground, pictures }, times) {
  const [width, height] = plot.size,
    canvas = h("canvas", { width: width * times, height: height * times }),
    brush = canvas.getContext("2d");
  const P = await plotly(),
    axes = await load(await P.toImage(plot.points, { format: "svg", width, height })),
    marks = await load(drawing(plot.overlay, width, height));
  const dots = h("canvas", {});
  plot.paint(undefined, new Dots(dots, times));
  brush.scale(times, times);
  brush.fillStyle = palette().ground;
  brush.fillRect(0, 0, width, height);
  ground.lay(brush);
  brush.imageSmoothingEnabled = true;
  for (const layer of [axes, dots]) brush.drawImage(layer, 0, 0, width, height);
  brush.imageSmoothingEnabled = false;
  brush.drawImage(pictures.canvas, 0, 0, width, height);
  brush.drawImage(marks, 0, 0, width, height);
  write(brush, ground.caption, plot.host);
  return canvas;
}

const fileName = ({ frame, ground }, times) =>
  `${[frame.model, frame.chart, ground === "none" ? "" : ground, times > 1 ? `${times}x` : ""]
    .filter(Boolean)
    .join("-")
    .replace(/[^\w-]+/g, "-")}.png`;

// A button among the map's own, and the sheet of sizes behind it. parts: {plot, ground, pictures}
export function saver(map, parts) {
  const sheet = h("div", { class: "sheet-pop sheet-pop--small", popover: "auto", id: "lx-png" });
  const take = (times) => async () => {
    sheet.hidePopover();
    (await picture(parts, times)).toBlob((blob) => save(blob, fileName(map.get(), times)));
  };
  sheet.append(
    ...[
      [1, say("map.png.as_here")],
      [3, say("map.png.for_print")],
    ].map(([times, text]) =>
      h("button", { type: "button", class: "button", on: { click: take(times) } }, text),
    ),
  );
  const button = h(
    "button",
    {
      type: "button",
      popovertarget: "lx-png",
      "aria-label": say("map.png.save"),
      "data-hint": say("map.png.save_hint"),
    },
    "⤓",
  );
  sheet.addEventListener("toggle", ({ newState }) => {
    if (newState !== "open") return;
    const at = button.getBoundingClientRect();
    Object.assign(sheet.style, {
      left: `${Math.max(8, at.left - sheet.offsetWidth - 6)}px`,
      top: `${at.top}px`,
    });
  });
  return { button, sheet };
}
