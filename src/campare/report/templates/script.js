// The page: light or dark by a button, sections that open, texts to copy. Without a script it all
// stands still, and sections open by themselves.
"use strict";
(() => {
  const root = document.documentElement;
  const button = document.querySelector(".theme");
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const dark = () => (root.dataset.theme || (system.matches ? "dark" : "light")) === "dark";
  const label = () => {
    button.textContent = dark() ? "Light" : "Dark";
    button.setAttribute("aria-label", dark() ? "Use light colors" : "Use dark colors");
  };
  button.hidden = false;
  button.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    label();
  });
  system.addEventListener("change", label);
  label();

  for (const copy of document.querySelectorAll("[data-copy]")) {
    copy.hidden = false;
    copy.addEventListener("click", async () => {
      const parts = copy.dataset.copy.split(" ").map((id) => document.getElementById(id));
      const said = copy.textContent;
      try {
        await navigator.clipboard.writeText(parts.map((part) => part.innerText).join("\n\n"));
        copy.textContent = "Copied";
      } catch {
        const range = document.createRange(); // no clipboard: select, to copy by hand
        range.setStartBefore(parts[0]);
        range.setEndAfter(parts[parts.length - 1]);
        window.getSelection().removeAllRanges();
        window.getSelection().addRange(range);
        copy.textContent = "Selected";
      }
      setTimeout(() => (copy.textContent = said), 1500);
    });
  }

  // A link to a section opens it; a button opens all of them.
  const folds = [...document.querySelectorAll("details.fold, details.part")];
  const follow = () => {
    const target = location.hash && document.getElementById(location.hash.slice(1));
    const fold = target && target.querySelector("details.fold");
    if (!fold) return;
    fold.open = true;
    target.scrollIntoView();
  };
  window.addEventListener("hashchange", follow);
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#"]');
    if (link && link.hash === location.hash) follow(); // once more: no hash changes
  });
  const unfold = document.querySelector(".unfold");
  const all = () => folds.every((fold) => fold.open);
  const name = () => (unfold.textContent = all() ? "Close all" : "Open all");
  unfold.hidden = false;
  unfold.addEventListener("click", () => {
    const open = !all();
    for (const fold of folds) fold.open = open;
  });
  for (const fold of folds) fold.addEventListener("toggle", name);
  name();
  follow();

  // On paper everything is open, but for long tables.
  let opened = [];
  window.addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open])")];
    const long = (details) => !details.matches(".fold") && details.closest("#effects, #means");
    for (const details of opened) details.open = !long(details);
  });
  window.addEventListener("afterprint", () => opened.forEach((details) => (details.open = false)));
})();
