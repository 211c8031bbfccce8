"""The page's own arithmetic, asked without a page around it."""

import base64

import numpy as np


def open_bench(chromium, url: str):
    """A page of the app with the modules of its arithmetic at hand as `lx`; nothing on it is looked at."""
    page = chromium.new_page()
    page.set_default_timeout(120_000)
    page.goto(url)
    page.evaluate(
        """async () => {
          const folder = document.querySelector("link[rel=modulepreload][href$='space/net.js']").href.replace("space/net.js", "");
          const names = ["safetensors", "net", "neighbours", "chart", "field", "latent", "geodesic"];
          const modules = await Promise.all(names.map((name) => import(`${folder}space/${name}.js`)));
          const floats = (text) => new Float32Array(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
          const text = (array) => {
            const bytes = new Uint8Array(array.buffer);
            let out = "";
            for (let i = 0; i < bytes.length; i += 32768) out += String.fromCharCode(...bytes.subarray(i, i + 32768));
            return btoa(out);
          };
          window.lx = Object.assign({ floats, text }, ...modules);
          lx.read = async (model, file) => lx.readSafetensors(await (await fetch(`lx/models/${model}/${file}.safetensors`)).arrayBuffer());
        }"""
    )
    return page


def b64(array) -> str:
    return base64.b64encode(np.ascontiguousarray(array, np.float32).tobytes()).decode()


def floats(text: str, *shape: int) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), np.float32).reshape(shape)
