// Pointing at a number, or reaching it with the keyboard, shows what it meets.
"use strict";
document.documentElement.classList.add("js");
const reading = document.getElementById("reading");
let marked = [];
let held = null;
const unmark = () => {
  for (const item of marked) item.classList.remove("lit", "here");
  marked = [];
};
const clear = () => {
  unmark();
  reading.textContent = "";
};
const show = (item) => {
  unmark();
  const { keys, index, lights } = facts.get(item);
  const same = keys
    .flatMap((key) => found(key, index))
    .filter((other) => other.dataset.at === item.dataset.at);
  for (const other of new Set([...same, ...lights.flatMap((key) => found(key, index))]))
    if (other !== item) {
      other.classList.add("lit");
      marked.push(other);
    }
  item.classList.add("here");
  marked.push(item);
  reading.textContent = said(item);
};
const itemOf = (node) => {
  const item = node instanceof Element ? node.closest("[data-at]") : null;
  return item && facts.has(item) ? item : null;
};
const back = () => {
  const focused = itemOf(document.activeElement);
  if (held) show(held);
  else if (focused) show(focused);
  else clear();
};

document.addEventListener("pointerover", (event) => {
  const item = itemOf(event.target);
  if (item && !held) show(item);
});
document.addEventListener("pointerout", (event) => {
  if (itemOf(event.target) && !itemOf(event.relatedTarget)) back();
});
const hold = (item) => {
  held = held === item ? null : item;
  if (held) show(held);
  else back();
};
document.addEventListener("click", (event) => {
  const item = itemOf(event.target);
  if (item) {
    enter(item);
    hold(item);
  } else if (held && !event.target.closest("input, a, #reading")) {
    held = null;
    clear();
  }
});
document.addEventListener("focusin", (event) => {
  const item = itemOf(event.target);
  if (item && !held) show(item);
});
document.addEventListener("focusout", (event) => {
  if (itemOf(event.target) && !held) clear();
});

// one number of each matrix is in the order of Tab, arrows go on from there
const enter = (item) => {
  for (const other of item.closest("table").querySelectorAll('[data-at][tabindex="0"]'))
    other.tabIndex = -1;
  item.tabIndex = 0;
  item.focus({ preventScroll: false });
};
for (const table of document.querySelectorAll("table")) {
  const items = table.querySelectorAll("[data-at]");
  if (!items.length) continue;
  table.setAttribute("role", "grid");
  items.forEach((item, place) => {
    item.tabIndex = place ? -1 : 0;
  });
}
// what stands beside a number in its table; a row that is a number itself stands alone in it
const inRow = (row) =>
  row.dataset.at === undefined ? [...row.querySelectorAll("[data-at]")] : [row];
const beside = (item, key) => {
  const row = item.closest("tr");
  const along = inRow(row);
  const place = along.indexOf(item);
  if (key === "Home") return along[0];
  if (key === "End") return along[along.length - 1];
  if (key === "ArrowLeft") return along[place - 1];
  if (key === "ArrowRight") return along[place + 1];
  const next = key === "ArrowUp" ? "previousElementSibling" : "nextElementSibling";
  let other = row[next];
  while (other && !inRow(other).length) other = other[next];
  return other ? inRow(other)[place] : undefined;
};
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    held = null;
    clear();
    return;
  }
  const item = itemOf(event.target);
  if (!item || event.altKey || event.ctrlKey || event.metaKey) return;
  if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    hold(item);
    return;
  }
  if (!/^(Arrow|Home|End)/.test(event.key)) return;
  event.preventDefault();
  const next = beside(item, event.key);
  if (next) {
    held = null;
    enter(next);
  }
});
