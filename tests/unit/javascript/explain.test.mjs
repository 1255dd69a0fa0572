// Tests what a person is told about an error.

import assert from "node:assert/strict";
import { test } from "node:test";

import { explain } from "../../../clients/web/page/explain.js";
import { LinkupError } from "../../../clients/web/sdk/http.js";

test("s79: what happened is told, and what to do", () => {
  const failed = { code: "too_large", message: "A file can have at most 20 MB" };
  assert.equal(explain(failed), "A file can have at most 20 MB. Choose something smaller.");
  const refused = new LinkupError({ code: "unauthorized", message: "The token has expired.", temporary: false });
  assert.equal(explain(refused), "The token has expired. Sign in again.");
});

test("s79: an error that is not the server's is told as it is", () => {
  assert.equal(explain(new Error("The camera is off")), "The camera is off");
});
