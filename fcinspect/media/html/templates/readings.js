// What is said of a number: the numbers that it is computed from.
"use strict";
const cut = (key) =>
  (known.get(key) || []).flatMap(({ items }) => items.flatMap((item) => list(near(item, "cut"))));
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
  `${near(item, "layer") && `${near(item, "layer")}: `}${near(item, "name")}[${list(item.dataset.at).join(",")}]`;
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
