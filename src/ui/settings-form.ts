import { COUNTRIES } from "../settings/countries.ts";
import { KEYBOARDS, layoutCalled } from "../settings/keyboards.ts";
import {
  complaintWords,
  MOST_NETWORKS,
  OUTPUTS,
  readSettings,
  ROTATIONS,
  SCALES,
  type Network,
  type Settings,
} from "../settings/settings.ts";

// The form in which a person says how the machine is set up (`os:settings`). It is HTML, since a canvas has no fields for
// passphrases, no lists that a screen reader can read, and AC keeps some keys for itself; and it stands in a frame of its
// own, so that no key that is typed there reaches AC's page.

/** What the person has said. */
export interface Answer {
  readonly settings: Settings;
  /** Whether this browser is to remember it. */
  readonly remember: boolean;
}

const WORDS = {
  title: "Settings of the machine",
  lead: "All of it can stay as it is. Nothing of this leaves your computer but on the stick.",
  wifi: "Wireless networks",
  network: "Network",
  ssid: "Name",
  passphrase: "Passphrase",
  kept: "kept, as it was",
  security: "Security",
  securities: { wpa3: "WPA3, or WPA2 and WPA3", wpa2: "WPA2 alone", open: "none" },
  hidden: "It is hidden",
  add: "Add a network",
  remove: "Remove it",
  needsNetwork: "The piece itself may use the network only if you allow that on the screen before (n).",
  country: "Country, for the radio's channels",
  layout: "Keyboard",
  variant: "Its variant",
  timeZone: "Time zone",
  rotation: "Turn the picture",
  rotations: {
    0: "not at all",
    90: "90 degrees clockwise",
    180: "upside down",
    270: "90 degrees the other way",
  },
  scale: "Larger by",
  volume: "Volume, 0 to 100",
  output: "Sound goes to",
  outputs: { analog: "speakers or headphones", hdmi: "the screen (HDMI)", usb: "a USB device" },
  usual: "as usual",
  locked: "Nobody can open the settings on the machine itself, as in an exhibition",
  remember: "Remember this on this computer, with what joins the networks",
  warning:
    "With a network in it the file is one of a kind: whoever has it can join that network. Keep it to yourself.",
  done: "Done",
  cancel: "Cancel",
} as const;

const STYLE = `
  :host, html, body { margin: 0; height: 100%; }
  body { font: 16px/1.4 ui-monospace, monospace; background: #fcf0fa; color: #3c1854; box-sizing: border-box; padding: 16px; overflow: auto; }
  h1 { font-size: 20px; margin: 0 0 4px; color: #be1e78; }
  p { margin: 4px 0; }
  form { max-width: 44rem; margin: 0 auto; }
  fieldset { border: 1px solid #ce82c8; margin: 12px 0; padding: 8px 12px; }
  .row { display: flex; flex-wrap: wrap; gap: 4px 12px; align-items: center; margin: 8px 0; }
  label { flex: 1 1 14rem; }
  input:not([type=checkbox]), select { font: inherit; flex: 1 1 14rem; min-height: 36px; min-width: 0; max-width: 100%; }
  input[type=checkbox] { width: 22px; height: 22px; }
  button { font: inherit; min-height: 40px; padding: 4px 16px; margin: 8px 8px 8px 0; background: #f4def4; color: inherit; border: 1px solid #ce82c8; }
  button[type=submit] { background: #be1e78; color: #fff; }
  :focus-visible { outline: 3px solid #822edc; outline-offset: 1px; }
  [role=alert] { color: #b00020; font-weight: bold; }
  @media (prefers-color-scheme: dark) {
    body { background: #180a28; color: #e8d8f8; }
    h1 { color: #ff78c8; }
    button { background: #281240; border-color: #783896; }
    [role=alert] { color: #ff9678; }
  }
`;

let close: (() => void) | undefined;

/**
 * Ask the person over AC's whole canvas. Resolves to what they have said, or to `undefined` when they want none of it, or
 * the piece is left. `remembered`: whether this browser remembers `settings` now.
 */
export function askSettings(settings: Settings, remembered: boolean): Promise<Answer | undefined> {
  hideSettings();
  const content = document.querySelector("#content"); // covers AC's canvas exactly, and goes with the piece
  if (!content) return Promise.resolve(undefined);
  const holder = document.createElement("div");
  holder.style.cssText = "position:absolute;inset:0;pointer-events:auto;z-index:1";
  const tree = holder.attachShadow({ mode: "open" }); // AC parses all of #content anew to add to it
  const frame = document.createElement("iframe");
  frame.title = WORDS.title;
  frame.style.cssText = "border:0;width:100%;height:100%";
  frame.srcdoc = "<!doctype html>"; // of this page's origin; Firefox empties one without a document after a moment
  tree.append(frame);
  content.append(holder);
  return new Promise((resolve) => {
    const end = (answer: Answer | undefined) => {
      close = undefined;
      holder.remove();
      window.focus(); // keys are the piece's again
      resolve(answer);
    };
    close = () => end(undefined);
    frame.addEventListener(
      "load",
      () => new SettingsForm(frame.contentDocument!, settings, remembered, end).show(),
      { once: true },
    );
  });
}

