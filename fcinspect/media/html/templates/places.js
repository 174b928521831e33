// What each number on the page is, and which numbers others refer to.
"use strict";
const list = (words) => (words ? words.split(" ") : []);
const near = (item, name) => {
  const holder = item.closest(`[data-${name}]`);
  return holder ? holder.dataset[name] : "";
};

// of each number its keys, the value of each of its axes, and the keys of what lights up with it
const facts = new Map();
// of each key its numbers, those of the same axes together
const known = new Map();
for (const item of document.querySelectorAll("[data-at]")) {
  const at = list(item.dataset.at);
  const axes = list(near(item, "axes"));
  const index = new Map(axes.map((axis, place) => [axis, at[place]]));
  const keys = list(near(item, "key"));
  facts.set(item, { keys, index, lights: list(near(item, "lights")) });
  for (const key of keys) {
    if (!known.has(key)) known.set(key, []);
    const groups = known.get(key);
    let group = groups.find((other) => other.axes.join(" ") === axes.join(" "));
    if (!group) groups.push((group = { axes, items: [], sorted: new Map() }));
    group.items.push(item);
  }
}
const fits = (item, index) => {
  for (const [axis, place] of facts.get(item).index)
    if (index.has(axis) && index.get(axis) !== place) return false;
  return true;
};

// the numbers of a group by the values of some of its axes, sorted when first asked for
const sorted = ({ items, sorted }, axes) => {
  const name = axes.join(" ");
  if (!sorted.has(name)) {
    const places = new Map();
    for (const item of items) {
      const { index } = facts.get(item);
      const place = axes.map((axis) => index.get(axis)).join(" ");
      if (!places.has(place)) places.set(place, []);
      places.get(place).push(item);
    }
    sorted.set(name, places);
  }
  return sorted.get(name);
};
const found = (key, index) =>
  (known.get(key) || []).flatMap((group) => {
    const shared = group.axes.filter((axis) => index.has(axis));
    return sorted(group, shared).get(shared.map((axis) => index.get(axis)).join(" ")) || [];
  });

// the first display of each number of a key, in order
const numbers = (key, index) => {
  const first = new Map();
  for (const item of found(key, index))
    if (!first.has(item.dataset.at)) first.set(item.dataset.at, item);
  return [...first.values()];
};
