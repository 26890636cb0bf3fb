import DOMPurify from "dompurify";

const TAGS = [
  "a",
  "blockquote",
  "br",
  "code",
  "del",
  "em",
  "h1",
  "h2",
  "h3",
  "h4",
  "h5",
  "h6",
  "hr",
  "li",
  "ol",
  "p",
  "pre",
  "s",
  "span",
  "strong",
  "table",
  "tbody",
  "td",
  "th",
  "thead",
  "tr",
  "ul",
];
const ATTRIBUTES = ["class", "data-who", "href", "start"];
const CLASS = /^(?:mention|language-[\w+#-]{1,20})$/;
const ADDRESS = /^(?:https?|mailto|tel):/i;

const purifier = DOMPurify();

purifier.addHook("uponSanitizeAttribute", (_, data) => {
  if (data.attrName === "class") data.keepAttr = CLASS.test(data.attrValue);
});

purifier.addHook("afterSanitizeAttributes", (element) => {
  if (element.localName !== "a") return;
  element.setAttribute("rel", "noopener noreferrer nofollow");
  const own = element.getAttribute("href")?.startsWith(`${location.origin}/r/`) ?? false;
  if (!own) element.setAttribute("target", "_blank");
});

/** Only what Markdown makes, only with the attributes above, and links only to the web, mail and
 * telephone numbers. */
export function sanitize(html: string): DocumentFragment {
  return purifier.sanitize(html, {
    ALLOWED_TAGS: TAGS,
    ALLOWED_ATTR: ATTRIBUTES,
    ALLOWED_URI_REGEXP: ADDRESS,
    ADD_URI_SAFE_ATTR: ["data-who", "start"],
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
    RETURN_DOM_FRAGMENT: true,
  });
}
