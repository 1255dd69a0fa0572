// Owns how a person asks for a row's menu: right click, long press, or from the keyboard.

const LONG_MS = 450;
const SLIP = 10; // pixels a resting finger may move
const AFTER_MS = 400; // browsers send the click after the finger
const PRESSES = ["click", "auxclick", "dblclick", "contextmenu", "mousedown", "mouseup", "dragstart"];

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
  list.addEventListener("contextmenu", (event) => rightClick(event, open, rows));
  if (rows === ".row") list.addEventListener("keydown", (event) => key(event, list, open));
}

class LongPress {
  #open;
  #rows;
  #timer = 0;
  #from = null;

  constructor(open, rows) {
    this.#open = open;
    this.#rows = rows;
  }

  begin({ pointerType, pointerId, isPrimary, target, clientX: x, clientY: y }) {
    this.end();
    const row = target.closest(this.#rows);
    if (!row || pointerType === "mouse" || !isPrimary) return;
    this.#from = { x, y };
    this.#timer = setTimeout(() => {
      pressNothing(target, pointerId);
      this.#open(row, { x, y });
    }, LONG_MS);
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

/**
 * Until the finger is up, and a moment longer: what it does has been done. Whatever comes to be under it, the
 * menu above all, would be pressed.
 * @param {Element} target where it came down; its touches go there, even when it is out of the page
 */
function pressNothing(target, pointerId) {
  const done = new AbortController();
  const how = { capture: true, passive: false, signal: done.signal };
  const stop = (event) => {
    event.preventDefault();
    event.stopImmediatePropagation();
  };
  const lifted = () => setTimeout(() => done.abort(), AFTER_MS);
  const touched = (event) => {
    stop(event);
    lifted();
  };
  for (const type of PRESSES) addEventListener(type, stop, how);
  for (const place of [target, window]) {
    place.addEventListener("touchmove", stop, how);
    for (const type of ["touchend", "touchcancel"]) place.addEventListener(type, touched, how);
  }
  addEventListener("pointerup", (event) => event.pointerId === pointerId && lifted(), how);
  addEventListener("pointerdown", () => done.abort(), how); // the next one is another press
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
