import type { MarkdownIt, StateInline } from "markdown-it";
import type { Mention, TextContext } from "./markdown";

const NAME = /@([\p{L}\p{M}\p{Nd}](?:[\p{L}\p{M}\p{Nd}._-]{0,30}[\p{L}\p{M}\p{Nd}])?)/uy;
const WORD = /[\p{L}\p{M}\p{Nd}]/u;
const UNSPACED =
  /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}]/u;

/** Marks `@name` where the server would: the name has to be one that the message mentions. Which
 * messages mention whom is decided by the server; this only shows where. */
export function addMentions(parser: MarkdownIt): void {
  parser.inline.ruler.before("link", "mention", markMention);
  parser.renderer.rules.mention = (tokens, index) => {
    const token = tokens[index];
    const who = (token?.meta?.kind as Mention["kind"] | undefined) ?? "other";
    return `<span class="mention" data-who="${who}">${parser.utils.escapeHtml(token?.content ?? "")}</span>`;
  };
}

function markMention(state: StateInline, silent: boolean): boolean {
  if (state.src[state.pos] !== "@") return false;
  const before = /[^]$/u.exec(state.src.slice(0, state.pos))?.[0] ?? "";
  if (WORD.test(before) && !UNSPACED.test(before)) return false;
  NAME.lastIndex = state.pos;
  const name = NAME.exec(state.src)?.[1];
  if (name === undefined) return false;
  const match = longestKnown(name, state.env as unknown as TextContext);
  if (match === undefined) return false;
  if (!silent) {
    const token = state.push("mention", "", 0);
    token.content = `@${match.name}`;
    token.meta = { kind: match.kind };
  }
  state.pos += match.name.length + 1;
  return true;
}

/** Scripts without spaces may continue right after a name, so shorter names are tried, too. */
function longestKnown(
  text: string,
  context: TextContext,
): { name: string; kind: Mention["kind"] } | undefined {
  for (let name = text; name.length > 0; name = name.slice(0, -1)) {
    const kind = context.lookUpMention(name)?.kind;
    if (kind !== undefined) return { name, kind };
    const last = name.at(-1) ?? "";
    if (!UNSPACED.test(last) && WORD.test(last)) return undefined;
  }
  return undefined;
}
