// Owns how a person asks for a row's menu: right click, long press, or from the keyboard.

const LONG_MS = 450;
const SLIP = 10; // pixels a resting finger may move

/**
 * @param {HTMLElement} list of rows
 * @param {(row: HTMLElement, at: {x: number, y: number}) => void} open
 * @param {string} [rows] what a row is, as a selector
 */
export function listenForMenu(list, open, rows = ".row") {
  const press = new LongPress(open, rows);
  list.addEventListener("pointerdown", (event) => press.begin(event));
  list.addEventListener("pointermove", (event) => press.move(event));
  for (const type of ["pointerup", "pointercancel", "pointerleave"]) {
    list.addEventListener(type, () => press.end());
  }
  list.addEventListener("click", (event) => press.click(event), true);
  list.addEventListener("contextmenu", (event) => rightClick(event, open, rows));
  if (rows === ".row") list.addEventListener("keydown", (event) => key(event, list, open));
}

class LongPress {
  #open;
  #rows;
  #timer = 0;
  #from = null;
  #opened = false;

  constructor(open, rows) {
    this.#open = open;
    this.#rows = rows;
  }

  begin({ pointerType, isPrimary, target, clientX: x, clientY: y }) {
    this.end();
    this.#opened = false;
    const row = target.closest(this.#rows);
    if (!row || pointerType === "mouse" || !isPrimary) return;
    this.#from = { x, y };
    this.#timer = setTimeout(() => {
      this.#opened = true;
      this.#open(row, { x, y });
    }, LONG_MS);
  }

  /** The click of a finger that stayed is no click. */
  click(event) {
    if (!this.#opened) return;
    this.#opened = false;
    event.preventDefault();
    event.stopPropagation();
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

function rightClick(event, open, rows) {
  const row = event.target.closest(rows);
  if (!row || wantsOwnMenu(event, rows)) return;
  event.preventDefault();
  if (event.pointerType === "touch") return; // the long press has seen to it
  open(row, event.detail || event.clientX ? { x: event.clientX, y: event.clientY } : beside(row));
}

/** The browser's own menu is for links and for what was selected. */
function wantsOwnMenu({ target, pointerType }, rows) {
  if (pointerType === "touch" || rows !== ".row") return false;
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
  const { left, bottom } = (row.querySelector(".bubble") ?? row).getBoundingClientRect();
  return { x: left, y: bottom };
}
