import DOMPurify from "dompurify";

const CLASS = /^hljs-[\w-]+(?: [\w-]+)*$/;
const purifier = DOMPurify();
purifier.addHook("uponSanitizeAttribute", (_, data) => {
  data.keepAttr = data.attrName === "class" && CLASS.test(data.attrValue);
});

/** Spans with classes of the highlighter, and text. */
export function sanitize(html: string): DocumentFragment {
  return purifier.sanitize(html, {
    ALLOWED_TAGS: ["span"],
    ALLOWED_ATTR: ["class"],
    RETURN_DOM_FRAGMENT: true,
  });
}
