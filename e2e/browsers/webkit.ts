import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { Builder, Capabilities, Key, type WebDriver } from "selenium-webdriver";
import { end, missingDisplay, openDisplay } from "./display.ts";
import { firstOf, folders, isDebian, suspend, type Browser, type Driver } from "./browser.ts";

const driverPath = firstOf("/usr/bin/WebKitWebDriver");
const binary = firstOf(...miniBrowsers());

/** In Safari always, in MiniBrowser by wish. Its windows under WebDriver are private: they have no storage. */
const FEATURES = "--features=+FileSystem,+FileSystemWritableStream,+StorageAPI,+StorageAPIEstimate";

/** WebKitGTK's MiniBrowser, on a display of its own, standing in for Safari. */
export const webkit: Driver = {
  name: "WebKitGTK",
  missing:
    driverPath && binary && !missingDisplay
      ? undefined
      : `no WebKitGTK with its driver: install webkit2gtk-driver and xvfb${isDebian ? "" : " where they exist"}`,
  async launch() {
    const { home, downloads, remove } = folders();
    mkdirSync(downloads);
    mkdirSync(`${home}/.config`);
    writeFileSync(`${home}/.config/user-dirs.dirs`, 'XDG_DOWNLOAD_DIR="$HOME/Downloads"\n');
    const display = await openDisplay();
    const port = await freePort();
    const service = spawn(driverPath!, [`--port=${port}`], {
      env: {
        ...process.env,
        DISPLAY: display.name,
        HOME: home,
        XDG_CONFIG_HOME: `${home}/.config`,
        XDG_CACHE_HOME: `${home}/.cache`,
        XDG_DATA_HOME: `${home}/.local/share`,
        NO_AT_BRIDGE: "1",
        WEBKIT_DISABLE_COMPOSITING_MODE: "1", // there is no GPU
      },
      stdio: "ignore",
    });
    const close = async () => {
      await end(service);
      await display[Symbol.asyncDispose]();
      await remove();
    };
    let driver: WebDriver;
    try {
      driver = await connect(`http://127.0.0.1:${port}`);
    } catch (error) {
      await close();
      throw error;
    }
    await driver.manage().window().setRect({ x: 0, y: 0, width: 1200, height: 860 });
    return {
      name: "WebKitGTK",
      downloads,
      leaves: "part under the name",
      open: async (url) => await driver.get(url),
      reload: async () => await driver.navigate().refresh(),
      type: async (text) => await driver.actions().sendKeys(text).perform(),
      press: async (key) =>
        await driver
          .actions()
          .sendKeys(
            key.length === 1 ? key : ((Key as unknown as Record<string, string>)[key.toUpperCase()] ?? key),
          )
          .perform(),
      evaluate: async <T>(expression: string) => await driver.executeScript<T>(`return ${expression}`),
      sleep: async (ms) => await suspend(service.pid, ms),
      async [Symbol.asyncDispose]() {
        await driver.quit();
        await close();
      },
    } satisfies Browser;
  },
};

async function connect(url: string): Promise<WebDriver> {
  const capabilities = new Capabilities()
    .set("browserName", "MiniBrowser")
    .set("webkitgtk:browserOptions", { binary, args: ["--automation", FEATURES] });
  for (let left = 50; ; left--) {
    try {
      return await new Builder().usingServer(url).withCapabilities(capabilities).build();
    } catch (error) {
      if (left === 0 || !/ECONNREFUSED/.test(String(error))) throw error;
      await new Promise((later) => setTimeout(later, 100)); // it has not begun to listen
    }
  }
}

/** Debian and its kin keep it below the libraries of their architecture. */
function miniBrowsers(): string[] {
  try {
    return readdirSync("/usr/lib", { withFileTypes: true })
      .filter((each) => each.isDirectory() && each.name.includes("-linux-gnu"))
      .flatMap(({ name }) => readdirSync(`/usr/lib/${name}`).map((each) => `/usr/lib/${name}/${each}`))
      .filter((folder) => /\/webkit2gtk-4\.\d$/.test(folder))
      .map((folder) => `${folder}/MiniBrowser`);
  } catch {
    return []; // no such folder: no such browser
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
