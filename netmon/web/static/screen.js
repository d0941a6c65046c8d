// Of screens: which are so wide that nobody scrolls them (as in the style sheet), and what their users prefer.

export const WALL = window.matchMedia("screen and (min-width: 1000px) and (min-height: 560px)");
export const LIGHT = window.matchMedia("(prefers-color-scheme: light)");

export function remOf() {
  return parseFloat(getComputedStyle(document.documentElement).fontSize);
}

// To the fraction of a pixel: rounded, some dozens of rows add up to half of one.
export function heightOf(node) {
  return node.getBoundingClientRect().height;
}
