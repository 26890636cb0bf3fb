import { describe, expect, it } from "vitest";
import { isOnlyEmoji, renderText, summarize, type LookUpMention } from "../src/text/markdown";

const people = new Map([
  ["ada", "me"],
  ["bob", "other"],
  ["大輔", "other"],
] as const);

const lookUpMention: LookUpMention = (name) => {
  const kind = people.get(name as "ada");
  return kind && { kind };
};

function render(text: string): HTMLDivElement {
  const box = document.createElement("div");
  box.append(renderText(text, { lookUpMention }));
  return box;
}

const HOSTILE = [
  "<script>alert(1)</script>",
  "<img src=x onerror=alert(1)>",
  "<svg/onload=alert(1)>",
  "<svg><script>alert(1)</script></svg>",
  "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
  "<a href='javascript:alert(1)'>a</a>",
  "[a](javascript:alert(1))",
  "[a](JaVaScRiPt:alert(1))",
  "[a](java\tscript:alert(1))",
  "[a](&#106;avascript:alert(1))",
  "[a](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
  "[a](vbscript:msgbox)",
  "[a](file:///etc/passwd)",
  "![a](https://example.com/track.png)",
  "![a](javascript:alert(1))",
  "<javascript:alert(1)>",
  "[a]: javascript:alert(1)\n\n[a]",
  '[a](https://example.com "onmouseover=alert(1)")',
  '[a](https://example.com"onmouseover="alert(1))',
  '```"onload=alert(1)\n</code></pre><script>alert(1)</script>\n```',
  '```js"><img/src=x/onerror=alert(1)>\nx\n```',
  "`<img src=x onerror=alert(1)>`",
  "<math><mtext></mtext><mglyph><style></math><img src onerror=alert(1)>",
  "<form><input name=attributes></form>",
  "<style>*{display:none}</style>",
  "<base href=//evil.example>",
  "<meta http-equiv=refresh content='0;url=//evil.example'>",
  "<div style='position:fixed;inset:0'>covers</div>",
  "<p id=app name=body>clobbers</p>",
  "@<b onclick=alert(1)>ada</b>",
  "@ada<script>alert(1)</script>",
  "| a |\n|---|\n| <img src=x onerror=alert(1)> |",
  "1. <script>alert(1)</script>\n2. [x](javascript:1)",
  "> <object data=javascript:alert(1)></object>",
  "https://example.com/<script>alert(1)</script>",
  'https://example.com/"onmouseover="alert(1)',
  "\u0000<script>alert(1)</script>",
  "<<script>script>alert(1)<</script>/script>",
  "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
];
const TAGS = new Set(
  "a blockquote br code del em h1 h2 h3 h4 h5 h6 hr li ol p pre s span strong table tbody td th thead tr ul".split(
    " ",
  ),
);

describe("hostile texts", () => {
  it.each(HOSTILE)("%j becomes text and harmless elements", (text) => {
    for (const element of render(text).querySelectorAll("*")) {
      expect(TAGS).toContain(element.localName);
      for (const { name, value } of element.attributes) {
        expect(["class", "data-who", "href", "rel", "start", "target"]).toContain(name);
        if (name === "href") expect(value).toMatch(/^(https?|mailto|tel):/);
        if (name === "class") expect(value).toMatch(/^(mention|language-[\w+#-]+)$/);
      }
    }
  });

  it("shows markup as it was written", () => {
    expect(render("<b>bold?</b>").textContent.trim()).toBe("<b>bold?</b>");
  });
});

describe("Markdown", () => {
  it("marks names of people, of the reader apart, and no others", () => {
    const marks = [
      ...render("@ada, @bob and @carol; mail@ada `@bob`").querySelectorAll(".mention"),
    ];
    expect(marks.map((mark) => [mark.textContent, mark.getAttribute("data-who")])).toEqual([
      ["@ada", "me"],
      ["@bob", "other"],
    ]);
  });

  it("ends a name in a script without spaces where a known one ends", () => {
    expect(render("@大輔さん").querySelector(".mention")?.textContent).toBe("@大輔");
  });

  it("makes links of addresses, and none of names of files", () => {
    const links = [
      ...render("https://example.com/a, example.org, README.md, main.rs").querySelectorAll("a"),
    ];
    expect(links.map((link) => link.href)).toEqual([
      "https://example.com/a",
      "http://example.org/",
    ]);
    expect(links[0]?.rel).toBe("noopener noreferrer nofollow");
  });

  it("keeps single line breaks", () => {
    expect(render("one\ntwo").querySelectorAll("br")).toHaveLength(1);
  });

  it("keeps the language of code", () => {
    expect(render("```sql\nselect 1\n```").querySelector("code")?.className).toBe("language-sql");
  });
});

describe("a text of emoji only", () => {
  it.each(["👍", "🎉 🎉", "👩‍💻", "🇩🇪", "❤️"])("%s is", (text) => {
    expect(isOnlyEmoji(text)).toBe(true);
  });
  it.each(["7", "ok 👍", "👍👍👍👍👍👍👍", "", "#"])("%j is not", (text) => {
    expect(isOnlyEmoji(text)).toBe(false);
  });
});

it("a summary is one line without marks", () => {
  expect(summarize("**Look** at [the notes](https://example.com)\n\n- `one`")).toBe(
    "Look at the notes one",
  );
});
