import type { Row } from "./rows";

/** How high a row will about be, before it is rendered. */
export function estimateHeight(row: Row | undefined): number {
  if (row === undefined) return 40;
  if (row.kind === "start") return 120;
  if (row.kind !== "message") return 42;
  const { text, poll, reactions } = row.message;
  const lines = Math.min(24, Math.ceil(text.length / 90) + (text.match(/\n/g)?.length ?? 0));
  return (
    lines * 22 +
    (row.first ? 36 : 6) +
    (poll ? 40 + poll.options.length * 40 : 0) +
    (reactions ? 34 : 0)
  );
}

/** The day of the first row in view, unless its own line is there. */
export function stickyAt(
  rows: readonly Row[],
  top: number,
): { day: number | null; isNew: boolean } {
  let isNew = false;
  for (let index = top; index >= 0; index -= 1) {
    const row = rows[index];
    if (row?.kind === "new") isNew = true;
    if (row?.kind === "day") return { day: index === top ? null : row.at, isNew };
    if (row?.kind === "start") break;
  }
  const row = rows[top];
  return { day: row?.kind === "message" && top > 0 ? row.at : null, isNew };
}
