// plotly.js from the Python package, loaded once, and one way to draw every figure of the page.
import { get, on, tokens } from "../state/store.js";
import { h } from "./dom.js";
import { say } from "../state/texts.js";

/** @type {any} */
const page = window;
let loading = null;
// Others may overwrite window.Plotly: the first one is kept.
export function plotly() {
  loading ??= new Promise((resolve, reject) => {
    if (page.Plotly) return resolve(page.Plotly);
    const script = document.getElementById("lx-plotly");
    script.addEventListener("load", () => resolve(page.Plotly));
    script.addEventListener("lost", () => reject(new Error(say("parts.figure.plotly"))));
  });
  return loading;
}

export const palette = () => tokens[get().dark ? "dark" : "light"];

export function axis(title = "", extra = {}) {
  const colours = palette();
  return {
    title: { text: title, font: { size: tokens.text.small, color: colours.quiet }, standoff: 6 },
    gridcolor: colours.hairline,
    zerolinecolor: colours.line,
    zerolinewidth: 1,
    linecolor: colours.hairline,
    tickfont: { size: tokens.text.small, color: colours.quiet },
    ticks: "",
    automargin: true,
    ...extra,
  };
}

export function layout(extra = {}) {
  const colours = palette();
  return {
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: tokens.font, size: tokens.text.small, color: colours.ink },
    margin: { l: 48, r: 8, t: 8, b: 40 },
    showlegend: false,
    hoverlabel: { font: { family: tokens.font, size: tokens.text.small } },
    ...extra,
  };
}

const CONFIG = { displayModeBar: false, responsive: false };

// A figure that follows dark mode and its own size. `build()` gives {data, layout} from what is to be shown now, or null for nothing.
export class Figure {
  constructor(name, height) {
    this.element = h("div", {
      class: "figure",
      role: "img",
      "aria-label": name,
      style: height ? `height:${height}px` : undefined,
    });
    this.build = null;
    new ResizeObserver(() => this.draw()).observe(this.element);
    on(["dark"], () => this.draw());
  }

  show(build) {
    this.build = build;
    return this.draw();
  }

  async draw() {
    const { offsetWidth: width, offsetHeight: height } = this.element;
    if (!this.build || !width || !height) return;
    const P = await plotly();
    const made = this.build();
    if (!made) return;
    await P.react(this.element, made.data, layout({ ...made.layout, width, height }), {
      ...CONFIG,
      ...made.config,
    });
    this.element.dataset.ready = "yes";
  }
}
