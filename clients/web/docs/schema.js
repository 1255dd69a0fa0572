// Owns how a JSON Schema reads: a type in words, its limits, a table of fields.

import { h } from "../page/dom.js";

/** The last part of a `$ref`. */
export const nameOf = (ref) => ref.split("/").at(-1);

/** A type, with links to the structs it names. @returns {(Node|string)[]} */
export function typeOf(schema) {
  if (schema.$ref) {
    const name = nameOf(schema.$ref);
    return [h("a", { href: `#schema-${name}` }, name)];
  }
  const kinds = schema.anyOf ?? schema.oneOf;
  if (kinds && !schema.properties) return joined(kinds.map(typeOf), " or ");
  if (schema.enum) return [schema.enum.map((value) => JSON.stringify(value)).join(" or ")];
  if (schema.const !== undefined) return [JSON.stringify(schema.const)];
  if (schema.type === "array") return ["list of ", ...(schema.items ? typeOf(schema.items) : ["anything"])];
  if (schema.type === "object" && typeof schema.additionalProperties === "object") {
    return ["map to ", ...typeOf(schema.additionalProperties)];
  }
  return [[schema.type ?? "anything"].flat().join(" or ")];
}

function joined(lists, between) {
  return lists.flatMap((list, place) => (place ? [between, ...list] : list));
}

/** What a value has to keep to, in words. */
export function limitsOf(schema) {
  const own = [
    range(schema.minimum, schema.maximum, ""),
    range(schema.minLength, schema.maxLength, " characters"),
    range(schema.minItems, schema.maxItems, " items"),
    schema.pattern && `matches ${schema.pattern}`,
    schema.format,
    schema.default !== undefined && schema.default !== null && `default ${JSON.stringify(schema.default)}`,
  ];
  const inner = (schema.anyOf ?? []).map(limitsOf);
  const items = schema.items ? [limitsOf(schema.items)] : [];
  return [...own, ...inner, ...items].filter(Boolean).join("; ");
}

function range(least, most, unit) {
  if (least === undefined && most === undefined) return "";
  if (least === undefined) return `at most ${most}${unit}`;
  if (most === undefined) return `at least ${least}${unit}`;
  return `${least} to ${most}${unit}`;
}

/** @param {object} schema an object's @returns {Node} */
export function fieldsOf(schema) {
  const names = Object.keys(schema.properties ?? {});
  if (!names.length) return h("p", { class: "none" }, "No fields.");
  const required = new Set(schema.required ?? []);
  const rows = names.map((name) => row(name, schema.properties[name], required.has(name)));
  return table(["field", "type", "limits"], rows);
}

/** @param {string} [summary] shown in front of the limits */
export function row(name, schema, required, summary = "") {
  const limits = [summary, limitsOf(schema)].filter(Boolean).join("; ");
  return h(
    "tr",
    {},
    h("td", {}, h("code", {}, name), required ? "" : h("span", { class: "optional" }, " optional")),
    h("td", {}, ...typeOf(schema)),
    h("td", { class: "limits" }, limits),
  );
}

export function table(titles, rows) {
  const head = h("tr", {}, ...titles.map((title) => h("th", { scope: "col" }, title)));
  return h("div", { class: "scroll" }, h("table", {}, h("thead", {}, head), h("tbody", {}, ...rows)));
}

/** Text with `code` in backquotes. @returns {Node} */
export function prose(text, tag = "p") {
  const parts = text.split("`");
  return h(tag, {}, ...parts.map((part, place) => (place % 2 ? h("code", {}, part) : part)));
}

export function schemaSection(schemas) {
  const items = Object.keys(schemas)
    .sort()
    .map((name) => {
      const id = `schema-${name}`;
      const schema = schemas[name];
      const element = h(
        "article",
        { id },
        h("h3", {}, name),
        schema.description && prose(schema.description),
        schema.properties ? fieldsOf(schema) : h("p", {}, ...typeOf(schema)),
      );
      return { id, label: name, element };
    });
  return { id: "structs", title: "Structs", items };
}
