// The gallery: filter, sort, fade the heatmaps, move with the keyboard, enlarge. Without it all is shown.
"use strict";
(() => {
  const gallery = document.querySelector(".gallery");
  const form = document.querySelector(".controls");
  const dialog = document.querySelector("dialog");
  const rows = [...gallery.querySelectorAll(".row")];
  const nothing = gallery.querySelector(".nothing");
  const field = (name) => form.elements[name];
  const seen = () => [...gallery.querySelectorAll(".row:not([hidden])")];
  let open = null;

  form.hidden = document.querySelector(".keys").hidden = false;

  function arrange() {
    const key = field("sort").value;
    const number = (row) => {
      const value = parseFloat(row.getAttribute("data-" + key));
      return Number.isFinite(value) ? value : -Infinity;
    };
    const order = key ? [...rows].sort((a, b) => number(b) - number(a)) : rows;
    for (const row of order) gallery.insertBefore(row, nothing);
    for (const row of rows) {
      row.hidden = ["group", "label", "outcome"].some(
        (name) => field(name).value && row.dataset[name] !== field(name).value,
      );
    }
    const left = seen().length;
    nothing.hidden = left > 0;
    form.querySelector("output").textContent = `${left} of ${rows.length} images`;
  }

  function look() {
    for (const place of [gallery, dialog]) {
      place.style.setProperty("--heat", field("heat").value / 100);
      place.classList.toggle("plain", !field("outline").checked);
    }
  }

  function enlarge(row) {
    open = row;
    const large = dialog.querySelector(".large");
    large.replaceChildren(...[...row.children].map((cell) => cell.cloneNode(true)));
    large.querySelectorAll("[id]").forEach((part) => part.removeAttribute("id"));
    dialog.setAttribute("aria-label", row.getAttribute("aria-label"));
    if (!dialog.open) dialog.showModal();
  }

  function step(by) {
    const list = seen();
    if (!list.length) return;
    const at = list.indexOf(dialog.open ? open : document.activeElement.closest(".row"));
    const next = list[at < 0 ? 0 : Math.min(list.length - 1, Math.max(0, at + by))];
    if (dialog.open) enlarge(next);
    else {
      next.focus({ preventScroll: true });
      next.scrollIntoView({ block: "center", behavior: "instant" });
    }
  }

  let kept = field("heat").value;
  const keys = {
    h() {
      if (field("heat").value > 0) kept = field("heat").value;
      field("heat").value = field("heat").value > 0 ? 0 : kept;
      look();
    },
    o() {
      field("outline").checked = !field("outline").checked;
      look();
    },
    j: () => step(1),
    k: () => step(-1),
  };

  form.addEventListener("change", arrange);
  form.addEventListener("input", look);
  form.addEventListener("submit", (event) => event.preventDefault());
  dialog.addEventListener("close", () => open && open.focus());
  gallery.addEventListener("click", (event) => {
    const row = event.target.closest(".row");
    if (row) enlarge(row);
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, select, textarea")) return;
    if (event.key === "Enter" && event.target.matches(".row")) enlarge(event.target);
    else if (dialog.open && event.key === "ArrowRight") step(1);
    else if (dialog.open && event.key === "ArrowLeft") step(-1);
    else if (keys[event.key]) keys[event.key]();
    else return;
    event.preventDefault();
  });
  arrange();
  look();
})();
