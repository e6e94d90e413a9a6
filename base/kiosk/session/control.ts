import { stat } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { KEYBOARDS } from "../../../src/settings/keyboards.ts";
import { readSettings, ROTATIONS, SCALES, type Settings } from "../../../src/settings/settings.ts";
import type { Hold } from "../control/hold.ts";
import type { Answer, Networks, Refusal, Request } from "../control/request.ts";
import { outputOf } from "../settings/sound.ts";
import type { Compositor } from "./compositor.ts";
import { battery, brightness, facts, isWritable, setBrightness } from "./control-machine.ts";
import { chooseSink, currentSinks, currentVolume, setVolume, type Sink } from "./control-sound.ts";
import type { ControlCall, ControlChoices, ControlState } from "./control-state.ts";
import { type ControlWindow, WindowClosedError } from "./control-window.ts";
import { settingsPage, settingsScript } from "./settings-page.ts";

/** How often what the page shows is looked at anew. */
const LOOK_MS = 2000;
const BACKLIGHTS = "/sys/class/backlight";
const BATTERIES = "/sys/class/power_supply";
const BLOCKS = "/sys/dev/block";

const REFUSED: Readonly<Record<Refusal, string>> = {
  malformed: "The machine did not take that.",
  "no-radio": "There is no wireless card that can be used.",
  "not-there": "That network is out of reach.",
  "needs-passphrase": "That network needs a passphrase.",
  "not-joined": "The network could not be joined. Is the passphrase right?",
  "read-only": "This stick cannot be written to: it lasts until the next start.",
  "made-before": "This stick was made before settings could be kept on it: it lasts until the next start.",
  failed: "That did not work. The log may say why.",
};

/** What shows a piece, and can show the settings page above it. */
interface Stage {
  readonly compositor: Compositor;
  readonly window: ControlWindow;
  /** The piece's name. */
  readonly piece: string;
  /** Have the piece start again, for that reason. */
  readonly restart: (why: string) => void;
}

/** Where what is, and who does what. */
export interface ControlOptions {
  readonly ask: (request: Request) => Promise<Answer>;
  /** Let root's part end, when the page is closed. */
  readonly rest: () => void;
  /** Where the piece is mounted. */
  readonly piece: string;
  /** Have the compositor, when it starts again, begin with these settings. */
  readonly save: (settings: Settings) => Promise<void>;
}

/** The settings page on the machine: what it shows, and what becomes of what somebody does there. */
export class Control {
  readonly #options: ControlOptions;
  /** As the machine is set up now, and what of it somebody has set here. */
  #settings: Settings;
  #changes: Settings = { wifi: [] };
  #isChanged = false;
  #stage: Stage | undefined;
  /** While it is open, or on its way. */
  #open: Promise<void> | undefined;
  #isWanted = false;
  #failures = 0;
  #said = { words: "", times: 0 };
  #wifi: Networks | undefined;
  #joining: string | undefined;
  #volume: number | undefined;
  #sinks: readonly Sink[] | undefined;
  #log: string | undefined;
  #tellAgain = () => {};

  constructor(settings: Settings, options: ControlOptions) {
    this.#settings = settings;
    this.#options = options;
  }

