import js from "@eslint/js";
import globals from "globals";

// Two words in a row are something to read, not a class list, a style or a unit.
const WORDS = "/(?<![\\w-])[A-Za-z’]{2,}[.;]? [A-Za-z’]{2,}(?![\\w-])/",
  ELSEWHERE =
    ":matches(Property[key.name=/^(class|style|transform|font|textposition)$/], AssignmentExpression[left.property.name='innerHTML'])",
  sentence = "What a person reads stands in static/texts/en.json: say(key) or saying(key).";

export default [
  { ignores: ["**/node_modules/", "data/", "benchmarks/", "vae/ui/static/js/page/onload.js"] }, // the text of a function
  js.configs.recommended,
  {
    files: ["vae/ui/static/js/**/*.js"],
    languageOptions: { globals: { ...globals.browser, ...globals.worker } },
    rules: {
      "no-restricted-syntax": [
        "error",
        { message: sentence, selector: `Literal[value=${WORDS}]:not(${ELSEWHERE} *)` },
        {
          message: sentence,
          selector: `TemplateElement[value.raw=${WORDS}]:not(${ELSEWHERE} *)`,
        },
      ],
    },
  },
  {
    // The arithmetic knows no page and no table; what it throws is for whoever calls it.
    files: ["vae/ui/static/js/space/**/*.js"],
    rules: { "no-restricted-syntax": "off" },
  },
  { files: ["tests/js/**/*.js"], languageOptions: { globals: globals.node } },
];
