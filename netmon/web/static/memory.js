// What a browser remembers of its user's choices. A private window forgets.

export const memory = {
  get: (key) => { try { return localStorage.getItem(`netmon.${key}`); } catch { return null; } },
  set: (key, value) => { try { localStorage.setItem(`netmon.${key}`, value); } catch { /* it is chosen anew next time */ } },
};
