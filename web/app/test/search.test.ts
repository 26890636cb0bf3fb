import { describe, expect, it } from "vitest";
import { findFault, formatFilter, join, separate } from "../src/search/query";
import { snippet } from "../src/search/snippet";

const fault = (text: string): string | undefined => {
  const { filters } = separate(text);
  return filters.map((filter) => findFault(filter, filters)).find((found) => found !== undefined);
};

describe("a query", () => {
  it.each([
    "apple pie",
    "from:ada apple",
    'in:"First room" -has:poll "apple pie" -tart',
    "after:2026-11 mentions:me",
  ])("%s is the same after its filters were taken out", (text) => {
    expect(join(separate(text)).split(" ").sort()).toEqual(text.split(" ").sort());
  });

  it("has filters and words", () => {
    expect(separate('pie -in:"First room" FROM:ada "a:b c"')).toEqual({
      filters: [
        { operator: "in", value: "First room", negated: true },
        { operator: "from", value: "ada", negated: false },
      ],
      words: 'pie "a:b c"',
    });
  });

  it("keeps the filter that is being typed in the text", () => {
    expect(separate("pie from:ad", { typing: true }).filters).toEqual([]);
    expect(separate("pie from:ada ", { typing: true })).toEqual({
      filters: [{ operator: "from", value: "ada", negated: false }],
      words: "pie ",
    });
    expect(separate('in:"First ro', { typing: true }).words).toBe('in:"First ro');
  });

  it("ends whatever is typed", () => {
    for (const text of ['"', "-", "from:", ' "" ', "--x", "a:b", 'from:"'])
      expect(separate(text).words.length).toBeLessThanOrEqual(text.length);
  });

  it.each([
    ["from:", "no_value"],
    ["has:file", "has"],
    ["is:new", "is"],
    ["mentions:ada", "mentions"],
    ["after:yesterday", "date"],
    ["on:2026-02-30", "date"],
    ["-before:2026", "negated_date"],
  ])("%s is refused as %s", (text, expected) => {
    expect(fault(text)).toBe(expected);
  });

  it.each([
    "from:ada",
    "on:2026-2",
    "before:2026-11-28T09:30:00+01:00",
    "is:Saved",
    "mentions:@me",
  ])("%s is accepted", (text) => {
    expect(fault(text)).toBeUndefined();
  });

  it("is refused where a filter is asked for and excluded", () => {
    expect(fault("from:ada -from:Ada")).toBe("opposite");
  });

  it("quotes what has spaces", () => {
    expect(formatFilter({ operator: "in", value: 'The "old" room', negated: true })).toBe(
      '-in:"The old room"',
    );
  });
});

describe("a snippet", () => {
  const shown = (text: string, ...highlights: [number, number][]): string =>
    snippet(
      text,
      highlights.map(([start, end]) => ({ start, end })),
    )
      .map((piece) => (piece.marked ? `[${piece.text}]` : piece.text))
      .join("");

  it("marks matches, counted in code points", () => {
    expect(shown("🎉🎉 the kettle is on", [7, 13], [17, 19])).toBe("🎉🎉 the [kettle] is [on]");
  });

  it("begins near the first match of a long text", () => {
    const text = `${"word ".repeat(100)}kettle${" word".repeat(100)}`;
    expect(shown(text, [500, 506])).toMatch(/^…(?:word )+\[kettle\](?: word)+/);
    expect(shown(text, [500, 506])).toMatch(/…$/);
  });

  it("has no marks of Markdown", () => {
    expect(shown("Is **this** the `kettle`? See [the notes](https://x.example)", [17, 23])).toBe(
      "Is this the [kettle]? See the notes",
    );
  });

  it("shows the beginning where nothing is marked", () => {
    expect(shown("The kettle")).toBe("The kettle");
  });
});
