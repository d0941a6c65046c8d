"""Pictures of a page, small enough to be kept beside the text that speaks of them: PNG of at most 96 colours."""

import base64
import struct
import zlib

WIDTH, HEIGHT = 16, 20
"""Where a PNG's header has them."""

_REDUCE = """
(async (png) => {
  const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${png}`)).blob());
  const canvas = new OffscreenCanvas(image.width, image.height);
  const brush = canvas.getContext("2d");
  brush.drawImage(image, 0, 0);
  const pixels = new Uint32Array(brush.getImageData(0, 0, image.width, image.height).data.buffer);
  const counts = new Map();
  for (const colour of pixels) counts.set(colour, (counts.get(colour) ?? 0) + 1);
  const parts = (colour) => [colour & 255, (colour >> 8) & 255, (colour >> 16) & 255];
  const often = [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0]);
  const palette = often.slice(0, 40).map(([colour]) => parts(colour));
  const heaps = new Map(); // what is left, by the upper bits of its colour: of each heap the mean
  for (const [colour, n] of often.slice(40)) {
    const [r, g, b] = parts(colour);
    const key = (r >> 5 << 6) | (g >> 5 << 3) | b >> 5;
    const heap = heaps.get(key) ?? [0, 0, 0, 0];
    heaps.set(key, [heap[0] + r * n, heap[1] + g * n, heap[2] + b * n, heap[3] + n]);
  }
  const means = [...heaps.values()].sort((a, b) => b[3] - a[3]).slice(0, 56);
  palette.push(...means.map(([r, g, b, n]) => [r, g, b].map((sum) => Math.round(sum / n))));
  const nearest = new Map();
  for (const [colour] of often) {
    const [r, g, b] = parts(colour);
    let [best, least] = [0, Infinity];
    palette.forEach(([x, y, z], n) => {
      const far = 2 * (r - x) ** 2 + 4 * (g - y) ** 2 + 3 * (b - z) ** 2;
      if (far < least) [best, least] = [n, far];
    });
    nearest.set(colour, best);
  }
  const indices = Uint8Array.from(pixels, (colour) => nearest.get(colour));
  const squeezed = new Blob([indices]).stream().pipeThrough(new CompressionStream("gzip"));
  const reader = new FileReader();
  const done = new Promise((resolve) => { reader.onload = resolve; });
  reader.readAsDataURL(await new Response(squeezed).blob());
  await done;
  return [image.width, palette.flat(), reader.result.split(",")[1]];
})("%s")
"""


def size(png):
    """Width and height of a PNG in pixels."""
    return struct.unpack(">II", png[WIDTH : HEIGHT + 4])


async def reduced(tab, png):
    """The same picture with at most 96 colours. `tab` is one that shows nothing: a page's policy would forbid the work."""
    width, palette, squeezed = await tab.run(_REDUCE % base64.b64encode(png).decode())
    indices = zlib.decompress(base64.b64decode(squeezed), wbits=31)
    rows = b"".join(b"\0" + indices[at : at + width] for at in range(0, len(indices), width))
    header = struct.pack(">IIBBBBB", width, len(indices) // width, 8, 3, 0, 0, 0)
    parts = ((b"IHDR", header), (b"PLTE", bytes(palette)), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    )
