import js from "@eslint/js";
import globals from "globals";

export default [
  { ignores: ["**/node_modules/", "data/", "benchmarks/", "vae/ui/static/js/page/onload.js"] }, // the text of a function
  js.configs.recommended,
  {
    files: ["vae/ui/static/js/**/*.js"],
    languageOptions: { globals: { ...globals.browser, ...globals.worker } },
  },
  { files: ["tests/js/**/*.js"], languageOptions: { globals: globals.node } },
];
