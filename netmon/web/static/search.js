// The search: a dialog with one line to write in; what is found stands below as it is typed.

import { glyph, keyed, make, mark, say } from "./dom.js";

const LONGEST = 80;

// `page` is how the page says things; see parts.js. `dialog` is empty and has the id "find".
export function search(page, dialog) {
  const title = make("h2");
  title.id = "find-title";
  const leave = make("button", "leave");
  leave.type = "button";
  const box = make("input");
  const list = make("ul", "hits");
  list.id = "hits";
  const combobox = { role: "combobox", "aria-expanded": "false", "aria-controls": list.id, "aria-autocomplete": "list" };
  const plain = { type: "text", autocomplete: "off", spellcheck: "false", maxlength: String(LONGEST) };
  for (const [name, value] of Object.entries({ ...combobox, ...plain })) mark(box, name, value);
  mark(list, "role", "listbox");
  const said = make("p", "said");
  mark(said, "role", "status");
  const label = make("label", "", make("span"), box);
  const hint = make("p", "hint");
  dialog.append(make("div", "top", title, leave), label, said, list, hint);

  let asking = null; // the controller of the question that is under way
  let found = null; // { q, total, hits } that was answered last, or null
  let status = ""; // "", searching, failed, found
  let chosen = 0;
  let eager = false; // Enter was pressed before the answer came

  const own = () => page.own().find;

  function open() {
    box.value = "";
    clear();
    show();
    if (!dialog.open) dialog.showModal();
    box.focus();
  }

  function clear() {
    asking?.abort();
    [asking, found, status, chosen, eager] = [null, null, "", 0, false];
  }

  async function seek() {
    asking?.abort();
    const text = box.value.trim();
    if (!text) {
      clear();
      return show();
    }
    const mine = new AbortController();
    [asking, status, eager] = [mine, "searching", false];
    show();
    try {
      const answer = await page.ask(`api/v1/search?q=${encodeURIComponent(text)}`, mine.signal);
      if (asking !== mine) return undefined;
      [found, status, chosen] = [answer, "found", 0];
    } catch (error) {
      if (asking !== mine) return undefined; // another question took its place
      [found, status] = [null, "failed"];
      console.warn(error);
    }
    asking = null;
    return eager && found?.hits.length ? go(found.hits[0]) : show();
  }

  // --- what is said -------------------------------------------------------------------------------------------------

  function show() {
    say(title, own().title);
    say(leave, own().close);
    say(label.firstChild, own().label);
    say(hint, own().hint);
    const hits = found?.hits ?? [];
    const none = status === "found" && !hits.length ? own().none(found.q) : "";
    const counted = none || own().found(hits.length, found?.total ?? 0);
    const texts = { searching: own().searching, failed: own().failed, found: counted };
    say(said, texts[status] ?? "");
    said.classList.toggle("failed", status === "failed");
    list.hidden = !hits.length;
    mark(box, "aria-expanded", String(hits.length > 0));
    mark(list, "aria-label", own().title);
    keyed(list, hits, ({ kind, id }) => `${kind} ${id}`, makeHit, (node, hit) => {
      const n = hits.indexOf(hit);
      node.id = `hit-${n}`;
      fillHit(node, hit, n === chosen);
    });
    if (hits.length) mark(box, "aria-activedescendant", `hit-${chosen}`);
    else box.removeAttribute("aria-activedescendant");
  }

  function makeHit({ kind, id }) {
    const node = make("li", "", make("span", "state"), make("b"), make("span", "about"));
    mark(node, "role", "option");
    node.addEventListener("pointermove", () => choose(found.hits.findIndex((hit) => hit.kind === kind && hit.id === id)));
    node.addEventListener("click", () => go(found.hits.find((hit) => hit.kind === kind && hit.id === id)));
    return node;
  }

  function fillHit(node, hit, isChosen) {
    const [state, name, about] = node.children;
    if (state.dataset.state !== hit.state) {
      state.dataset.state = hit.state;
      state.replaceChildren(glyph(hit.state), make("span"));
    }
    say(state.lastChild, stateWord(hit));
    say(name, hit[page.words().name] ?? hit.name ?? hit.id);
    const place = hit.kind === "commune" ? "" : communeName(hit.commune);
    const id = hit.id === hit.name ? "" : hit.id;
    say(about, [own().kind[hit.kind] ?? hit.kind, id, place].filter(Boolean).join(" · "));
    mark(node, "aria-selected", String(isChosen));
  }

  function stateWord({ kind, state }) {
    const own = page.own();
    const of = { device: own.device, link: own.link }[kind] ?? page.words().state;
    return of[state] ?? state;
  }

  function communeName(code) {
    return page.commune(code)?.[page.words().name] ?? code;
  }

  // --- what is chosen -----------------------------------------------------------------------------------------------

  function choose(n) {
    if (n < 0 || n === chosen) return;
    chosen = n;
    show();
  }

  function go(hit) {
    const [kind, id] = hit.kind === "link" ? ["commune", hit.commune] : [hit.kind, hit.id];
    dialog.close();
    location.hash = `#/${kind}/${encodeURIComponent(id)}`;
  }

  box.addEventListener("input", seek);
  box.addEventListener("keydown", (event) => {
    const { length } = found?.hits ?? [];
    if (event.key === "Enter") {
      event.preventDefault();
      if (asking) eager = true;
      else if (length) go(found.hits[chosen]);
    } else if (length && ["ArrowDown", "ArrowUp"].includes(event.key)) {
      event.preventDefault();
      choose((chosen + (event.key === "ArrowDown" ? 1 : length - 1)) % length);
      list.children[chosen].scrollIntoView({ block: "nearest" });
    }
  });
  leave.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", clear);

  return { open, speak: () => dialog.open && show() };
}
