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
