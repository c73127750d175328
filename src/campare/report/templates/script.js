// The page: light or dark by a button, and texts to copy. It all stands still without a script.
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

  // On paper everything is open.
  let opened = [];
  window.addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open])")];
    for (const details of opened) details.open = !details.closest("#effects, #means");
  });
  window.addEventListener("afterprint", () => opened.forEach((details) => (details.open = false)));
})();
