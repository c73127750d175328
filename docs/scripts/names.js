// What the theme adds when the page is there, for who hears it or has no mouse: names of the bars of
// buttons beside code, and wide tables and outputs that keys can scroll.
const named = () => {
  document.querySelectorAll(".md-code__nav:not([aria-label])").forEach((bar) => {
    bar.setAttribute("aria-label", `Code ${bar.closest("[id]")?.id ?? ""}`.trim());
  });
  document.querySelectorAll(".md-typeset__scrollwrap, .output").forEach((box) => {
    if (!box.hasAttribute("tabindex")) box.setAttribute("tabindex", "0");
  });
};
new MutationObserver(named).observe(document.body, { childList: true, subtree: true });
named();
