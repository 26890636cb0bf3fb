import { afterEach, describe, expect, it } from "vitest";
import { ar } from "../src/i18n/ar";
import { de } from "../src/i18n/de";
import { en } from "../src/i18n/en";
import { zh } from "../src/i18n/zh";
import { direction, plural, setLanguage, t } from "../src/i18n";

const catalogues = { ar, de, zh } as const;
const names = (text: string): string[] =>
  [...text.matchAll(/\{(\w+)\}/g)].map((m) => m[1] ?? "").sort();

afterEach(() => setLanguage("en"));

describe.each(Object.entries(catalogues))("the catalogue of %s", (tag, catalogue) => {
  it("has the same values in every text", () => {
    for (const [key, message] of Object.entries(en)) {
      const other = catalogue[key as keyof typeof en];
      if (typeof message === "string") expect(names(other as string), key).toEqual(names(message));
    }
  });

  it("has every plural form of its language", () => {
    const forms = new Intl.PluralRules(tag).resolvedOptions().pluralCategories;
    for (const message of Object.values(catalogue)) {
      if (typeof message === "string") continue;
      expect(Object.keys(message).sort()).toEqual(expect.arrayContaining(forms));
    }
  });
});

it("Arabic counts in six forms, from right to left", async () => {
  await setLanguage("ar");
  expect(direction.value).toBe("rtl");
  expect(plural("replies", 1)).toBe("رد واحد");
  expect(plural("replies", 2)).toBe("ردّان");
  expect(plural("replies", 3)).toMatch(/ردود$/);
});

it("values are filled in", async () => {
  expect(t("is_typing", { name: "Ada" })).toBe("Ada is typing…");
  expect(plural("messages_wait", 1)).toBe("One message waits and will be sent.");
  await setLanguage("de");
  expect(plural("messages_wait", 2)).toBe("2 Nachrichten warten und werden gesendet.");
});
