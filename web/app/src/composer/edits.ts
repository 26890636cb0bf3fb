/** A text with its selection. The functions below say what a key makes of it; null: nothing. */
export interface Draft {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** Puts marks such as `**` around the selection, or takes them away. */
export function toggleMarks({ text, start, end }: Draft, mark: string): Draft {
  const inner = text.slice(start, end);
  const size = mark.length;
  if (text.slice(start - size, start) === mark && text.slice(end, end + size) === mark) {
    return {
      text: text.slice(0, start - size) + inner + text.slice(end + size),
      start: start - size,
      end: end - size,
    };
  }
  return {
    text: text.slice(0, start) + mark + inner + mark + text.slice(end),
    start: start + size,
    end: end + size,
  };
}

/** A word in place of the selection, apart from what stands before and after it. */
export function insertWord({ text, start, end }: Draft, word: string): Draft {
  const before = text.slice(0, start);
  const inserted = `${/\S$/.test(before) ? " " : ""}${word} `;
  const at = start + inserted.length;
  return { text: before + inserted + text.slice(end), start: at, end: at };
}

/** A block of code around the selected lines. */
export function fence({ text, start, end }: Draft): Draft {
  const before = text.slice(0, start);
  const head = before === "" || before.endsWith("\n") ? "```\n" : "\n```\n";
  const inner = text.slice(start, end);
  const at = start + head.length;
  return {
    text: `${before}${head}${inner}\n\`\`\`\n${text.slice(end)}`,
    start: at,
    end: at + inner.length,
  };
}

const ITEM = /^(\s*)(?:([-*+])|(\d{1,3})([.)]))\s+(\[[ xX]\]\s+)?/;
const QUOTE = /^(?:>\s?)+/;

/** The next line of a list or a quote begins like this one; an empty one ends it. */
export function continueList({ text, start, end }: Draft): Draft | null {
  if (start !== end || isInFence(text, start)) return null;
  const lineStart = text.lastIndexOf("\n", start - 1) + 1;
  const line = text.slice(lineStart, start);
  const item = ITEM.exec(line);
  const head = item?.[0] ?? QUOTE.exec(line)?.[0];
  if (head === undefined) return null;
  if (line.slice(head.length).trim() === "") {
    return { text: text.slice(0, lineStart) + text.slice(start), start: lineStart, end: lineStart };
  }
  const next = item === null ? head : nextHead(item);
  const at = start + 1 + next.length;
  return { text: `${text.slice(0, start)}\n${next}${text.slice(end)}`, start: at, end: at };
}

function nextHead([, indent = "", bullet, number, mark = "", box]: RegExpExecArray): string {
  const head = bullet ?? `${Number(number) + 1}${mark}`;
  return `${indent}${head} ${box === undefined ? "" : "[ ] "}`;
}

export function isInFence(text: string, at: number): boolean {
  return (text.slice(0, at).match(/^```/gm)?.length ?? 0) % 2 === 1;
}

const ADDRESS = /^https?:\/\/\S+$/i;

/** An address that is pasted over a selection becomes a link. */
export function pasteLink({ text, start, end }: Draft, pasted: string): Draft | null {
  const label = text.slice(start, end);
  if (
    label.trim() === "" ||
    label.includes("\n") ||
    ADDRESS.test(label) ||
    !ADDRESS.test(pasted.trim())
  ) {
    return null;
  }
  const link = `[${label}](${pasted.trim()})`;
  return {
    text: text.slice(0, start) + link + text.slice(end),
    start: start + link.length,
    end: start + link.length,
  };
}
