import type { SearchHit } from "chat-client";

export interface Piece {
  readonly text: string;
  readonly marked: boolean;
}

const BEFORE = 48;
const MAX = 280;
const LINK = /\[[^\]\n]*\]\([^)\s]*\)/;
const MARKS = /```\w*|\*\*|~~|`/g;
const MARKS_AND_LINKS = /```\w*|\*\*|~~|`|\]\([^)\s]*\)|\[/g;

/** The part of a text around the first match, with what matches marked and
 * without the marks of Markdown. Matches are counted in code
 * points. */
export function snippet(text: string, highlights: SearchHit["highlights"]): readonly Piece[] {
  const points = Array.from(text);
  const first = highlights[0]?.start ?? 0;
  const start = first <= BEFORE * 1.5 ? 0 : wordAfter(points, first - BEFORE);
  const end = Math.min(points.length, start + MAX);
  const marks = LINK.test(text) ? MARKS_AND_LINKS : MARKS;
  const pieces: Piece[] = [];
  const add = (from: number, to: number, marked: boolean): void => {
    const part = points.slice(from, to).join("");
    const shown = marked ? part : part.replace(marks, "");
    if (shown !== "") pieces.push({ text: shown, marked });
  };
  if (start > 0) pieces.push({ text: "…", marked: false });
  let at = start;
  for (const highlight of highlights) {
    if (highlight.start >= end) break;
    add(at, highlight.start, false);
    add(Math.max(highlight.start, at), Math.min(highlight.end, end), true);
    at = Math.max(at, Math.min(highlight.end, end));
  }
  add(at, end, false);
  if (end < points.length) pieces.push({ text: "…", marked: false });
  return pieces;
}

function wordAfter(points: readonly string[], at: number): number {
  const space = points.slice(at, at + 16).findIndex((point) => /\s/.test(point));
  return space < 0 ? at : at + space + 1;
}
