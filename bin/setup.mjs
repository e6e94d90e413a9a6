// Brings a fresh machine up: `node bin/setup.mjs start` for npm start, `… test` for npm test. Plain
// JavaScript on Node alone, since nothing is installed yet when it runs. What is there already costs nothing.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { aptGet } from "./apt.mjs";

const root = new URL("..", import.meta.url);
const purpose = process.argv[2] === "test" ? "test" : "start";

process.chdir(root.pathname);
node();
npmPackages();
debianPackages();
browser();
run("bash", ["base/build/build.sh", "tiny"], "The base image could not be built.");

function node() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  stop(`Node.js 20.19 or newer is needed, and this is ${process.versions.node}.`);
}

function npmPackages() {
  const installed = "node_modules/.package-lock.json";
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync("package-lock.json").mtimeMs) return;
  say("Installing npm packages.");
  run(
    "npm",
    ["ci", "--no-fund", "--no-audit"],
    "The npm packages could not be installed: check the connection.",
  );
}

function debianPackages() {
  const lists =
    purpose === "test"
      ? ["base/build/host-packages.txt", "e2e/host-packages.txt"]
      : ["base/build/host-packages.txt"];
  const wanted = lists.flatMap((list) =>
    readFileSync(list, "utf8")
      .split("\n")
      .map((line) => line.replace(/#.*/, "").trim())
      .filter(Boolean),
  );
  if (purpose === "test" && isDebian()) wanted.push("chromium", "firefox-esr"); // Ubuntu has both as snaps only
  if (!has("apt-get") || !has("dpkg-query")) {
    say(`This is not Debian or Ubuntu, so please see to these packages yourself: ${wanted.join(" ")}`);
    return;
  }
  const missing = wanted.filter((name) => !isInstalled(name));
  if (missing.length === 0) return;
  const isRoot = process.getuid?.() === 0;
  const why = purpose === "test" ? "to build, test and boot an image" : "to build the base image";
  say(`Installing Debian packages ${why}: ${missing.join(" ")}`);
  if (!isRoot) {
    if (!has("sudo")) stop(`Please install them as root: apt-get install ${missing.join(" ")}`);
    say("sudo may ask for your password: apt is the only thing that it is used for.");
  }
  const prefix = isRoot ? [] : ["sudo"];
  try {
    aptGet(["update"], { prefix, say });
    aptGet(["install", "--no-install-recommends", ...missing], { prefix, say });
  } catch (error) {
    stop(`The Debian packages could not be installed: ${/** @type {Error} */ (error).message}`);
  }
}

/** Tests need a Chromium: Debian's own on Debian, Playwright's elsewhere (Ubuntu's is a snap). */
function browser() {
  if (purpose !== "test" || process.env.CHROMIUM || existsSync("/usr/bin/chromium")) return;
  say("Installing Chromium for Playwright.");
  run(
    "npx",
    ["playwright", "install", "--with-deps", "chromium"],
    "Chromium could not be installed; name one with CHROMIUM=/path.",
  );
}

function isDebian() {
  return existsSync("/etc/os-release") && /^ID=debian$/m.test(readFileSync("/etc/os-release", "utf8"));
}

/** @param {string} name */
function isInstalled(name) {
  const { stdout } = spawnSync("dpkg-query", ["-W", "-f=${db:Status-Status}", name], { encoding: "utf8" });
  return stdout === "installed";
}

/** @param {string} command */
function has(command) {
  return spawnSync("sh", ["-c", `command -v ${command}`]).status === 0;
}

/**
 * @param {string} command
 * @param {string[]} args
 * @param {string} failure what to say when it fails
 */
function run(command, args, failure) {
  try {
    execFileSync(command, args, { stdio: "inherit" });
  } catch {
    stop(failure);
  }
}

/** @param {string} text */
function say(text) {
  console.log(`\n» ${text}`);
}

/** @param {string} text @returns {never} */
function stop(text) {
  console.error(`\n✗ ${text}`);
  process.exit(1);
}
