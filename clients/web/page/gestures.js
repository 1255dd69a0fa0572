// Owns how a person asks for a message's menu: right click, long press, or from the keyboard.

const LONG_MS = 450;
const SLIP = 10; // pixels a resting finger may move

/**
 * @param {HTMLElement} list of rows
 * @param {(row: HTMLElement, at: {x: number, y: number}) => void} open
 */
export function listenForMenu(list, open) {
  const press = new LongPress(open);
  list.addEventListener("pointerdown", (event) => press.begin(event));
  list.addEventListener("pointermove", (event) => press.move(event));
  for (const type of ["pointerup", "pointercancel", "pointerleave"]) {
    list.addEventListener(type, () => press.end());
  }
  list.addEventListener("contextmenu", (event) => rightClick(event, open));
  list.addEventListener("keydown", (event) => key(event, list, open));
}

class LongPress {
  #open;
  #timer = 0;
  #from = null;

  constructor(open) {
    this.#open = open;
  }

  begin({ pointerType, isPrimary, target, clientX: x, clientY: y }) {
    this.end();
    const row = target.closest(".row");
    if (!row || pointerType === "mouse" || !isPrimary) return;
    this.#from = { x, y };
    this.#timer = setTimeout(() => this.#open(row, { x, y }), LONG_MS);
  }

  move({ clientX, clientY }) {
    if (!this.#from) return;
    const { x, y } = this.#from;
    if (Math.hypot(clientX - x, clientY - y) > SLIP) this.end();
  }

  end() {
    clearTimeout(this.#timer);
    this.#from = null;
  }
}

function rightClick(event, open) {
  const row = event.target.closest(".row");
  if (!row || wantsOwnMenu(event)) return;
  event.preventDefault();
  if (event.pointerType === "touch") return; // the long press has seen to it
  open(row, event.detail || event.clientX ? { x: event.clientX, y: event.clientY } : beside(row));
}

/** The browser's own menu is for links and for what was selected. */
function wantsOwnMenu({ target, pointerType }) {
  if (pointerType === "touch") return false;
  return Boolean(target.closest("a")) || !getSelection().isCollapsed;
}

function key(event, list, open) {
  const { target } = event;
  const onRow = target.classList.contains("row");
  if (!onRow && target !== list) return;
  if (onRow && event.key === "Enter") open(target, beside(target));
  else if (event.key === "ArrowUp" || event.key === "ArrowDown") step(event, list, onRow);
  else return;
  event.preventDefault();
}

function step({ key: name, target }, list, onRow) {
  const rows = [...list.querySelectorAll(".row")];
  const here = onRow ? rows.indexOf(target) : rows.length;
  const next = name === "ArrowUp" ? here - 1 : here + 1;
  rows[Math.min(Math.max(next, 0), rows.length - 1)]?.focus();
}

function beside(row) {
  const { left, bottom } = row.querySelector(".bubble").getBoundingClientRect();
  return { x: left, y: bottom };
}
