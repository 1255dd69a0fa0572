// Owns how the HTTP routes are shown: parameters, body, answers.

import { h } from "../page/dom.js";
import { fieldsOf, nameOf, prose, row, table, typeOf } from "./schema.js";

/** One section for each tag of the document. */
export function routeSections(http) {
  const byTag = new Map();
  for (const [path, methods] of Object.entries(http.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const tag = operation.tags[0];
      byTag.set(tag, [...(byTag.get(tag) ?? []), item(http, path, method, operation)]);
    }
  }
  return [...byTag].map(([tag, items]) => ({ id: `http-${tag}`, title: `HTTP: ${tag}`, items }));
}

function item(http, path, method, operation) {
  const id = operation.operationId;
  const verb = method.toUpperCase();
  const element = h(
    "article",
    { id },
    h("h3", { class: "route" }, h("span", { class: `verb ${method}` }, verb), h("code", {}, path)),
    prose(operation.summary),
    operation.description && prose(operation.description),
    !operation.security.length && h("p", { class: "none" }, "Needs no token."),
    ...parameters(operation),
    ...body(http, operation),
    h("h4", {}, "Answers"),
    answers(operation.responses),
  );
  return { id, label: `${verb} ${path}`, element };
}

function parameters({ parameters: given }) {
  if (!given?.length) return [];
  const rows = given.map((one) =>
    row(one.name, one.schema, one.required, one.in === "path" ? "in the path" : one.description),
  );
  return [h("h4", {}, "Parameters"), table(["name", "type", ""], rows)];
}

function body(http, { requestBody }) {
  if (!requestBody) return [];
  return Object.entries(requestBody.content).flatMap(([media, { schema }]) => [
    h("h4", {}, "Body ", h("small", {}, media)),
    schema.$ref ? fieldsOf(http.components.schemas[nameOf(schema.$ref)]) : h("p", {}, ...typeOf(schema)),
  ]);
}

function answers(responses) {
  const rows = Object.entries(responses).map(([status, { description, content }]) =>
    h(
      "tr",
      {},
      h("td", {}, h("code", {}, status)),
      prose(description, "td"),
      h("td", {}, ...Object.values(content ?? {}).flatMap(({ schema }) => (schema ? typeOf(schema) : []))),
    ),
  );
  return table(["status", "", "body"], rows);
}
