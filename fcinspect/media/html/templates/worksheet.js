"use strict";
(() => {
  const held = document.getElementById("document");
  if (!held) return;
  const blanks = [...document.querySelectorAll("[data-answer]")];
  const filled = document.getElementById("filled");
  const fields = [...document.querySelectorAll("[data-field]")];
  const written = [...blanks, ...fields];
  const place = `${location.pathname} ${held.dataset.filename}`;
  let unsaved = false;
  const keep = () => {
    // where the browser keeps nothing, the warning before a reload is left
    try {
      sessionStorage.setItem(place, JSON.stringify({ unsaved, values: written.map((one) => one.value) }));
    } catch {}
  };
  const restore = () => {
    try {
      const kept = JSON.parse(sessionStorage.getItem(place));
      if (!kept || kept.values.length !== written.length) return;
      written.forEach((one, i) => (one.value = kept.values[i]));
      unsaved = kept.unsaved;
    } catch {}
  };
  const count = () => {
    const some = blanks.filter((blank) => blank.value.trim()).length;
    filled.textContent = `${some} of ${blanks.length} blanks are filled in`;
  };
  const field = (name) => {
    const found = document.querySelector(`[data-field="${name}"]`);
    return found ? found.value.trim() : "";
  };
  const save = () => {
    const sheet = JSON.parse(held.textContent);
    for (const blank of blanks) sheet.data.answers[blank.dataset.answer] = blank.value.trim() || null;
    sheet.data.pupil = field("Name");
    sheet.data.date = field("Date");
    const text = JSON.stringify(sheet) + "\n";
    const link = document.createElement("a");
    const pupil = field("Name").replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "");
    link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    link.download = [pupil, held.dataset.filename].filter(Boolean).join("-") + ".json";
    link.click();
    unsaved = false;
    keep();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  };
  for (const one of written)
    one.addEventListener("input", () => {
      unsaved = true;
      count();
      keep();
    });
  addEventListener("beforeunload", (event) => {
    if (unsaved) event.preventDefault();
  });
  document.getElementById("save").addEventListener("click", save);
  document.querySelector(".saving").hidden = false;
  restore();
  count();
})();
