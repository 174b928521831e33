// The slider through a sum, and tables that are wider than the page or printed.
"use strict";
// how far the sum has come
const walk = (slider) => {
  const box = slider.closest(".walk");
  const rows = [...box.parentElement.querySelectorAll(".sum tbody tr")];
  const output = box.querySelector("output");
  const sum = (row) => written(row.cells[6]);
  let reached = rows.length;
  const set = (moved) => {
    const done = Number(slider.value);
    const [low, high] = [Math.min(done, reached), Math.max(done, reached)];
    for (const row of rows.slice(low, high)) row.classList.toggle("later", done < reached);
    reached = done;
    const before = done > 1 ? sum(rows[done - 2]) : "0";
    const row = rows[done - 1];
    let words = "nothing added yet: 0";
    if (row)
      words =
        `${row.dataset.what || `term ${written(row.cells[0])}`}: ${before} + ${inside(written(row.cells[5]))} = ${sum(row)}` +
        (done === rows.length ? box.dataset.result : "");
    output.textContent = words;
    slider.setAttribute("aria-valuetext", `${done} of ${rows.length} added`);
    if (!moved) return;
    held = null;
    if (row) show(row);
    else clear();
  };
  slider.addEventListener("input", () => set(true));
  slider.addEventListener("blur", () => held || clear());
  set(false);
};
document.querySelectorAll(".walk input").forEach(walk);

// a table that is wider than the page is scrolled by the keyboard too
const wide = () => {
  for (const box of document.querySelectorAll(".scroll, .matrix, .curve, .network, .drawn, .code")) {
    const over = box.scrollWidth > box.clientWidth + 1;
    const reached = box.querySelector("[data-at]");
    if (over && !reached) {
      box.tabIndex = 0;
      box.setAttribute("role", "region");
      box.setAttribute("aria-label", box.dataset.label || "matrix");
    } else {
      for (const name of ["tabindex", "role", "aria-label"]) box.removeAttribute(name);
    }
  }
};
window.addEventListener("beforeprint", () => {
  for (const folded of document.querySelectorAll("details")) folded.open = true;
});
wide();
window.addEventListener("resize", wide);
