// The gallery: rows are built as they are needed; filtering and sorting work on plain arrays.
// Every name reaches the page as text, never as markup.
(() => {
  const gallery = document.getElementById("gallery");
  const data = JSON.parse(document.getElementById("gallery-data").textContent);
  const find = (query) => gallery.querySelector(query);
  const form = find(".controls");
  const field = (name) => form.elements[name];
  const list = find(".rows");
  const dialog = find("dialog");
  const STEP = window.innerWidth < 700 ? 8 : 12; // rows at a time
  const paint = painter(data);
  const hidden = new Set(); // arms that are switched off
  const rows = new Map(); // image -> its row, built once
  let order = [];
  let count = 0;
  let open = null;

  function node(tag, attributes = {}, ...inside) {
    const svg = ["svg", "path", "g"].includes(tag);
    const built = svg
      ? document.createElementNS("http://www.w3.org/2000/svg", tag)
      : document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) built.setAttribute(name, value);
    built.append(...inside);
    return built;
  }

  const number = (value, digits = 2) =>
    value === null ? "–" : value.toFixed(digits).replace("-", "−");
  const one = closer(data, paint, { dialog, node, number, tile, photo });
  const measure = () => data.measures[field("measure").value];
  const pair = () => data.pairs[field("pair").value];
  const right = (arm, at) =>
    data.predictions[arm][at] === data.classes[data.images[at].label];

  // ---- values to filter and sort by

  function mean(of, at) {
    const known = of.values.map((arm) => arm[at]).filter((value) => value !== null);
    return known.length ? known.reduce((a, b) => a + b, 0) / known.length : null;
  }

  function change(of, at) {
    if (!pair()) return null;
    const [one, other] = pair().map((arm) => of.values[arm][at]);
    return one === null || other === null ? null : one - other;
  }

  const sorts = {
    mean: (at) => mean(measure(), at),
    change: (at) => change(measure(), at),
  };
  data.arms.forEach((_, arm) => (sorts[`arm-${arm}`] = (at) => measure().values[arm][at]));

  function fits(at) {
    const image = data.images[at];
    const part = field("name").value.trim().toLowerCase();
    if (part && !image.name.toLowerCase().includes(part)) return false; // a name is sought in all
    const group = part ? "all" : field("group").value;
    if (group === "chosen" ? !image.group : group !== "all" && image.group !== group) return false;
    if (field("label").value && image.label !== Number(field("label").value)) return false;
    const outcome = field("outcome").value;
    if (outcome) {
      const hits = data.arms.filter((_, arm) => right(arm, at)).length;
      const all = data.arms.length;
      if (outcome === "right" ? hits < all : outcome === "wrong" ? hits > 0 : hits === all)
        return false;
    }
    const wanted = Number(field("change").value);
    if (wanted) {
      const by = change(measure(), at);
      if (by === null || Math.sign(by) !== wanted * (measure().better || 1)) return false;
    }
    return true;
  }

  function arrange() {
    order = data.images.map((_, at) => at).filter(fits);
    const [key, way] = field("sort").value.split("|");
    if (key === "name") {
      order.sort((a, b) => (data.images[a].name < data.images[b].name ? -1 : 1));
    } else if (key) {
      const values = data.images.map((_, at) => sorts[key](at));
      const sign = way === "last" ? -1 : 1;
      const up = sign * (measure().better < 0 ? -1 : 1);
      order.sort((a, b) => {
        if (values[a] === null || values[b] === null)
          return (values[a] === null) - (values[b] === null);
        return up * (values[b] - values[a]);
      });
    }
    list.replaceChildren();
    count = 0;
    more();
    find(".nothing").hidden = order.length > 0;
    form.querySelector("output").textContent = `${order.length} of ${data.images.length} images`;
  }

  function more() {
    const next = order.slice(count, count + STEP).map(row);
    count += next.length;
    list.append(...next);
    find(".more").hidden = count >= order.length;
  }

  // ---- drawing

  function stack(at, arm) {
    const image = data.images[at];
    const built = node("div", { class: "stack" });
    built.append(node("img", { src: `data:image/webp;base64,${image.photo}`, alt: "", decoding: "sync" }));
    if (arm !== null && data.status[arm][at] === "ok") {
      const canvas = node("canvas", { class: "heat", "aria-hidden": "true" });
      paint(canvas, arm, at);
      built.append(canvas);
    }
    const lines = node("svg", {
      class: "outline",
      viewBox: `0 0 ${data.size} ${data.size}`,
      "aria-hidden": "true",
    });
    for (const [region, path] of image.lines)
      lines.append(node("path", { class: "halo", d: path }), node("path", { class: region, d: path }));
    built.append(lines);
    return built;
  }

  function swatch(arm) {
    const built = node("i", { class: "swatch" });
    built.style.background = `var(--arm-${data.arms[arm].color % 8})`;
    return built;
  }

  function tile(at, arm) {
    const label = data.classes[data.images[at].label];
    const told = data.predictions[arm][at];
    const status = data.status[arm][at];
    const caption = node("figcaption", {}, node("b", {}, swatch(arm), data.arms[arm].name));
    caption.append(node("span", { class: "score" }));
    if (status !== "ok") caption.append(node("span", { class: "empty" }, `${status} map`));
    if (told !== null && data.judged) {
      const hit = told === label;
      const mark = node("span", { "aria-hidden": "true" }, hit ? "✓ " : "✗ ");
      const said = node("span", { class: "spoken" }, hit ? ", right" : ", wrong");
      caption.append(node("span", { class: hit ? "right" : "wrong" }, mark, told, said));
    } else if (told !== null) caption.append(node("span", {}, told));
    const name = `${data.method} of ${data.arms[arm].name}${status === "ok" ? "" : `: ${status}`}`;
    const figure = node("figure", { class: "cell", "data-arm": arm, role: "group", "aria-label": name });
    figure.hidden = hidden.has(arm);
    figure.append(stack(at, arm), caption);
    return figure;
  }

  function photo(at) {
    const image = data.images[at];
    const caption = node("figcaption", {}, node("b", {}, data.classes[image.label]));
    if (image.group) caption.append(node("span", { class: "group" }, image.group));
    caption.append(node("span", { class: "file", title: image.name }, image.name));
    return node("figure", { class: "cell photo" }, stack(at, null), caption);
  }

  function row(at) {
    let built = rows.get(at);
    if (!built) {
      const image = data.images[at];
      const label = data.classes[image.label];
      built = node("article", { class: "row", tabindex: "0", "data-image": at });
      built.setAttribute("aria-label", [image.name, label, image.group].filter(Boolean).join(", "));
      built.append(photo(at), ...data.arms.map((_, arm) => tile(at, arm)));
      rows.set(at, built);
    }
    label(built, at);
    return built;
  }

  function label(row, at) {
    for (const cell of row.querySelectorAll("[data-arm]"))
      cell.querySelector(".score").textContent = number(measure().values[cell.dataset.arm][at]);
  }

  // ---- looking closer

  function enlarge(at) {
    open = at;
    one.show(at, hidden);
  }

  function step(by) {
    if (!order.length) return;
    const here = dialog.open ? open : Number(document.activeElement.closest(".row")?.dataset.image);
    const at = order.indexOf(here);
    const next = at < 0 ? 0 : Math.min(order.length - 1, Math.max(0, at + by));
    while (next >= count) more();
    if (dialog.open) return enlarge(order[next]);
    const to = row(order[next]);
    to.focus({ preventScroll: true });
    to.scrollIntoView({ block: "center", behavior: "instant" });
  }

  const closerHeat = dialog.querySelector("[name=heat]");

  function update() {
    closerHeat.value = field("heat").value;
    for (const part of [list, dialog]) {
      part.style.setProperty("--heat", field("heat").value / 100);
      part.classList.toggle("plain", !field("outline").checked);
    }
  }

  // ---- controls

  function options(name, pairs) {
    field(name).replaceChildren(...pairs.map(([value, text]) => node("option", { value }, text)));
  }

  function sorting() {
    const kept = field("sort").value;
    const [one, other] = (pair() || []).map((arm) => data.arms[arm].name);
    const [first, last] = measure().better ? ["best first", "worst first"] : ["highest first", "lowest first"];
    const both = (key, text) => [[`${key}|`, `${text}, ${first}`], [`${key}|last`, `${text}, ${last}`]];
    options("sort", [
      ["", "as chosen"],
      ...(pair() ? both("change", `${one} minus ${other}`) : []),
      ...both("mean", `mean of ${data.noun}s`),
      ...data.arms.flatMap((arm, index) => both(`arm-${index}`, arm.name)),
      ["name", "file name"],
    ]);
    field("sort").value = kept;
    if (field("sort").selectedIndex < 0) field("sort").value = "";
  }

  function controls() {
    const chosen = data.images.filter((image) => image.group).length;
    options("group", [
      ["chosen", `chosen by rule (${chosen})`],
      ["all", `all images (${data.images.length})`],
      ...data.groups.map((group) => [group, group]),
    ]);
    const present = new Set(data.images.map((image) => image.label));
    options("label", [["", "any"], ...[...data.classes.entries()].filter(([index]) => present.has(index))]);
    options("measure", data.measures.map((of, index) => [index, of.title]));
    options("pair", data.pairs.map(([a, b], index) => [index, `${data.arms[a].name} vs ${data.arms[b].name}`]));
    sorting();
    if (data.arms.length > 1) {
      const toggles = find(".toggles");
      toggles.hidden = false;
      data.arms.forEach((arm, index) => {
        const box = node("input", { type: "checkbox" });
        box.checked = true;
        box.addEventListener("change", () => {
          if (box.checked) hidden.delete(index);
          else hidden.add(index);
          for (const cell of list.querySelectorAll(`[data-arm="${index}"]`)) cell.hidden = !box.checked;
          for (const built of rows.values())
            built.querySelector(`[data-arm="${index}"]`).hidden = !box.checked;
          columns();
        });
        toggles.append(node("label", {}, box, swatch(index), arm.name));
      });
    }
    columns();
  }

  function columns() {
    const shown = data.arms.length - hidden.size + 1;
    list.style.setProperty("--columns", Math.min(shown, 7));
  }

  let kept = "85";
  const keys = {
    h() {
      if (field("heat").value > 0) kept = field("heat").value;
      field("heat").value = field("heat").value > 0 ? 0 : kept;
      update();
    },
    o() {
      field("outline").checked = !field("outline").checked;
      update();
    },
    j: () => step(1),
    k: () => step(-1),
    "/": () => field("name").focus(),
  };

  const arrows = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };

  form.addEventListener("change", (event) => {
    if (["heat", "outline", "name"].includes(event.target.name)) return;
    if (["pair", "measure"].includes(event.target.name)) sorting();
    arrange();
  });
  form.addEventListener("input", (event) => (event.target.name === "name" ? arrange() : update()));
  form.addEventListener("submit", (event) => event.preventDefault());
  dialog.addEventListener("close", () => {
    // The event comes late: what the reader went on to meanwhile, the search say, keeps the focus.
    if (open !== null && !document.activeElement.matches("input, select, textarea")) row(open).focus();
  });
  closerHeat.addEventListener("input", () => {
    field("heat").value = closerHeat.value;
    update();
  });
  for (const button of dialog.querySelectorAll("[data-step]"))
    button.addEventListener("click", () => step(Number(button.dataset.step)));
  find(".more").addEventListener("click", more);
  list.addEventListener("click", (event) => {
    const hit = event.target.closest(".row");
    if (hit) enlarge(Number(hit.dataset.image));
  });
  gallery.addEventListener("pointermove", (event) => {
    if (event.pointerType !== "mouse") return;
    const stacked = event.target.closest(".stack");
    const group = stacked && stacked.closest(".row");
    if (!group) return;
    const box = stacked.getBoundingClientRect();
    const share = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    group.style.setProperty("--cut", `${(100 * share).toFixed(1)}%`);
    group.addEventListener("pointerleave", () => group.style.removeProperty("--cut"), { once: true });
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input:not([type=range]):not([type=checkbox]), select, textarea")) return;
    if (event.key === "Enter" && event.target.matches(".row")) enlarge(Number(event.target.dataset.image));
    else if (dialog.open && arrows[event.key]) {
      if (event.shiftKey) one.move(...arrows[event.key]);
      else if (event.target.matches("[type=range]") || !arrows[event.key][0]) return;
      else step(arrows[event.key][0]);
    }
    else if (keys[event.key]) keys[event.key]();
    else return;
    event.preventDefault();
  });
  form.hidden = find(".keys").hidden = false;
  controls();
  arrange();
  update();
})();
