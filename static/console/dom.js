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

// A button that cannot be used stays in the tab order and says why.
export function setEnabled(button, enabled, why = "") {
  button.setAttribute("aria-disabled", String(!enabled));
  button.title = enabled ? "" : why;
}

export function isEnabled(button) {
  return button.getAttribute("aria-disabled") !== "true";
}

// Say something to screen readers without moving the focus.
export function announce(text) {
  find("announcer").textContent = text;
}
