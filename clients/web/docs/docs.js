// Owns the page of the contract: loads the two documents, shows them, and keeps the contents list.

import { h } from "../page/dom.js";
import { frameSections } from "./frames.js";
import { routeSections } from "./routes.js";
import { schemaSection } from "./schema.js";

const main = document.querySelector("main");
const nav = document.querySelector("nav");
const state = document.querySelector("#state");

async function load(path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}`);
  return answer.json();
}

/** @typedef {{id: string, title: string, items: {id: string, label: string, element: Node}[]}} Section */

/** @param {Section} section */
function show({ id, title, items }) {
  const heading = h("h2", {}, title);
  main.append(h("section", { id }, heading, ...items.map((item) => item.element)));
  const links = items.map((item) => h("li", {}, h("a", { href: `#${item.id}` }, item.label)));
  nav.append(
    h("details", {}, h("summary", {}, title), h("ul", {}, ...links)),
  );
}

/** The place in the address did not exist before now. */
function goToPlace() {
  const place = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (place) place.scrollIntoView();
}

async function start() {
  const [http, socket] = await Promise.all([load("/openapi.json"), load("/asyncapi.json")]);
  document.querySelector("#version").textContent = http.info.version;
  routeSections(http).forEach(show);
  frameSections(socket).forEach(show);
  show(schemaSection({ ...socket.components.schemas, ...http.components.schemas }));
  state.remove();
  goToPlace();
}

start().catch((error) => {
  state.textContent = `The documents could not be loaded: ${error.message}`;
});
