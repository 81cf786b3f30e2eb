// Which group of tasks is shown; the arrow keys move between the tabs, the browser's back button to the one before.

import { el, find } from "./dom.js";

const KEYS = { ArrowRight: 1, ArrowLeft: -1 };

// `tabs` are [id of the panel, title]; a single one needs no tabs.
export function startTabs(tabs) {
  if (tabs.length < 2) return;
  const list = find("tabs");
  const buttons = tabs.map(([panel, title]) => el("button", { class: "tab", type: "button", role: "tab", id: `tab-${panel}`, "aria-controls": panel }, title));
  const choose = (chosen) => {
    tabs.forEach(([panel], number) => {
      const isChosen = buttons[number] === chosen;
      find(panel).hidden = !isChosen;
      buttons[number].setAttribute("aria-selected", String(isChosen));
      buttons[number].tabIndex = isChosen ? 0 : -1;
    });
  };
  buttons.forEach((button, number) => {
    button.addEventListener("click", () => go(number));
    button.addEventListener("keydown", (event) => {
      const step = KEYS[event.key];
      if (!step) return;
      go((number + step + buttons.length) % buttons.length);
    });
    const panel = find(tabs[number][0]);
    panel.setAttribute("role", "tabpanel");
    panel.setAttribute("aria-labelledby", button.id);
  });
  const go = (number) => {
    if (number !== history.state?.tab) history.pushState({ tab: number }, "", `#${nameOf(tabs[number])}`);
    choose(buttons[number]);
    buttons[number].focus();
  };
  window.addEventListener("popstate", (event) => event.state && choose(buttons[event.state.tab]));
  list.append(...buttons);
  list.hidden = false;
  const first = Math.max(0, tabs.findIndex((tab) => location.hash === `#${nameOf(tab)}`));
  history.replaceState({ tab: first }, "");
  choose(buttons[first]);
}

// The tab as the address names it.
function nameOf([, title]) {
  return title.toLowerCase();
}
