/** A text with the forms that its language needs for a count; `other` is always there. */
export type Plural = { readonly other: string } & Partial<
  Readonly<Record<Intl.LDMLPluralRule, string>>
>;

type Names<S extends string> = S extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Names<Rest>
  : never;

/** The values that a text names in braces: "{name} is typing" needs `name`. */
export type Values<M> = Record<
  M extends string ? Names<M> : M extends Plural ? Exclude<Names<M["other"]>, "count"> : never,
  string | number
>;

/** A catalogue of another language has the same keys, each with a text or with plural forms. */
export type CatalogueOf<C> = {
  readonly [K in keyof C]: C[K] extends string ? string : Plural;
};

const VALUE = /\{(\w+)\}/g;

export function fill(text: string, values: Readonly<Record<string, string | number>>): string {
  return text.replace(VALUE, (whole, name: string) => String(values[name] ?? whole));
}
