// Elements without markup strings: text stays text, whatever a reply holds.

const SVG = "http://www.w3.org/2000/svg";

export function el(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export function find(id) {
  return document.getElementById(id);
}

export function fill(node, ...children) {
  node.replaceChildren(...children.flat(Infinity).filter((child) => child));
}

// A button that cannot be used, for a reason, stays in the tab order and says why.
export function setEnabled(button, why) {
  button.setAttribute("aria-disabled", String(Boolean(why)));
  if (button.title !== why) button.closest(".task").querySelector(".why")?.remove();
  button.title = why;
}

// Run `work` when a task's button is used; one that is off says why in place of the task's outcome.
export function onUse(button, work) {
  button.addEventListener("click", () => {
    if (button.getAttribute("aria-disabled") !== "true") work();
    else if (button.title) {
      fill(button.closest(".task").querySelector(".outcome"), el("p", { class: "soft why" }, button.title));
      announce(button.title);
    }
  });
}

// Let Enter in a field use the button; not the Enter that ends the choice of a character.
export function onEnter(input, button) {
  input.addEventListener("keydown", (event) => event.key === "Enter" && !event.isComposing && button.click());
}

// Say something to screen readers without moving the focus.
export function announce(text) {
  find("announcer").textContent = text;
}
