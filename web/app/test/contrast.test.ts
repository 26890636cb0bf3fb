// @vitest-environment node
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const css = readFileSync(new URL("../src/styles/tokens.css", import.meta.url), "utf8");
const THEMES = ["light", "dark"] as const;
type Theme = (typeof THEMES)[number];

/** Text needs 4.5 : 1 against each background that it stands on, signs 3 : 1 (WCAG 2.2, 1.4.3 and
 * 1.4.11). */
const TEXT: readonly (readonly [string, readonly string[]])[] = [
  ["ink", ["bg", "bg-side", "bg-raise", "bg-code", "hover", "press", "warn-bg"]],
  ["ink-2", ["bg", "bg-side", "bg-raise", "hover", "warn-bg"]],
  ["ink-3", ["bg", "bg-side", "bg-raise", "bg-code", "hover", "warn-bg"]],
  ["accent-ink", ["bg", "bg-side", "bg-raise", "hover", "accent-bg", "warn-bg"]],
  ["warn-ink", ["bg", "bg-raise", "warn-bg"]],
  ["bad", ["bg", "bg-raise", "bad-bg"]],
  ["on-accent", ["accent", "accent-hover"]],
  ["code-keyword", ["bg-code"]],
  ["code-string", ["bg-code"]],
  ["code-number", ["bg-code"]],
  ["code-name", ["bg-code"]],
];
const SIGNS: readonly (readonly [string, readonly string[]])[] = [
  ["accent", ["bg", "bg-side", "bg-raise", "accent-bg"]],
  ["warn", ["bg", "warn-bg"]],
  ["ok", ["bg-side", "bg"]],
  ["line-strong", ["bg", "bg-raise"]],
];

const pairs = (list: typeof TEXT): [Theme, string, string][] =>
  THEMES.flatMap((theme) =>
    list.flatMap(([front, backs]) =>
      backs.map((back): [Theme, string, string] => [theme, front, back]),
    ),
  );

describe("contrast", () => {
  it.each(pairs(TEXT))("%s: text --%s on --%s", (theme, front, back) => {
    expect(contrast(colour(front, theme), colour(back, theme))).toBeGreaterThanOrEqual(4.5);
  });
  it.each(pairs(SIGNS))("%s: sign --%s on --%s", (theme, front, back) => {
    expect(contrast(colour(front, theme), colour(back, theme))).toBeGreaterThanOrEqual(3);
  });
});

/** The luminance of a token, of which the first definition counts. */
function colour(name: string, theme: Theme): number {
  const both = new RegExp(`--${name}: light-dark\\((oklch\\([^)]*\\)), (oklch\\([^)]*\\))\\)`).exec(
    css,
  );
  if (both === null) throw new Error(`There is no --${name} in tokens.css.`);
  const numbers = /oklch\(([\d.]+)% ([\d.]+) ([\d.]+)\)/.exec(
    both[theme === "light" ? 1 : 2] ?? "",
  );
  const [lightness = 0, chroma = 0, hue = 0] = (numbers ?? []).slice(1).map(Number);
  return luminance(lightness / 100, chroma, (hue * Math.PI) / 180);
}

/** Of a colour in OKLCH (CSS Color 4, 10.4), by way of linear sRGB. */
function luminance(lightness: number, chroma: number, hue: number): number {
  const a = chroma * Math.cos(hue);
  const b = chroma * Math.sin(hue);
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const clamp = (value: number): number => Math.max(0, Math.min(value, 1));
  const red = clamp(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s);
  const green = clamp(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s);
  const blue = clamp(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one: number, two: number): number {
  return (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
}