  /** From now on the page can be shown there. It is at once, if somebody has waited for it. */
  attach(stage: Stage): void {
    this.#stage = stage;
    if (this.#isWanted) this.open();
  }

  /** It can be shown no more. */
  detach(): void {
    this.#stage = undefined;
  }

  /** Whether it is open, or on its way. */
  get isOpen(): boolean {
    return this.#open !== undefined;
  }

  /** Resolves when it is closed, at once if it is. */
  async closed(): Promise<void> {
    await this.#open;
  }

  /** Somebody has held something: open it, or close it again. */
  async onHold(hold: Hold): Promise<void> {
    if (!this.#stage) return;
    const picture = await this.#stage.compositor.picture().catch(() => undefined);
    if (!picture || !isAsked(hold, picture.rotation)) return;
    if (this.#open) await this.#stage?.window.close();
    else this.open();
  }

  /** Open it above the piece. */
  open(): void {
    if (this.#stage && !this.#open) this.#open = this.#run(this.#stage);
  }

  /** Show it until it is closed; never rejects. */
  async #run(stage: Stage): Promise<void> {
    this.#isWanted = false;
    try {
      await this.#show(stage);
      this.#failures = 0;
    } catch (error) {
      if (!(error instanceof WindowClosedError)) this.#failed(stage, error as Error);
    }
    this.#open = undefined;
    this.#options.rest();
  }

  #failed(stage: Stage, error: Error): void {
    console.error(`The settings page cannot be shown: ${error.message}`);
    // A browser that hangs is started again, once, and it is shown by the new one
    this.#isWanted = ++this.#failures === 1;
    if (this.#isWanted) stage.restart("the browser does not open the settings page");
  }

  async #show({ compositor, window, piece }: Stage): Promise<void> {
    await compositor.makeRoom(); // a new window of the browser's has its bars at first
    let goBack = async () => {};
    try {
      this.#said = { words: "", times: 0 };
      this.#log = undefined;
      const { closed } = await window.open({
        html: settingsPage(),
        script: await settingsScript(),
        onCall: (message) => void this.#act(message as ControlCall),
      });
      goBack = await compositor.showRoom();
      const chromium = await window.product();
      const over = new AbortController();
      over.signal.addEventListener("abort", () => this.#tellAgain());
      void closed.then(() => over.abort());
      const choices: ControlChoices = { layouts: KEYBOARDS, rotations: ROTATIONS, scales: SCALES };
      await window.evaluate(`kioskStart(${JSON.stringify(choices)})`);
      const { signal } = over;
      const pause = async () => await delay(LOOK_MS, undefined, { signal }).catch(() => {});
      // What other programs are asked for comes when it does: nothing waits for it, not even the end of the page
      const follow = async <T>(ask: () => Promise<T>, put: (answer: T) => void) => {
        for (; !signal.aborted; await pause()) {
          const answer = await ask();
          if (signal.aborted) return;
          put(answer);
          this.#tellAgain();
        }
      };
      const tell = async () => {
        while (!signal.aborted) {
          const again = new Promise<void>((done) => (this.#tellAgain = done));
          const state = await this.#look(compositor, piece, chromium);
          await window.evaluate(`kioskShow(${JSON.stringify(state)})`).catch(() => {}); // it has been closed
          const late = setTimeout(this.#tellAgain, LOOK_MS);
          await again;
          clearTimeout(late);
        }
      };
      void follow(async () => await this.#networks(), (wifi) => (this.#wifi = wifi)); // prettier-ignore
      void follow(async () => await currentSinks(signal), (sinks) => (this.#sinks = sinks)); // prettier-ignore
      void follow(async () => await currentVolume(signal), (volume) => (this.#volume = volume)); // prettier-ignore
      await tell();
    } finally {
      await window.close();
      await goBack().catch(() => {}); // the compositor has ended
    }
  }

  /** The networks in reach; undefined without a radio. */
  async #networks(): Promise<Networks | undefined> {
    if (this.#joining !== undefined) return this.#wifi; // root answers one after the other, and would after that
    const answer = await this.#options.ask({ ask: "networks" });
    if (!answer.ok) return this.#wifi;
    return answer.networks?.hasRadio ? answer.networks : undefined;
  }

  /** All that the page shows, as it is now. */
  async #look(compositor: Compositor, piece: string, chromium: string): Promise<ControlState> {
    const [picture, light, power, runs, canKeep] = await Promise.all([
      compositor.picture(),
      brightness(BACKLIGHTS),
      battery(BATTERIES),
      facts(piece, chromium),
      stat(this.#options.piece).then(({ dev }) => isWritable(BLOCKS, dev), () => false), // prettier-ignore
    ]);
    return {
      wifi: this.#wifi,
      joining: this.#joining,
      keyboard: this.#settings.keyboard ?? { layout: "us" },
      ...picture,
      volume: this.#volume,
      sinks: this.#sinks,
      brightness: light,
      battery: power,
      facts: runs,
      log: this.#log,
      isChanged: this.#isChanged,
      canKeep,
      said: this.#said,
    };
  }

  /** Do what the page calls for, and tell how that went. */
  async #act(call: ControlCall): Promise<void> {
    try {
      await this.#carryOut(call);
    } catch (error) {
      console.error(`The settings page, ${call.do}: ${(error as Error).message}`);
      this.#say("That did not work.");
    }
    this.#tellAgain();
  }

  async #carryOut(call: ControlCall): Promise<void> {
    const { ask } = this.#options;
    switch (call.do) {
      case "close":
        return await this.#stage?.window.close();
      case "set":
        return await this.#set(readSettings({ [call.key]: call.value }).settings);
      case "brightness":
        return await setBrightness(BACKLIGHTS, call.value);
      case "sink":
        return await this.#choose(call.value);
      case "scan":
        return this.#answered(await ask({ ask: "scan" }), "");
      case "join":
        return await this.#join(call);
      case "log": {
        const answer = await ask({ ask: "log" });
        this.#log = answer.ok ? answer.log : REFUSED[answer.why];
        return;
      }
      case "keep": {
        const answer = await ask({ ask: "keep", settings: this.#changes });
        if (answer.ok) this.#isChanged = false;
        return this.#answered(answer, "Kept on the stick.");
      }
      case "restart-piece":
        await this.#stage?.window.close();
        return this.#stage?.restart("somebody wants the piece to start again");
      case "restart":
        return this.#answered(await ask({ ask: "restart" }), "The machine starts again.");
      case "switch-off":
        return this.#answered(await ask({ ask: "switch-off" }), "The machine switches off.");
      case "ready":
        return;
    }
  }

  async #set(changes: Settings): Promise<void> {
    const { keyboard, rotation, scale, volume } = changes;
    const given = defined({ keyboard, rotation, scale, volume });
    if (Object.keys(given).length === 0) return;
    if (volume !== undefined) await setVolume(volume);
    await this.#stage?.compositor.apply({ wifi: [], keyboard, rotation, scale });
    await this.#changed(given);
  }

  async #choose(id: number): Promise<void> {
    const sink = this.#sinks?.find((each) => each.id === id);
    if (!sink) return;
    await chooseSink(id);
    await this.#changed(defined({ output: outputOf(sink.name) }));
  }

  async #changed(changes: Partial<Settings>): Promise<void> {
    this.#settings = { ...this.#settings, ...changes };
    this.#changes = { ...this.#changes, ...changes };
    this.#isChanged = true;
    await this.#options.save(this.#settings);
  }

  async #join({ ssid, passphrase }: { ssid: string; passphrase?: string }): Promise<void> {
    this.#joining = ssid;
    this.#say(`Joining ${ssid} …`);
    this.#tellAgain();
    const answer = await this.#options.ask({
      ask: "join",
      ssid,
      ...(passphrase === undefined ? {} : { passphrase }),
    });
    this.#joining = undefined;
    if (answer.ok) this.#isChanged = true;
    this.#answered(answer, `Joined ${ssid}.`);
  }

  #answered(answer: Answer, words: string): void {
    if (!answer.ok) this.#say(REFUSED[answer.why]);
    else if (words !== "") this.#say(words);
  }

  #say(words: string): void {
    this.#said = { words, times: this.#said.times + 1 };
  }
}

/** Whether what is held asks for the page: of corners it is the upper right one of the picture, however that is turned. */
export function isAsked(hold: Hold, rotation: number): boolean {
  return hold === "key" || hold === "pad" || hold === `corner ${(1 + rotation / 90) % 4}`;
}

function defined<T extends object>(all: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as never;
}
