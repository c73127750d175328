// Values of maps: as the run has them where the page carries these, else from the bytes it draws.
// valuesOf(data)(method, arm, image) gives { values, grid, stored, exact, top }, or null.
const valuesOf = (data) => {
  const bytes = (text) => Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
  const decoded = new Map(); // a text -> its array, decoded when first needed
  const once = (text, decode) => {
    if (!decoded.has(text)) decoded.set(text, decode(bytes(text)));
    return decoded.get(text);
  };

  function floats(raw) {
    const view = new DataView(raw.buffer); // little-endian on every machine
    return Float32Array.from({ length: raw.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
  }

  return (method, arm, at) => {
    const of = data.closer.methods.find((one) => one.name === method);
    const kept = of && of.arms[arm];
    if (kept && at < data.closer.images) {
      const [h, w] = kept.grid;
      const values = once(kept.values, floats).subarray(at * h * w, (at + 1) * h * w);
      const top = values.reduce((most, value) => (value > most ? value : most), 0);
      const exact = String(kept.grid) === String(kept.stored);
      return { values, grid: kept.grid, stored: kept.stored, exact, top };
    }
    if (method !== data.method || data.peaks[arm][at] === null) return null;
    const [h, w] = data.grids[arm];
    const drawn = once(data.heat[arm], (raw) => raw).subarray(at * h * w, (at + 1) * h * w);
    const top = data.peaks[arm][at];
    const values = Float32Array.from(drawn, (byte) => (byte / 255) * top);
    return { values, grid: [h, w], stored: null, exact: false, top };
  };
};

// A map as bytes to draw: its positive part, scaled by its own maximum.
const cellsOf = ({ values, grid, top }) => ({
  cells: Uint8Array.from(values, (value) => (top > 0 && value > 0 ? Math.round((255 * value) / top) : 0)),
  grid,
});

// A file of NumPy, version 1.0: magic, length of the header, the header, float32 little-endian.
function npy({ values, grid }) {
  const said = `{'descr': '<f4', 'fortran_order': False, 'shape': (${grid.join(", ")}), }`;
  const header = said.padEnd(Math.ceil((10 + said.length + 1) / 64) * 64 - 11) + "\n";
  const file = new Uint8Array(10 + header.length + 4 * values.length);
  file.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length & 255, header.length >> 8]);
  file.set(new TextEncoder().encode(header), 10);
  const view = new DataView(file.buffer, 10 + header.length);
  values.forEach((value, i) => view.setFloat32(4 * i, value, true));
  return file;
}
