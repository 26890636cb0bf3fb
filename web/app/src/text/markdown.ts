import MarkdownIt from "markdown-it";
import { addMentions } from "./mentions";
import { sanitize } from "./sanitize";

/** What a name in a text stands for: the reader, others, or a user group. `user` is there when it is
 * one person, `group` when it is a group. */
export interface Mention {
  readonly kind: "me" | "other" | "group";
  readonly user?: string;
  readonly group?: string;
}
/** Who a text can name; `undefined` for a name that is nobody's. */
export type LookUpMention = (name: string) => Mention | undefined;

export interface TextContext {
  readonly lookUpMention: LookUpMention;
}

const parser = new MarkdownIt("default", {
  html: false,
  linkify: true,
  breaks: true,
  typographer: false,
})
  .disable(["image", "reference", "html_block", "html_inline"])
  .use(addMentions);
// Without a scheme only real top-level domains are links; `README.md` and `main.rs` are names of files.
parser.linkify.set({ fuzzyLink: true, fuzzyEmail: false, fuzzyIP: false });
parser.linkify.tlds(
  ["com", "org", "net", "edu", "gov", "dev", "app", "de", "eu", "uk", "fr", "jp", "cn"],
  false,
);

/** The DOM of a message's text. The only way from a text that somebody wrote to the page. */
export function renderText(text: string, context: TextContext): DocumentFragment {
  return sanitize(parser.render(text, { ...context }));
}

const EMOJI_ONLY =
  /^(?:\s*(?:\p{RGI_Emoji}|\p{Emoji_Presentation}|\p{Extended_Pictographic}\uFE0F?)){1,6}\s*$/v;

/** A text of one to six emoji and nothing else is shown larger. */
export function isOnlyEmoji(text: string): boolean {
  return text.length <= 80 && EMOJI_ONLY.test(text);
}

const MARKS = /(```[^\n]*\n?|[*_~`>#]+(?=\S)|(?<=\S)[*_~`]+|^\s*[-+] )/gm;
const LINK = /\[([^\]\n]*)\]\([^)\n]*\)/g;

/** One plain line, for quotes, lists and notifications. */
export function summarize(text: string, max = 200): string {
  const plain = text
    .slice(0, max * 2)
    .replace(LINK, "$1")
    .replace(MARKS, "")
    .replace(/\s+/g, " ");
  return plain.trim().slice(0, max);
}
