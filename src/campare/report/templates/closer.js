// One image by itself: arms side by side or one over another, methods, values, scores, files.
// closer(data, paint, tools) gives show(image, hidden arms); `tools` build the gallery's nodes.
const closer = (data, paint, { dialog, node, number, tile, photo }) => {
  const find = (query) => dialog.querySelector(query);
  const field = (name) => find(".one-controls").elements[name];
  const large = find(".large");
  const valueOf = valuesOf(data);
  let at = 0;
  let arms = [];
  let point = null; // shares of the photo, from its left and its top

  const methods = () => {
    const kept = at < data.closer.images ? data.closer.methods : [];
    return [data.method, ...kept.map((one) => one.name).filter((name) => name !== data.method)];
  };
  const method = () => field("method").value;
  const over = () => field("view").value === "over";

  function options(name, pairs, first) {
    const before = field(name).value;
    field(name).replaceChildren(...pairs.map(([value, text]) => node("option", { value }, text)));
    field(name).value = before;
    if (field(name).selectedIndex < 0) field(name).value = first;
    field(name).closest("label").hidden = pairs.length < 2;
  }

  // ---- pictures

  function draw(canvas, arm, sharp = 320) {
    const found = valueOf(method(), arm, at);
    const own = method() === data.method || !found ? null : cellsOf(found);
    paint(canvas, arm, at, sharp, own);
  }

  const drawable = (arm) => {
    const found = valueOf(method(), arm, at);
    return found !== null && found.top > 0;
  };

  function beside() {
    const figures = [photo(at), ...arms.map((arm) => tile(at, arm))];
    for (const figure of figures) {
      const arm = figure.dataset.arm;
      if (arm === undefined) continue;
      figure.setAttribute("aria-label", `${method()} of ${data.arms[arm].name}`);
      figure.querySelector(".score").textContent = number(scores(0)[arm]);
      figure.querySelector("canvas")?.remove();
      if (!drawable(arm)) continue;
      const canvas = node("canvas", { class: "heat", "aria-hidden": "true" });
      draw(canvas, Number(arm));
      figure.querySelector("img").after(canvas);
    }
    large.replaceChildren(...figures);
  }

  function upon() {
    const figure = photo(at);
    const image = figure.querySelector("img");
    for (const side of ["right", "left"]) {
      const arm = Number(field(side).value);
      if (arm < 0 || !drawable(arm)) continue;
      const canvas = node("canvas", { class: `heat ${side}`, "aria-hidden": "true" });
      draw(canvas, arm, 512);
      image.after(canvas);
    }
    figure.querySelector(".stack").append(node("i", { class: "seam" }));
    large.replaceChildren(figure);
    large.style.setProperty("--split", `${field("split").value}%`);
  }

  // ---- numbers

  function scores(measure) {
    const of = at < data.closer.images && data.closer.methods.find((one) => one.name === method());
    const own = of ? of.scores[measure] : data.measures[measure].values;
    return own.map((row) => row[at]);
  }

  function table() {
    const heads = ["measure", ...arms.map((arm) => data.arms[arm].name)];
    const head = node("tr", {}, ...heads.map((text) => node("th", { scope: "col" }, text)));
    const body = node("tbody");
    data.measures.forEach((of, index) => {
      const cells = arms.map((arm) => node("td", { class: "figure" }, number(scores(index)[arm], 3)));
      body.append(node("tr", {}, node("th", { scope: "row" }, of.title), ...cells));
    });
    find(".scroll").replaceChildren(node("table", {}, node("thead", {}, head), body));
  }

  function under(arm) {
    // The value of the cell that lies under the point; null beside what the model sees.
    const found = valueOf(method(), arm, at);
    if (!found) return null;
    let [x, y] = point;
    const part = data.windows && data.windows[arm];
    if (part) {
      const [top, left, bottom, right] = part[at];
      [x, y] = [(x - left) / (right - left), (y - top) / (bottom - top)];
      if (x < 0 || y < 0 || x >= 1 || y >= 1) return null;
    }
    const [h, w] = found.grid;
    const [row, column] = [Math.min(h - 1, Math.floor(y * h)), Math.min(w - 1, Math.floor(x * w))];
    const value = found.values[row * w + column];
    return { value, share: found.top > 0 ? Math.max(0, value) / found.top : 0, row, column };
  }

  function tell() {
    large.classList.toggle("pointed", point !== null);
    if (!point) {
      find(".readout").textContent = "Point at the image for values.";
      return;
    }
    large.style.setProperty("--x", `${100 * point[0]}%`);
    large.style.setProperty("--y", `${100 * point[1]}%`);
    const [x, y] = point.map((share) => Math.min(data.size - 1, Math.floor(share * data.size)));
    const said = arms.map((arm) => {
      const found = under(arm);
      if (!found) return `${data.arms[arm].name} –`;
      const value = Number(found.value.toPrecision(4)).toString().replace("-", "−");
      return `${data.arms[arm].name} ${value} (${Math.round(100 * found.share)} % of its maximum)`;
    });
    find(".readout").textContent = `Column ${x}, row ${y}: ${said.join(" · ")}`;
  }

  function origin() {
    const found = arms.map((arm) => valueOf(method(), arm, at)).filter(Boolean);
    if (!found.length) return "No values of this method.";
    if (found.every((one) => one.exact)) return "Values are those of the run.";
    if (found.some((one) => one.stored === null))
      return "Values are known to 1/255 of each map's maximum; the run's folder has them all.";
    return "Values are means of cells: these maps are larger than the page can carry.";
  }

  // ---- files

  const stem = (...words) =>
    [data.images[at].name.split("/").pop().replace(/\.[^.]*$/, ""), ...words]
      .join("-").replace(/[^\w.+-]+/g, "_");

  function save(name, href) {
    const link = node("a", { download: name, href });
    dialog.append(link);
    link.click();
    link.remove();
  }

  function saveValues(arm) {
    let text = "";
    for (const byte of npy(valueOf(method(), arm, at))) text += String.fromCharCode(byte);
    save(`${stem(data.arms[arm].name, method())}.npy`, `data:application/octet-stream;base64,${btoa(text)}`);
  }

  function savePicture(arm) {
    const image = large.querySelector("img");
    const side = Math.max(320, image.naturalWidth);
    const canvas = node("canvas", { width: side, height: side });
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0, side, side);
    if (arm !== null && drawable(arm)) {
      const heat = node("canvas");
      draw(heat, arm, side);
      context.globalAlpha = Number(field("heat").value) / 100;
      context.drawImage(heat, 0, 0, side, side);
    }
    const words = arm === null ? ["photo"] : [data.arms[arm].name, method()];
    save(`${stem(...words)}.png`, canvas.toDataURL("image/png"));
  }

  function files() {
    const button = (text, press) => {
      const built = node("button", { type: "button" }, text);
      built.addEventListener("click", press);
      return built;
    };
    const of = arms.flatMap((arm) => [
      button(`${data.arms[arm].name} .png`, () => savePicture(arm)),
      ...(valueOf(method(), arm, at) ? [button(`${data.arms[arm].name} .npy`, () => saveValues(arm))] : []),
    ]);
    find(".one-files").replaceChildren("Download", button("photo .png", () => savePicture(null)), ...of);
  }

  // ---- together

  function fill() {
    large.classList.toggle("over", over());
    for (const name of ["left", "right", "split"]) field(name).closest("label").hidden = !over();
    if (over()) upon();
    else beside();
    table();
    files();
    find(".origin").textContent = origin();
    tell();
  }

  function show(image, hidden) {
    at = image;
    arms = data.arms.map((_, arm) => arm).filter((arm) => !hidden.has(arm));
    const named = arms.map((arm) => [arm, data.arms[arm].name]);
    options("method", methods().map((name) => [name, name]), data.method);
    options("left", [[-1, "photo"], ...named], named.length > 1 ? named[0][0] : -1);
    options("right", [[-1, "photo"], ...named], named.length ? named[named.length - 1][0] : -1);
    const { name, label } = data.images[at];
    dialog.setAttribute("aria-label", name);
    find(".one-name").textContent = name;
    find(".one-class").textContent = data.classes[label];
    fill();
    if (!dialog.open) dialog.showModal();
  }

  function move(x, y) {
    const step = 1 / Math.max(...data.grids.flat());
    const clip = (share) => Math.min(1 - step / 2, Math.max(step / 2, share));
    point = point ? [clip(point[0] + x * step), clip(point[1] + y * step)] : [0.5, 0.5];
    tell();
  }

  find(".one-controls").addEventListener("submit", (event) => event.preventDefault());
  find(".one-controls").addEventListener("change", (event) => {
    if (event.target.type !== "range") fill();
  });
  field("split").addEventListener("input", () =>
    large.style.setProperty("--split", `${field("split").value}%`),
  );
  for (const kind of ["pointermove", "pointerdown"])
    large.addEventListener(kind, (event) => {
      const stack = event.target.closest(".stack");
      if (!stack) return;
      const box = stack.getBoundingClientRect();
      const share = (value, size) => Math.min(1 - 1e-6, Math.max(0, value / size));
      point = [share(event.clientX - box.left, box.width), share(event.clientY - box.top, box.height)];
      tell();
    });

  return { show, move };
};
