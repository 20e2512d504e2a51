"use strict";
(() => {
  const all = (selector, root = document) => Array.from(root.querySelectorAll(selector));
  const said = document.getElementById("said");
  const root = document.documentElement;

  // Light or dark: what the system says until the reader says otherwise.
  const theme = document.getElementById("theme");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches);
  const label = () => { theme.textContent = isDark() ? "Light" : "Dark"; };
  theme.hidden = false;
  theme.addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; label(); });
  label();

  // Which way is drawn on the host.
  const choose = (number) => {
    all("button.way").forEach((one) => one.setAttribute("aria-pressed", String(one.dataset.way === number)));
    all(".csl-layer").forEach((one) => one.classList.toggle("csl-off", one.dataset.way !== number));
    all("details.path").forEach((one) => { one.open = one.dataset.path === number; });
  };
  all("button.way").forEach((one) => one.addEventListener("click", () => choose(one.dataset.way)));

  // A packet: one hop at a time, by pointer or by arrow keys.
  all(".inspect.hops").forEach((box) => {
    const tabs = all("[role=tab]", box);
    const panels = all(".panel", box);
    const frames = all(".frame", box);
    const list = box.querySelector("[role=tablist]");
    // Into the middle of the list, without moving the page.
    const bring = (tab) => { list.scrollTop = tab.offsetTop - (list.clientHeight - tab.offsetHeight) / 2; };
    box.parentElement.addEventListener("toggle", () => bring(box.querySelector("[aria-selected=true]")));
    const show = (place, focus) => {
      tabs.forEach((tab, number) => {
        const chosen = number === place;
        tab.setAttribute("aria-selected", String(chosen));
        tab.tabIndex = chosen ? 0 : -1;
        panels[number].hidden = !chosen;
      });
      frames.forEach((frame) => { frame.hidden = frame.dataset.frame !== tabs[place].dataset.frame; });
      if (focus) { tabs[place].focus(); }
      bring(tabs[place]);
    };
    tabs.forEach((tab, number) => {
      tab.addEventListener("click", () => show(number, false));
      tab.addEventListener("keydown", (event) => {
        const to = { ArrowDown: number + 1, ArrowRight: number + 1, ArrowUp: number - 1, ArrowLeft: number - 1, Home: 0, End: tabs.length - 1 }[event.key];
        if (to === undefined) { return; }
        event.preventDefault();
        show(Math.min(tabs.length - 1, Math.max(0, to)), true);
      });
    });
    show(Number(box.dataset.start), false);
  });

  // Commands to the clipboard; where there is none they are selected instead.
  all("button.copy").forEach((button) => {
    button.hidden = false;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(button.dataset.copy);
        said.textContent = "Copied: " + button.dataset.copy;
        button.firstChild.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(button.parentElement.querySelector("code"));
        said.textContent = "Selected: " + button.dataset.copy;
        button.firstChild.textContent = "Selected";
      }
    });
  });
})();
