/** The language of searches (docs/search.md), as far as the page shows filters as chips and says what
 * is wrong before the server is asked. */

export const OPERATORS = ["from", "in", "before", "after", "on", "has", "is", "mentions"] as const;
export type Operator = (typeof OPERATORS)[number];

export interface Filter {
  readonly operator: Operator;
  readonly value: string;
  readonly negated: boolean;
}

export interface SearchParts {
  readonly filters: readonly Filter[];
  /** What is left: words and phrases. */
  readonly words: string;
}

export const HAS = ["link", "poll"] as const;
export const IS = ["pinned", "thread", "saved"] as const;

const PART = /(-?)(?:(from|in|before|after|on|has|is|mentions):)?(?:"([^"]*)("?)|([^\s"]+))?/iy;

/** Takes the filters out of a text. With `typing` the filter at the end stays, since more of it may
 * come; a space or a quotation mark ends it. */
export function separate(text: string, { typing = false } = {}): SearchParts {
  const filters: Filter[] = [];
  const words: string[] = [];
  let at = 0;
  while (at < text.length) {
    if (/\s/.test(text[at] ?? "")) {
      at += 1;
      continue;
    }
    PART.lastIndex = at;
    const match = PART.exec(text);
    if (match === null || match[0] === "") break;
    const [whole, minus, operator, quoted, closing, bare] = match;
    at += whole.length;
    const open = typing && at === text.length && closing !== '"';
    if (operator === undefined || open) words.push(whole);
    else {
      const value = (quoted ?? bare ?? "").trim();
      filters.push({
        operator: operator.toLowerCase() as Operator,
        value,
        negated: minus === "-",
      });
    }
  }
  const rest = words.join(" ");
  return { filters, words: typing && /\s$/.test(text) && rest !== "" ? `${rest} ` : rest };
}

export function formatFilter({ operator, value, negated }: Filter): string {
  const shown = /[\s"]/.test(value) ? `"${value.replaceAll('"', "")}"` : value;
  return `${negated ? "-" : ""}${operator}:${shown}`;
}

export function join({ filters, words }: SearchParts): string {
  return [...filters.map(formatFilter), words.trim()].filter((part) => part !== "").join(" ");
}

export const isSame = (one: Filter, two: Filter): boolean =>
  formatFilter(one).toLowerCase() === formatFilter(two).toLowerCase();

/** Why the server would refuse a filter. */
export type Fault = "no_value" | "has" | "is" | "mentions" | "date" | "negated_date" | "opposite";

export function findFault(filter: Filter, all: readonly Filter[] = []): Fault | undefined {
  const { operator, negated } = filter;
  const value = filter.value.toLowerCase();
  if (value === "") return "no_value";
  if (all.some((other) => isSame(other, { ...filter, negated: !negated }))) return "opposite";
  switch (operator) {
    case "has":
      return (HAS as readonly string[]).includes(value) ? undefined : "has";
    case "is":
      return (IS as readonly string[]).includes(value) ? undefined : "is";
    case "mentions":
      return value === "me" || value === "@me" ? undefined : "mentions";
    case "before":
    case "after":
    case "on":
      if (negated) return "negated_date";
      return isDate(value) ? undefined : "date";
    default:
      return undefined;
  }
}

const DATE = /^(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?$/;

function isDate(text: string): boolean {
  const match = DATE.exec(text);
  if (match === null) return text.includes("t") && !Number.isNaN(Date.parse(text));
  const [year, month, day] = [Number(match[1]), Number(match[2] ?? 1), Number(match[3] ?? 1)];
  const date = new Date(Date.UTC(year, month - 1, day));
  return year > 0 && date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}
