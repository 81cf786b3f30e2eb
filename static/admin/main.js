// Starts the operator's page: signing in, the views, and which of them the address names.

import { el, fill, find } from "/static/console/dom.js";
import * as jobs from "./jobs.js";
import * as keys from "./keys.js";
import * as log from "./log.js";
import * as models from "./models.js";
import * as overview from "./overview.js";
import * as people from "./people.js";
import { failed } from "./parts.js";
import * as requests from "./requests.js";
import { exchange, useToken, whenSessionEnds } from "./server.js";
import * as settings from "./settings.js";
import { showSignIn } from "./sign-in.js";
import * as uploads from "./uploads.js";

const VIEWS = { overview, requests, log, jobs, people, uploads, keys, settings, models };
const FIRST = "overview";

let isSignedIn = false;
let shown = 0;

// An address is #view or #view/what.
function asked() {
  const [view, ...rest] = location.hash.slice(1).split("/");
  return { view: view in VIEWS ? view : FIRST, what: decodeURIComponent(rest.join("/")) };
}

async function show() {
  if (!isSignedIn) return;
  const { view, what } = asked();
  const turn = ++shown;
  delete find("main").dataset.ready;
  for (const link of find("views").querySelectorAll("a")) {
    if (link.hash !== `#${view}`) link.removeAttribute("aria-current");
    else {
      link.setAttribute("aria-current", "page");
      link.scrollIntoView({ block: "nearest", inline: "center" });
    }
  }
  document.title = `${VIEWS[view].title} – faceapp operator`;
  const again = el("button", { class: "button button-small", type: "button", onclick: show }, "Refresh");
  const place = el("div", { class: "view", "data-view": view });
  const head = el("div", { class: "view-head" }, el("h1", { id: "title" }, VIEWS[view].title), again);
  try {
    await VIEWS[view].show(place, what);
  } catch (reply) {
    if (reply instanceof Error) throw reply;
    fill(place, failed(reply));
  }
  if (turn === shown && isSignedIn) {
    fill(find("main"), head, place);
    find("main").dataset.ready = what ? `${view}/${what}` : view;
  }
}

function enter(csrf) {
  useToken(csrf);
  isSignedIn = true;
  fill(find("views"), el("ul", {}, Object.entries(VIEWS).map(([name, view]) => el("li", {}, el("a", { href: `#${name}` }, view.title)))));
  find("views").hidden = find("sign-out").hidden = false;
  find("frame").dataset.open = "true";
  show();
}

function leave(why) {
  if (!isSignedIn) return;
  isSignedIn = false;
  useToken("");
  find("views").hidden = find("sign-out").hidden = true;
  delete find("frame").dataset.open;
  document.querySelectorAll("dialog").forEach((dialog) => dialog.close());
  showSignIn(find("main"), enter, { notice: why });
}

find("sign-out").addEventListener("click", async () => {
  await exchange("DELETE", "session");
  leave("You are signed out.");
});
addEventListener("hashchange", () => {
  show();
  find("main").focus({ preventScroll: true });
  scrollTo(0, 0);
});
whenSessionEnds(() => leave("The session has ended. Sign in again."));

const session = await exchange("GET", "session");
if (session.results?.signed_in) enter(session.results.csrf);
else showSignIn(find("main"), enter, { closed: session.results?.closed ?? (session.status === 200 ? "" : session.results?.advice ?? session.message) });
