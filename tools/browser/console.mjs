// The web console in headless Chromium: what a person meets who logs in, searches,
// reads an execution's story, prints it, and uses nothing but a keyboard.
//
// Environment: CONSOLE_URL, CONSOLE_TOKEN, CONSOLE_ID (of a record), CONSOLE_OUT (a
// directory for screenshots), CHROMIUM (its path). Exit code 1 with a sentence for each
// thing that is wrong.
import { mkdirSync, statSync } from "node:fs";
import { chromium } from "playwright-core";
import axe from "axe-core";

const { CONSOLE_URL: url, CONSOLE_TOKEN: token, CONSOLE_ID: id, CONSOLE_OUT: out, CHROMIUM: executablePath } = process.env;
mkdirSync(out, { recursive: true });
const faults = [];
const check = (good, sentence) => { if (!good) faults.push(sentence); };

const browser = await chromium.launch({ executablePath, args: process.getuid() === 0 ? ["--no-sandbox"] : [] });
const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
const page = await context.newPage();
page.setDefaultTimeout(15000);

// Whatever the browser complains about: violations of the policy, errors of scripts.
let complaints = [];
let expected = () => false;
page.on("console", (m) => { if (["error", "warning"].includes(m.type()) && !expected(m.text())) complaints.push(m.text()); });
page.on("pageerror", (e) => complaints.push(String(e)));
const silent = (where) => { check(complaints.length === 0, `${where}: the browser says ${complaints.join(" | ")}`); complaints = []; };

// accessible runs axe in both colour schemes.
async function accessible(name) {
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    const found = await violations();
    for (const v of found) check(false, `${name}, ${colorScheme}: ${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map((n) => n.html).join(" ")}`);
    await page.screenshot({ path: `${out}/${name}-${colorScheme}.png`, fullPage: true });
  }
  await page.emulateMedia({ colorScheme: "light" });
  silent(name);
}

async function violations() {
  await page.evaluate(axe.source);
  return page.evaluate(async () => (await globalThis.axe.run(document, { resultTypes: ["violations"] })).violations);
}

async function login() {
  await page.goto(`${url}/executions/${id}`);
  check(new URL(page.url()).pathname === "/login", `a stranger is not sent to the login page but to ${page.url()}`);
  await accessible("login");
  expected = (text) => text.includes("401");
  await page.fill("#token", "a-token-nobody-has");
  await page.keyboard.press("Enter");
  await page.waitForSelector("[role=alert]");
  silent("a wrong token");
  expected = () => false;
  await page.fill("#token", token);
  await page.keyboard.press("Enter");
  await page.waitForURL(`**/executions/${id}`);
  const cookies = await context.cookies();
  check(cookies.length > 0 && cookies.every((c) => c.httpOnly && c.sameSite === "Strict" && c.expires > 0), `cookies: ${JSON.stringify(cookies.map((c) => [c.name, c.sameSite]))}`);
}

async function story() {
  const digest = await page.textContent("#digest");
  check(/^[0-9a-f]{64}$/.test(digest), "the story has no record_sha256");
  check(await page.isVisible("button[data-print]"), "there is no button to print");
  await accessible("story");
  await page.emulateMedia({ media: "print" });
  const printed = await page.innerText("body");
  check(printed.includes(digest) && /Read on .* UTC by token:auditor/.test(printed), "on paper there is no digest, or not by whom and when it was read");
  check(!printed.includes("Log out") && !(await page.isVisible("nav")), "the menu is printed, too");
  await page.screenshot({ path: `${out}/story-print.png`, fullPage: true });
  await page.emulateMedia({ media: "screen" });
  await page.pdf({ path: `${out}/story.pdf`, format: "A4" });
  check(statSync(`${out}/story.pdf`).size > 5000, "the PDF is empty");
  silent("printing");
}

