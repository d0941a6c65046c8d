// A group of many things takes one stop of the Tab key: the arrows move among them. Which of them it is stays as long as
// it is there.

// Makes one of `items` the stop of the Tab key: that which was it before, else the first.
export function settle(items, preferred = items[0]) {
  const kept = items.find((item) => item.tabIndex === 0 && item.dataset.stop) ?? preferred;
  for (const item of items) stop(item, item === kept);
}

export function moveTo(items, item) {
  for (const each of items) stop(each, each === item);
  item.focus();
}

function stop(item, is) {
  if (item.tabIndex !== (is ? 0 : -1)) item.setAttribute("tabindex", is ? "0" : "-1");
  if (is) item.dataset.stop = "1";
  else delete item.dataset.stop;
}

// Up, down, Home and End in a list whose rows `selector` finds; those that are hidden are passed over.
export function rows(list, selector) {
  const items = () => [...list.querySelectorAll(selector)].filter((item) => !item.closest("[hidden]"));
  list.addEventListener("keydown", (event) => {
    const all = items();
    const at = all.indexOf(document.activeElement);
    if (at < 0) return;
    const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    if (all[next]) moveTo(all, all[next]);
  });
  return { settle: () => settle(items()) };
}
