// Tests the lower end of a list: when more of it is loaded.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Foot } from "../../../clients/web/page/foot.js";

const again = { until: (ask) => ask() };
const turn = () => new Promise(setImmediate);

/** As much of an element as a foot needs. */
class Element extends EventTarget {
  textContent = "";
  children = [];
  append = (...children) => this.children.push(...children);
  contains = () => false;
  setAttribute() {}
  toggleAttribute(name, value) {
    this[name] = value;
  }
}

/** A foot whose loads end when the test says so: `ends`, in the order in which they began. */
function foot(t) {
  globalThis.document = { createElement: () => new Element() };
  t.after(() => delete globalThis.document);
  const [ends, asked] = [[], []];
  const act = (name) => () => {
    asked.push(name);
    return new Promise((resolve, reject) => ends.push({ resolve, reject }));
  };
  const made = new Foot({ rest: new Element(), again, onMore: act("more") });
  made.show(true);
  const more = made.element.children.find((one) => one.children.includes("Show more"));
  const press = async () => {
    more.dispatchEvent(new Event("click"));
    await turn();
  };
  return { made, ends, asked, press, act };
}

test("more is loaded once what is under way has ended, well or not", async (t) => {
  const { made, ends, asked, press, act } = foot(t);
  for (const end of ["resolve", "reject"]) {
    asked.length = ends.length = 0;
    const loading = made.load(act("other"));
    await press();
    await press();
    assert.deepEqual(asked, ["other"]);
    ends[0][end](new Error("no"));
    await loading;
    await turn();
    assert.deepEqual(asked, ["other", "more"]);
    await press(); // it is on its way
    ends[1].resolve();
    await turn();
    assert.deepEqual(asked, ["other", "more"]);
  }
});

test("no more is loaded where the list has ended meanwhile", async (t) => {
  const { made, ends, asked, press, act } = foot(t);
  const loading = made.load(act("other"));
  await press();
  made.show(false);
  ends[0].resolve();
  await loading;
  await turn();
  assert.deepEqual(asked, ["other"]);
});