// A strict cookie does not come with a link from elsewhere, and yet one that somebody
// was sent must not ask him to log in again.
async function linked() {
  await page.goto(`data:text/html,<a href="${url}/status">status</a>`);
  await page.click("a");
  await page.waitForFunction(() => ["Status", "Log in"].includes(document.querySelector("h1")?.textContent));
  check((await page.textContent("h1")) === "Status", "a link from elsewhere leads who is logged in to the login page");
  silent("a link from elsewhere");
}

async function search() {
  await page.goto(`${url}/`);
  await accessible("search");
  await page.keyboard.press("Tab");
  check((await page.evaluate(() => document.activeElement.className)) === "skip", "Tab does not begin with the link to the content");
  await page.keyboard.press("Enter");
  check((await page.evaluate(() => document.activeElement.id)) === "main", "the link to the content does not lead there");
  await page.keyboard.press("/");
  check((await page.evaluate(() => document.activeElement.id)) === "namespace", "/ does not go to the first field");
  await page.keyboard.type("shop");
  await page.keyboard.press("Enter");
  await page.waitForURL("**namespace=shop**");
  const targets = await page.$$eval("tbody td:nth-child(4)", (all) => all.map((e) => e.textContent));
  check(targets.length === 50 && targets.every((t) => t.startsWith("shop")), `namespace shop has ${targets.length} rows on a page`);
  const before = await page.$$eval("tbody th a", (all) => all.map((e) => e.href));
  await page.click("a[rel=next]");
  const after = await page.$$eval("tbody th a", (all) => all.map((e) => e.href));
  check(after.length > 0 && !after.some((a) => before.includes(a)), "the next page has rows of the one before");
  await page.focus("tbody th a");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/executions/**");
  silent("searching");
  expected = (text) => text.includes("400");
  await page.goto(`${url}/?min_duration=soon`);
  check((await page.evaluate(() => document.activeElement.id)) === "min_duration", "a field at fault does not get the focus");
  await accessible("fault");
  expected = () => false;
}

async function others() {
  for (const name of ["trends", "timeline", "status"]) {
    await page.goto(`${url}/${name}`);
    await accessible(name);
  }
  await page.goto(`${url}/trends`);
  check((await page.$$("svg.plot rect")).length > 10, "trends have no bars");
  await page.setViewportSize({ width: 390, height: 800 });
  for (const path of ["/", `/executions/${id}`, "/trends", "/timeline", "/status"]) {
    await page.goto(url + path);
    const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    check(over <= 0, `${path} is ${over} pixels too wide for a telephone`);
  }
  await page.screenshot({ path: `${out}/narrow.png` });
  await page.setViewportSize({ width: 1280, height: 900 });
  silent("the other pages");
}

// Checks that never fail say nothing: a script that stands inline must be refused and
// heard of, a field without a label found.
async function checksAreAwake() {
  await page.goto(`${url}/`);
  await page.evaluate(() => { const s = document.createElement("script"); s.textContent = "globalThis.ran = true"; document.body.append(s); });
  await page.waitForTimeout(200);
  check(!(await page.evaluate(() => globalThis.ran)) && complaints.some((c) => c.includes("Content Security Policy")), "a script that stands inline ran, or nobody heard of it");
  complaints = [];
  await page.evaluate(() => document.querySelector("label[for=kind]").remove());
  check((await violations()).some((v) => v.id === "label"), "axe does not miss a label");
}

async function logout() {
  await page.goto(`${url}/status`);
  await page.click("text=Log out");
  await page.waitForURL("**/login");
  await page.goto(`${url}/status`);
  check(new URL(page.url()).pathname === "/login", "who has logged out still reads");
  silent("logging out");
}

for (const step of [login, story, linked, search, others, checksAreAwake, logout]) {
  try {
    await step();
  } catch (error) {
    faults.push(`${step.name}: ${error.message}`);
    break;
  }
}
await browser.close();
for (const fault of faults) console.error(fault);
console.log(`console: ${faults.length} faults`);
process.exit(faults.length ? 1 : 0);
