"use strict";
(() => {
  const held = document.getElementById("document");
  if (!held) return;
  const blanks = [...document.querySelectorAll("[data-answer]")];
  const filled = document.getElementById("filled");
  let unsaved = false;
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
    const text = JSON.stringify(sheet) + "\n";
    const link = document.createElement("a");
    const pupil = field("Name").replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "");
    link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    link.download = [pupil, held.dataset.filename].filter(Boolean).join("-") + ".json";
    link.click();
    unsaved = false;
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  };
  for (const blank of blanks)
    blank.addEventListener("input", () => {
      unsaved = true;
      count();
    });
  addEventListener("beforeunload", (event) => {
    if (unsaved) event.preventDefault();
  });
  document.getElementById("save").addEventListener("click", save);
  document.querySelector(".saving").hidden = false;
  count();
})();
