// Tests where a text has links, and where they end.

import assert from "node:assert/strict";
import { test } from "node:test";

import { linksIn } from "../../../clients/web/page/links.js";

/** [the text with its links in ⟦ ⟧, their addresses where they are not what is shown] */
const TABLE = [
  // the sentence goes on
  ["看⟦https://example.com/a⟧，很好。"],
  ["⟦https://example.com⟧。很好"],
  ["⟦https://example.com⟧很好"],
  ["⟦https://example.com/a⟧、⟦https://example.com/b⟧！"],
  ["（⟦https://example.com/a⟧）「⟦https://example.com/b⟧」『⟦https://example.com⟧』【⟦https://example.com/c⟧】"],
  ["《⟦https://example.com/a⟧》？"],
  ["⟦https://example.com⟧을 보세요"],
  ["⟦https://example.com/a⟧；⟦https://example.com/b⟧：⟦https://example.com/c⟧"],
  ["⟦https://example.com/a⟧، ثم ⟦https://example.com/b⟧؟"],
  ["⟦https://example.com⟧／path"],
  ["⟦https://example.com/a⟧…"],
  ["⟦https://example.com/a⟧... and so on"],
  ["⟦https://example.com⟧…und"],
  ["⟦https://example.com⟧."],
  ["⟦https://example.com⟧, ⟦http://example.org/x⟧; ⟦HTTP://EXAMPLE.COM/A⟧: ok"],
  ["Really ⟦https://example.com/a⟧?! ⟦https://example.com/b⟧!!!"],
  ["⟦https://example.com/?⟧".replace("?⟧", "⟧?")],
  ["a — ⟦https://example.com/a⟧ — b"],
  ["⟦https://example.com/a⟧—"],
  // within the path
  ["⟦https://en.wikipedia.org/wiki/Devil's_advocate⟧"],
  ["⟦https://en.wikipedia.org/wiki/Devil’s_advocate⟧."],
  ["⟦https://en.wikipedia.org/wiki/Rust_(programming_language)⟧"],
  ["(⟦https://en.wikipedia.org/wiki/Rust_(programming_language)⟧)."],
  ["(see ⟦https://example.com/a⟧)"],
  ["⟦https://example.com/a⟧(b c)"],
  ["⟦https://example.com/a[1]⟧ [⟦https://example.com/b⟧] {⟦https://example.com/c⟧}"],
  ["⟦https://example.com/a,b;c:d!e⟧"],
  ["⟦https://example.com/a...b⟧ ⟦https://example.com/a^b⟧ ⟦https://example.com/#:~:text=a,b⟧"],
  ["⟦https://zh.wikipedia.org/wiki/中文⟧"],
  ["⟦https://ja.wikipedia.org/wiki/グラハム・ベル⟧・"],
  ["⟦https://fa.wikipedia.org/wiki/می\u200cخواهم⟧\u200c"],
  ["⟦https://de.wikipedia.org/wiki/K%C3%B6ln–Bonn⟧"],
  ["⟦https://web.archive.org/web/2020/https://example.com/⟧"],
  ["⟦https://example.com/a⟧,⟦https://example.com/b⟧"],
  ["⟦https://example.com/@user/-_-/⟧"],
  ["⟦https://example.com/a-⟧ ⟦https://example.com/a_⟧"],
  // query, fragment, port, user, address
  ["⟦https://example.com?q=a&b=%20c+d⟧, ⟦https://example.com#/a?b⟧"],
  ["⟦https://example.com:8443/a⟧ ⟦http://localhost:8000⟧: ⟦http://127.0.0.1/x⟧."],
  ["⟦http://[::1]:8080/a⟧ [⟦http://[2001:db8::1]⟧]"],
  ["⟦https://user:secret@example.com/a⟧ https://user:se@cret@example.com/a"],
  ["⟦https://münchen.de/straße⟧, ⟦https://пример.рф⟧ ⟦https://例え.テスト/⟧ ⟦https://xn--bcher-kva.example⟧"],
  ["⟦https://a_b.example.com⟧-"],
  // quotes, brackets and emphasis around it
  ["<⟦https://example.com/a⟧>", ],
  ['"⟦https://example.com/a⟧" “⟦https://example.com/b⟧” «⟦https://example.com/c⟧»'],
  ["'⟦https://example.com/a⟧' ‘⟦https://example.com/b⟧’ `⟦https://example.com/c⟧`"],
  ["'⟦https://example.com/a⟧','⟦https://example.com/b⟧'"],
  ["[x](⟦https://example.com/a⟧)[y](⟦https://example.com/b⟧ \"y\")"],
  ["**⟦https://example.com/a⟧** *⟦https://example.com⟧* __⟦https://example.com/a_b⟧__ ~~⟦https://example.com/a⟧~~"],
  ["⟦https://example.com/a⟧|⟦https://example.com/b⟧"],
  ["⟦https://example.com⟧😀 ⟦https://example.com/a⟧👍🏽 ⟦https://example.com/a⟧🇩🇪👩‍👧"],
  ["😀⟦https://example.com⟧"],
  ["⟦https://example.com/a⟧\u200b\u202eb"],
  ["line\n⟦https://example.com/a⟧\nline"],
  // without a scheme
  ["⟦www.example.com⟧.", "http://www.example.com"],
  ["看⟦www.example.com/a?b⟧，好", "http://www.example.com/a?b"],
  ["(⟦www.example.com:80/a_(b)⟧)", "http://www.example.com:80/a_(b)"],
  ["⟦WWW.Example.COM⟧ and ⟦example.org/a⟧", "http://WWW.Example.COM", "http://example.org/a"],
  ["⟦bücher.com⟧很好", "http://bücher.com"],
  ["www. www.example wwwexample.de"],
  ["file.txt readme.md a.b 1.5 node.js e.g. example.com.txt community.commons"],
  ["/usr/example.com C:\\example.com ./www.example.com"],
  // mail
  ["⟦ann@example.com⟧, ⟦b.c+d@mail.example.co.uk⟧.", "mailto:ann@example.com", "mailto:b.c+d@mail.example.co.uk"],
  ["联系⟦ann@example.com⟧。", "mailto:ann@example.com"],
  ["<⟦ann@example.com⟧>;'⟦o'hara@example.ie⟧'", "mailto:ann@example.com", "mailto:o'hara@example.ie"],
  ["⟦mailto:ann@example.com⟧"],
  ["⟦ann@www.example.com⟧", "mailto:ann@www.example.com"],
  ["⟦ann@bücher.de⟧", "mailto:ann@bücher.de"],
  ["@ann ann@ ann@localhost a@b.c @example ann@@example"],
  // what is none
  ["http:// https:// http://. http://? https://- http://# //example http:/x"],
  ["javascript:alert(1) data:text/html,x JAVASCRIPT://x vbscript:x file:///etc/passwd"],
  ["ftp://example.com javascript://www.example.com/%0aalert(1) git+https://example.com"],
  ["xhttps://example.com http://[::1 https://example.com:99999"],
];

