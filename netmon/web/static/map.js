// Where the communes' marks and names go on the map. Pure geometry: no words, no document.

const REMOTE = 0.35; // an island so far outside of the mainland, in lengths of it, stands in the inset
const ROUNDS = 40;
const BLUR = 0.05; // so much of a name that must be there may lie over marks; over another name, nothing
const CALM = 0.25; // what a mark where all is well counts for, against one that says something

const SHAPES = {
  up: "circle",
  on_backup: "triangle",
  isolated: "square",
  unreachable: "diamond",
  unknown: "ring",
  none: "point",
  down: "cross",
  battery: "bolt",
};

// The shape of a state, and its outline around (0, 0): colour alone never says it.
export function shapeOf(state) {
  return SHAPES[state] ?? SHAPES.unknown;
}

export function outline(shape, r) {
  switch (shape) {
    case "triangle":
      return `M0 ${-1.25 * r}L${1.15 * r} ${0.8 * r}H${-1.15 * r}Z`;
    case "square":
      return `M${-0.9 * r} ${-0.9 * r}h${1.8 * r}v${1.8 * r}h${-1.8 * r}Z`;
    case "diamond":
      return `M0 ${-1.3 * r}L${1.3 * r} 0L0 ${1.3 * r}L${-1.3 * r} 0Z`;
    case "cross":
      return `M${-0.8 * r} ${-0.8 * r}L${0.8 * r} ${0.8 * r}M${-0.8 * r} ${0.8 * r}L${0.8 * r} ${-0.8 * r}`;
    case "bolt":
      return `M${0.2 * r} ${-1.3 * r}L${-0.95 * r} ${0.25 * r}H${-0.2 * r}L${-0.2 * r} ${1.3 * r}L${0.95 * r} ${-0.25 * r}H${0.2 * r}Z`;
    default:
      return `M${-r} 0a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0Z`;
  }
}

// Equirectangular with cos(latitude), fitted into width x height; returns code -> {x, y, remote}. Islands far out at sea
// are listed in an inset at the lower right, for they would shrink the mainland to a spot.
export function project(communes, width, height, { margin, gap, inset }) {
  const [near, far] = apart(communes);
  const box = bounds(near);
  const squeeze = Math.cos(((box.south + box.north) / 2) * (Math.PI / 180));
  const room = { x: width - 2 * margin.x - (far.length ? inset.width : 0), y: height - 2 * margin.y };
  const scale = Math.min(room.x / ((box.east - box.west) * squeeze || 1), room.y / (box.north - box.south || 1));
  const left = margin.x + (room.x - (box.east - box.west) * squeeze * scale) / 2;
  const top = margin.y + (room.y - (box.north - box.south) * scale) / 2;
  const spots = near.map((commune) => ({
    code: commune.code,
    x: left + (commune.longitude - box.west) * squeeze * scale,
    y: top + (box.north - commune.latitude) * scale,
    remote: false,
  }));
  spread(spots, gap);
  far.forEach((commune, n) => {
    const y = height - margin.y - (far.length - 1 - n) * inset.line;
    spots.push({ code: commune.code, x: width - inset.width + gap, y, remote: true });
  });
  return new Map(spots.map((spot) => [spot.code, spot]));
}

function apart(communes) {
  const land = communes.filter((commune) => commune.kind !== "dac_khu");
  if (!land.length) return [communes, []];
  const box = bounds(land);
  const reach = REMOTE * Math.max(box.east - box.west, box.north - box.south);
  const isFar = ({ longitude, latitude }) =>
    longitude < box.west - reach || longitude > box.east + reach ||
    latitude < box.south - reach || latitude > box.north + reach;
  return [communes.filter((commune) => !isFar(commune)), communes.filter(isFar)];
}

function bounds(communes) {
  const longitudes = communes.map((commune) => commune.longitude);
  const latitudes = communes.map((commune) => commune.latitude);
  return {
    west: Math.min(...longitudes),
    east: Math.max(...longitudes),
    south: Math.min(...latitudes),
    north: Math.max(...latitudes),
  };
}

