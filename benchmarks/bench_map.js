// What bench_map.py runs inside the page.
({
  // Counts what is drawn: `lx.hover` milliseconds a decoded image, `lx.drawn` writes to the canvas of the codes, `lx.frames`.
  watch: () => {
    window.lx = { hover: [], drawn: 0, frames: 0 };
    let began = null;
    window.addEventListener("pointermove", () => (began = performance.now()), { capture: true });
    for (const name of ["putImageData", "drawImage"]) {
      const write = CanvasRenderingContext2D.prototype[name];
      CanvasRenderingContext2D.prototype[name] = function (...args) {
        write.apply(this, args);
        if (this.canvas.classList.contains("plot__dots")) lx.drawn += 1;
        if (began === null || !this.canvas.closest(".here")) return;
        lx.hover.push(performance.now() - began);
        began = null;
      };
    }
    const tick = () => ((lx.frames += 1), requestAnimationFrame(tick));
    tick();
  },

  // Milliseconds from the next release of the pointer to an inspector that speaks about another image in all its blocks.
  click: () =>
    new Promise((done, none) => {
      const blocks = [".selected-image", ".sizes"].map((name) => document.querySelector(name)),
        old = blocks[0].dataset.index;
      let start = null;
      window.addEventListener("pointerup", () => (start = performance.now()), { capture: true, once: true });
      const watch = new MutationObserver(
        () =>
          blocks.every((b) => b.dataset.index !== old && b.dataset.index === blocks[0].dataset.index) &&
          (watch.disconnect(), done(performance.now() - start)),
      );
      for (const block of blocks) watch.observe(block, { attributes: true, childList: true });
      setTimeout(() => none(new Error("another click on the same code")), 1500);
    }),

  // Milliseconds from the last turn of the wheel to a ground decoded for the view that it leads to.
  wheel: () =>
    new Promise((done) => {
      let last = null;
      const canvas = document.querySelector(".latent-map .plot__ground");
      window.addEventListener("wheel", () => (last = performance.now()), { capture: true });
      const watch = new MutationObserver(
        () => last !== null && (watch.disconnect(), done(performance.now() - last)),
      );
      watch.observe(canvas, { attributes: true, attributeFilter: ["data-key"] });
    }),

  // Draws synthetic codes with the page's own Plot over the page; milliseconds until they are there, of a search and of a painting.
  synthetic: async (count) => {
    const { Plot } = await import(document.querySelector("link[rel=modulepreload][href$='plot.js']").href);
    const host = document.createElement("div");
    host.id = "million";
    host.style.cssText =
      "position: fixed; left: 24px; top: 138px; width: 784px; height: 618px; z-index: 99; background: white";
    document.body.append(host);
    const normal = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
    const labels = Uint8Array.from({ length: count }, (_, i) => i % 10),
      uv = new Float32Array(2 * count);
    for (let i = 0; i < count; i += 1)
      for (const k of [0, 1]) uv[2 * i + k] = 2 * (k ? Math.sin : Math.cos)(labels[i]) + 0.6 * normal();
    window.million = new Plot(host);
    const start = performance.now();
    await million.draw({ uv, labels, titles: ["u", "v"] });
    const drawn = performance.now() - start,
      times = [];
    for (let i = 0; i < 30; i += 1) {
      const from = performance.now();
      million.nearest(100 + 18 * i, 300);
      times.push(performance.now() - from);
    }
    return { drawn, nearest: times, painted: million.dots.ms };
  },
});
