// The document, changed in place: what is there already is never made anew, and text is only ever text.

import { outline, shapeOf } from "./map.js";

const SVG = "http://www.w3.org/2000/svg";
const FOCUSABLE = "a[href], button, [tabindex]";

export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function mark(node, name, value) {
  if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

export function make(tag, className = "", ...children) {
  const node = document.createElement(tag);
  node.className = className;
  node.append(...children);
  return node;
}

export function makeSvg(tag, className, ...children) {
  const node = document.createElementNS(SVG, tag);
  node.setAttribute("class", className);
  node.append(...children);
  return node;
}

// Children of `parent` become one for each item, in their order; what is there already is filled anew and not replaced. What has
// the focus keeps it; where it is no more, that which stands in its place takes it, or else the list.
export function keyed(parent, items, keyOf, create, fill) {
  const focused = parent.contains(document.activeElement) ? document.activeElement : null;
  const at = focused ? [...parent.children].findIndex((node) => node.contains(focused)) : -1;
  const kept = new Map([...parent.children].map((node) => [node.dataset.key, node]));
  let next = parent.firstElementChild;
  for (const item of items) {
    const key = String(keyOf(item));
    let node = kept.get(key);
    kept.delete(key);
    if (!node) {
      node = create(item);
      node.dataset.key = key;
    }
    if (node === next) next = next.nextElementSibling;
    else if (next && node === next.nextElementSibling) next = node.nextElementSibling; // what stood here has gone elsewhere
    else parent.insertBefore(node, next);
    fill(node, item);
  }
  for (const node of kept.values()) node.remove();
  if (!focused || focused === document.activeElement) return;
  const near = parent.children[Math.min(at, parent.children.length - 1)];
  const inPlace = near?.matches(FOCUSABLE) ? near : near?.querySelector(FOCUSABLE);
  const heir = focused.isConnected ? focused : (inPlace ?? parent.closest("[tabindex]"));
  heir?.focus({ preventScroll: true });
}

export function glyph(state) {
  const shape = shapeOf(state);
  const svg = makeSvg("svg", "glyph", makeSvg("path", `mark ${shape} ${state}`));
  svg.setAttribute("viewBox", "-13 -13 26 26");
  svg.setAttribute("aria-hidden", "true");
  svg.firstChild.setAttribute("d", outline(shape, 8.5));
  return svg;
}
