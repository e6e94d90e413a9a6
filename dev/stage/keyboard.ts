import type { KeyEvent } from "./messages.ts";

/**
 * Keys, gathered from one frame to the next. A hidden input brings up a phone's own keyboard, whose keys
 * have no names: what it puts in is told as keys instead.
 */
export class Keyboard {
  events: KeyEvent[] = [];
  /** Whether the piece takes text: then a tap opens a phone's keyboard. */
  enabled = false;
  readonly #input: HTMLInputElement;
  readonly #held = new Map<string, string>(); // by physical key, for keys whose name changes with Shift

  constructor(input: HTMLInputElement) {
    this.#input = input;
    window.addEventListener("keydown", (event) => {
      if (event.key === "Tab" || event.key === "ArrowUp") event.preventDefault();
      if (this.#typing && (event.key.length === 1 || event.key === "Backspace")) return; // told by the input
      if (event.key === "Unidentified" || event.isComposing) return;
      this.#held.set(event.code, event.key);
      this.#tell("down", event.key, event);
    });
    window.addEventListener("keyup", (event) => {
      const key = this.#held.get(event.code) ?? event.key;
      this.#held.delete(event.code);
      if (key !== "Unidentified") this.#tell("up", key, event);
    });
    window.addEventListener("blur", () => {
      for (const key of this.#held.values()) this.#tell("up", key);
      this.#held.clear();
    });
    input.addEventListener("beforeinput", (event) => {
      event.preventDefault();
      if (event.inputType === "deleteContentBackward") this.#press("Backspace");
      else if (event.inputType === "insertLineBreak") this.#press("Enter");
      else for (const character of event.data ?? "") this.#press(character);
    });
    window.addEventListener("pointerup", (event) => {
      if (this.enabled && event.pointerType !== "mouse") this.open();
    });
    window.addEventListener("mousedown", (event) => {
      if (this.enabled) event.preventDefault(); // which follows a tap and would take the focus away again
    });
  }

  /** Bring up a phone's keyboard; browsers allow it in answer to a tap only. */
  open(): void {
    this.#input.focus({ preventScroll: true });
  }

  close(): void {
    this.#input.blur();
  }

  get #typing(): boolean {
    return document.activeElement === this.#input;
  }

  #press(key: string): void {
    this.#tell("down", key);
    this.#tell("up", key);
  }

  #tell(what: "down" | "up", key: string, event?: KeyboardEvent): void {
    const name = key === " " ? "space" : key.toLowerCase();
    const {
      repeat = false,
      shiftKey: shift = false,
      altKey: alt = false,
      ctrlKey: ctrl = false,
    } = event ?? {};
    this.events.push({ name: `keyboard:${what}:${name}`, key, repeat, shift, alt, ctrl });
  }
}
