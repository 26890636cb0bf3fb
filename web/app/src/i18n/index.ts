import { computed, signal } from "@preact/signals";
import { en } from "./en";
import { fill, type CatalogueOf, type Plural, type Values } from "./message";

export type Catalogue = CatalogueOf<typeof en>;
export type Key = keyof typeof en;
type TextKey = { [K in Key]: (typeof en)[K] extends string ? K : never }[Key];
type PluralKey = Exclude<Key, TextKey>;

export const languages = { en: "English", zh: "中文", de: "Deutsch", ar: "العربية" } as const;
export type Language = keyof typeof languages;

const loaders: Record<Exclude<Language, "en">, () => Promise<Catalogue>> = {
  zh: async () => (await import("./zh")).zh,
  de: async () => (await import("./de")).de,
  ar: async () => (await import("./ar")).ar,
};

const catalogue = signal<Catalogue>(en);
export const language = signal<Language>("en");
export const direction = computed(() => (language.value === "ar" ? "rtl" : "ltr"));
/** Dates and numbers use the region of the browser where it has the language of the page. */
export const locale = computed(() => {
  const prefix = language.value;
  return navigator.languages.find((tag) => tag.split("-")[0] === prefix) ?? prefix;
});
const rules = computed(() => new Intl.PluralRules(locale.value));

export function isLanguage(tag: string): tag is Language {
  return Object.hasOwn(languages, tag);
}

/** The first language of the browser that the page has. */
export function browserLanguage(): Language {
  const prefixes = navigator.languages.map((tag) => tag.split("-")[0] ?? "");
  return prefixes.find(isLanguage) ?? "en";
}

export async function setLanguage(next: Language): Promise<void> {
  catalogue.value = next === "en" ? en : await loaders[next]();
  language.value = next;
  document.documentElement.lang = locale.value;
  document.documentElement.dir = direction.value;
}

type Arguments<V> = keyof V extends never ? [] : [values: V];

export function t<K extends TextKey>(
  key: K,
  ...[values]: Arguments<Values<(typeof en)[K]>>
): string {
  const text = catalogue.value[key] as string;
  return values === undefined ? text : fill(text, values);
}

export function plural<K extends PluralKey>(
  key: K,
  count: number,
  ...[values]: Arguments<Values<(typeof en)[K]>>
): string {
  const forms = catalogue.value[key] as Plural;
  const text = forms[rules.value.select(count)] ?? forms.other;
  return fill(text, { ...values, count: formatNumber(count) });
}

export function formatNumber(value: number): string {
  return new Intl.NumberFormat(locale.value).format(value);
}