// Wards of a city lie closer than their marks are wide: each is nudged just so far that it can be seen.
function spread(spots, gap) {
  for (let round = 0; round < ROUNDS; round += 1) {
    let moved = false;
    for (let i = 0; i < spots.length; i += 1) {
      for (let j = i + 1; j < spots.length; j += 1) {
        const [one, other] = [spots[i], spots[j]];
        const [dx, dy] = [other.x - one.x, other.y - one.y];
        const distance = Math.hypot(dx, dy);
        if (distance >= gap) continue;
        const push = (gap - distance) / 2;
        const [ux, uy] = distance ? [dx / distance, dy / distance] : [1, 0];
        one.x -= ux * push;
        one.y -= uy * push;
        other.x += ux * push;
        other.y += uy * push;
        moved = true;
      }
    }
    if (!moved) return;
  }
}

// Where names go: `wanted` in the order of their importance, each {code, x, y, r, width, height, must}, and the marks that
// are in the way, {x, y, r, calm}. Returns code -> {x, y, anchor}; a name that `must` be there may touch marks, another takes
// only a free place, and of these the one where it is least taken for another's. Where there is no room the mark stands alone:
// a name that nobody can read says less.
export function nameplates(wanted, obstacles, width, height) {
  const marks = obstacles.map(({ x, y, r, calm }) => ({
    left: x - r, right: x + r, top: y - r, bottom: y + r, weight: calm ? CALM : 1,
  }));
  const names = [];
  const placed = new Map();
  for (const name of wanted) {
    const most = name.must ? BLUR * name.width * name.height : 0;
    let best = null;
    let least = Infinity;
    for (const wish of choices(name)) {
      const choice = name.must ? within(wish, width, height) : wish;
      const outside = choice.left < 0 || choice.right > width || choice.top < 0 || choice.bottom > height;
      if (outside || names.some((box) => overlap(choice, box))) continue;
      const cost = marks.reduce((sum, box) => sum + box.weight * overlap(choice, box), 0);
      if (cost > most) continue;
      const worse = cost + doubt(choice, name, wanted) * name.height;
      if (worse >= least) continue;
      [best, least] = [choice, worse];
      if (worse === 0) break;
    }
    if (!best) continue;
    names.push(best);
    placed.set(name.code, { x: best.x, y: best.y, anchor: best.anchor });
  }
  return placed;
}

// How much a name there could be taken for that of another mark: by how much another is nearer than half a line farther.
function doubt(box, name, others) {
  const away = ({ x, y, r }) => Math.hypot(Math.max(box.left - x, 0, x - box.right), Math.max(box.top - y, 0, y - box.bottom)) - r;
  const near = others.reduce((least, other) => (other === name ? least : Math.min(least, away(other))), Infinity);
  return Math.max(0, away(name) + 0.5 * name.height - near);
}

function* choices({ x, y, r, width, height }) {
  const away = r + height * 0.25;
  for (const dy of [0, -0.6 * height, 0.6 * height]) {
    yield boxed(x + away, y + dy, "start", width, height);
    yield boxed(x - away, y + dy, "end", width, height);
  }
  for (const anchor of ["middle", "start", "end"]) {
    yield boxed(x, y - away - height / 2, anchor, width, height);
    yield boxed(x, y + away + height / 2, anchor, width, height);
  }
}

// The same box, pushed inside: a commune at the edge has its name all the same.
function within(box, width, height) {
  const dx = Math.max(0, -box.left) - Math.max(0, box.right - width);
  const dy = Math.max(0, -box.top) - Math.max(0, box.bottom - height);
  const { x, y, anchor, left, right, top, bottom } = box;
  return { x: x + dx, y: y + dy, anchor, left: left + dx, right: right + dx, top: top + dy, bottom: bottom + dy };
}

function boxed(x, y, anchor, width, height) {
  const left = anchor === "start" ? x : anchor === "end" ? x - width : x - width / 2;
  return { x, y, anchor, left, right: left + width, top: y - height / 2, bottom: y + height / 2 };
}

function overlap(one, other) {
  const wide = Math.min(one.right, other.right) - Math.max(one.left, other.left);
  const high = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
  return wide > 0 && high > 0 ? wide * high : 0;
}

// Which of `spots` an arrow leads to from the one of `code`: the nearest within 45° of `direction`, [dx, dy] of length 1; what
// lies aside counts for farther. Null where there is none.
export function nearest(spots, code, [dx, dy]) {
  const from = spots.get(code);
  let best = null;
  let least = Infinity;
  for (const spot of spots.values()) {
    const along = (spot.x - from.x) * dx + (spot.y - from.y) * dy;
    const aside = Math.abs((spot.x - from.x) * dy - (spot.y - from.y) * dx);
    const far = along + 2 * aside;
    if (along <= 0 || aside > along || far >= least) continue;
    [best, least] = [spot.code, far];
  }
  return best;
}