/** Take the form away, if there is one; nothing of it counts. */
export function hideSettings(): void {
  close?.();
}

/** The form in its frame. */
class SettingsForm {
  readonly #page: Document;
  readonly #end: (answer: Answer | undefined) => void;
  readonly #settings: Settings;
  readonly #form: HTMLFormElement;
  readonly #networks: HTMLElement;
  readonly #trouble: HTMLElement;
  /** What each network was before: its key stands in the place of a passphrase that is not typed again. */
  readonly #before = new Map<HTMLElement, Network>();
  #rows = 0;
  readonly #remember: HTMLInputElement;
  readonly #locked: HTMLInputElement;
  readonly #fields: Record<
    "country" | "layout" | "variant" | "timeZone" | "rotation" | "scale" | "output",
    HTMLSelectElement
  > & { volume: HTMLInputElement };

  constructor(
    page: Document,
    settings: Settings,
    remembered: boolean,
    end: (answer: Answer | undefined) => void,
  ) {
    this.#page = page;
    this.#end = end;
    this.#settings = settings;
    this.#form = this.#make("form");
    this.#networks = this.#make("div");
    this.#trouble = this.#make("p", { role: "alert" });
    this.#remember = this.#make("input", { type: "checkbox" });
    this.#remember.checked = remembered;
    this.#locked = this.#make("input", { type: "checkbox" });
    this.#locked.checked = settings.locked ?? false;
    const { keyboard } = settings;
    const names = new Intl.DisplayNames("en", { type: "region" });
    this.#fields = {
      country: this.#choice(
        COUNTRIES.map((code) => [code, names.of(code) ?? code]),
        settings.country,
      ),
      layout: this.#choice(
        KEYBOARDS.map(({ code, name }) => [code, name]),
        keyboard?.layout,
      ),
      variant: this.#choice([], undefined),
      timeZone: this.#choice(
        timeZones().map((name) => [name, name.replaceAll("_", " ")]),
        settings.timeZone,
      ),
      rotation: this.#choice(
        ROTATIONS.map((degrees) => [String(degrees), WORDS.rotations[degrees]]),
        settings.rotation,
      ),
      scale: this.#choice(
        SCALES.map((scale) => [String(scale), `${scale} times`]),
        settings.scale,
      ),
      output: this.#choice(
        OUTPUTS.map((output) => [output, WORDS.outputs[output]]),
        settings.output,
      ),
      volume: this.#make("input", { type: "number", min: "0", max: "100", inputMode: "numeric" }),
    };
    this.#fields.volume.value = settings.volume === undefined ? "" : String(settings.volume);
    this.#fields.layout.addEventListener("change", () => this.#showVariants(undefined));
    this.#showVariants(keyboard?.variant);
  }

  show(): void {
    const { country, layout, variant, timeZone, rotation, scale, output, volume } = this.#fields;
    const sheet = new (this.#page.defaultView as unknown as typeof globalThis).CSSStyleSheet();
    sheet.replaceSync(STYLE); // a policy without inline styles forbids a <style>
    this.#page.adoptedStyleSheets = [sheet];
    this.#page.documentElement.lang = "en";
    this.#page.title = WORDS.title;
    const add = this.#button(WORDS.add, () =>
      this.#addNetwork({ ssid: "", security: "wpa3", hidden: false }, true),
    );
    const wifi = this.#make("fieldset");
    wifi.append(this.#text("legend", WORDS.wifi), this.#networks, add, this.#text("p", WORDS.needsNetwork));
    const submit = this.#button(WORDS.done, () => {});
    submit.type = "submit";
    this.#form.noValidate = true; // the schema says what is wrong, in its words
    this.#form.append(
      this.#text("h1", WORDS.title),
      this.#text("p", WORDS.lead),
      wifi,
      this.#label(WORDS.country, country),
      this.#label(WORDS.layout, layout),
      this.#label(WORDS.variant, variant),
      this.#label(WORDS.timeZone, timeZone),
      this.#label(WORDS.rotation, rotation),
      this.#label(WORDS.scale, scale),
      this.#label(WORDS.volume, volume),
      this.#label(WORDS.output, output),
      this.#label(WORDS.locked, this.#locked),
      this.#label(WORDS.remember, this.#remember),
      this.#text("p", WORDS.warning),
      this.#trouble,
      submit,
      this.#button(WORDS.cancel, () => this.#end(undefined)),
    );
    for (const network of this.#settings.wifi) this.#addNetwork(network, false);
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#page.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.#end(undefined);
    });
    this.#page.body.replaceChildren(this.#form);
    this.#page.defaultView?.focus();
    add.focus();
  }

  #submit(): void {
    const { settings, complaints } = readSettings(this.#said());
    if (complaints.length === 0) return this.#end({ settings, remember: this.#remember.checked });
    this.#trouble.textContent = complaints.map((each) => `${named(complaintWords(each))}.`).join(" ");
    this.#trouble.scrollIntoView({ block: "nearest" });
  }

  /** What stands in the fields, in the words of `settings.json`; what is as usual is not said. */
  #said(): unknown {
    const { country, layout, variant, timeZone, rotation, scale, output, volume } = this.#fields;
    const text = (field: HTMLSelectElement) => field.value || undefined;
    const number = (value: string) => (value.trim() === "" ? undefined : Number(value));
    const all = {
      wifi: Array.from(this.#networks.children, (each) => this.#networkIn(each as HTMLElement)),
      country: text(country),
      keyboard: layout.value ? withoutUndefined({ layout: layout.value, variant: text(variant) }) : undefined,
      timeZone: text(timeZone),
      rotation: number(rotation.value),
      scale: number(scale.value),
      output: text(output),
      volume: number(volume.value),
      locked: this.#locked.checked || undefined,
    };
    return withoutUndefined(all);
  }

  #addNetwork(network: Network, focus: boolean): void {
    if (this.#networks.children.length >= MOST_NETWORKS) return;
    const group = this.#make("fieldset");
    const ssid = this.#make("input", { name: "ssid", autocomplete: "off" });
    ssid.value = network.ssid;
    const passphrase = this.#make("input", { name: "passphrase", type: "password", autocomplete: "off" });
    passphrase.value = network.passphrase ?? "";
    if (network.psk !== undefined) passphrase.placeholder = WORDS.kept;
    const security = this.#make("select", { name: "security" });
    security.append(...Object.entries(WORDS.securities).map(([value, words]) => this.#option(value, words)));
    security.value = network.security;
    const hidden = this.#make("input", { name: "hidden", type: "checkbox" });
    hidden.checked = network.hidden;
    group.append(
      this.#text("legend", WORDS.network),
      this.#label(WORDS.ssid, ssid),
      this.#label(WORDS.passphrase, passphrase),
      this.#label(WORDS.security, security),
      this.#label(WORDS.hidden, hidden),
      this.#button(WORDS.remove, () => group.remove()),
    );
    this.#before.set(group, network);
    this.#networks.append(group);
    if (focus) ssid.focus();
  }

  #networkIn(group: HTMLElement): unknown {
    const field = (name: string) => group.querySelector<HTMLInputElement>(`[name=${name}]`)!;
    const before = this.#before.get(group);
    const [ssid, passphrase, security] = [
      field("ssid").value,
      field("passphrase").value,
      field("security").value,
    ];
    const isKept =
      before?.psk !== undefined && before.ssid === ssid && security === "wpa2" && passphrase === "";
    const secret = isKept ? { psk: before.psk } : passphrase === "" ? {} : { passphrase };
    return { ssid, security, hidden: field("hidden").checked, ...secret };
  }

  #showVariants(chosen: string | undefined): void {
    const { layout, variant } = this.#fields;
    const variants = layoutCalled(layout.value)?.variants ?? [];
    variant.replaceChildren(
      this.#option("", WORDS.usual),
      ...variants.map((code) => this.#option(code, code)),
    );
    variant.value = chosen ?? "";
    variant.disabled = variants.length === 0;
  }

  #choice(
    options: readonly (readonly [string, string])[],
    chosen: string | number | undefined,
  ): HTMLSelectElement {
    const select = this.#make("select");
    select.append(
      this.#option("", WORDS.usual),
      ...options.map(([value, words]) => this.#option(value, words)),
    );
    select.value = chosen === undefined ? "" : String(chosen);
    return select;
  }

  #option(value: string, words: string): HTMLOptionElement {
    return Object.assign(this.#text("option", words), { value });
  }

  #label(words: string, field: HTMLElement): HTMLElement {
    const row = this.#make("div", { className: "row" });
    field.id = `field-${(this.#rows += 1)}`;
    row.append(Object.assign(this.#text("label", words), { htmlFor: field.id }), field);
    return row;
  }

  #button(words: string, press: () => void): HTMLButtonElement {
    const button = this.#text("button", words);
    button.type = "button";
    button.addEventListener("click", press);
    return button;
  }

  #text<K extends keyof HTMLElementTagNameMap>(name: K, words: string): HTMLElementTagNameMap[K] {
    return Object.assign(this.#make(name), { textContent: words });
  }

  #make<K extends keyof HTMLElementTagNameMap>(
    name: K,
    properties: Partial<HTMLElementTagNameMap[K]> = {},
  ): HTMLElementTagNameMap[K] {
    return Object.assign(this.#page.createElement(name), properties);
  }
}

/** All time zones that this browser knows; it is asked for their names alone. */
function timeZones(): string[] {
  return ["UTC", ...Intl.supportedValuesOf("timeZone")];
}

/** A complaint's key as the form calls it: "wifi[0].passphrase has 8 to 63 …" is about the first network. */
function named(words: string): string {
  return words.replace(/^wifi\[(\d+)\]\.?(\w*)/, (_, index: string, key: string) =>
    [`Network ${Number(index) + 1}:`, key].filter(Boolean).join(" "),
  );
}

function withoutUndefined(all: object): object {
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}
