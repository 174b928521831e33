"use strict";
(() => {
  const page = document.documentElement;
  page.classList.add("js");
  const reading = document.getElementById("reading");
  const list = (words) => (words ? words.split(" ") : []);
  const near = (item, name) => {
    const holder = item.closest(`[data-${name}]`);
    return holder ? holder.dataset[name] : "";
  };

  // what each number is: its keys, and the value of each of its axes
  const facts = new Map();
  const known = new Map();
  for (const item of document.querySelectorAll("[data-at]")) {
    const at = list(item.dataset.at);
    const index = new Map(list(near(item, "axes")).map((axis, place) => [axis, at[place]]));
    const keys = list(near(item, "key"));
    facts.set(item, { keys, index, lights: list(near(item, "lights")) });
    for (const key of keys) {
      if (!known.has(key)) known.set(key, []);
      known.get(key).push(item);
    }
  }
  const fits = (item, index) => {
    for (const [axis, place] of facts.get(item).index)
      if (index.has(axis) && index.get(axis) !== place) return false;
    return true;
  };
  const found = (key, index) => (known.get(key) || []).filter((item) => fits(item, index));

  // the first display of each number of a key, in order
  const numbers = (key, index) => {
    const first = new Map();
    for (const item of found(key, index))
      if (!first.has(item.dataset.at)) first.set(item.dataset.at, item);
    return [...first.values()];
  };
  const cut = (key) =>
    (known.get(key) || []).flatMap((item) => list(near(item, "cut")));
  const written = (item) => item.textContent.trim();
  const inside = (words) => (words.startsWith("-") ? `(${words})` : words);

  // a product of two matrices for one number: its terms, along the axes that both have
  const dot = (index, [a, b, plus]) => {
    const right = numbers(b, index);
    const terms = [];
    let some = false;
    for (const left of numbers(a, index)) {
      const bound = new Map([...index, ...facts.get(left).index]);
      for (const other of right)
        if (fits(other, bound)) terms.push(`${inside(written(left))}·${inside(written(other))}`);
    }
    for (const axis of [...cut(a), ...cut(b)]) some = some || !index.has(axis);
    if (some) terms.push("…");
    for (const item of plus ? numbers(plus, index) : []) terms.push(inside(written(item)));
    return terms.join(" + ");
  };
  const added = (index, [key]) => {
    const terms = numbers(key, index).map((item) => inside(written(item)));
    if (cut(key).some((axis) => !index.has(axis))) terms.push("…");
    return terms.join(" + ");
  };
  const one = (index, key) => {
    const item = numbers(key, index)[0];
    return item ? written(item) : "…";
  };
  const compute = (index, [kind, ...names]) => {
    if (kind === "dot") return dot(index, names);
    if (kind === "sum") return added(index, names);
    if (kind === "call") return `${names[0]}(${one(index, names[1])})`;
    if (kind === "times") return names.map((key) => inside(one(index, key))).join("·");
    return "";
  };
  const called = (item) =>
    `${near(item, "name")}[${list(item.dataset.at).join(",")}]`;
  const said = (item) => {
    const { index } = facts.get(item);
    const formula = list(near(item, "formula"));
    if (!formula.length) return "";
    if (formula[0] !== "update") {
      const sum = compute(index, formula);
      const value = written(item);
      return sum && sum !== value ? `${called(item)} = ${sum} = ${value}` : `${called(item)} = ${value}`;
    }
    const [old, gradient, update, fresh] = [...item.cells].slice(1).map(written);
    const sum = compute(index, formula.slice(1));
    const rule = near(item, "rule");
    return (
      `${called(item)}   new = old + update = ${old} + ${inside(update)} = ${fresh}\n` +
      (rule ? `update = ${rule} = ${update}\n` : "") +
      `gradient = ${sum === gradient ? "" : `${sum} = `}${gradient}`
    );
  };

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
    const same = keys.flatMap((key) => known.get(key)).filter(
      (other) => other !== item && other.dataset.at === item.dataset.at,
    );
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
  const beside = (item, key) => {
    const rows = [...item.closest("table").rows]
      .map((row) => (row.dataset.at !== undefined ? [row] : [...row.querySelectorAll("[data-at]")]))
      .filter((row) => row.length);
    const down = rows.findIndex((row) => row.includes(item));
    const along = rows[down].indexOf(item);
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[key];
    if (step) return (rows[down + step[0]] || [])[along + step[1]];
    if (key === "Home") return rows[down][0];
    if (key === "End") return rows[down][rows[down].length - 1];
    return undefined;
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

  // the slider: how far the sum has come
  const walk = (slider) => {
    const box = slider.closest(".walk");
    const rows = [...box.parentElement.querySelectorAll(".sum tbody tr")];
    const output = box.querySelector("output");
    const sum = (row) => written(row.cells[6]);
    const set = (moved) => {
      const done = Number(slider.value);
      rows.forEach((row, place) => row.classList.toggle("later", place >= done));
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
    for (const box of document.querySelectorAll(".scroll, .matrix")) {
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
})();