for (const [marked, ...told] of TABLE) {
  test(`p12: ${marked}`, () => {
    const text = marked.replace(/[⟦⟧]/gu, "");
    const links = linksIn(text);
    let shown = text;
    for (const { from, to } of links.toReversed()) {
      shown = `${shown.slice(0, from)}⟦${shown.slice(from, to)}⟧${shown.slice(to)}`;
    }
    assert.equal(shown, marked);
    if (told.length) assert.deepEqual(links.map(({ href }) => href), told);
    else for (const { from, to, href } of links) assert.equal(href, text.slice(from, to));
  });
}

test("p12: only http, https and mailto, whatever the text", () => {
  const parts = ["javascript:", "https://", "data:", "www.", "a@b.com", "example.com", "(", ")", "'", "，", "/", "\u202e", "😀", " "];
  let seed = 7;
  const next = () => (seed = (seed * 48271) % 2147483647);
  for (let round = 0; round < 3_000; round += 1) {
    const text = Array.from({ length: 8 }, () => parts[next() % parts.length]).join("");
    let end = 0;
    for (const { from, to, href } of linksIn(text)) {
      assert.match(href, /^(?:https?:\/\/|mailto:)/iu, text);
      assert.ok(end <= from && from < to && to <= text.length, text);
      end = to;
    }
  }
});

test("p12: a long text takes no long time", () => {
  const before = process.cpuUsage(); // not of the others on this machine
  for (const part of ["a", "a.", "a@", "www.", "https://", "https://a.b/(", "a-", "http://a@"]) {
    linksIn(part.repeat(Math.floor(5_000 / part.length)));
  }
  assert.ok(process.cpuUsage(before).user < 2_000_000);
});
