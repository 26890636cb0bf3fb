/** Languages that a profile offers; other tags (BCP 47) are shown where somebody has one. */
export const commonLanguages: readonly string[] =
  "ar bg bn ca cs da de el en en-GB en-US es et eu fa fi fr he hi hr hu id it ja ko lt lv ms nb nl pl pt pt-BR ro ru sk sl sr sv sw ta th tr uk ur vi zh-Hans zh-Hant".split(
    " ",
  );

/** A language in its own words, such as "Deutsch"; the tag where the browser has no name for it. */
export function languageName(tag: string): string {
  try {
    return new Intl.DisplayNames([tag], { type: "language" }).of(tag) ?? tag;
  } catch {
    return tag;
  }
}
