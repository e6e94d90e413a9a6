/** What a command that writes in place leaves when it ends now; "" while it has changed nothing. */
let left = "";

/** From here on, say `words` of what is left when the command ends before it is done; "" takes that back. */
export function leaveBehind(words: string): void {
  left = words;
}

/** `message`, and what is left behind when the command ends with it. */
export function withWhatIsLeft(message: string): string {
  return left === "" ? message : `${message.replace(/[.\s]*$/, "")}. ${left}`;
}

let ending: (() => void) | undefined;

/** From here on the command goes on until somebody ends it, and `end` is how: that is no failure then. */
export function endsWith(end: () => void): void {
  ending = end;
}

/** Let a command end that goes on until then; false when this one does not. */
export function endIt(): boolean {
  ending?.();
  return ending !== undefined;
}
