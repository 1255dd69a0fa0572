// Owns what an element holds: what stays is not taken out, so that a press on it is a click.

/** Puts the nodes into the list in their order, and out whatever else is there. */
export function place(list, nodes) {
  const wanted = new Set(nodes);
  for (const node of [...list.childNodes]) if (!wanted.has(node)) node.remove();
  let next = list.firstChild;
  for (const node of nodes) {
    if (node === next) next = next.nextSibling;
    else list.insertBefore(node, next);
  }
}

/**
 * Fills the box anew when the key is another one than before; the keyboard stays on what has the
 * same `data-name`.
 * @param {HTMLElement} box
 * @param {any} key what `make` depends on
 * @param {() => (Node|string)[]} make
 */
export function refill(box, key, make) {
  const now = JSON.stringify(key);
  if (box.dataset.key === now) return;
  box.dataset.key = now;
  const focused = box.contains(document.activeElement) && document.activeElement.dataset.name;
  box.replaceChildren(...make());
  if (focused) [...box.children].find(({ dataset }) => dataset.name === focused)?.focus();
}
