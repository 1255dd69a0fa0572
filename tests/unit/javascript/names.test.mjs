// Tests that nothing hides in a name, and that no script loses what it needs.

import assert from "node:assert/strict";
import { test } from "node:test";

import { isolated, plainName, visibleName } from "../../../clients/web/page/names.js";

test("p17: what turns or hides in a name is seen", () => {
  assert.equal(plainName("holiday\u202egpj.html"), "holiday[U+202E]gpj.html");
  const hidden =
    "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c\u200b\u2060\ufeff\u00ad\u034f\u3164" +
    "\u180e\u206a\u2028\ufff9\u0007\n\u{e0001}\u{e0041}\u{e007f}\u{e0100}\ufe0f\u200c\u200d";
  for (const character of hidden) {
    const code = character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
    assert.equal(plainName(`a${character}b`), `a[U+${code}]b`);
    assert.equal(visibleName(`a${character}b`), "ab");
  }
});

test("p17: what is written with invisible characters stays as it is", () => {
  const names = ["می\u200cخواهم", "क्\u200dष", "👩🏽\u200d❤\ufe0f\u200d💋\u200d👨", "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}"];
  names.push("❤\ufe0f", "1\ufe0f\u20e3", "葛\u{e0100}", "שלום", "Zoë O’Hara", "a b", "山田　太郎", "e\u0301");
  for (const name of names) assert.equal(plainName(name), name);
});

test("p17: a name does not turn the sentence around it", () => {
  assert.equal(isolated("Bob"), "Bob");
  assert.equal(isolated("שלום"), "\u2068שלום\u2069");
  assert.equal(isolated("مريم"), "\u2068مريم\u2069");
  assert.equal(isolated("a\u2069b"), "a[U+2069]b");
});
