// Heatmaps of models that see a part of each photo: drawn at that part, clear elsewhere.
// windowed(painter) is a painter like the one that it is given.
const windowed = (painter) => (data) => {
  const paint = painter(data);
  const part = document.createElement("canvas");

  return (canvas, arm, at, sharp = 112, own = null) => {
    if (!data.windows[arm]) return paint(canvas, arm, at, sharp, own);
    const [top, left, bottom, right] = data.windows[arm][at];
    paint(part, arm, at, sharp, own);
    const side = (canvas.width = canvas.height = part.width);
    const box = [left, top, right - left, bottom - top].map((share) => share * side);
    canvas.getContext("2d").drawImage(part, ...box);
  };
};
