// Heatmaps: a grid of bytes becomes a colored canvas, enlarged as the metrics enlarge a map.
// painter(data) gives paint(canvas, arm, image, pixels a side[, own]); own is another map of that
// arm and image, { cells, grid }: bytes of one map in place of those of the page.
const painter = (data) => {
  const bytes = (text) => Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
  const colors = bytes(data.colors);
  const heat = data.heat.map(() => null); // decoded when first looked at

  function paint(canvas, arm, at, sharp = 112, own = null) {
    if (!own && !heat[arm]) heat[arm] = bytes(data.heat[arm]);
    const cells = own ? own.cells : heat[arm];
    const [h, w] = own ? own.grid : data.grids[arm];
    const start = own ? 0 : at * h * w;
    const side = Math.max(sharp, h, w);
    canvas.width = canvas.height = side;
    const context = canvas.getContext("2d");
    const picture = context.createImageData(side, side);
    const columns = weights(w, side);
    const down = weights(h, side);
    for (let y = 0, to = 0; y < side; y++) {
      const top = start + down.first[y] * w;
      const below = start + down.second[y] * w;
      for (let x = 0; x < side; x++, to += 4) {
        const [a, b, share] = [columns.first[x], columns.second[x], columns.share[x]];
        const upper = cells[top + a] * (1 - share) + cells[top + b] * share;
        const lower = cells[below + a] * (1 - share) + cells[below + b] * share;
        const value = upper * (1 - down.share[y]) + lower * down.share[y];
        const color = 3 * Math.round(value);
        picture.data[to] = colors[color];
        picture.data[to + 1] = colors[color + 1];
        picture.data[to + 2] = colors[color + 2];
        picture.data[to + 3] = 255 * 0.3 + 0.7 * value; // low is nearly clear
      }
    }
    context.putImageData(picture, 0, 0);
  }

  const known = new Map();
  function weights(cells, side) {
    // Bilinear with half-pixel centers, as the metrics enlarge a map.
    const key = cells * 10000 + side;
    if (known.has(key)) return known.get(key);
    const first = new Uint16Array(side);
    const second = new Uint16Array(side);
    const share = new Float32Array(side);
    for (let i = 0; i < side; i++) {
      const center = Math.min(cells - 1, Math.max(0, ((i + 0.5) * cells) / side - 0.5));
      first[i] = Math.floor(center);
      second[i] = Math.min(cells - 1, first[i] + 1);
      share[i] = center - first[i];
    }
    known.set(key, { first, second, share });
    return known.get(key);
  }

  return paint;
};
