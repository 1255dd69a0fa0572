// Tests that what shows nothing is not written, and that what shows something is left as it is.

import assert from "node:assert/strict";
import { test } from "node:test";

import { written } from "../../../clients/web/page/written.js";

test("f_s12: what shows nothing is nothing", () => {
  const unseen = ["", " \n", "\u200b", "\u00ad\u2060", "\ufeff", "\u3164", "\u115f", "\uffa0", "\u2800", "\ufe0f", "\u202e"];
  for (const text of [...unseen, "\u{e0041}", "\u{1d159}", "\x01", unseen.join("")]) assert.equal(written(text), "");
});

test("f_s12: what shows something is kept, but for the white space around it", () => {
  const family = "\u{1f468}\u200d\u{1f469}\u200d\u{1f467}";
  for (const text of [family, "zu\u00adsammen", "\u0301", "\u202eabc"]) assert.equal(written(` ${text}\n`), text);
});
