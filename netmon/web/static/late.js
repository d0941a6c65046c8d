// The pages of one thing and the search come after the board: when somebody first asks for one, or soon after the board, so
// that they open also while netmon is away. What could not be had is asked for again.

import { make, say } from "./dom.js";

const SOON_MS = 5_000; // after the board
const RETRY_MS = 5_000;
const STYLE = "static/pages.css";

// `page` is how the wallboard says things. What is returned does as what pages.js makes.
export function late(page) {
  const section = document.getElementById("page");
  let made = null; // by pages.js
  let coming = null; // the promise of it
  let tried = -Infinity;
  let route = null;
  let seen = null; // when the board was there first

  async function load() {
    tried = performance.now();
    const [{ pages }] = await Promise.all([import("./pages.js"), styled()]);
    section.replaceChildren();
    made = pages(page);
    made.show(route);
  }

  function loaded() {
    coming ??= load().catch((error) => {
      console.warn(error);
      coming = null;
      showWaiting();
    });
    return coming;
  }

  function styled() {
    return new Promise((done, fail) => {
      const link = Object.assign(document.createElement("link"), { rel: "stylesheet", href: STYLE, onload: done });
      link.addEventListener("error", () => {
        link.remove();
        fail(new Error(STYLE));
      });
      document.querySelector("link[media=print]").before(link); // which has the last word on paper
    });
  }

  function showWaiting() {
    if (!route) return section.replaceChildren();
    if (!section.firstChild) section.append(make("p", "waiting"));
    return say(section.firstChild, coming ? page.words().loading : page.words().never);
  }

  function show(next) {
    route = next;
    if (made) return made.show(route);
    if (route) loaded();
    return showWaiting();
  }

  function tick(hasBoard) {
    if (made) return made.tick();
    if (hasBoard) seen ??= performance.now();
    const now = performance.now();
    if (!coming && now - tried >= RETRY_MS && (route || now - (seen ?? now) >= SOON_MS)) loaded();
    return showWaiting();
  }

  async function find() {
    await loaded();
    made?.find();
  }

  return { show, tick, find, speak: () => (made ? made.speak() : showWaiting()) };
}
