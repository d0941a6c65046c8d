// The keyboard: one key for each thing, and a dialog that lists them.

import { keyed, make, say } from "./dom.js";

const LISTS = ["#map", "#incidents", ".list.cut_off", ".list.on_backup", ".list.dark", ".list.down", "#targets"];
const WRITING = "input, textarea, select, [contenteditable]";
const STOP = "[tabindex='0'], a[href]:not([tabindex='-1']), button:not([tabindex='-1'])";
const help = document.getElementById("help");

// `deeds` maps keys to what they do: { "/": find, Escape: back, t: theme, ... }; "?" and the numbers of the lists, to which
// `home` shows the board, are told here.
export function keys(page, deeds, home) {
  const all = { ...deeds, "?": show };
  LISTS.forEach((selector, n) => { all[n + 1] = () => go(selector); });

  // To the first thing in a list that can be reached, else to the list itself.
  function go(selector) {
    home();
    const list = document.querySelector(selector);
    if (!list || list.hidden) return;
    (list.querySelector(STOP) ?? list).focus();
    list.scrollIntoView({ block: "nearest" });
  }

  function show() {
    const words = page.words().help;
    say(help.querySelector("h2"), words.title);
    say(help.querySelector(".leave"), page.words().book.close);
    const lines = words.keys.map(([names, text]) => ({ names, text }));
    const create = ({ names }) => make("div", "", make("dt", "", ...names.split(" ").map((name) => make("kbd", "", name))), make("dd"));
    keyed(help.querySelector("dl"), lines, ({ names }) => names, create, (node, { text }) => say(node.lastChild, text));
    if (!help.open) help.showModal();
  }

  help.querySelector(".leave").addEventListener("click", () => help.close());
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return;
    if (document.querySelector("dialog[open]") || event.target.closest?.(WRITING)) return;
    const deed = all[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!deed) return;
    event.preventDefault();
    deed();
  });

  return { show };
}
